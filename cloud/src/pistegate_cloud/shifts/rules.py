# SPDX-License-Identifier: Apache-2.0
"""Pure: what should be in a drawer, and what a count is off by. Amounts in minor units."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CASH: Final = "cash"
# Ways of paying that bring nothing to a drawer, a terminal or a provider: what the guest had with us already.
NO_MONEY: Final = frozenset({"account", "deposit", "free", "voucher", "wallet"})


class Kind(StrEnum):
    """Why cash came into a drawer or left it, other than by selling and giving back."""

    FLOAT = "float"  # 备用金, from the safe at the opening
    TAKEN_OVER = "taken_over"  # counted by the seller before and by this one
    FROM_SAFE = "from_safe"
    TO_SAFE = "to_safe"
    HANDED_OVER = "handed_over"
    OVER_SHORT = "over_short"  # 长款 above zero, 短款 below


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one shift, by way of paying: `taken` and `given_back`; `drawer`: cash moves by kind, with their sign."""

    taken: Mapping[str, int]
    given_back: Mapping[str, int]
    drawer: Mapping[str, int]

    def expected(self) -> dict[str, int]:
        """What should have come by each way of paying that brings money; of cash with the drawer's other moves."""
        ways = sorted({CASH, *self.taken, *self.given_back} - NO_MONEY)
        found = {way: self.taken.get(way, 0) - self.given_back.get(way, 0) for way in ways}
        found[CASH] += sum(self.drawer.values())
        return found


def differences(expected: Mapping[str, int], counted: Mapping[str, int]) -> dict[str, int]:
    """Counted less expected, of cash and of each way that was counted: above zero is too much."""
    return {way: counted.get(way, 0) - expected.get(way, 0) for way in sorted({CASH, *counted})}
