# SPDX-License-Identifier: Apache-2.0
"""Who may do what on a card, somebody in between, and the second key set, against the simulated card."""

from random import Random
from typing import Any

import pytest
from card_bench import MASTERS, RECORD, expected_mac, gate_key, image, opened, ticketed_card, usage_of, used
from card_flows import flipped_bits, run_flow
from desfire_cases import RND_A, field_lost, host_keys

from pistegate_protocol.card_layout import (
    CLAIM_FILE,
    PURSE_FILE,
    RECENT_FILE,
    SPENT_FILE,
    USAGE_FILE,
    CardKey,
    KeySet,
)
from pistegate_protocol.desfire import file_commands, transactions
from pistegate_protocol.desfire.apdu import CardError, CardRefused, Status, wrap
from pistegate_protocol.desfire.ev2 import Ev2Session
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import blank_stock, personalised_card


@pytest.fixture
def card() -> DesfireCard:
    """A personalised card in the field, with a ticket and money on it."""
    return ticketed_card()


# Keys and rights


def test_a_wrong_gate_key_is_refused_by_the_card(card: DesfireCard) -> None:
    """Another system's gate, or keys that were changed after a theft."""
    with pytest.raises(CardRefused) as refused:
        run_flow(transactions.open_card(bytes(16), RND_A), card.process)
    assert refused.value.status == Status.AUTHENTICATION_ERROR


def test_a_key_of_another_card_is_refused(card: DesfireCard) -> None:
    """Each card has its own: one that was broken opens no other."""
    other = personalised_card(Random(99), MASTERS)
    with pytest.raises(CardRefused):
        run_flow(transactions.open_card(gate_key(other), RND_A), card.process)


def test_a_blank_card_is_not_ours() -> None:
    """No application: the gate says `not a ski ticket`, not `key refused`."""
    blank = blank_stock(Random(6))
    blank.power_on()
    with pytest.raises(CardRefused) as refused:
        opened(blank)
    assert refused.value.status == Status.APPLICATION_NOT_FOUND


@pytest.mark.parametrize(
    "forbidden",
    [
        file_commands.write_data(CLAIM_FILE, bytes(112)),
        file_commands.credit(PURSE_FILE, 1),
        file_commands.credit(SPENT_FILE, 1),
        file_commands.clear_records(RECENT_FILE),
    ],
    ids=lambda command: command.name,
)
def test_a_gates_key_can_neither_issue_nor_credit(card: DesfireCard, forbidden: Any) -> None:
    """A stolen gate: the card refuses, and stays as it is."""
    before = image(card), stock.claim_content(card)
    session = opened(card).session
    with pytest.raises(CardRefused) as refused:
        run_flow(session.do(forbidden), card.process)
    assert refused.value.status in (Status.AUTHENTICATION_ERROR, Status.PERMISSION_DENIED)
    assert (image(card), stock.claim_content(card)) == before


def test_usage_cannot_be_written_without_a_key(card: DesfireCard) -> None:
    """Nor in plain by somebody in between, in a session that is not his."""
    write = wrap(0x8D, file_commands.write_data(USAGE_FILE, bytes(32)).argument)
    opened(card)
    assert card.process(write)[-1] != Status.OK
    card.process(wrap(0xC7, b"\x01"))
    field_lost(card)
    assert card.process(write)[-1] != Status.OK
    assert stock.usage_content(card) == usage_of(card)


def test_a_commit_is_not_replayed(card: DesfireCard) -> None:
    """The same bytes a second time are refused: the counter went on."""
    session = opened(card).session
    run_flow(transactions.write_use(session, usage_of(card, used_total=1), RECORD), card.process)
    command = next(transactions.commit(session))
    assert card.process(command)[-1] == Status.OK
    assert card.process(command)[-1] != Status.OK
    assert stock.proof(card)[0] == 1


def test_every_flipped_bit_of_the_cards_maced_answers_is_noticed(card: DesfireCard) -> None:
    """Usage as read: someone in between changes nothing unseen."""
    template = opened(card).session
    command = file_commands.read_data(USAGE_FILE)
    answer = card.process(template.seal(command))
    for changed in flipped_bits(answer):
        session = Ev2Session(template.enc_key, template.mac_key, template.transaction, template.counter)
        with pytest.raises(CardError):
            session.open(command, changed)


def test_every_flipped_bit_of_a_maced_write_is_refused_by_the_card(card: DesfireCard) -> None:
    """And nothing of it is in force, even if a commit follows."""
    usage = usage_of(card)
    command = file_commands.write_data(USAGE_FILE, bytes(32))
    bits = 8 * len(opened(card).session.seal(command)[5:-1])
    for bit in range(0, bits, 7):
        session = opened(card).session
        write = bytearray(session.seal(command))
        write[5 + bit // 8] ^= 1 << bit % 8
        assert card.process(bytes(write))[-1] not in (Status.OK, Status.ADDITIONAL_FRAME)
        card.process(session.seal(file_commands.commit_transaction()))
        assert stock.usage_content(card) == usage


# After a theft: the second key set


def test_a_card_is_switched_to_its_second_key_set(card: DesfireCard) -> None:
    """Gates with the new keys read it, stolen ones do not; what is on it stays."""
    keys = host_keys(MASTERS, card.uid)
    roll_key = keys.sets[KeySet.FIRST].keys[CardKey.ROLL]
    before = image(card)
    run_flow(transactions.roll_key_set(roll_key, RND_A, KeySet.SECOND), card.process)
    with pytest.raises(CardRefused):
        opened(card)
    content = opened_with_second(card)
    assert content.usage_file == usage_of(card)
    assert image(card) == before
    proof = used(card, content, usage_of(card, used_total=1))
    assert expected_mac(card, proof, content.session.input.committed) == proof.value


def test_only_the_roll_key_switches(card: DesfireCard) -> None:
    """Neither a gate's key, nor the second set's roll key, nor back again with the first's."""
    keys = host_keys(MASTERS, card.uid)
    first, second = (keys.sets[number].keys[CardKey.ROLL] for number in KeySet)
    for wrong in (gate_key(card), second):
        with pytest.raises(CardRefused):
            run_flow(transactions.roll_key_set(wrong, RND_A, KeySet.SECOND), card.process)
    run_flow(transactions.roll_key_set(first, RND_A, KeySet.SECOND), card.process)
    for key in (first, second):
        with pytest.raises(CardRefused):
            run_flow(transactions.roll_key_set(key, RND_A, KeySet.FIRST), card.process)
    assert opened_with_second(card).usage_file == usage_of(card)


def opened_with_second(card: DesfireCard) -> transactions.CardContent:
    """As a gate after the theft reads it."""
    return run_flow(transactions.open_card(gate_key(card, KeySet.SECOND), RND_A), card.process)


@pytest.mark.parametrize("key_set", KeySet)
def test_the_set_that_is_asked_for_is_rolled_to(card: DesfireCard, key_set: KeySet) -> None:
    """The card refuses the one that is active already."""
    roll_key = host_keys(MASTERS, card.uid).sets[KeySet.FIRST].keys[CardKey.ROLL]
    if key_set is KeySet.FIRST:
        with pytest.raises(CardRefused):
            run_flow(transactions.roll_key_set(roll_key, RND_A, key_set), card.process)
        assert opened(card).usage_file == usage_of(card)
    else:
        run_flow(transactions.roll_key_set(roll_key, RND_A, key_set), card.process)
        assert opened_with_second(card).usage_file == usage_of(card)
