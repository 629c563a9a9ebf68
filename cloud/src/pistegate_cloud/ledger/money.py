# SPDX-License-Identifier: Apache-2.0
"""What a caller says of an event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """What of an event (a row's `what` in EVENTS), minor units, and `of`: what fills the account's dimension."""

    what: str
    amount: int
    of: str | None = None
