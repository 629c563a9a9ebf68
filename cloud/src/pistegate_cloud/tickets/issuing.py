# SPDX-License-Identifier: Apache-2.0
"""Issuing a ticket to a card over the relayed link, in at most four round trips; no transaction spans one.

What is about to be sent is stored first. A card lost in between leaves the ticket `issuing`: issuing again to the
same card writes the same bytes; to another card, it raises the revision and denies the one before, because the first
card may have been written after all.
"""

import secrets
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from tortoise.transactions import in_transaction

from pistegate_cloud.encoders import queries as encoders
from pistegate_cloud.encoders.relay import RelaySession
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.states import TICKET
from pistegate_cloud.tickets import queries, service
from pistegate_cloud.tickets.models import CardWrite, Ticket
from pistegate_protocol.card_layout import AID, CardKey
from pistegate_protocol.desfire.apdu import CardRefused, CardUntrusted, response, select_application
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate
from pistegate_protocol.desfire.transactions import issue as issue_commands
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import Usage, encode_usage

REVISION_MAX = 255  # claims carry it in 8 bits
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Issued:
    """A ticket on a card. `round_trips` of the relay it took."""

    ticket: Ticket
    write: CardWrite
    round_trips: int


async def issue(number: int, encoder: int, wait_ms: int, services: Services) -> Issued:
    """Write a ticket to the card on an encoder; safe to repeat until it succeeds. Problem otherwise."""
    ticket = await queries.ticket(number)
    await encoders.encoder(ticket.site_id, encoder)
    _check_not_revoked(ticket)
    async with services.relay.session(Device(ticket.site_id, Role.ENCODER, encoder)) as link:
        uid = await link.ask_card(wait_ms)
        done = await _already_done(ticket, uid, services)
        if done:
            return Issued(ticket, done, link.round_trips)
        session = await _authenticate(link, services)
        write = await _prepare(ticket, encoder, uid, services)
        await _write(link, session, bytes.fromhex(write.claim))
        round_trips = link.round_trips
    await _finish(ticket, write, services)
    return Issued(ticket, write, round_trips)


async def _already_done(ticket: Ticket, uid: bytes, services: Services) -> CardWrite | None:
    """The write that put this ticket on this very card; Problem when it is on another one."""
    last = await queries.last_write(ticket.number)
    if last is None:
        return None
    if ticket.status == "issuing" and last.uid == uid.hex() and await queries.is_used(ticket.number):
        await _finish(ticket, last, services)  # a gate has read it: it was written, and writing again would reset it
    if ticket.status != "issued":
        return None
    if last.uid != uid.hex():
        raise Problem("ticket_issued", ticket=ticket.number)
    return last


async def _authenticate(link: RelaySession, services: Services) -> Ev2Session:
    """Two round trips: select and the first half of EV2First; the second half."""
    key = bytes.fromhex(services.settings.card_keys.issuer)
    flow = authenticate(CardKey.ISSUER, key, secrets.token_bytes(16))
    answers = await link.exchange([select_application(AID), next(flow)])
    try:
        response("select application", answers[0] if answers else b"")
    except CardRefused as error:
        raise Problem("foreign_card") from error
    try:
        proof = flow.send(answers[1] if len(answers) > 1 else b"")
        answer = await link.exchange([proof])
        return _last(flow, answer[0] if answer else b"")
    except (CardRefused, CardUntrusted) as error:
        raise Problem("card_key_refused") from error


async def _prepare(ticket: Ticket, encoder: int, uid: bytes, services: Services) -> CardWrite:
    """Sign the claim for this card and keep it before it is sent."""
    now_ms = services.clock.wall_ms()
    message = None
    async with in_transaction():
        current = await queries.ticket(ticket.number)
        _check_not_revoked(current)
        if current.status != ticket.status:
            raise Problem("request_in_progress")
        last = await queries.last_write(ticket.number)
        revision = ticket.revision
        if last is not None and last.uid != uid.hex():
            revision += 1
            if revision > REVISION_MAX:
                raise Problem("ticket_reissues_exhausted", ticket=ticket.number)
            await queries.lock_site(ticket.site_id)
            reason = "the card before may have been written"
            message = await service.deny(ticket, revision, reason, services.settings.documents, now_ms)
        await queries.move(ticket, TICKET.after(ticket.status, "write"), revision)
        issuer = services.settings.issuer
        claim = service.claim_of(ticket, issuer.key_id, revision)
        signed = sign_claim(claim, Medium(MediumKind.CARD, uid), issuer.load())
        write = CardWrite(
            site_id=ticket.site_id,
            ticket_id=ticket.number,
            encoder=encoder,
            uid=uid.hex(),
            revision=revision,
            claim=signed.hex(),
            claim_digest=claim_digest(signed).hex(),
            sent_ms=now_ms,
        )
        await queries.add_write(write)
    if message:
        await service.push(ticket.site_id, message, services)
    return write


async def _write(link: RelaySession, session: Ev2Session, signed: bytes) -> None:
    usage = encode_usage(Usage(claim=claim_digest(signed)))
    commands, check = issue_commands(session, signed, usage)
    answers = await link.exchange(commands, final=True)
    try:
        check.check(answers)
    except (CardRefused, CardUntrusted) as error:
        raise Problem("card_refused", error=str(error)) from error


async def _finish(ticket: Ticket, write: CardWrite, services: Services) -> None:
    async with in_transaction():
        await queries.confirm_write(write, services.clock.wall_ms())
        await queries.move(ticket, TICKET.after(ticket.status, "written"))


def _check_not_revoked(ticket: Ticket) -> None:
    if ticket.status == "revoked":
        raise Problem("ticket_revoked", ticket=ticket.number)


def _last(flow: Generator[bytes, bytes, T], answer: bytes) -> T:
    try:
        flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise CardUntrusted("the authentication wants more than two exchanges")
