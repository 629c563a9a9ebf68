# SPDX-License-Identifier: Apache-2.0
"""Several processes that apply events at once, as on PostgreSQL they may."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from pistegate_cloud.ingest.applier import Applier
from pistegate_cloud.ingest.effects import admissions
from pistegate_cloud.ingest.models import EventChain
from pistegate_cloud.ingest.precedence import Precedence
from pistegate_protocol.events import AdmittedV1, Stream
from pistegate_protocol.usage import NO_ADMISSION

NOON_MS = 1768622400000
CARD = b"\x01" + bytes.fromhex("04a1b2c3d4e5f6")


async def test_two_appliers_with_a_half_of_a_double_use_each_find_it(
    cloud: Any, new_gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes judge one ticket at once, each having stored a ride the other cannot see yet: one sees both."""
    ticket = (await cloud.sell(2))["tickets"][0]["number"]
    for number in (1, 2):
        gate = new_gate(number)
        gate.add(AdmittedV1(NOON_MS + number, ticket, CARD, b"claimdig", 1, 1, bytes(15), NO_ADMISSION))
        await cloud.receive([gate.batch()])
    judge, both = admissions.queries.charged_by_day, asyncio.Barrier(2)

    async def together(*about: Any) -> Any:
        found = await judge(*about)
        with suppress(TimeoutError, asyncio.BrokenBarrierError):
            await asyncio.wait_for(both.wait(), 0.5)  # neither has told the other yet
        return found

    monkeypatch.setattr(admissions.queries, "charged_by_day", together)
    chains = await EventChain.filter(stream=Stream.LEDGER).order_by("gate")
    appliers = [Applier(cloud.clock, None, Precedence()) for _ in chains]
    await asyncio.gather(*(one._apply_chain(chain) for one, chain in zip(appliers, chains, strict=True)))
    assert "double_admission" in await cloud.exceptions()
