# SPDX-License-Identifier: Apache-2.0
"""The master keys of the cloud under test, its [card_keys] section, and the cards that its site begins with."""

from random import Random

from pistegate_protocol.card_layout import CardKey, KeySet
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import CardMasters, personalised_card

MASTERS = CardMasters.drawn(Random(3))
STOCK_CARDS = 40  # personalised cards in stock of the site under test


def stock_cards() -> list[DesfireCard]:
    """The cards of the site's stock, always the same ones."""
    rng = Random(7)
    return [personalised_card(rng, MASTERS) for _ in range(STOCK_CARDS)]


def card_key_settings(masters: CardMasters = MASTERS) -> dict[str, str]:
    """[card_keys] of a cloud that has these masters."""
    found = {"system": masters.system, "picc": masters.picc, "transaction": masters.transaction}
    found["transport"] = masters.transport
    for number in KeySet:
        found |= {f"{key.name.lower()}_{int(number)}": masters.sets[number][key] for key in CardKey}
    return {name: value.hex() for name, value in found.items()}


def every_key(uid: bytes, masters: CardMasters = MASTERS) -> list[bytes]:
    """All masters, and all keys of one card: what must not be seen on a wire."""
    found = [masters.picc, masters.transaction, masters.transport, *masters.sets[0].values(), *masters.sets[1].values()]
    found += [masters.card_key(uid, key, number) for key in CardKey for number in KeySet]
    return [*found, masters.picc_key(uid), masters.transaction_key(uid)]
