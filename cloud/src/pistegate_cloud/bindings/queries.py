# SPDX-License-Identifier: Apache-2.0
"""All queries of bindings and of who looked at them."""

from collections.abc import Sequence
from datetime import date

from tortoise.expressions import F, Q

from pistegate_cloud.bindings.models import Binding, BindingLook
from pistegate_cloud.errors import Problem

_HOLDS = Q(withdrawn_ms__isnull=True, erased_ms__isnull=True)


async def add(row: Binding) -> None:
    """Store a new binding."""
    await row.save(force_create=True)


async def add_look(row: BindingLook) -> None:
    """Keep who did what."""
    await row.save(force_create=True)


async def one(number: int) -> Binding:
    """A binding with its ticket and product; Problem not_found."""
    found = await Binding.get_or_none(id=number).select_related("ticket__product")
    if found is None:
        raise Problem("not_found", what=f"binding {number}")
    return found


async def of_ticket(number: int) -> list[Binding]:
    """Every binding that a ticket has or had, the oldest first."""
    return await Binding.filter(ticket_id=number).order_by("id").select_related("ticket__product")


async def holding(number: int) -> list[Binding]:
    """The bindings of a ticket that hold."""
    return await Binding.filter(_HOLDS, ticket_id=number).order_by("id").select_related("ticket__product")


async def found(stretched: str, sites: Sequence[int]) -> list[Binding]:
    """The bindings of a document that hold, at some sites, tickets of the latest day first."""
    rows = Binding.filter(_HOLDS, stretched=stretched, site_id__in=list(sites))
    return await rows.order_by("-ticket__valid_until", "id").select_related("ticket__product")


async def first_ms(ticket: int) -> int | None:
    """When a ticket was first bound."""
    row = await Binding.filter(ticket_id=ticket).order_by("id").first()
    return None if row is None else row.created_ms


async def looks_at(binding: int) -> list[BindingLook]:
    """Who did what with a binding."""
    return await BindingLook.filter(binding_id=binding).order_by("id")


async def save(row: Binding, *columns: str) -> None:
    """Store these columns."""
    await row.save(update_fields=columns)


async def set_told(rows: Sequence[Binding], revision: int | None) -> None:
    """What the gates have of these: claims of this revision, or nothing."""
    await Binding.filter(id__in=[row.id for row in rows]).update(told=revision)
    for row in rows:
        row.told = revision


async def to_tell(site: int, salt: str, first: date, last: date, limit: int) -> list[Binding]:
    """Bindings that hold, with tickets for these days, which the gates do not have as they are now."""
    rows = Binding.filter(_HOLDS, site_id=site, salt=salt, ticket__valid_from__lte=last).exclude(
        ticket__status="revoked"
    )
    rows = rows.filter(Q(ticket__valid_until__gte=first) | Q(ticket__amended_until__gte=first))
    rows = rows.filter(Q(told__isnull=True) | ~Q(told=F("ticket__revision")))
    return await rows.order_by("id").limit(limit).select_related("ticket__product")


async def to_take(site: int, salt: str, first: date, limit: int) -> list[Binding]:
    """Bindings that the gates have and should not: withdrawn, cancelled, past, or of another salt."""
    past = Q(ticket__valid_until__lt=first) & (
        Q(ticket__amended_until__isnull=True) | Q(ticket__amended_until__lt=first)
    )
    over = Q(withdrawn_ms__isnull=False) | Q(ticket__status="revoked") | past | ~Q(salt=salt)
    rows = Binding.filter(over, site_id=site, told__isnull=False)
    return await rows.order_by("id").limit(limit).select_related("ticket__product")


async def to_erase(site: int, before: date, withdrawn_before_ms: int, limit: int) -> list[Binding]:
    """Bindings whose personal columns are due: the ticket's last day was before, or they were withdrawn before."""
    past = Q(ticket__valid_until__lt=before) & (
        Q(ticket__amended_until__isnull=True) | Q(ticket__amended_until__lt=before)
    )
    rows = Binding.filter(past | Q(withdrawn_ms__lt=withdrawn_before_ms), site_id=site, erased_ms__isnull=True)
    return await rows.filter(told__isnull=True).order_by("id").limit(limit)


async def erase(rows: Sequence[Binding], now_ms: int) -> None:
    """Nothing personal is left of these."""
    numbers = [row.id for row in rows]
    await Binding.filter(id__in=numbers).update(stretched=None, last4=None, sealed=None, erased_ms=now_ms)


async def forget_told(site: int) -> None:
    """The gates are told everything anew: new keys."""
    await Binding.filter(site_id=site, told__isnull=False).update(told=None)
