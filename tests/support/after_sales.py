# SPDX-License-Identifier: Apache-2.0
"""What tests of refunds and exchanges share."""

from typing import Any

from order_desk import OrderDesk

from pistegate_cloud.passages.models import Admission


async def passes(desk: OrderDesk, ticket: int, state: str = "passed", seq: int = 1) -> None:
    """A gate told that somebody passed with a ticket."""
    await Admission.create(
        site_id=1,
        gate=1,
        post=1,
        area=0,
        epoch=1,
        seq=seq,
        name=f"{seq:016x}",
        ticket=ticket,
        medium="01" + "00" * 7,
        claim="00",
        n=1,
        charged=1,
        prev="00",
        at_ms=desk.clock.now_ms,
        day=desk.day,
        hour=10,
        state=state,
        passed=int(state == "passed"),
    )


def numbers(order: Any) -> list[int]:
    return [one["number"] for one in order["tickets"]]
