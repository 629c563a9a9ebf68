# SPDX-License-Identifier: Apache-2.0
"""What tickets are on: counted in the database."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from tortoise.expressions import F, Q, Subquery
from tortoise.functions import Count
from tortoise.models import Model
from tortoise.queryset import QuerySet

from pistegate_cloud.bindings.models import Binding
from pistegate_cloud.cards.models import Card
from pistegate_cloud.codes.models import CodeIssue
from pistegate_cloud.fingers.models import FingerConsent
from pistegate_cloud.products.models import Product
from pistegate_cloud.tickets.models import CardWrite, Ticket

_AWAY: Final = ("in_use", "lost")  # a guest may hold it
_GONE: Final = Q(ticket_id__isnull=True, status="void")  # lost, and then replaced: nothing is said to be on it any more
_POINTERS: Final[tuple[tuple[type[Model], Q], ...]] = (
    (CodeIssue, Q()),
    (Binding, Q(withdrawn_ms__isnull=True, erased_ms__isnull=True)),
    (FingerConsent, Q(alone=True, ended_ms__isnull=True)),  # with a card beside it, a finger is no medium
)


async def cards(number: int, revision: int | None) -> int:
    """Cards that may be shown with a ticket; in use with this revision of its claim alone, where one is told."""
    if revision is not None:
        return await Card.filter(ticket_id=number, status="in_use", revision=revision).count()
    written = CardWrite.filter(ticket_id=number).values("uid")
    gone = await Card.filter(_GONE, uid__in=Subquery(written)).count()
    return gone + await Card.filter(ticket_id=number, status__in=_AWAY).count()


async def has_pointer(number: int) -> bool:
    """Whether a code, document or finger lets in on a ticket."""
    for table, holds in _POINTERS:
        if await table.filter(holds, ticket_id=number).exists():
            return True
    return False


async def cards_by_product(site: int, day: date, *, current: bool) -> dict[int, int]:
    """Cards that may be shown with tickets of a site valid on `day`; `current`: in use, with their newest claims."""
    valid = _valid(site, day, "ticket__")
    rows = (
        Card.filter(valid, status="in_use", revision=F("ticket__revision"))
        if current
        else Card.filter(valid, status__in=_AWAY)
    )
    counted = await rows.annotate(n=Count("id")).group_by("ticket__product_id").values_list("ticket__product_id", "n")
    found = Counter({int(product): int(n) for product, n in counted})
    if current:
        return found
    gone = CardWrite.filter(valid, uid__in=Subquery(Card.filter(_GONE).values("uid")))
    grouped = gone.annotate(n=Count("uid", distinct=True)).group_by("ticket__product_id")
    return found + Counter(
        {int(product): int(n) for product, n in await grouped.values_list("ticket__product_id", "n")}
    )


async def pointing_by_product(site: int, day: date) -> dict[int, int]:
    """Tickets of a site valid on `day` that a code, document or finger points to."""
    return await _by_product(Ticket.filter(_valid(site, day), _pointed(site)))


async def carried_by_product(site: int, day: date) -> dict[int, int]:
    """Tickets of a site valid on `day` that are on any medium."""
    on_cards = Card.filter(_valid(site, day, "ticket__"), status__in=_AWAY).values("ticket_id")
    return await _by_product(Ticket.filter(_valid(site, day), _pointed(site) | Q(number__in=Subquery(on_cards))))


async def products(ids: Sequence[int]) -> list[Product]:
    """With their terms."""
    return await Product.filter(id__in=list(ids)).order_by("id")


async def _by_product(tickets: QuerySet[Ticket]) -> dict[int, int]:
    rows = await tickets.annotate(n=Count("number")).group_by("product_id").values_list("product_id", "n")
    return {int(product): int(n) for product, n in rows}


def _pointed(site: int) -> Q:
    found = (table.filter(holds, site_id=site).values("ticket_id") for table, holds in _POINTERS)
    return Q(*(Q(number__in=Subquery(rows)) for rows in found), join_type=Q.OR)


def _valid(site: int, day: date, of: str = "") -> Q:
    def q(**terms: Any) -> Q:
        return Q(**{of + name: value for name, value in terms.items()})

    last = q(amended_until__isnull=True, valid_until__gte=day) | q(amended_until__gte=day)
    return q(site_id=site, valid_from__lte=day, status__not="revoked") & last
