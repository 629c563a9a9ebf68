# SPDX-License-Identifier: Apache-2.0
"""Card stock: what stock.py writes straight into EEPROM is what the cloud's own flow leaves on a card."""

from collections.abc import Callable
from random import Random

import pytest
from card_flows import run_flow

from pistegate_protocol.card_layout import AID, FILES, PICC_AID, CardKey, KeySet
from pistegate_protocol.desfire.diversify import diversify as protocol_diversify
from pistegate_protocol.desfire.personalise import PiccKey, personalise
from pistegate_protocol.desfire.verification import PersonalisationKeys, SetKeys, verify_personalised
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard

from .desfire_host import Host
from .proofs import diversify

MASTERS = stock.CardMasters.drawn(Random("stock"))


def host_keys(uid: bytes) -> PersonalisationKeys:
    """By the protocol's diversification, not by the simulator's."""

    def own(master: bytes, aid: bytes = AID) -> bytes:
        return protocol_diversify(master, uid, aid, MASTERS.system)

    sets = [
        SetKeys(keys={key: own(MASTERS.sets[number][key]) for key in CardKey}, version=stock.SET_VERSIONS[number])
        for number in KeySet
    ]
    picc = own(MASTERS.picc, PICC_AID)
    return PersonalisationKeys(uid=uid, picc=picc, sets=(sets[0], sets[1]), transaction=own(MASTERS.transaction))


def blank(rng: Random) -> tuple[DesfireCard, PiccKey]:
    return stock.blank_stock(rng), PiccKey()


def from_the_factory(rng: Random) -> tuple[DesfireCard, PiccKey]:
    return stock.factory_stock(rng), PiccKey()


def with_transport_key(rng: Random) -> tuple[DesfireCard, PiccKey]:
    card = stock.transport_keyed(rng, MASTERS.transport, MASTERS.system)
    return card, PiccKey(protocol_diversify(MASTERS.transport, card.uid, PICC_AID, MASTERS.system))


@pytest.mark.parametrize("made", [blank, from_the_factory, with_transport_key])
def test_personalisation_leaves_what_stock_writes(made: Callable[[Random], tuple[DesfireCard, PiccKey]]) -> None:
    """Keys of both sets, settings, files, proof key: byte for byte, whatever the card began with."""
    card, initial = made(Random(3))
    card.power_on()
    run_flow(personalise(host_keys(card.uid), initial, Random(4).randbytes), card.process)
    expected = stock.personalised_card(Random(3), MASTERS)
    assert expected.uid == card.uid
    assert card.image()["applications"] == expected.image()["applications"]


def test_a_card_of_the_stock_passes_the_clouds_verification() -> None:
    """Which reads versions, settings and files by commands."""
    card = stock.personalised_card(Random(5), MASTERS)
    card.power_on()
    verified = run_flow(verify_personalised(host_keys(card.uid), Random(6).randbytes), card.process)
    assert (verified.active, verified.set_versions) == (KeySet.FIRST, (1, 2))


def test_every_key_of_a_card_is_its_own_and_derived_as_published() -> None:
    """Ten keys of two cards: no two alike, each as AN10922 by a third implementation."""
    found = set()
    for seed in (1, 2):
        uid = stock.personalised_card(Random(seed), MASTERS).uid
        for number in KeySet:
            for key in CardKey:
                value = MASTERS.card_key(uid, key, number)
                assert value == diversify(MASTERS.sets[number][key], uid + AID + MASTERS.system)
                found.add(value)
        assert MASTERS.picc_key(uid) == diversify(MASTERS.picc, uid + bytes(3) + MASTERS.system)
        assert MASTERS.transaction_key(uid) == diversify(MASTERS.transaction, uid + AID + MASTERS.system)
        found |= {MASTERS.picc_key(uid), MASTERS.transaction_key(uid)}
    assert len(found) == 20


def test_no_default_key_is_left() -> None:
    """Zeros open neither the card nor any key of either set."""
    card = stock.personalised_card(Random(7), MASTERS)
    for aid, count in ((0, 1), (stock.APPLICATION, len(CardKey))):
        for number in range(count):
            value, version = card.key(aid, number)
            assert any(value)
            assert version


def test_content_of_every_file_can_be_put_and_read() -> None:
    """For attacks: no key is needed, and the card shows it to who has one."""
    card = stock.personalised_card(Random(8), MASTERS)
    stock.put_claim(card, b"C" * 112)
    stock.put_usage(card, b"U" * 32)
    stock.put_amendment(card, b"A" * 96)
    stock.put_loads(card, b"L" * 96)
    stock.put_rental(card, b"R" * 16)
    stock.put_purse(card, 1_234)
    stock.put_spent(card, -99)
    stock.put_recent(card, [b"1" * 16, b"2" * 16])
    stock.put_proof(card, 5, b"12345678")
    assert stock.claim_content(card) == b"C" * 112
    assert stock.usage_content(card) == b"U" * 32
    assert stock.amendment_content(card) == b"A" * 96
    assert stock.loads_content(card) == b"L" * 96
    assert stock.rental_content(card) == b"R" * 16
    assert (stock.purse(card), stock.spent(card)) == (1_234, -99)
    assert stock.recent_records(card) == [b"1" * 16, b"2" * 16]
    assert stock.proof(card) == (5, b"12345678")
    assert {file.number for file in FILES} == {1, 2, 3, 4, 5, 6, 7, 8, 15}
    host = Host(card.process)
    host.select(stock.APPLICATION)
    assert host.exchange(0xAD, bytes([1]) + bytes(6)) == b"C" * 112
