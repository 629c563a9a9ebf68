# SPDX-License-Identifier: Apache-2.0
"""Money onto the card: by relay into its purse, or by a signed total that any till writes. Never twice, never lost.

By relay: what is about to be sent is stored, and taken from the account, first. If the card's answer is lost, the money
is under way until the card tells: read again at any desk, it shows by its transaction counter, the proof of its last
transaction, its purse and its records whether it was credited; or its counters do, once everybody has told everything.
"""

import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import flows
from pistegate_cloud.cards import queries as cards
from pistegate_cloud.cards.desk import Desk, Laid, check_usable, known_card, laid_down, opened
from pistegate_cloud.cards.flows import OpenCard
from pistegate_cloud.cards.models import Card
from pistegate_cloud.clock import from_ms
from pistegate_cloud.errors import Problem
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.proofs import queries as proofs
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import About, end_load, enter
from pistegate_cloud.wallets.models import Wallet, WalletCard, WalletLoad
from pistegate_cloud.wallets.service import show_beyond_books
from pistegate_protocol.card_layout import PURSE_FILE, RECENT_FILE, RECORDS_VISIBLE, UID_BYTES
from pistegate_protocol.desfire.file_commands import credit, write_record
from pistegate_protocol.desfire.issuing import credit_purse
from pistegate_protocol.desfire.tmac import TransactionInput, transaction_mac
from pistegate_protocol.desfire.transactions import Proof, WalletFiles
from pistegate_protocol.records import NAME_BYTES, CardRecord, RecordKind, encode_record
from pistegate_protocol.topics import Device, Role

BY_RELAY = 0  # device number in the card's record of a load that the cloud itself made


@dataclass(frozen=True, slots=True)
class Ask:
    """A load that somebody asks for: minor units, at which reader, under which Idempotency-Key."""

    amount: int
    desk: Desk
    request: str | None = None
    role: Role = Role.ENCODER
    """Whose reader: an encoder's, or a till's."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load on its card. `before`: it was an earlier attempt of the same request that had got through."""

    load: WalletLoad
    before: bool


async def load(wallet: Wallet, ask: Ask, services: Services) -> Loaded:
    """Move money from the account into the purse of the wallet's card; safe to repeat until it succeeds."""
    if ask.request is not None and (done := await queries.load_by_request(wallet.id, ask.request)):
        return Loaded(done, before=True)
    async with _laid(ask, services) as laid:
        card = await known_card(laid)
        check_usable(card)
        turn = await _turn(wallet, card.uid)
        at_hand = await opened(card, laid, services)
        files = (await flows.read_content(at_hand)).wallet
        proof = await flows.last_proof(at_hand)
        settled = await settle_by_card(at_hand, files, proof, services.clock.wall_ms())
        for done in settled:
            if done.state == "done" and _same(done, ask):
                return Loaded(done, before=True)
        turn = await queries.turn(turn.id)
        if files.purse > turn.credited - turn.purse_debited:
            await show_beyond_books(turn, files.purse, services.clock.wall_ms())
        await _check_cap(wallet, turn, files, ask.amount)
        await flows.again(at_hand)
        row = await _prepare(wallet, card, ask, files, proof, services.clock.wall_ms())
        batch = credit_purse(at_hand.session, ask.amount, record_of(row))
        done_proof = await flows.commit(at_hand, batch)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await proofs.lock([card.uid], card.site_id, card.group_number)
        await end_load(row, "done", done_proof.counter, now_ms)
    return Loaded(row, before=False)


@asynccontextmanager
async def _laid(ask: Ask, services: Services) -> AsyncIterator[Laid]:
    """The card on an encoder, or on the reader of a till that serves the relay."""
    desk = ask.desk
    if ask.role is Role.ENCODER:
        async with laid_down(desk, services) as laid:
            yield laid
        return
    known = await gates.registered({(desk.site, desk.encoder)})
    if known.get((desk.site, desk.encoder), (None, False)) != (Role.TILL, False):
        raise Problem("unknown_reference", what=f"till {desk.encoder} of site {desk.site}")
    async with services.relay.session(Device(desk.site, Role.TILL, desk.encoder)) as link:
        uid = await link.ask_card(desk.wait_ms)
        if len(uid) != UID_BYTES:
            raise Problem("foreign_card")
        yield Laid(link, uid, (await sites.site(desk.site)).group_number, desk)


async def _turn(wallet: Wallet, uid: str) -> WalletCard:
    """The wallet's card, if it is the one at hand."""
    turn = await queries.card_of(wallet.id)
    if turn is None:
        raise Problem("wallet_has_no_card", wallet=wallet.id)
    if turn.uid != uid:
        raise Problem("wallet_wrong_card", wallet=wallet.id, uid=turn.uid, got=uid)
    return turn


def _same(done: WalletLoad, ask: Ask) -> bool:
    """Whether a load that had got through is what is asked for again: by its key, or without one by its amount."""
    if done.request is not None and ask.request is not None:
        return bool(done.request == ask.request)
    return bool(done.amount == ask.amount)


async def _check_cap(wallet: Wallet, turn: WalletCard, files: WalletFiles, amount: int) -> None:
    terms = await queries.terms(wallet.site_id, wallet.currency)
    if terms is None:
        raise Problem("wallets_not_offered", site=wallet.site_id, currency=wallet.currency)
    # What is signed counts as on the card: a till may be writing it at this moment.
    there = files.purse + max(0, turn.loaded - files.spent)
    if there + amount > terms.offline_cap:
        raise Problem("wallet_above_cap", cap=terms.offline_cap, there=there, room=max(0, terms.offline_cap - there))


async def _prepare(wallet: Wallet, card: Card, ask: Ask, files: WalletFiles, proof: Proof, now_ms: int) -> WalletLoad:
    """Keep what is about to be sent, and take it from the account."""
    row = WalletLoad(
        site_id=wallet.site_id,
        wallet_id=wallet.id,
        uid=card.uid,
        name=secrets.token_hex(8),
        amount=ask.amount,
        currency=wallet.currency,
        device=f"{ask.role} {ask.desk.encoder}",
        counter=proof.counter,
        purse_before=files.purse,
        request=ask.request,
        state="sent",
        actor=ask.desk.actor,
        sent_ms=now_ms,
    )
    async with in_transaction():
        await proofs.lock([card.uid], card.site_id, card.group_number)
        if await queries.pending_loads(card.uid):
            raise Problem("request_in_progress")
        if card.status == "stock":
            await cards.change(card, "load", ask.desk.change(now_ms, values={"wallet": wallet.id}))
        await queries.add_load(row)
        about = About(now_ms, row.actor, wallet.id, row.uid, load=row)
        kind, site = "wallet_load_sent", wallet.site_id
        await enter(kind, about, site=site, amount=row.amount, currency=row.currency, guarded=True)
    return row


def record_of(row: WalletLoad) -> bytes:
    """The card's record of a load by relay; the device is the cloud, 0."""
    name = bytes.fromhex(row.name)
    return encode_record(CardRecord(RecordKind.LOAD, from_ms(row.sent_ms), BY_RELAY, row.amount, name))


# What became of a load without an answer


async def settle_by_card(at_hand: OpenCard, files: WalletFiles, proof: Proof, now_ms: int) -> list[WalletLoad]:
    """Settle the loads of this card that are in doubt, by what it shows now; `files`, `proof`: just read of it.

    Problem wallet_load_in_doubt when it cannot tell any more. Reading records may end the card's session.
    """
    uid = at_hand.keys.uid.hex()
    pending = await queries.pending_loads(uid)
    settled = []
    for row in pending:
        done = await _is_on(row, at_hand, files, proof)
        if done is None:
            raise Problem("wallet_load_in_doubt", amount=row.amount)
        async with in_transaction():
            wallet = await queries.wallet(row.wallet_id)
            await proofs.lock([uid], wallet.site_id, wallet.group_number)
            await end_load(row, "done" if done else "void", row.counter + 1 if done else None, now_ms)
        settled.append(row)
    return settled


async def _is_on(row: WalletLoad, at_hand: OpenCard, files: WalletFiles, proof: Proof) -> bool | None:
    """Whether a card has got a load: it would be the next transaction after the one that was read before it."""
    since = proof.counter - row.counter
    if since == 0:
        return False
    if since == 1:
        expected = transaction_mac(at_hand.keys.transaction, at_hand.keys.uid, proof.counter, _input(row))
        return hmac.compare_digest(expected, proof.value)
    if files.purse > row.purse_before:
        return True  # only the cloud credits, and one load at a time
    if await _told_otherwise(row):
        return False
    names = {record[-NAME_BYTES:].hex() for record in await flows.read_all_records(at_hand)}
    if row.name[: 2 * NAME_BYTES] in names:
        return True
    return False if since <= RECORDS_VISIBLE else None


async def _told_otherwise(row: WalletLoad) -> bool:
    """A device has proved another transaction under the counter that the load would have."""
    rows = await proofs.with_counters([(row.uid, row.counter + 1)])
    return any(proof.state == "verified" for proof in rows)


def _input(row: WalletLoad) -> bytes:
    """What the card MACed of a load: the session is begun anew for it, so that nothing read before is in it."""
    expected = TransactionInput()
    expected.add(credit(PURSE_FILE, row.amount))
    expected.add(write_record(RECENT_FILE, record_of(row)))
    return expected.content
