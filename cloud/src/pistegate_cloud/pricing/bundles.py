# SPDX-License-Identifier: Apache-2.0
"""What of a bundle's price is whose: pure."""

from collections.abc import Sequence

from pistegate_cloud.pricing.lists import BP, PartOf
from pistegate_cloud.pricing.rules import split


def divides(price: int, parts: Sequence[PartOf]) -> bool:
    """Whether the parts can share this price: fixed amounts fit in it, and are all of it where nothing else is."""
    fixed = sum(part.amount or 0 for part in parts)
    weights = [part.bp for part in parts if part.bp is not None]
    return bool(parts) and (fixed == price if not weights else fixed <= price and sum(weights) == BP)


def amounts(price: int, parts: Sequence[PartOf]) -> list[int]:
    """Of one bundle: the amount of each part, which sum to its price; ValueError unless it `divides`."""
    if not divides(price, parts):
        raise ValueError(f"the parts do not sum to {price}")
    rest = price - sum(part.amount or 0 for part in parts)
    weights = [part.bp for part in parts if part.bp is not None]
    shares = iter(split(rest, weights) if weights else ())
    return [next(shares) if part.amount is None else part.amount for part in parts]
