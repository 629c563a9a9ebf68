# SPDX-License-Identifier: Apache-2.0
"""A provider's bill against what we hold, line by line. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pistegate_cloud.payments.provider import BillLine


class Difference(StrEnum):
    """What is wrong with a line."""

    NOT_OURS = "not_ours"  # money without a payment of ours
    NOT_BILLED = "not_billed"  # we hold money that the bill does not know
    AMOUNT = "amount"
    CURRENCY = "currency"
    TWICE = "twice"  # the bill has the same line more than once


@dataclass(frozen=True, slots=True)
class Held:
    """One movement that we hold for that day: payment (amount > 0) or refund (amount < 0)."""

    payment: str
    refund: str | None
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: amounts in minor units, 0 where there is none."""

    kind: Difference
    payment: str
    refund: str | None
    billed: int
    held: int


def compare(lines: Iterable[BillLine], held: Iterable[Held], reversed_: Collection[str] = ()) -> list[Finding]:
    """Every difference, in the order of the numbers; none: the bill matches to the minor unit.

    `reversed_`: payments that were taken back: what the bill has of them must come to nothing.
    """
    billed: dict[tuple[str, str], BillLine] = {}
    times: Counter[tuple[str, str]] = Counter()
    taken_back: Counter[str] = Counter()
    for line in lines:
        if line.payment in reversed_:
            taken_back[line.payment] += line.amount
            continue
        name = (line.payment, line.refund or "")
        billed.setdefault(name, line)
        times[name] += 1
    ours = {(one.payment, one.refund or ""): one for one in held}
    findings = [Finding(Difference.AMOUNT, name, None, left, 0) for name, left in sorted(taken_back.items()) if left]
    for name in sorted(billed.keys() | ours.keys()):
        line_of, one = billed.get(name), ours.get(name)
        kind = _difference(line_of, one, times[name])
        if kind is not None:
            amounts = (line_of.amount if line_of else 0, one.amount if one else 0)
            findings.append(Finding(kind, name[0], name[1] or None, *amounts))
    return findings


def _difference(line: BillLine | None, one: Held | None, times: int) -> Difference | None:
    if line is None:
        return Difference.NOT_BILLED
    if one is None:
        return Difference.NOT_OURS
    if times > 1:
        return Difference.TWICE
    if line.currency != one.currency:
        return Difference.CURRENCY
    return Difference.AMOUNT if line.amount != one.amount else None
