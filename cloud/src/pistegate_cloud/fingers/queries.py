# SPDX-License-Identifier: Apache-2.0
"""All queries of consents to fingerprints and of receipts."""

from collections.abc import Sequence

from tortoise.expressions import F, Q

from pistegate_cloud.errors import Problem
from pistegate_cloud.fingers.models import FingerConsent, FingerReceipt, FingerText


def _here(site: int, group: int) -> Q:
    return Q(site_id=site) | Q(group_number=group)


async def text(row: FingerText) -> FingerText:
    """The same words as they are stored, stored now if they were not."""
    found, _ = await FingerText.get_or_create(
        defaults={"words": row.words}, site_id=row.site_id, digest=row.digest, version=row.version, locale=row.locale
    )
    return found


async def add(row: FingerConsent) -> None:
    """Store a new consent."""
    await row.save(force_create=True)


async def save(row: FingerConsent, *columns: str) -> None:
    """Store these columns."""
    await row.save(update_fields=columns)


async def one(number: int) -> FingerConsent:
    """A consent with its ticket, product and text; Problem not_found."""
    found = await FingerConsent.get_or_none(id=number).select_related("ticket__product", "text")
    if found is None:
        raise Problem("not_found", what=f"finger {number}")
    return found


async def of_ticket(ticket: int) -> list[FingerConsent]:
    """Every consent that was given for a ticket, the oldest first."""
    return await FingerConsent.filter(ticket_id=ticket).order_by("finger").select_related("ticket__product", "text")


async def alone(site: int, group: int) -> int:
    """How many fingers open without a card at a site."""
    return await FingerConsent.filter(_here(site, group), alone=True, ended_ms__isnull=True).count()


async def told(site: int, group: int) -> list[FingerConsent]:
    """What the gates of a site are told of: fingers that open alone, and those that must go."""
    open_alone = Q(ended_ms__isnull=True, signed__isnull=False)
    must_go = Q(ended_ms__isnull=False, closed_ms__isnull=True)
    return await FingerConsent.filter(_here(site, group), open_alone | must_go).order_by("id")


async def page(site: int | None, after: int, limit: int) -> list[FingerConsent]:
    """Ended consents in order of id, after one."""
    query = FingerConsent.filter(id__gt=after, ended_ms__isnull=False)
    if site is not None:
        query = query.filter(site_id=site)
    return await query.order_by("id").limit(limit).select_related("ticket__product", "text")


async def over(site: int, now_ms: int, limit: int) -> list[FingerConsent]:
    """Consents whose ticket has been cancelled, or whose time is over."""
    rows = FingerConsent.filter(Q(until_ms__lte=now_ms) | Q(ticket__status="revoked"), site_id=site)
    return await rows.filter(ended_ms__isnull=True).order_by("id").limit(limit).select_related("ticket__product")


async def outdated(site: int, limit: int) -> list[FingerConsent]:
    """Fingers that open alone with a claim of an older revision than their ticket has."""
    rows = FingerConsent.filter(site_id=site, alone=True, ended_ms__isnull=True).exclude(revision=F("ticket__revision"))
    return await rows.order_by("id").limit(limit).select_related("ticket__product")


async def unclosed(site: int) -> list[FingerConsent]:
    """Ended consents of which the gates are still told."""
    rows = FingerConsent.filter(site_id=site, ended_ms__isnull=False, closed_ms__isnull=True)
    return await rows.order_by("id").select_related("ticket__product")


async def receipts(holders: Sequence[str]) -> list[FingerReceipt]:
    """Which gates have erased these."""
    return await FingerReceipt.filter(holder__in=list(holders)).order_by("site_id", "gate")


async def save_receipts(rows: Sequence[FingerReceipt]) -> None:
    """Store receipts; the first one of a gate counts."""
    await FingerReceipt.bulk_create(list(rows), ignore_conflicts=True)
