# SPDX-License-Identifier: Apache-2.0
"""What is asked of prices, and what they answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from pistegate_cloud.products.models import Product
from pistegate_cloud.stock.rules import Want


@dataclass(frozen=True, slots=True)
class Asked:
    """Some pieces of product `product` (its number at the site) for a day; `slot`: id of a time slot.

    `proof`: what the holder showed, "kind:value" (pricing.holders).
    """

    product: int
    quantity: int
    visit_date: date
    slot: int | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class At:
    """Where and when is asked. `currency`: the one that all must be in; `quote`: keeps the prices it promised."""

    site: int
    channel: str
    now_ms: int
    currency: str | None = None
    member_level: str | None = None
    quote: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A line with all that is agreed. Amounts in minor units, gross; `amount` = `unit_price` * `quantity`.

    `list_price`: of one piece without channel and member level. `terms`: price_rule, policy, shares, overtime, deposit.
    `children`: parts of a bundle, whose amounts sum exactly to the bundle's; an order has their lines, not the
    bundle's (`leaves`). A child's `unit_price` is its amount / quantity rounded down: `amount` rules. `wants` of a
    bundle are its own, beside its parts' (`wanted`). A fee, a damage has no product, but `words`: a text key or name.
    """

    product: Product | None
    kind: str
    quantity: int
    visit_date: date
    list_price: int
    unit_price: int
    amount: int
    tax_bp: int
    tax: int
    department: str
    passthrough: bool = False
    slot: int | None = None
    terms: dict[str, Any] = field(default_factory=dict)
    children: "tuple[Priced, ...]" = ()
    wants: tuple[Want, ...] = ()
    words: str | None = None


def leaves(priced: Iterable[Priced]) -> Iterator[Priced]:
    """The lines of an order: the parts of bundles in place of them."""
    for line in priced:
        yield from line.children or (line,)


def wanted(priced: Iterable[Priced]) -> list[Want]:
    """All that these lines want of stock, bundles and their parts."""
    return [want for line in priced for each in (line, *line.children) for want in each.wants]
