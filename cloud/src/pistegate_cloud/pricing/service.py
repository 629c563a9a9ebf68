# SPDX-License-Identifier: Apache-2.0
"""Prices of what is asked for."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from pistegate_cloud.clock import local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing.rules import tax_of
from pistegate_cloud.pricing.shapes import Asked, At, Priced, leaves, wanted
from pistegate_cloud.products import queries as products
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import last_day
from pistegate_cloud.sites import queries as sites

__all__ = ["Asked", "At", "Priced", "leaves", "price", "wanted"]


async def price(asked: Sequence[Asked], at: At) -> list[Priced]:
    """The lines for what is asked; writes nothing. Problem in words when something is not sold like that."""
    today = local_day(at.now_ms, ZoneInfo((await sites.site(at.site)).zone))
    catalogue = await products.by_number(at.site, {line.product for line in asked})
    currency = at.currency
    lines = []
    for line in asked:
        product = catalogue.get(line.product)
        if product is None:
            raise Problem("unknown_reference", what=f"product {line.product} of site {at.site}")
        currency = currency or product.currency
        if product.currency != currency:
            raise Problem("wrong_currency", expected=product.currency, got=currency)
        if line.visit_date < today:
            raise Problem("visit_date_past", date=line.visit_date, today=today)
        if line.visit_date > (last := last_day(product, line.visit_date)):
            raise Problem("season_over", date=line.visit_date, until=last)
        lines.append(_priced(line, product))
    return lines


def _priced(line: Asked, product: Product) -> Priced:
    amount = product.price * line.quantity
    return Priced(
        product=product,
        kind=product.kind,
        quantity=line.quantity,
        visit_date=line.visit_date,
        slot=line.slot,
        list_price=product.price,
        unit_price=product.price,
        amount=amount,
        tax_bp=product.tax_bp,
        tax=tax_of(amount, product.tax_bp),
        department=product.department,
        passthrough=product.passthrough,
        terms={"price_rule": "product"},
    )
