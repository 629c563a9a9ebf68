# SPDX-License-Identifier: Apache-2.0
"""The desk where cards come back: read first, then take back, then wipe, then it is stock again.

A wipe is kept before it is sent. If its answer is lost, the card itself tells: blank, it was done, and the money that
was read before moves then; not blank, it was not, and the wipe begins anew.
"""

from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import flows, queries
from pistegate_cloud.cards.desk import Desk, known_card, laid_down, opened
from pistegate_cloud.cards.flows import OpenCard
from pistegate_cloud.cards.models import Card, CardWipe
from pistegate_cloud.cards.reading import Seen, read
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.wallets import queries as books
from pistegate_cloud.wallets import service as wallets
from pistegate_protocol.desfire.issuing import wipe as wipe_batch
from pistegate_protocol.rental import kinds_to_bits

# Why a card in a state is not taken back; one that is `returned` already is completed.
_NOT_WITH_A_GUEST: Final = {
    "stock": "card_in_stock",
    "personalising": "card_personalising",
    "lost": "card_reported_lost",
    "void": "card_void",
}


async def take_back(desk: Desk, services: Services, *, wipe: bool, accept_outstanding: bool) -> Seen:
    """Take the card back and wipe it; what it held. Problem card_rental_out while equipment is out on it.

    Repeat it until it succeeds: a wipe that was interrupted is completed.
    """
    async with laid_down(desk, services) as laid:
        card = await known_card(laid)
        if code := _NOT_WITH_A_GUEST.get(card.status):
            raise Problem(code, uid=card.uid)
        at_hand = await opened(card, laid, services)
        seen = await read(card, at_hand, laid, services)
        if seen.rental.outstanding and not accept_outstanding:
            kinds = ", ".join(sorted(kind.name.lower() for kind in seen.rental.outstanding))
            raise Problem("card_rental_out", uid=card.uid, kinds=kinds)
        if card.status != "returned":
            await _keep_taken_back(card, seen, desk, services)
        if wipe:
            await _wipe(seen, at_hand, desk, services)
    return seen


async def _keep_taken_back(card: Card, seen: Seen, desk: Desk, services: Services) -> None:
    values = {"balance": seen.wallet.balance, "outstanding": kinds_to_bits(seen.rental.outstanding)}
    async with in_transaction():
        change = desk.change(services.clock.wall_ms(), ticket=card.ticket_id, values=values)
        await queries.change(card, "take_back", change)


async def _wipe(seen: Seen, at_hand: OpenCard, desk: Desk, services: Services) -> None:
    """In a session of its own; nothing is written when an interrupted wipe is found to be done."""
    wipe = await queries.open_wipe(seen.card.id)
    if wipe is not None and seen.content.blank and not seen.records:
        counter = (await flows.last_proof(at_hand)).counter
    else:
        wipe = await _keep_wipe(wipe, seen, desk, services.clock.wall_ms())
        loaded = await books.loaded_total(seen.card.uid)
        await flows.again(at_hand)
        batch = wipe_batch(at_hand.session, seen.content.wallet, loaded)
        counter = (await flows.commit(at_hand, batch)).counter
    await _finish(seen.card, wipe, counter, desk, services)


async def _keep_wipe(wipe: CardWipe | None, seen: Seen, desk: Desk, now_ms: int) -> CardWipe:
    """What is about to be sent, with the money that was read; one that was not done begins anew."""
    wipe = wipe or CardWipe(site_id=desk.site, card_id=seen.card.id)
    wipe.purse, wipe.loaded, wipe.spent = seen.wallet.purse, seen.wallet.loaded, seen.wallet.spent
    wipe.encoder, wipe.actor, wipe.sent_ms = desk.encoder, desk.actor, now_ms
    await queries.keep_wipe(wipe)
    return wipe


async def _finish(card: Card, wipe: CardWipe, counter: int, desk: Desk, services: Services) -> None:
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        wipe.done_ms, wipe.counter = now_ms, counter
        await queries.keep_wipe(wipe)
        blank = {"ticket_id": None, "revision": None, "claim": None}
        await queries.change(card, "wipe", desk.change(now_ms, ticket=card.ticket_id, counter=counter), **blank)
        await wallets.unloaded(card, wipe.purse, wipe.loaded, wipe.spent, wipe=wipe.id, actor=wipe.actor, now_ms=now_ms)
