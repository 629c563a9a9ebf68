# SPDX-License-Identifier: Apache-2.0
"""A card on an encoder: which encoder, who asks, whether the card is ours and may be used."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import flows, queries
from pistegate_cloud.cards.flows import OpenCard
from pistegate_cloud.cards.keys import CardKeys
from pistegate_cloud.cards.models import Card, CardChange
from pistegate_cloud.encoders import queries as encoders
from pistegate_cloud.encoders.relay import RelaySession
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_protocol.card_layout import UID_BYTES, KeySet
from pistegate_protocol.topics import Device, Role

# Why a card in a state can hold no ticket; the texts say what to do.
_NOT_USABLE: Final = {
    "personalising": "card_personalising",
    "returned": "card_returned",
    "lost": "card_reported_lost",
    "void": "card_void",
}


# What may go wrong with any card at any encoder, for the OpenAPI document.
DESK_PROBLEMS: Final = (
    "unknown_reference",
    "no_card",
    "foreign_card",
    "card_unknown",
    "card_of_another_group",
    "card_key_refused",
    "card_lost",
    "card_refused",
    "card_proof_wrong",
    "encoder_busy",
    "encoder_offline",
    "broker_unreachable",
    "reader_lost",
    "state_conflict",
)
USABLE_PROBLEMS: Final = tuple(_NOT_USABLE.values())


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a card is laid down: encoder of a site, how long to wait for the card, the name of the caller's token."""

    site: int
    encoder: int
    wait_ms: int
    actor: str

    def change(self, now_ms: int, **values: Any) -> CardChange:
        """The audit row of what is done to a card here."""
        return CardChange(site_id=self.site, encoder=self.encoder, actor=self.actor, at_ms=now_ms, **values)


@dataclass(slots=True)
class Laid:
    """What lies on the encoder: its UID, and the link to it. `group`: of the encoder's site."""

    link: RelaySession
    uid: bytes
    group: int
    desk: Desk


@asynccontextmanager
async def laid_down(desk: Desk, services: Services) -> AsyncIterator[Laid]:
    """The next card at the desk; Problem when there is none, or it has no UID of ours."""
    site = await sites.site(desk.site)
    await encoders.encoder(desk.site, desk.encoder)
    async with services.relay.session(Device(desk.site, Role.ENCODER, desk.encoder)) as link:
        uid = await link.ask_card(desk.wait_ms)
        if len(uid) != UID_BYTES:
            raise Problem("foreign_card")
        yield Laid(link, uid, site.group_number, desk)


async def known_card(laid: Laid) -> Card:
    """The card's row; Problem when it is not of our stock, or of another group's."""
    card = await queries.by_uid(laid.uid.hex())
    if card is None:
        raise Problem("card_unknown", uid=laid.uid.hex())
    if card.group_number != laid.group:
        raise Problem("card_of_another_group", uid=card.uid)
    return card


def check_usable(card: Card) -> None:
    """Problem unless the card may hold a ticket or money: in stock, or in use."""
    if code := _NOT_USABLE.get(card.status):
        raise Problem(code, uid=card.uid)


async def opened(card: Card, laid: Laid, services: Services) -> OpenCard:
    """The card, having proved that it is ours with the ISSUER key of either set; the set is remembered."""
    keys = CardKeys(laid.uid, services.settings.card_keys)
    found = await flows.open_issuer(laid.link, keys, KeySet(card.key_set))
    if found.key_set != card.key_set:
        await learn_key_set(card, found.key_set, laid.desk, services)
    return found


async def learn_key_set(card: Card, key_set: KeySet, desk: Desk, services: Services) -> None:
    """The card has proved which key set is active on it: kept with its story."""
    change = desk.change(services.clock.wall_ms(), card_id=card.id, event="key_set", status=card.status)
    change.values = {"before": card.key_set, "now": int(key_set)}
    async with in_transaction():
        await queries.set_key_set(card, key_set)
        await queries.note([change])
