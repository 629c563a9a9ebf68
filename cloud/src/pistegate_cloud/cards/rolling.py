# SPDX-License-Identifier: Apache-2.0
"""Switching a card at the desk to its second key set, after a theft (docs/key-theft.md); gates do it too."""

import secrets

from pistegate_cloud.cards import flows
from pistegate_cloud.cards.desk import Desk, known_card, laid_down, learn_key_set, opened
from pistegate_cloud.cards.models import Card
from pistegate_cloud.services import Services
from pistegate_protocol.card_layout import KEY_BYTES, CardKey, KeySet
from pistegate_protocol.desfire.transactions import roll_key_set


async def roll(desk: Desk, services: Services) -> Card:
    """Make the second key set the active one; a card that has it is left alone. Repeat it until it succeeds."""
    async with laid_down(desk, services) as laid:
        card = await known_card(laid)
        at_hand = await opened(card, laid, services)
        if at_hand.key_set is KeySet.FIRST:
            key = at_hand.keys.key(CardKey.ROLL, KeySet.FIRST)
            await flows.run(laid.link, roll_key_set(key, secrets.token_bytes(KEY_BYTES), KeySet.SECOND))
            at_hand.key_set = KeySet.SECOND
            await flows.again(at_hand)  # it must open with the new set before that is believed
            await learn_key_set(card, KeySet.SECOND, desk, services)
    return card
