# SPDX-License-Identifier: Apache-2.0
"""A posting as it is read."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """One posting with its transaction."""

    transaction: UUID
    kind: str
    day: date
    operating_day: date | None
    at_ms: int
    order: UUID | None
    account: str
    amount: int
    currency: str
