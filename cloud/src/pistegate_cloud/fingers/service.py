# SPDX-License-Identifier: Apache-2.0
"""Consents, their end, and the document that tells the gates: who opens by finger alone, and who is to be erased.

A finger gets its name here and from nowhere else. So no desk can take one that could not be withdrawn, and an old
template never answers to a new consent. Gates of every site where the ticket holds are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.clock import local_day, ms_of
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.fingers import queries
from pistegate_cloud.fingers.models import FingerConsent, FingerText
from pistegate_cloud.settings import Settings, SigningKey
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.service import claim_of, scope_of, sites_of
from pistegate_protocol.documents import FingerList
from pistegate_protocol.fingers import holder_of, medium_of
from pistegate_protocol.signing import sign_claim

ALONE_MAX: Final = 200  # fingers of a site that open without a card: a sensor's library, and what a stranger may hit


class Ended(StrEnum):
    """How a consent came to its end."""

    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    """The guest gave another finger."""
    REVOKED = "revoked"
    """The ticket was cancelled."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Given:
    """What a guest agreed to, before whom. `guardian`: a parent or guardian, for a child."""

    version: str
    words: str
    locale: str
    staff: str
    guardian: bool


Messages = dict[int, bytes]
"""Documents to push, by site."""


async def agree(
    number: int, given: Given, actor: str, settings: Settings, now_ms: int, *, alone: bool
) -> tuple[FingerConsent, Messages]:
    """Keep a guest's consent to a finger for a ticket; one of before ends. Problem otherwise."""
    where = await sites_of(await tickets.ticket(number))
    async with in_transaction():
        await documents.lock(where)
        ticket = await tickets.ticket(number)
        earlier = await queries.of_ticket(number)
        open_ones = [row for row in earlier if row.ended_ms is None]
        await _check(ticket, now_ms, alone=alone and not any(row.alone for row in open_ones))
        for row in open_ones:
            await _end(row, Ended.REPLACED, actor, "", now_ms)
        scope = await scope_of(ticket)
        finger = max((row.finger for row in earlier), default=0) + 1
        row = FingerConsent(
            site_id=ticket.site_id,
            group_number=scope.number if scope.group else None,
            ticket=ticket,
            finger=finger,
            holder=holder_of(number, finger).hex(),
            alone=alone,
            until_ms=await _until_ms(ticket),
            text=await queries.text(_text(ticket.site_id, given)),
            staff=given.staff,
            guardian=given.guardian,
            actor=actor,
            agreed_ms=now_ms,
        )
        await _sign(row, settings.issuer, now_ms)
        await queries.add(row)
        await note_here("finger.agree", row.site_id, f"ticket:{number}", {"finger": row.id}, now_ms=now_ms)
        messages = await publish(where, settings.documents, now_ms) if alone or open_ones else {}
    return row, messages


async def end(
    number: int, ended_as: Ended, actor: str, reason: str, settings: Settings, now_ms: int
) -> tuple[FingerConsent, Messages]:
    """A consent is withdrawn; every gate is told to erase. Twice changes nothing."""
    where = await sites_of((await queries.one(number)).ticket)
    async with in_transaction():
        await documents.lock(where)
        row = await queries.one(number)
        if row.ended_ms is not None:
            return row, {}
        await _end(row, ended_as, actor, reason, now_ms)
        await note_here("finger.end", row.site_id, f"finger:{number}", {"as": ended_as.value}, now_ms=now_ms)
        return row, await publish(where, settings.documents, now_ms)


async def publish(where: Sequence[int], key: SigningKey, now_ms: int) -> Messages:
    """Sign the next list of each site, in the caller's transaction; messages to push."""

    async def entries_of(number: int) -> list[tuple[bytes, bytes]]:
        rows = await queries.told(number, (await sites.site(number)).group_number)
        return [(bytes.fromhex(row.holder), _claim(row)) for row in rows]

    return await documents.publish_for(where, FingerList, entries_of, key, now_ms)


async def end_all(rows: Sequence[FingerConsent], now_ms: int) -> None:
    """Those whose ticket is over, in the caller's transaction."""
    for row in rows:
        await _end(row, Ended.REVOKED if row.ticket.status == "revoked" else Ended.EXPIRED, "", "", now_ms)


async def sign_all(rows: Sequence[FingerConsent], issuer: SigningKey, now_ms: int) -> None:
    """Claims of the tickets' newest revisions, in the caller's transaction."""
    for row in rows:
        await _sign(row, issuer, now_ms)
        await queries.save(row, "signed", "revision")


async def _sign(row: FingerConsent, issuer: SigningKey, now_ms: int) -> None:
    if not row.alone:
        return
    claim = await claim_of(row.ticket, issuer.key_id, row.ticket.revision, now_ms)
    row.signed = sign_claim(claim, medium_of(bytes.fromhex(row.holder)), issuer.load()).hex()
    row.revision = row.ticket.revision


def _claim(row: FingerConsent) -> bytes:
    return b"" if row.ended_ms is not None else bytes.fromhex(str(row.signed))


async def _end(row: FingerConsent, ended_as: Ended, actor: str, reason: str, now_ms: int) -> None:
    row.ended_ms, row.ended_as, row.ended_by, row.reason = now_ms, ended_as.value, actor or None, reason or None
    row.signed = None
    await queries.save(row, "ended_ms", "ended_as", "ended_by", "reason", "signed")


async def _check(ticket: Ticket, now_ms: int, *, alone: bool) -> None:
    """Whether a finger may stand for this ticket's holder; `alone`: one more that opens without a card."""
    if ticket.status == "revoked":
        raise Problem("ticket_revoked", ticket=ticket.number)
    today = local_day(now_ms, await sites.zone(ticket.site_id))
    if ticket.last_day < today:
        raise Problem("visit_date_past", date=ticket.last_day, today=today)
    if ticket.product.party > 1:
        raise Problem("finger_party", ticket=ticket.number, party=ticket.product.party)
    group = (await sites.site(ticket.site_id)).group_number
    if alone and await queries.alone(ticket.site_id, group) >= ALONE_MAX:
        raise Problem("finger_full", site=ticket.site_id, limit=ALONE_MAX)


async def _until_ms(ticket: Ticket) -> int:
    """The midnight after the ticket's last day, at its site."""
    after = datetime.combine(ticket.last_day + timedelta(days=1), time(), await sites.zone(ticket.site_id))
    return ms_of(after.astimezone(UTC))


def _text(site: int, given: Given) -> FingerText:
    digest = sha256(given.words.encode()).hexdigest()
    return FingerText(site_id=site, digest=digest, version=given.version, locale=given.locale, words=given.words)
