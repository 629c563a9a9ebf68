# SPDX-License-Identifier: Apache-2.0
"""What the cloud does to a personalised card through a relay, against the simulated card."""

from collections.abc import Callable
from random import Random

import pytest
from card_bench import MASTERS, RECORD, expected_mac, image, opened, ticketed_card, usage_of, used
from card_flows import run_flow
from desfire_cases import RND_A, field_lost, host_keys
from protocol_cases import ISSUER, KEYS, a_claim, a_usage

from pistegate_protocol.card_layout import (
    AMENDMENT_FILE,
    LOADS_FILE,
    VALUE_MAX,
    CardKey,
    KeySet,
    claim_in_file,
    padded,
)
from pistegate_protocol.desfire import issuing, transactions
from pistegate_protocol.desfire.apdu import CardError, CardRefused, CardUntrusted
from pistegate_protocol.desfire.ev2 import Ev2Session
from pistegate_protocol.desfire.issuing import Batch
from pistegate_protocol.desfire.transactions import Proof, WalletFiles
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, open_claim, sign_claim
from pistegate_protocol.usage import encode_usage
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import personalised_card


@pytest.fixture
def card() -> DesfireCard:
    """A personalised card in the field, no ticket on it."""
    card = personalised_card(Random(5), MASTERS)
    card.power_on()
    return card


def issuer_session(card: DesfireCard) -> Ev2Session:
    """Select and authenticate as the cloud does."""
    key = host_keys(MASTERS, card.uid).sets[KeySet.FIRST].keys[CardKey.ISSUER]
    return run_flow(transactions.open_session(CardKey.ISSUER, key, RND_A), card.process)


def ticket_for(card: DesfireCard) -> tuple[bytes, bytes]:
    """A signed claim bound to the card, and the usage it begins with."""
    signed = sign_claim(a_claim(), Medium(MediumKind.CARD, card.uid), ISSUER)
    return signed, encode_usage(a_usage(claim=claim_digest(signed)))


def done(card: DesfireCard, batch: Batch) -> Proof:
    """Carry a whole batch to the card and check its answers."""
    commands, check = batch
    proof = check.check([card.process(command) for command in commands])
    assert expected_mac(card, proof, check.session.input.committed) == proof.value
    return proof


# Issuing


def test_an_issued_card_is_read_and_believed(card: DesfireCard) -> None:
    """From the window to the gate."""
    signed, usage = ticket_for(card)
    done(card, issuing.issue(issuer_session(card), signed, usage))
    content = opened(card, knows=False)
    assert content.claim_file is not None
    assert claim_in_file(content.claim_file) == signed
    assert open_claim(signed, Medium(MediumKind.CARD, card.uid), KEYS) == a_claim()
    assert content.usage_file == usage


def test_issuing_takes_the_amendment_before_away_and_leaves_the_money(card: DesfireCard) -> None:
    """A new ticket on a card in use."""
    stock.put_amendment(card, padded(b"of the ticket before", AMENDMENT_FILE))
    stock.put_purse(card, 77)
    stock.put_rental(card, RECORD)
    done(card, issuing.issue(issuer_session(card), *ticket_for(card)))
    assert not any(stock.amendment_content(card))
    assert (stock.purse(card), stock.rental_content(card)) == (77, RECORD)


def test_a_torn_issue_leaves_the_card_without_a_usable_ticket(card: DesfireCard) -> None:
    """The claim is there, the usage is not: it names no claim, so that no gate takes it for a fresh ticket."""
    signed, usage = ticket_for(card)
    commands, check = issuing.issue(issuer_session(card), signed, usage)
    answers = [card.process(command) for command in commands[:-1]]
    field_lost(card)
    with pytest.raises(CardRefused, match="commit"):
        check.check(answers)
    content = opened(card, knows=False)
    assert claim_in_file(content.claim_file or b"") == signed
    assert not any(content.usage_file)
    done(card, issuing.issue(issuer_session(card), signed, usage))
    assert opened(card).usage_file == usage


@pytest.mark.parametrize("missing", range(4))
def test_a_batch_counts_only_when_every_answer_came(card: DesfireCard, missing: int) -> None:
    """Fewer answers, one that is not the card's, or two in each other's place."""

    def answered() -> tuple[issuing.BatchCheck, list[bytes]]:
        commands, check = issuing.issue(issuer_session(card), *ticket_for(card))
        return check, [card.process(command) for command in commands]

    check, answers = answered()
    check.check(answers)
    check, answers = answered()
    with pytest.raises(CardError):
        check.check(answers[:missing])
    check, answers = answered()
    with pytest.raises(CardError):
        check.check([b"\x91\x7e" if number == missing else answer for number, answer in enumerate(answers)])
    check, answers = answered()
    with pytest.raises(CardUntrusted):
        check.check([answers[0], answers[2], answers[1], answers[3]])


# Money


def test_the_purse_is_credited_with_a_record(card: DesfireCard) -> None:
    """Twice, each with its proof."""
    assert done(card, issuing.credit_purse(issuer_session(card), 500, RECORD)).counter == 1
    assert done(card, issuing.credit_purse(issuer_session(card), 20)).counter == 2
    assert stock.purse(card) == 520
    assert stock.recent_records(card) == [RECORD]


def test_a_credit_beyond_what_a_purse_holds_is_refused_by_the_card(card: DesfireCard) -> None:
    """2^31-1 minor units."""
    stock.put_purse(card, VALUE_MAX - 5)
    commands, check = issuing.credit_purse(issuer_session(card), 6)
    with pytest.raises(CardRefused):
        check.check([card.process(command) for command in commands])
    assert stock.purse(card) == VALUE_MAX - 5


def test_a_credit_whose_answer_was_lost_is_seen_by_its_proof(card: DesfireCard) -> None:
    """Before trying again, the card is asked: the counter went on, so that it was credited."""
    commands, _ = issuing.credit_purse(issuer_session(card), 500)
    for command in commands:
        card.process(command)
    field_lost(card)
    content = opened(card)
    assert run_flow(transactions.read_proof(content.session), card.process).counter == 1
    assert run_flow(transactions.read_wallet(content.session), card.process).purse == 500


def test_a_load_statement_replaces_the_one_before(card: DesfireCard) -> None:
    """Written twice, it is there once."""
    for _ in range(2):
        done(card, issuing.write_load(issuer_session(card), b"signed statement", RECORD))
    assert stock.loads_content(card) == padded(b"signed statement", LOADS_FILE)


def test_an_amendment_is_written_with_the_usage_that_names_it() -> None:
    """At the window, without a gate."""
    card = ticketed_card()
    usage = usage_of(card, amended=True)
    done(card, issuing.write_amendment(issuer_session(card), usage, b"signed amendment"))
    content = opened(card)
    assert content.usage_file == usage
    assert content.amendment_file == padded(b"signed amendment", AMENDMENT_FILE)


# Taking back


def test_a_card_that_comes_back_tells_all_it_holds() -> None:
    """Ticket, money, rental and its last records, newest first."""
    card = ticketed_card()
    stock.put_rental(card, bytes(range(50, 66)))
    stock.put_recent(card, [bytes([number] * 16) for number in range(16)])
    holdings = run_flow(issuing.read_holdings(issuer_session(card)), card.process)
    assert holdings.usage_file == stock.usage_content(card)
    assert holdings.claim_file == stock.claim_content(card)
    assert holdings.wallet == WalletFiles(1000, stock.loads_content(card), 300)
    assert holdings.rental_file == bytes(range(50, 66))
    assert holdings.records == tuple(bytes([number] * 16) for number in reversed(range(16)))


def test_reading_a_card_back_takes_few_exchanges() -> None:
    """6 for the files, 5 for 16 records."""
    card = ticketed_card()
    stock.put_recent(card, [RECORD] * 16)
    sent: list[bytes] = []

    def counting(command: bytes) -> bytes:
        sent.append(command)
        return card.process(command)

    run_flow(issuing.read_holdings(issuer_session(card)), counting)
    assert len(sent) == 11


def wiped(card: DesfireCard) -> None:
    """Read the money, then wipe, as the desk does."""
    session = issuer_session(card)
    wallet = run_flow(transactions.read_wallet(session), card.process)
    done(card, issuing.wipe(session, wallet))


BLANK = (bytes(32), bytes(96), bytes(96), bytes(16), bytes(4), bytes(4))  # see card_bench.image


@pytest.mark.parametrize(("purse", "spent"), [(1000, 300), (0, 0), (VALUE_MAX, VALUE_MAX), (1, 2**31)])
def test_a_wiped_card_is_as_new(purse: int, spent: int) -> None:
    """Nothing of the guest before, whatever the value files stood at; and it can be issued again."""
    card = ticketed_card()
    stock.put_purse(card, purse)
    stock.put_spent(card, -spent)
    stock.put_rental(card, RECORD)
    stock.put_amendment(card, bytes([1] * 96))
    stock.put_recent(card, [RECORD] * 16)
    wiped(card)
    assert image(card) == BLANK
    assert not any(stock.claim_content(card))
    done(card, issuing.issue(issuer_session(card), *ticket_for(card)))
    used(card, opened(card), usage_of(card, used_total=1))


@pytest.mark.parametrize("spent", [0, 400, 700, 900, 2**31])
def test_an_old_load_statement_is_no_money_after_a_wipe(spent: int) -> None:
    """Spent is left at the total of all statements ever signed for the card, wherever it stood."""
    card = ticketed_card()
    stock.put_spent(card, -spent)
    session = issuer_session(card)
    wallet = run_flow(transactions.read_wallet(session), card.process)
    done(card, issuing.wipe(session, wallet, loaded=700))
    assert stock.spent(card) == -700
    assert not any(stock.loads_content(card))


def test_a_wipe_that_is_torn_leaves_no_ticket_and_is_repeated() -> None:
    """The claim goes first; everything else stays until the commit."""
    commands = 0
    for cut in range(1, 20):
        card = ticketed_card()
        stock.put_recent(card, [RECORD])
        before = image(card)
        session = issuer_session(card)
        batch, _ = issuing.wipe(session, run_flow(transactions.read_wallet(session), card.process))
        commands = len(batch)
        for command in batch[:cut]:
            card.process(command)
        field_lost(card)
        assert not any(stock.claim_content(card))
        assert image(card) == (before if cut < commands else BLANK)
        wiped(card)
        assert image(card) == BLANK
    assert commands == 9


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda session: issuing.issue(session, b"claim", bytes(32)),
        lambda session: issuing.credit_purse(session, 1),
        lambda session: issuing.wipe(session, WalletFiles(0, bytes(96), 0)),
    ],
    ids=["issue", "credit", "wipe"],
)
def test_a_gates_session_cannot_do_it(forbidden: Callable[[Ev2Session], Batch]) -> None:
    """The ISSUER key never leaves the cloud."""
    card = ticketed_card()
    before = image(card), stock.claim_content(card)
    commands, check = forbidden(opened(card).session)
    with pytest.raises(CardRefused):
        check.check([card.process(command) for command in commands])
    assert (image(card), stock.claim_content(card)) == before
