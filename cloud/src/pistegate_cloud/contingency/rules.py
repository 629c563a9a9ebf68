# SPDX-License-Identifier: Apache-2.0
"""What can be sold as a contingency ticket, for how much, and which numbers are missing: pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from json import dumps
from typing import Any, Final

from pistegate_cloud.pricing.rules import tax_of
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import last_day
from pistegate_cloud.stock.rules import Want

TICKETS_MAX: Final = 2000  # of one batch: 0.5 MB, and 26 kB of a deny list of 1 MB if nobody buys one
MISSING_TOLD_MAX: Final = 20  # numbers named in a refusal


def unfit(priced: Priced, day: date) -> str | None:
    """Why a product cannot be signed the night before: its kind, or its days; None: it can."""
    product = priced.product
    if product is None or priced.kind != "ticket" or priced.children:
        return "contingency.unfit_kind"
    if last_day(product, day) != day:
        return "days"
    return None


def offer(priced: Priced, product: Product, count: int) -> dict[str, Any]:
    """What a batch keeps of a product: how it will be sold, of one piece."""
    return {
        "product": product.number,
        "name": product.name,
        "count": count,
        "price": priced.unit_price,
        "list_price": priced.list_price,
        "tax_bp": priced.tax_bp,
        "kind": priced.kind,
        "department": priced.department,
        "passthrough": priced.passthrough,
        "terms": priced.terms,
        "wants": [[want.counter, want.quantity] for want in priced.wants],
    }


def sold_as(offer: Mapping[str, Any], product: Product, quantity: int, day: date) -> Priced:
    """The line of an order, by what was agreed when the batch was made."""
    amount = int(offer["price"]) * quantity
    return Priced(
        product=product,
        kind=offer["kind"],
        quantity=quantity,
        visit_date=day,
        list_price=offer["list_price"],
        unit_price=offer["price"],
        amount=amount,
        tax_bp=offer["tax_bp"],
        tax=tax_of(amount, offer["tax_bp"]),
        department=offer["department"],
        passthrough=offer["passthrough"],
        terms=dict(offer["terms"]),
        wants=wants(offer, quantity),
    )


def wants(offer: Mapping[str, Any], quantity: int) -> tuple[Want, ...]:
    """What so many of it take of the stock."""
    return tuple(Want(counter, each * quantity) for counter, each in offer["wants"])


def price_of(offers: Sequence[Mapping[str, Any]], products: Iterable[int]) -> int:
    """What these tickets cost together; KeyError for a product that is not offered."""
    prices = {each["product"]: int(each["price"]) for each in offers}
    return sum(prices[product] * count for product, count in Counter(products).items())


def missing(heard: Collection[int], told: int | None) -> list[int]:
    """Receipts that a box made and did not tell: gaps up to what it says, or else up to the last one heard."""
    last = max(heard, default=0) if told is None else told
    return [number for number in range(1, last + 1) if number not in heard]


def digest(told: Mapping[str, Any]) -> str:
    """Of a receipt as it was told; hex."""
    return sha256(dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
