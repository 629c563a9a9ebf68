# SPDX-License-Identifier: Apache-2.0
"""Where each line of an order lands in the books: pure. Every minor unit of a line is in what `of_line` gives."""

from collections.abc import Mapping
from typing import Final

from pistegate_cloud.ledger.money import Money

NOBODYS: Final = "general"  # department of a line that names none

# Kind of a line -> what it is in the events `sale` and `refund`, apart from its tax.
LANDS: Final[Mapping[str, str]] = {
    # Owed until it is used or has expired: days.recognition.
    "ticket": "deferred",
    "rental": "deferred",
    "coach": "deferred",
    "meal": "deferred",
    "extension": "deferred",
    "difference": "deferred",
    # Earned when it is charged.
    "fee": "revenue",
    "overtime": "revenue",
    "damage": "revenue",
    # Another's money, and the guest's own: no revenue and no tax of ours.
    "insurance": "passthrough",
    "deposit": "deposit",
    "recharge": "recharge",
    "voucher": "voucher",
}
_WITH_DEPARTMENT: Final = ("deferred", "revenue", "passthrough")
_TAXED: Final = ("deferred", "revenue")


def of_line(*, kind: str, department: str, passthrough: bool, amount: int, tax: int) -> list[Money]:
    """The moneys of a line, `amount` gross with `tax` in it; ValueError for an unknown kind, or tax on no revenue."""
    try:
        lands = "passthrough" if passthrough else LANDS[kind]
    except KeyError:
        raise ValueError(f"a line of kind {kind} has no place in the books: ledger/landing.py") from None
    if tax and lands not in _TAXED:
        raise ValueError(f"a line of kind {kind} is no revenue of ours and carries no tax, not {tax}")
    of = (department or NOBODYS) if lands in _WITH_DEPARTMENT else None
    moneys = [Money(lands, amount - tax, of)]
    return [*moneys, Money("output_tax", tax)] if tax else moneys
