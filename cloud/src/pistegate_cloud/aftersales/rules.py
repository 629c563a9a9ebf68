# SPDX-License-Identifier: Apache-2.0
"""What comes back of what was sold: pure. Amounts are minor units, times are site time without a zone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pistegate_cloud.pricing.lists import Policy
from pistegate_cloud.pricing.rules import Facts, Why, refund_fee, split

# A line that was sold without a policy: what nobody used goes back whole, what somebody used does not.
PLAIN: Final = Policy.model_validate(
    {
        "code": "plain",
        "name": {"en": "Unused only", "zh-CN": "未使用可退"},
        "rules": [{"used": False, "back": "all"}],
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What was sold and may come back: a ticket, or some pieces of a line without (`ticket` None).

    `paid`: gross of all `quantity` pieces, `tax` of that; `days` of validity from `first_day`; `used`: with a passage.
    """

    line: int
    ticket: int | None
    kind: str
    quantity: int
    paid: int
    tax: int
    first_day: date
    days: int
    used: frozenset[date] = frozenset()
    policy: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """When it is handed in, and what the guest says and shows."""

    handed_in: datetime
    cause: str | None = None
    documents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of a piece: `back` goes to the guest, `fee` stays as a fee, what is left stays owed or earned.

    `tax` of `back` + `fee`, `fee_tax` of `fee`.
    """

    piece: Piece
    back: int
    fee: int
    tax: int
    fee_tax: int
    why: tuple[Why, ...]

    @property
    def net(self) -> int:
        """Of all that leaves the sale: what goes back and the fee."""
        return self.back + self.fee - self.tax


def part_of(piece: Piece, asked: Asked) -> Part:
    """By the policy that was agreed; `back` + `fee` is never more than was paid."""
    policy = PLAIN if piece.policy is None else Policy.model_validate(piece.policy)
    facts = Facts(
        kind=piece.kind,
        paid=piece.paid,
        quantity=piece.quantity,
        days=piece.days,
        first_day=piece.first_day,
        used=piece.used,
        handed_in=asked.handed_in,
        reason=asked.cause,
        documents=asked.documents,
    )
    found = refund_fee(policy, facts)
    fee = next((dict(why.values)["fee"] for why in found.why if why.key == "refund_fee"), 0)
    return leaving(piece, found.back, fee, found.why)


def whole(piece: Piece, why: Sequence[Why] = ()) -> Part:
    """All of it, whatever the policy says: it is exchanged, or the area could not give it."""
    return leaving(piece, piece.paid, 0, why)


def leaving(piece: Piece, back: int, fee: int, why: Sequence[Why] = ()) -> Part:
    """`back` and `fee` with their tax, in proportion: all of it carries exactly the tax it was sold with."""
    tax = tax_share(piece, back + fee)
    return Part(piece, back, fee, tax, tax - tax_share(piece, back), tuple(why))


def tax_share(piece: Piece, gross: int) -> int:
    """The tax in a part of what was paid, rounded down; of all of it, all."""
    return piece.tax * gross // piece.paid if piece.paid else 0


def shares(amount: int, tax: int, quantity: int) -> list[tuple[int, int]]:
    """(gross, tax) of each piece of a line, as the revenue that is owed for it is kept (days.recognition)."""
    nets = split(amount - tax, [1] * quantity)
    return [(gross, gross - net) for gross, net in zip(split(amount, [1] * quantity), nets, strict=True)]


def total(parts: Iterable[Part]) -> int:
    """What goes back to the guest."""
    return sum(part.back for part in parts)
