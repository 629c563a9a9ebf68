# SPDX-License-Identifier: Apache-2.0
"""The gate's and the issuer's flows against the simulated card, which was written apart from this host."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from card_flows import flipped_bits, run_flow
from protocol_cases import ISSUER, KEYS, NOW, a_claim, a_usage

from pistegate_protocol.card_layout import AID, CLAIM_FILE, USAGE_FILE, CardKey, claim_file_content, claim_in_file
from pistegate_protocol.desfire.apdu import CardError, CardRefused, CardUntrusted, Ins, Status, select_application
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, file_range
from pistegate_protocol.desfire.transactions import CardContent, commit, issue, open_card, write_usage
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, open_claim, sign_claim
from pistegate_protocol.usage import decode_usage, encode_usage
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import blank_stock, claim_content, personalised_card, usage_content

RND_A = bytes(range(16))
CARD_KEYS = {CardKey.GATE: bytes([1] * 16), CardKey.ISSUER: bytes([2] * 16)}
GATE_KEY = CARD_KEYS[CardKey.GATE]
EXCHANGES = 7  # of one passage: select, two of authentication, read claim, read usage, write usage, commit


@pytest.fixture
def card() -> DesfireCard:
    """A personalised card in the field, no ticket on it."""
    card = personalised_card(random.Random(5), CARD_KEYS)
    card.power_on()
    return card


def ticket_for(card: DesfireCard) -> tuple[bytes, bytes]:
    """A signed claim bound to the card, and the usage it begins with."""
    signed = sign_claim(a_claim(), Medium(MediumKind.CARD, card.uid), ISSUER)
    return signed, encode_usage(a_usage(claim=claim_digest(signed)))


def session_with(card: DesfireCard, key: CardKey) -> Ev2Session:
    """Select and authenticate."""
    card.process(select_application(AID))
    return run_flow(authenticate(key, CARD_KEYS[key], RND_A), card.process)


def issued(card: DesfireCard) -> tuple[bytes, bytes]:
    """Issue a ticket to the card, as the cloud does; claim and usage."""
    signed, usage = ticket_for(card)
    commands, check = issue(session_with(card, CardKey.ISSUER), signed, usage)
    check.check([card.process(command) for command in commands])
    return signed, usage


def opened(card: DesfireCard, transceive: Callable[[bytes], bytes] | None = None) -> CardContent:
    """The card as a gate reads it."""
    return run_flow(open_card(GATE_KEY, RND_A), transceive or card.process)


def field_lost(card: DesfireCard) -> None:
    """The guest pulls the card away and comes back."""
    card.power_off()
    card.power_on()


def test_a_blank_personalised_card_holds_no_ticket(card: DesfireCard) -> None:
    """Stock that was never issued."""
    content = opened(card)
    assert claim_in_file(content.claim_file) is None
    assert not any(content.usage_file)


def test_an_issued_card_is_read_believed_used_and_used_again(card: DesfireCard) -> None:
    """From the window through two gates: every byte that one wrote is what the next reads."""
    signed, usage = issued(card)
    for number in (1, 2):
        content = opened(card)
        assert claim_in_file(content.claim_file) == signed
        assert open_claim(signed, Medium(MediumKind.CARD, card.uid), KEYS) == a_claim()
        assert content.usage_file == usage
        after = replace(decode_usage(usage), used_total=number, last_entry=NOW, admission=bytes([number] * 8))
        usage = encode_usage(after)
        run_flow(write_usage(content.session, usage), card.process)
        run_flow(commit(content.session), card.process)
        assert usage_content(card) == usage
        field_lost(card)


def test_a_passage_takes_seven_exchanges(card: DesfireCard) -> None:
    """Five to read, one to write, one to commit."""
    _, usage = issued(card)
    sent: list[bytes] = []

    def counting(command: bytes) -> bytes:
        sent.append(command)
        return card.process(command)

    content = opened(card, counting)
    run_flow(write_usage(content.session, usage), counting)
    run_flow(commit(content.session), counting)
    assert len(sent) == EXCHANGES


def test_what_is_not_committed_did_not_happen(card: DesfireCard) -> None:
    """The card leaves after the write: usage is as before, and the next gate reads it so."""
    _, usage = issued(card)
    content = opened(card)
    run_flow(write_usage(content.session, encode_usage(replace(decode_usage(usage), used_total=1))), card.process)
    field_lost(card)
    assert opened(card).usage_file == usage == usage_content(card)


def test_a_torn_issue_leaves_the_card_without_a_usable_ticket(card: DesfireCard) -> None:
    """The claim is there, the usage is not: it names no claim, so no gate takes it for a fresh ticket."""
    signed, usage = ticket_for(card)
    commands, check = issue(session_with(card, CardKey.ISSUER), signed, usage)
    answers = [card.process(command) for command in commands[:2]]
    field_lost(card)
    with pytest.raises(CardRefused, match="commit"):
        check.check(answers)
    assert claim_in_file(opened(card).claim_file) == signed
    assert not any(opened(card).usage_file)
    issued(card)
    assert opened(card).usage_file == usage


@pytest.mark.parametrize("missing", range(3))
def test_issuing_counts_only_when_every_answer_came(card: DesfireCard, missing: int) -> None:
    """Fewer answers, or one that is not the card's."""
    commands, check = issue(session_with(card, CardKey.ISSUER), *ticket_for(card))
    answers = [card.process(command) for command in commands]
    check.check(answers)
    with pytest.raises(CardError):
        check.check(answers[:missing])
    with pytest.raises(CardError):
        check.check([b"\x91\x7e" if number == missing else answer for number, answer in enumerate(answers)])
    if missing:
        swapped = answers[:1] + answers[:0:-1]
        with pytest.raises(CardUntrusted):
            check.check(swapped)


def test_every_flipped_bit_of_the_cards_maced_answers_is_noticed(card: DesfireCard) -> None:
    """Usage as read, the write's and the commit's answer: someone in between changes nothing unseen."""
    _, usage = issued(card)
    content = opened(card)
    session = content.session
    read = card.process(session.with_mac(Ins.READ_DATA, file_range(USAGE_FILE.number, 0, USAGE_FILE.size)))
    assert session.open_mac("read", read) == usage
    for changed in flipped_bits(read):
        with pytest.raises(CardError):
            session.open_mac("read", changed)


def test_every_flipped_bit_of_a_maced_write_is_refused_by_the_card(card: DesfireCard) -> None:
    """And nothing of it is in force, even if a commit follows."""
    _, usage = issued(card)
    probe = opened(card).session
    header = file_range(USAGE_FILE.number, 0, USAGE_FILE.size)
    bits = 8 * len(probe.with_mac(Ins.WRITE_DATA, header + usage)[5:-1])
    for bit in range(0, bits, 7):
        session = opened(card).session
        write = bytearray(session.with_mac(Ins.WRITE_DATA, header + bytes(32)))
        write[5 + bit // 8] ^= 1 << bit % 8
        assert card.process(bytes(write))[-1] not in (Status.OK, Status.ADDITIONAL_FRAME)
        card.process(session.with_mac(Ins.COMMIT_TRANSACTION))
        assert usage_content(card) == usage


def test_a_wrong_gate_key_is_refused_by_the_card(card: DesfireCard) -> None:
    """Another site's gate, or a key that was changed after a theft."""
    issued(card)
    with pytest.raises(CardRefused) as refused:
        run_flow(open_card(bytes(16), RND_A), card.process)
    assert refused.value.status == Status.AUTHENTICATION_ERROR


def test_a_blank_card_is_not_ours() -> None:
    """No application: the gate says so."""
    blank = blank_stock(random.Random(6))
    blank.power_on()
    with pytest.raises(CardRefused) as refused:
        opened(blank)
    assert refused.value.status == Status.APPLICATION_NOT_FOUND


def test_a_gates_key_cannot_write_a_claim(card: DesfireCard) -> None:
    """A stolen gate cannot issue: the card refuses, and the ticket stays."""
    signed, _ = issued(card)
    session = opened(card).session
    forged = claim_file_content(sign_claim(a_claim(party=200), Medium(MediumKind.CARD, card.uid), ISSUER))
    answer = card.process(session.plain(Ins.WRITE_DATA, file_range(CLAIM_FILE.number, 0, CLAIM_FILE.size) + forged))
    assert answer[-1] in (Status.PERMISSION_DENIED, Status.AUTHENTICATION_ERROR)
    assert claim_content(card) == claim_file_content(signed)


def test_usage_cannot_be_written_without_a_key(card: DesfireCard) -> None:
    """Nor in plain by somebody in between, in a session that is not his."""
    _, usage = issued(card)
    plain = Ev2Session(bytes(16), bytes(16), bytes(4)).plain
    write = plain(Ins.WRITE_DATA, file_range(USAGE_FILE.number, 0, USAGE_FILE.size) + bytes(32))
    card.process(select_application(AID))
    assert card.process(write)[-1] != Status.OK
    opened(card)
    assert card.process(write)[-1] != Status.OK
    card.process(plain(Ins.COMMIT_TRANSACTION))
    assert usage_content(card) == usage


def test_a_commit_is_not_replayed(card: DesfireCard) -> None:
    """The same bytes a second time are refused: the counter went on."""
    _, usage = issued(card)
    session = opened(card).session
    run_flow(write_usage(session, usage), card.process)
    command = session.with_mac(Ins.COMMIT_TRANSACTION)
    session.open_mac("commit", card.process(command))
    assert card.process(command)[-1] != Status.OK
