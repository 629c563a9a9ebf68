# SPDX-License-Identifier: Apache-2.0
"""Money rules of prices: pure. Amounts are minor units; a tax rate is basis points (600 = 6 %)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

BP: Final = 10_000  # basis points of a whole


@dataclass(frozen=True, slots=True)
class Why:
    """One line of an explanation: the text `fee.KEY` with its values."""

    key: str
    values: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Fee:
    """What stays with us, what goes back to the guest, and why, line by line."""

    amount: int
    back: int = 0
    why: tuple[Why, ...] = ()


def tax_of(amount: int, tax_bp: int) -> int:
    """The tax inside a gross amount: amount - round_half_even(amount * 10000 / (10000 + tax_bp))."""
    return amount - _half_even(amount * BP, BP + tax_bp)


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts of an amount in proportion to `weights` (0 or more, their sum above 0), exact to the minor unit.

    Each part is rounded down; what is left over, less than one unit a part, goes one by one to the parts that lost
    most, of equals to the first. A negative amount is split as its positive one.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must be 0 or more and not all 0")
    if amount < 0:
        return [-part for part in split(-amount, weights)]
    parts = [amount * weight // total for weight in weights]
    lost = [amount * weight % total for weight in weights]
    for index in sorted(range(len(parts)), key=lambda i: (-lost[i], i))[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def _half_even(numerator: int, denominator: int) -> int:
    """Numerator / denominator, rounded to the nearest integer, halves to the even one; denominator above 0."""
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        return quotient + 1
    return quotient
