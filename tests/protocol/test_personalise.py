# SPDX-License-Identifier: Apache-2.0
"""Personalisation of simulated cards: from every kind of stock, cut at every exchange, overheard, and verified."""

from collections.abc import Callable, Generator
from random import Random
from typing import Any

import pytest
from card_flows import run_flow
from desfire_cases import RND_A, drawn_masters, field_lost, host_keys

from pistegate_protocol.card_layout import AID, FILES, PICC_AID, CardKey, KeySet
from pistegate_protocol.desfire import crypto, transactions
from pistegate_protocol.desfire.apdu import CardError, CardRefused, Ins, Status
from pistegate_protocol.desfire.card_commands import change_own_key, select_application
from pistegate_protocol.desfire.ev2 import Ev2Session, without_session
from pistegate_protocol.desfire.personalise import PiccKey, personalise
from pistegate_protocol.desfire.verification import (
    CardUnsuitable,
    NotPersonalised,
    PersonalisationKeys,
    PersonalisedCard,
    SetKeys,
    verify_personalised,
)
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import (
    APPLICATION,
    blank_stock,
    diversified,
    factory_stock,
    personalised_card,
    transport_keyed,
)

MASTERS = drawn_masters()
BLANK = PiccKey()
OTHER_APPLICATION = 0xC0FFEE


def transport_key(card: DesfireCard) -> PiccKey:
    """As the supplier diversified it."""
    return PiccKey(diversified(MASTERS.transport, card.uid, bytes(3), b""))


def blank(seed: int = 1) -> tuple[DesfireCard, PiccKey]:
    """Stock whose own key is an AES key of zeros."""
    return blank_stock(Random(seed)), BLANK


def factory_fresh(seed: int = 1) -> tuple[DesfireCard, PiccKey]:
    """Stock as its maker ships it: a DES key of zeros."""
    return factory_stock(Random(seed)), BLANK


def from_supplier(seed: int = 1) -> tuple[DesfireCard, PiccKey]:
    """Transport-keyed stock."""
    card = transport_keyed(Random(seed), MASTERS.transport)
    return card, transport_key(card)


STOCK = pytest.mark.parametrize("stock", [blank, factory_fresh, from_supplier])
Stock = Callable[..., tuple[DesfireCard, PiccKey]]


def personalised(card: DesfireCard, initial: PiccKey | None, seed: int = 3) -> PersonalisedCard:
    """Run the whole flow."""
    flow = personalise(host_keys(MASTERS, card.uid), initial, Random(seed).randbytes)
    return run_flow(flow, card.process)


def eeprom(card: DesfireCard) -> dict[str, Any]:
    """Applications, keys, files, settings; not what nobody can use: the last default key, lost memory."""
    image: dict[str, Any] = card.image()["applications"]
    return image


def as_it_must_be(card: DesfireCard) -> bool:
    """Equal to the card that the simulated stock puts together by itself, for the same UID."""
    for seed in (1, 2):
        model = personalised_card(Random(seed), MASTERS)
        if model.uid == card.uid:
            return eeprom(model) == eeprom(card)
    raise AssertionError("no model of this card")


@STOCK
def test_stock_becomes_a_card_of_ours(stock: Stock) -> None:
    """Keys of both sets, files, rights and settings, as the simulated stock makes them; no default key is left."""
    card, initial = stock()
    card.power_on()
    record = personalised(card, initial)
    assert as_it_must_be(card)
    assert record == run_flow(verify_personalised(host_keys(MASTERS, card.uid), Random(4).randbytes), card.process)
    assert (record.card.uid, record.card.hardware, record.active) == (card.uid, 0x33, KeySet.FIRST)
    assert (record.key_version, record.set_versions) == (1, (1, 2))


def test_a_gate_reads_and_uses_a_card_of_ours() -> None:
    """With the key that it derives itself, in both key sets."""
    card, initial = blank()
    card.power_on()
    personalised(card, initial)
    keys = host_keys(MASTERS, card.uid)
    for key_set in KeySet:
        gate_key = keys.sets[key_set].keys[CardKey.GATE]
        content = run_flow(transactions.open_card(gate_key, RND_A), card.process)
        run_flow(transactions.write_use(content.session, bytes(32), bytes(16)), card.process)
        assert run_flow(transactions.commit(content.session), card.process).counter == key_set + 1
        if key_set is KeySet.FIRST:
            roll_key = keys.sets[KeySet.FIRST].keys[CardKey.ROLL]
            run_flow(transactions.roll_key_set(roll_key, RND_A, KeySet.SECOND), card.process)


def test_personalising_again_changes_nothing() -> None:
    """A card in use, put on the encoder by mistake: verified, and left alone with its money."""
    card = personalised_card(Random(1), MASTERS)
    card.power_on()
    gate_key = host_keys(MASTERS, card.uid).sets[KeySet.FIRST].keys[CardKey.GATE]
    content = run_flow(transactions.open_card(gate_key, RND_A), card.process)
    run_flow(transactions.write_use(content.session, bytes(range(32)), bytes(16)), card.process)
    run_flow(transactions.commit(content.session), card.process)
    before = eeprom(card)
    for initial in (BLANK, transport_key(card), None):
        personalised(card, initial)
        assert eeprom(card) == before


def cut(card: DesfireCard, flow: Generator[bytes, bytes, Any], commands: int) -> bool:
    """Carry `commands` commands to the card, which then leaves without the last one's answer; whether it was all."""
    command = next(flow)
    for left in range(commands, 0, -1):
        answer = card.process(command)
        if left > 1:
            try:
                command = flow.send(answer)
            except StopIteration:
                return True
    flow.close()
    return False


@STOCK
def test_a_card_that_leaves_at_any_exchange_is_completed_by_the_next_try(stock: Stock) -> None:
    """Cut before and after every command; and cut a second time on the way, anywhere."""
    second_cuts = Random(11)
    commands = 0
    while True:
        card, initial = stock()
        keys = host_keys(MASTERS, card.uid)
        for number in (commands, second_cuts.randrange(70)):
            card.power_on()
            whole = cut(card, personalise(keys, initial, Random(number).randbytes), number)
            field_lost(card)
            if number == commands and whole:
                assert commands in range(60, 75)
                return
        personalised(card, initial, seed=commands)
        assert as_it_must_be(card), f"cut after {commands} commands"
        commands += 1


def test_many_interrupted_tries_do_not_use_up_the_card() -> None:
    """Deleting gives no memory back, formatting does: forty half-made applications leave room for one."""
    card, initial = blank()
    keys = host_keys(MASTERS, card.uid)
    for number in range(40):
        card.power_on()
        cut(card, personalise(keys, initial, Random(number).randbytes), 35)
        field_lost(card)
    personalised(card, initial)
    assert as_it_must_be(card)


def test_a_card_whose_session_ends_with_formatting_is_completed_too() -> None:
    """No public source says whether it does."""
    card, initial = blank()
    keys = host_keys(MASTERS, card.uid)
    card.power_on()
    cut(card, personalise(keys, initial, Random(1).randbytes), 35)
    field_lost(card)

    def forgetting(command: bytes) -> bytes:
        answer = card.process(command)
        if command[1] == Ins.FORMAT_PICC:
            card.process(next(without_session(select_application(PICC_AID))))
        return answer

    run_flow(personalise(keys, initial, Random(2).randbytes), forgetting)
    assert as_it_must_be(card)


def test_a_foreign_application_on_stock_is_left_alone() -> None:
    """Ours is half-made beside it: only ours is removed."""
    card, initial = blank()
    card.create_application(OTHER_APPLICATION, [bytes([9] * 16)], {})
    card.power_on()
    cut(card, personalise(host_keys(MASTERS, card.uid), initial, Random(1).randbytes), 35)
    field_lost(card)
    assert set(card.applications()) == {OTHER_APPLICATION, APPLICATION}
    personalised(card, initial)
    assert set(card.applications()) == {OTHER_APPLICATION, APPLICATION}


def test_a_card_whose_application_was_removed_gets_it_again() -> None:
    """With its final key, by who holds it; nothing is left that could be lost."""
    card = personalised_card(Random(1), MASTERS)
    del card._card.memory.applications[APPLICATION]
    card.power_on()
    personalised(card, None)
    assert as_it_must_be(card)


# What is refused


@STOCK
def test_stock_of_unknown_keys_is_refused(stock: Stock) -> None:
    """A card that neither the final nor the given initial key opens; it stays as it was."""
    card, _ = stock()
    card.power_on()
    before = eeprom(card)
    for initial in (None, PiccKey(bytes([7] * 16))):
        with pytest.raises(CardRefused) as refused:
            personalised(card, initial)
        assert refused.value.status == Status.AUTHENTICATION_ERROR
    assert eeprom(card) == before


@pytest.mark.parametrize("status", [Status.MEMORY_ERROR, Status.AUTHENTICATION_DELAY, Status.CARD_DISABLED])
def test_a_card_in_trouble_is_not_tried_with_another_key(status: Status) -> None:
    """Only a wrong key is a reason for the initial one; the card's trouble is told."""
    card, initial = blank()
    card.power_on()
    sent: list[int] = []

    def failing(command: bytes) -> bytes:
        sent.append(command[1])
        return bytes([0x91, status]) if command[1] == Ins.AUTHENTICATE_EV2_FIRST else card.process(command)

    with pytest.raises(CardRefused) as refused:
        run_flow(personalise(host_keys(MASTERS, card.uid), initial, Random(1).randbytes), failing)
    assert refused.value.status == status
    assert sent.count(Ins.AUTHENTICATE_EV2_FIRST) == 1


def test_keys_of_another_card_are_refused() -> None:
    """The guest before left his card in the field."""
    card, initial = blank()
    card.power_on()
    before = eeprom(card)
    keys = host_keys(MASTERS, bytes(7))
    with pytest.raises(CardUnsuitable, match="keys are for"):
        run_flow(personalise(keys, initial, Random(1).randbytes), card.process)
    assert eeprom(card) == before


@pytest.mark.parametrize("version", ["04010101001A05", "04020133001A05", "05010133001A05"])
def test_a_card_without_key_sets_is_refused(version: str) -> None:
    """EV1, another product, another maker: told before anything is written."""
    card, initial = blank()
    card.power_on()

    def older(command: bytes) -> bytes:
        answer = card.process(command)
        return bytes.fromhex(version) + answer[7:] if command[1] == 0x60 else answer

    with pytest.raises(CardUnsuitable, match="EV2"):
        run_flow(personalise(host_keys(MASTERS, card.uid), initial, Random(1).randbytes), older)


def test_a_default_keys_version_is_the_callers_mistake() -> None:
    """0 is what the factory leaves: with it, a key that was never changed would look right."""
    card, initial = blank()
    keys = host_keys(MASTERS, card.uid)
    wrong = PersonalisationKeys(uid=keys.uid, picc=keys.picc, sets=keys.sets, transaction=keys.transaction, version=0)
    with pytest.raises(ValueError, match="default"):
        next(personalise(wrong, initial, Random(1).randbytes))


# What somebody at the encoder learns


def overheard(stock: Stock) -> tuple[PersonalisationKeys, list[bytes]]:
    """Everything that went over the relay while a card was personalised."""
    card, initial = stock()
    card.power_on()
    said: list[bytes] = []

    def heard(command: bytes) -> bytes:
        answer = card.process(command)
        said.extend((command, answer))
        return answer

    keys = host_keys(MASTERS, card.uid)
    run_flow(personalise(keys, initial, Random(5).randbytes), heard)
    return keys, said


@STOCK
def test_no_key_crosses_the_relay_in_clear(stock: Stock) -> None:
    """Neither of any key set, nor of the card or the transaction MAC."""
    keys, said = overheard(stock)
    secrets = [keys.picc, keys.transaction, *keys.sets[0].keys.values(), *keys.sets[1].keys.values()]
    assert not [secret for secret in secrets for message in said if secret in message]


def test_no_key_shows_in_a_log() -> None:
    """What a traceback or a log prints of keys, sessions and commands."""
    secret = bytes(range(0xA0, 0xB0))
    keys = SetKeys(keys={CardKey.GATE: secret}, version=1)
    shown = [
        PiccKey(secret),
        keys,
        PersonalisationKeys(uid=bytes(7), picc=secret, sets=(keys, keys), transaction=secret),
        Ev2Session(secret, secret, bytes(4)),
        change_own_key(0, secret, 1),
    ]
    for each in shown:
        assert repr(secret)[2:-1] not in repr(each)


def sessions_with(key: bytes, said: list[bytes]) -> int:
    """How many of the authentications that were overheard used `key`: it deciphers the host's proof."""
    found = 0
    for at, message in enumerate(said):
        if message[:2] == b"\x90\x71" and said[at + 1][-1] == Status.ADDITIONAL_FRAME:
            rnd_b = crypto.decrypt(key, said[at + 1][:-2])
            proof = crypto.decrypt(key, said[at + 2][5:-1])
            found += proof[16:] == crypto.rotate_left(rnd_b)
    return found


def test_transport_keyed_stock_is_never_opened_with_a_known_key() -> None:
    """Who knows the factory's keys and listens can follow no session; of blank stock he can follow all."""
    _, said = overheard(from_supplier)
    assert sessions_with(bytes(16), said) == 0
    _, said = overheard(blank)
    assert sessions_with(bytes(16), said) == 2  # to begin, and to close


def test_each_card_begins_with_another_random_key() -> None:
    """The application's first keys are drawn anew for each try and stay nowhere but, unused, on the card."""
    defaults = set()
    for seed in range(5):
        card, initial = blank()
        card.power_on()
        personalised(card, initial, seed=seed)
        default = card.image()["default_key"][0]
        assert default not in str(eeprom(card))
        defaults.add(default)
    assert len(defaults) == 5
    assert bytes(16).hex() not in defaults


# Verification


@pytest.mark.parametrize("number", [file.number for file in FILES])
def test_a_file_that_is_not_as_laid_out_is_found(number: int) -> None:
    """Missing, or with other rights: told, and the card is left as it is."""
    for spoil in (remove_file, open_file):
        card = personalised_card(Random(1), MASTERS)
        card.power_on()
        spoil(card, number)
        before = eeprom(card)
        for flow in (verify_personalised, lambda keys, rnd: personalise(keys, BLANK, rnd)):
            with pytest.raises(NotPersonalised, match="file"):
                run_flow(flow(host_keys(MASTERS, card.uid), Random(1).randbytes), card.process)
        assert eeprom(card) == before


def remove_file(card: DesfireCard, number: int) -> None:
    """As nobody without the MASTER key can."""
    del card._card.memory.applications[APPLICATION].files[number]


def open_file(card: DesfireCard, number: int) -> None:
    """Everybody may read it."""
    file = card.file(APPLICATION, number)
    file.rights = file.rights._replace(read=0xE, change=0xE)


@pytest.mark.parametrize("key", CardKey)
@pytest.mark.parametrize("key_set", KeySet)
def test_a_key_that_was_never_changed_is_found(key: CardKey, key_set: KeySet) -> None:
    """By its version, in either set; the MASTER key by its refusal."""
    card = personalised_card(Random(1), MASTERS)
    card.power_on()
    keys = card._card.memory.applications[APPLICATION].key_sets[key_set].keys
    keys[key] = keys[key]._replace(version=0, value=bytes(16))
    with pytest.raises(CardError) as found:
        run_flow(verify_personalised(host_keys(MASTERS, card.uid), Random(1).randbytes), card.process)
    refused = key is CardKey.MASTER and key_set is KeySet.FIRST
    assert isinstance(found.value, CardRefused if refused else NotPersonalised)


@pytest.mark.parametrize("aid", [0, APPLICATION])
@pytest.mark.parametrize("settings", [0x0F, 0x0B, 0x0D, 0x19])
def test_a_card_that_was_left_open_is_found(aid: int, settings: int) -> None:
    """Free listing, creating and deleting, or another key that changes keys."""
    card = personalised_card(Random(1), MASTERS)
    card.power_on()
    card.set_key_settings(aid, settings)
    with pytest.raises(NotPersonalised, match="key settings"):
        run_flow(verify_personalised(host_keys(MASTERS, card.uid), Random(1).randbytes), card.process)


def test_a_card_that_was_switched_is_verified_in_its_second_set() -> None:
    """After a theft, and it says so."""
    card = personalised_card(Random(1), MASTERS)
    card.power_on()
    keys = host_keys(MASTERS, card.uid)
    run_flow(transactions.roll_key_set(keys.sets[0].keys[CardKey.ROLL], RND_A, KeySet.SECOND), card.process)
    record = run_flow(verify_personalised(keys, Random(1).randbytes), card.process)
    assert record.active is KeySet.SECOND
    assert int.from_bytes(AID, "little") == APPLICATION
