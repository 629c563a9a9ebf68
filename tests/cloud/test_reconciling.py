# SPDX-License-Identifier: Apache-2.0
"""A provider's bill of a day is read once, whoever else reads it too."""

from datetime import date
from typing import Any

from pistegate_cloud.payments.reconciling import reconcile


class EmptyBill:
    """A provider of whom nothing was bought."""

    name = "wechat"

    async def bill(self, _day: date) -> list[Any]:
        return []


async def test_a_bill_that_another_process_has_read_is_that_one(cloud: Any) -> None:
    """On PostgreSQL the refused second row ends its transaction: what is there is asked for after it."""
    first, second = [await reconcile(EmptyBill(), date(2026, 1, 16), cloud.clock) for _ in range(2)]  # type: ignore[arg-type]
    assert (first.id, first.lines) == (second.id, 0)
