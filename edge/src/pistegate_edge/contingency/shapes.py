# SPDX-License-Identifier: Apache-2.0
"""What the cloud tells a box, and what a box keeps of its sales."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from pistegate_protocol.contingency import receipt_name


class Offer(msgspec.Struct, frozen=True):
    """What may be sold, for `price` minor units."""

    product: int
    name: dict[str, str]
    price: int
    count: int

    def words(self, locale: str) -> str:
        """Its name; in another language where there is none in this one."""
        return self.name.get(locale) or next(iter(self.name.values()), str(self.product))


class Head(msgspec.Struct, frozen=True):
    """A batch without its tickets."""

    id: str
    window: int
    number: int
    day: str
    state: str
    first_serial: int
    last_serial: int
    currency: str
    zone: str
    site_name: str
    pin_salt: str
    pin_hash: str
    offers: list[Offer]
    digest: str
    until_ms: int

    def price(self, counts: Mapping[int, int]) -> int:
        """What so many of each product cost; KeyError for one that is not offered."""
        prices = {offer.product: offer.price for offer in self.offers}
        return sum(prices[product] * count for product, count in counts.items())

    def receipt(self, number: int) -> str:
        """A receipt's number as it is printed."""
        return receipt_name(self.window, self.day, self.number, number)


class Heads(msgspec.Struct, frozen=True):
    """What there is for this box."""

    now_ms: int
    batches: list[Head]


class Ticket(msgspec.Struct, frozen=True):
    """One ticket; `code`: what its QR code says."""

    serial: int
    number: int
    product: int
    code: str


class Tickets(msgspec.Struct, frozen=True):
    """Some of a batch's, in order."""

    tickets: list[Ticket]


class Answers(msgspec.Struct, frozen=True):
    """What became of receipts at the cloud."""

    states: dict[int, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands here. `drawer`: the change that its seller began with."""

    head: Head
    state: str
    drawer: int | None


@dataclass(frozen=True, slots=True)
class Sale:
    """A receipt. `told`: what the cloud answered; None: it does not know of it yet."""

    batch: str
    receipt: int
    at_ms: int
    method: str
    reference: str | None
    amount: int
    tendered: int
    state: str
    told: str | None

    @property
    def change(self) -> int:
        """Cash that goes back to the guest."""
        return self.tendered - self.amount


@dataclass(frozen=True, slots=True)
class Totals:
    """Of a batch: what was sold by way of paying, without what was voided."""

    sales: int
    tickets: int
    voids: int
    by_method: Mapping[str, int]
