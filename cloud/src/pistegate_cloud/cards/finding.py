# SPDX-License-Identifier: Apache-2.0
"""Finding the card of a guest who has lost it, by what the guest still has."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pistegate_cloud.cards import queries
from pistegate_cloud.cards.models import Card
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.rentals import queries as rentals
from pistegate_cloud.tickets import queries as tickets


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One of these is given: a payment's reference, a phone number, an order, a ticket, a rental record."""

    payment: str | None = None
    phone: str | None = None
    order: UUID | None = None
    ticket: int | None = None
    rental: str | None = None

    @property
    def kind(self) -> str:
        """Which one; Problem unless it is exactly one."""
        given = [name for name in self.__slots__ if getattr(self, name) is not None]
        if len(given) != 1:
            raise Problem("one_search_term")
        return given[0]


async def find(terms: Terms) -> list[Card]:
    """The cards that tickets of this payment, phone or order were last put on, that ticket, or that equipment."""
    match terms.kind:
        case "rental":
            return await queries.by_uids(await rentals.cards_of_record(str(terms.rental)))
        case "ticket":
            numbers = [int(terms.ticket or 0)]
        case "payment":
            numbers = await _of_orders(await orders.by_reference(str(terms.payment)))
        case "phone":
            numbers = await _of_orders(await orders.by_phone(str(terms.phone)))
        case _:
            numbers = await _of_orders([terms.order] if terms.order else [])
    return await queries.by_uids(await tickets.last_uids(numbers))


async def _of_orders(ids: Sequence[UUID]) -> list[int]:
    return await tickets.numbers_of_orders(ids)
