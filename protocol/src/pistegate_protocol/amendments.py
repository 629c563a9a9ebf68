# SPDX-License-Identifier: Apache-2.0
"""What changes after the sale: signed, numbered, each cumulative, so that the highest number alone holds."""

from dataclasses import dataclass
from datetime import date

AMENDMENT_MAX = 96  # bytes, signature included: a card's amendment file


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A later change of `ticket`; `number` 1..255 rises. None and 0: as it was sold.

    `returns`: persons given back so far, of all amendments together; `return_day`: the day on which all those not yet
    given back were charged, None where they were charged on several.
    """

    key_id: int
    ticket: int
    number: int
    valid_until: date | None = None
    areas: frozenset[int] | None = None
    hold: bool = False
    extra_minutes: int = 0
    """Extension of the clock, or of the bank."""
    returns: int = 0
    return_day: date | None = None
