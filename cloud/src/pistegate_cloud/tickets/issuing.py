# SPDX-License-Identifier: Apache-2.0
"""Putting a ticket on a personalised card over the relayed link: five round trips, two of them after authentication.

What is about to be sent is stored first; claim, usage and the reset of the amendment take effect in one commit, whose
proof (TransactionMAC) is checked. A card lost in between leaves the ticket `issuing`: issuing again to the same card
reads it first, and writes the same ticket unless it is there; to another card, it raises the revision and denies the
one before, because the first card may have been written after all. Money on a card stays.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.cards import queries as cards
from pistegate_cloud.cards.desk import Desk, Laid, check_usable, known_card, laid_down, opened
from pistegate_cloud.cards.flows import Content, OpenCard, commit, last_proof, read_content
from pistegate_cloud.cards.models import Card
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import TICKET
from pistegate_cloud.tickets import queries, service
from pistegate_cloud.tickets.models import CardWrite, Ticket
from pistegate_cloud.tickets.usage import known_usage
from pistegate_protocol.desfire.issuing import issue as issue_batch
from pistegate_protocol.errors import ProtocolError
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import decode_usage, encode_usage, named_claim

REVISION_MAX: Final = 255  # claims carry it in 8 bits


@dataclass(frozen=True, slots=True)
class Issued:
    """A ticket on a card. `round_trips` of the relay it took."""

    ticket: Ticket
    write: CardWrite
    round_trips: int


async def issue(number: int, desk: Desk, services: Services, give_up: int | None = None) -> Issued:
    """Write a ticket to the card at the desk; safe to repeat until it succeeds. Problem otherwise.

    `give_up`: the ticket that the card may lose, though it could still be used.
    """
    ticket = await ready_ticket(number, desk)
    async with laid_down(desk, services) as laid:
        card = await known_card(laid)
        check_usable(card)
        last = await queries.last_write(number)
        if ticket.status == "issued" and last is not None:
            if last.uid == card.uid and card.ticket_id == number:
                return Issued(ticket, last, laid.link.round_trips)
            await _check_left(ticket, last)
        return await put_on(ticket, card, laid, desk, services, give_up)


async def ready_ticket(number: int, desk: Desk) -> Ticket:
    """The ticket, if it can be issued at the desk's site; Problem otherwise."""
    ticket = await queries.ticket(number)
    _check_not_revoked(ticket)
    if desk.site not in await service.sites_of(ticket):
        raise Problem("wrong_site", ticket=number, site=desk.site)
    return ticket


async def put_on(
    ticket: Ticket, card: Card, laid: Laid, desk: Desk, services: Services, give_up: int | None = None
) -> Issued:
    """Write `ticket` to the usable card that lies at the desk."""
    at_hand = await opened(card, laid, services)
    content = await read_content(at_hand)
    write = await _written_before(ticket, card, content)
    if write is not None:
        counter = (await last_proof(at_hand)).counter
    else:
        await _check_room(ticket, card, content, give_up, services)
        write = await _prepare(ticket, desk, laid.uid, services)
        counter = await _write(at_hand, write)
    await _finish(ticket, card, write, counter, desk, services)
    return Issued(ticket, write, laid.link.round_trips)


async def _check_left(ticket: Ticket, last: CardWrite) -> None:
    """An issued ticket may go on another card only when its card was taken back, wiped or given another ticket."""
    before = await cards.by_uid(last.uid)
    if before is None or (before.ticket_id == ticket.number and before.status in ("in_use", "lost")):
        raise Problem("ticket_issued", ticket=ticket.number)


async def _written_before(ticket: Ticket, card: Card, content: Content) -> CardWrite | None:
    """The write whose answer was lost, if it is on the card; it must not be repeated: the card may have been used."""
    last = await queries.last_write(ticket.number)
    if ticket.status != "issuing" or last is None or last.uid != card.uid:
        return None
    return last if named_claim(content.usage).hex() == last.claim_digest else None


async def _check_room(ticket: Ticket, card: Card, content: Content, give_up: int | None, services: Services) -> None:
    """Problem when the card holds something that would be lost: another good ticket; money although it is in stock."""
    wallet = content.wallet
    if card.status == "stock" and (wallet.purse or any(wallet.loads_file) or any(content.rental)):
        raise Problem("card_not_blank", uid=card.uid)
    if card.ticket_id in (None, ticket.number, give_up):
        return
    before = await queries.ticket(int(str(card.ticket_id)))
    today = local_day(services.clock.wall_ms(), await sites.zone(before.site_id))
    if not _is_over(before, content.usage, today):
        raise Problem("card_holds_ticket", uid=card.uid, ticket=before.number, until=before.last_day)


def _is_over(ticket: Ticket, usage_file: bytes, today: date) -> bool:
    """Whether nothing is left of the ticket on a card, by what the card says of it."""
    if ticket.status != "issued" or ticket.last_day < today:
        return True
    product = ticket.product
    if product.entries_total is None:
        return False
    try:
        used = decode_usage(usage_file).used_total
    except ProtocolError:
        return False
    return bool(used >= product.entries_total * product.party)


async def _prepare(ticket: Ticket, desk: Desk, uid: bytes, services: Services) -> CardWrite:
    """Sign the claim for this card and keep it before it is sent."""
    now_ms = services.clock.wall_ms()
    messages: dict[int, bytes] = {}
    async with in_transaction():
        current = await queries.ticket(ticket.number)
        _check_not_revoked(current)
        if (current.status, current.revision) != (ticket.status, ticket.revision):
            raise Problem("request_in_progress")
        last = await queries.last_write(ticket.number)
        event = "reissue" if ticket.status == "issued" else "write"
        revision = ticket.revision
        # Reissued to the same card too: gates remember how far the claim before was used.
        if last is not None and (last.uid != uid.hex() or event == "reissue"):
            revision += 1
            if revision > REVISION_MAX:
                raise Problem("ticket_reissues_exhausted", ticket=ticket.number)
            await service.lock_sites(ticket)
            reason = "it was put on a card again"
            messages = await service.deny(ticket, revision, reason, services.settings.documents, now_ms)
        await queries.move(ticket, TICKET.after(ticket.status, event), revision)
        write = await _signed(ticket, desk, uid, services, now_ms)
        await queries.add_write(write)
        told = {"card": write.uid, "revision": write.revision}
        await note_here(f"ticket.{event}", ticket.site_id, f"ticket:{ticket.number}", told, now_ms=now_ms)
    await documents.push_all(messages, services)
    return write


async def _signed(ticket: Ticket, desk: Desk, uid: bytes, services: Services, now_ms: int) -> CardWrite:
    issuer = services.settings.issuer
    claim = await service.claim_of(ticket, issuer.key_id, ticket.revision, now_ms)
    signed = sign_claim(claim, Medium(MediumKind.CARD, uid), issuer.load())
    digest = claim_digest(signed)
    return CardWrite(
        site_id=ticket.site_id,
        ticket_id=ticket.number,
        encoder=desk.encoder,
        encoder_site=None if desk.site == ticket.site_id else desk.site,
        uid=uid.hex(),
        revision=ticket.revision,
        claim=signed.hex(),
        claim_digest=digest.hex(),
        usage=encode_usage(await known_usage(ticket, digest)).hex(),
        sent_ms=now_ms,
    )


async def _write(card: OpenCard, write: CardWrite) -> int:
    """One round trip; the card's transaction counter after it."""
    batch = issue_batch(card.session, bytes.fromhex(write.claim), bytes.fromhex(str(write.usage)))
    return (await commit(card, batch)).counter


async def _finish(ticket: Ticket, card: Card, write: CardWrite, counter: int, desk: Desk, services: Services) -> None:
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await queries.confirm_write(write, counter, now_ms)
        await queries.move(ticket, TICKET.after(ticket.status, "written"))
        change = desk.change(now_ms, ticket=ticket.number, revision=write.revision, counter=counter)
        held = {"ticket_id": ticket.number, "revision": write.revision, "claim": write.claim_digest}
        await cards.change(card, "issue", change, **held)


def _check_not_revoked(ticket: Ticket) -> None:
    if ticket.status == "revoked":
        raise Problem("ticket_revoked", ticket=ticket.number)
