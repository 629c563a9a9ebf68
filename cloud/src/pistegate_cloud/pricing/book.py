# SPDX-License-Identifier: Apache-2.0
"""Everything that prices of some lines depend on, read once; and the lines composed of it without asking further."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing.bundles import amounts, divides
from pistegate_cloud.pricing.choice import Found, Sale
from pistegate_cloud.pricing.holders import kind_of
from pistegate_cloud.pricing.lists import FreeWith, Offer
from pistegate_cloud.pricing.ready import Loaded
from pistegate_cloud.pricing.rules import deposit_of, tax_of, with_list_price
from pistegate_cloud.pricing.selling import Day
from pistegate_cloud.pricing.shapes import Asked, Priced
from pistegate_cloud.products.models import Product
from pistegate_cloud.stock.models import Stock
from pistegate_cloud.stock.rules import Want


@dataclass(frozen=True, slots=True)
class Book:
    """`now` in site time; `counters` of a product on a day."""

    prices: Loaded
    products: Mapping[int, Product]
    days: Mapping[date, Day]
    counters: Mapping[tuple[int, date], Sequence[Stock]]
    channel: str
    level: str | None
    now: datetime

    def line(self, asked: Asked, product: Product) -> Priced:
        """A line at its price; Problem price_missing, slot_needed, slot_unknown."""
        unit, found = self._price(product, asked, self.channel, self.level)
        offer = self.prices.offers.get(product.number)
        listed = self._list_price(product, asked, unit)
        rule = self._rule(asked, found)
        if product.kind == "bundle":
            return self._bundle(asked, product, offer, unit, listed, rule)
        return self._plain(asked, product, unit * asked.quantity, unit, listed, {"price_rule": rule})

    def check_slot(self, asked: Asked, product: Product) -> None:
        """Problem slot_unknown, unless the slot that is asked for is one of the product's or of a part's."""
        offer = self.prices.offers.get(asked.product)
        numbers = (asked.product, *(part.product for part in (offer.parts if offer else ())))
        if asked.slot is not None and all(self._slot_row(replace(asked, product=each)) is None for each in numbers):
            raise Problem("slot_unknown", product=product.code, date=asked.visit_date, slot=asked.slot)

    def free(self, line: Priced, with_: FreeWith) -> Priced:
        """The same line for nothing."""
        rule = line.terms["price_rule"] | {"free_with": list(with_.products)}
        parts = tuple(replace(child, unit_price=0, amount=0, tax=0) for child in line.children)
        return replace(line, unit_price=0, amount=0, tax=0, children=parts, terms=line.terms | {"price_rule": rule})

    def _plain(
        self, asked: Asked, product: Product, amount: int, unit: int, listed: int, terms: dict[str, Any]
    ) -> Priced:
        offer = self.prices.offers.get(product.number)
        return Priced(
            product=product,
            kind=product.kind,
            quantity=asked.quantity,
            visit_date=asked.visit_date,
            slot=self._slot(asked, product),
            list_price=listed,
            unit_price=unit,
            amount=amount,
            tax_bp=product.tax_bp,
            tax=tax_of(amount, product.tax_bp),
            department=product.department,
            passthrough=product.passthrough,
            terms=terms | (self._agreed(asked, offer, listed) if offer else {}),
            wants=self._wants(asked, product),
        )

    def _bundle(
        self,
        asked: Asked,
        product: Product,
        offer: Offer | None,
        unit: int,
        listed: int,
        rule: dict[str, Any],
    ) -> Priced:
        parts = offer.parts if offer else ()
        if not divides(unit, parts):
            raise Problem("price_missing", product=product.code, date=asked.visit_date, day_type="parts")
        children = []
        for part, amount in zip(parts, amounts(unit, parts), strict=True):
            child = self.products[part.product]
            of = replace(asked, product=part.product, quantity=asked.quantity * part.quantity)
            own = self._list_price(child, of, amount // part.quantity)
            terms = {"price_rule": rule | {"bundle": product.number}}
            total = amount * asked.quantity
            children.append(self._plain(of, child, total, total // of.quantity, own, terms))
        whole = self._plain(asked, product, unit * asked.quantity, unit, listed, {"price_rule": rule})
        return replace(whole, children=tuple(children), tax=sum(child.tax for child in children))

    def _price(self, product: Product, asked: Asked, channel: str, level: str | None) -> tuple[int, Found | None]:
        """Of one piece; a product that has no row at all is sold at its own price."""
        if not self.prices.prices.has(product.number):
            return product.price, None
        day = self.days[asked.visit_date]
        sale = Sale(asked.visit_date, day.type or "", self._minute(asked), channel, level)
        found = self.prices.prices.choose(product.number, sale)
        if found is None:
            raise Problem("price_missing", product=product.code, date=asked.visit_date, day_type=day.type or "-")
        return found.row.price, found

    def _list_price(self, product: Product, asked: Asked, otherwise: int) -> int:
        """Without channel and member level; where the list has no such price, what is paid."""
        try:
            return self._price(product, asked, "", None)[0]
        except Problem:
            return otherwise

    def _rule(self, asked: Asked, found: Found | None) -> dict[str, Any]:
        if self.prices.id is None or found is None:
            return {"by": "product"}
        day = self.days[asked.visit_date]
        return {"by": "list", "list": str(self.prices.id), "version": self.prices.version, "row": found.index} | (
            {"day_type": day.type} if day.type else {}
        )

    def _agreed(self, asked: Asked, offer: Offer, listed: int) -> dict[str, Any]:
        """What is kept with the line: refund policy, shares, overtime, deposit, as they are on this day."""
        terms: dict[str, Any] = {}
        kept = self.prices
        if offer.policy in kept.policies:
            policy = kept.policies[offer.policy]
            rungs = {rung.days: self._rung(asked, rung.product) for rung in policy.ladder}
            prices = {days: price for days, price in rungs.items() if price is not None}
            terms["policy"] = _told(policy.model_copy(update={"prices": prices}))
        if offer.overtime in kept.overtime:
            terms["overtime"] = _told(with_list_price(kept.overtime[offer.overtime], listed))
        if offer.deposit in kept.deposits:
            terms["deposit"] = self._deposit(asked, offer.deposit)
        if offer.shares:
            terms["shares"] = [share.model_dump(mode="json") for share in offer.shares]
        if offer.holder in kept.holders:
            shown = {"shown": kind_of(asked.proof)} if asked.proof else {}  # never a date of birth
            terms["holder"] = _told(kept.holders[offer.holder]) | shown
        return terms

    def _rung(self, asked: Asked, number: int) -> int | None:
        product = self.products.get(number)
        if product is None:
            return None
        return self._list_price(product, replace(asked, product=number), product.price)

    def _deposit(self, asked: Asked, code: str) -> dict[str, Any]:
        deposit, day = self.prices.deposits[code], self.days[asked.visit_date]
        amount = deposit_of(deposit, day.type or "")
        if amount is None:
            raise Problem("price_missing", product=code, date=asked.visit_date, day_type=day.type or "-")
        return {"code": code, "amount": amount, "per": deposit.per, "day_type": day.type} | {
            "methods": list(deposit.methods)
        }

    def _minute(self, asked: Asked) -> int | None:
        slot = self._slot_row(asked)
        if slot is not None:
            starts: int | None = slot.starts
            return starts
        return self.now.hour * 60 + self.now.minute if self.now.date() == asked.visit_date else None

    def _slots(self, asked: Asked) -> list[Stock]:
        found = self.counters.get((asked.product, asked.visit_date), ())
        return [row for row in found if row.starts is not None]

    def _slot_row(self, asked: Asked) -> Stock | None:
        return next((row for row in self._slots(asked) if row.id == asked.slot), None)

    def _slot(self, asked: Asked, product: Product) -> int | None:
        """The slot of a line; a part of a bundle that has no slots that day goes without."""
        slots = self._slots(asked)
        if not slots:
            return None
        if asked.slot is None:
            raise Problem("slot_needed", product=product.code, date=asked.visit_date, count=len(slots))
        if all(row.id != asked.slot for row in slots):
            raise Problem("slot_unknown", product=product.code, date=asked.visit_date, slot=asked.slot)
        return asked.slot

    def _wants(self, asked: Asked, product: Product) -> tuple[Want, ...]:
        found = self.counters.get((product.number, asked.visit_date), ())
        quotas = [row for row in found if row.starts is None and row.channel in (None, self.channel)]
        slot = self._slot_row(asked)
        return tuple(Want(row.id, asked.quantity) for row in (*quotas, *((slot,) if slot else ())))


def _told(part: Any) -> dict[str, Any]:
    told: dict[str, Any] = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return told
