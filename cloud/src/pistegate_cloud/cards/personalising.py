# SPDX-License-Identifier: Apache-2.0
"""Personalising a card at an encoder: blank cards where the encoder is trusted, transport-keyed stock anywhere.

The card's row is kept before the first command that changes the card is sent, so that one that leaves midway is known,
and completed when it is laid down again. A card that was finished once is verified and never rebuilt: whoever emulates
a blank card with its UID is given nothing.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import queries
from pistegate_cloud.cards.desk import Desk, Laid, laid_down
from pistegate_cloud.cards.keys import CardKeys
from pistegate_cloud.cards.models import Card
from pistegate_cloud.encoders import queries as encoders
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_protocol.desfire.apdu import CardError, CardRefused, Ins
from pistegate_protocol.desfire.personalise import PiccKey, personalise
from pistegate_protocol.desfire.verification import WRONG_KEY, CardUnsuitable, NotPersonalised, PersonalisedCard

_UNFINISHED: Final = "personalising"
# Commands of the flow that change nothing; before the first other one, the card's row is kept.
_HARMLESS: Final = frozenset(
    {
        Ins.SELECT_APPLICATION,
        Ins.GET_VERSION,
        Ins.AUTHENTICATE_ISO,
        Ins.AUTHENTICATE_EV2_FIRST,
        Ins.ADDITIONAL_FRAME,
        Ins.GET_APPLICATION_IDS,
    }
)
_INS_AT: Final = 1  # of a wrapped command


async def personalise_card(desk: Desk, services: Services) -> Card:
    """Make the card at the desk one of ours, or verify that it is; repeat it until it succeeds. Problem otherwise."""
    trusted = (await encoders.encoder(desk.site, desk.encoder)).trusted
    async with laid_down(desk, services) as laid:
        keys = CardKeys(laid.uid, services.settings.card_keys)
        card = await queries.by_uid(laid.uid.hex())
        if card is not None and card.group_number != laid.group:
            raise Problem("card_of_another_group", uid=card.uid)
        if card is not None and card.status != _UNFINISHED:
            await _attempt(laid, keys, None, _nothing)
            return card
        card, done = await _with_some_key(desk, laid, keys, trusted, services)
    async with in_transaction():
        change = desk.change(services.clock.wall_ms(), values={"hardware": done.card.hardware})
        await queries.change(card, "personalised", change, key_set=int(done.active))
    return card


async def _with_some_key(
    desk: Desk, laid: Laid, keys: CardKeys, trusted: bool, services: Services
) -> tuple[Card, PersonalisedCard]:
    """Try the transport key, then, at a trusted encoder, the factory's."""
    for origin, initial in _initials(keys, trusted):

        async def keep(origin: str = origin) -> None:
            await _keep_begun(desk, laid, origin, services.clock.wall_ms())

        try:
            done = await _attempt(laid, keys, initial, keep)
        except Problem as problem:
            if problem.code != "card_key_refused":
                raise
            continue
        if await queries.by_uid(keys.uid.hex()) is None:  # it was complete already: nothing on it was changed
            await keep()
        return await queries.card(keys.uid.hex()), done
    raise Problem("card_key_refused" if trusted else "encoder_not_trusted", encoder=desk.encoder)


def _initials(keys: CardKeys, trusted: bool) -> list[tuple[str, PiccKey]]:
    found = [("transport", PiccKey(keys.transport))] if keys.transport else []
    return [*found, ("blank", PiccKey())] if trusted else found


async def _keep_begun(desk: Desk, laid: Laid, origin: str, now_ms: int) -> None:
    uid = laid.uid.hex()
    async with in_transaction():
        card = await queries.by_uid(uid)
        if card is None:
            card = Card(site_id=desk.site, group_number=laid.group, uid=uid, status=_UNFINISHED, origin=origin)
            card.created_ms = card.changed_ms = now_ms
            await queries.add_one(card)
        await queries.change(card, "personalise", desk.change(now_ms), origin=origin)


async def _nothing() -> None:
    """A card that is only verified has its row."""


async def _attempt(
    laid: Laid, keys: CardKeys, initial: PiccKey | None, before_change: Callable[[], Awaitable[None]]
) -> PersonalisedCard:
    """Run the flow, one exchange per round trip; `before_change` is awaited before the first that changes the card."""
    flow = personalise(keys.for_personalising(), initial, secrets.token_bytes)
    changing = False
    try:
        command = next(flow)
        while True:
            if not changing and command[_INS_AT] not in _HARMLESS:
                changing = True
                await before_change()
            answers = await laid.link.exchange([command])
            command = flow.send(answers[0] if answers else b"")
    except StopIteration as stop:
        done: PersonalisedCard = stop.value
        return done
    except CardUnsuitable as error:
        raise Problem("card_unsuitable", error=str(error)) from error
    except NotPersonalised as error:
        raise Problem("card_not_personalised", uid=keys.uid.hex(), error=str(error)) from error
    except CardRefused as error:
        code = "card_key_refused" if error.status in WRONG_KEY else "card_refused"
        raise Problem(code, error=str(error)) from error
    except CardError as error:
        raise Problem("card_refused", error=str(error)) from error
