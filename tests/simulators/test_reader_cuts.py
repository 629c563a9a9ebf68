# SPDX-License-Identifier: Apache-2.0
"""A card torn out at every exchange of a gate's transaction: before, during and after it; what is left on the card.

A host of the tests' own on the chip's own ISO-DEP; keys and files as personalisation leaves them.
"""

from collections.abc import Callable
from random import Random

import pytest

from pistegate_protocol.card_layout import CardKey
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import Cut, Executed, Pn532

from .desfire_host import MAC, PLAIN, Host, u24
from .proofs import Proved, transaction_mac

H = bytes.fromhex
MASTERS = stock.CardMasters.drawn(Random("cuts"))
OLD_USAGE, NEW_USAGE, RECORD = b"O" * 32, b"N" * 32, b"R" * 16
OLD_CLAIM, NEW_CLAIM = b"o" * 112, b"n" * 112
SELECT, COMMIT = 0, 8
EXCHANGES = 9  # select, authentication 2, read usage, write usage, debit purse, debit spent, record, commit
ISSUE_EXCHANGES = 3 + 3 + 1 + 1  # select and authentication, the claim in three blocks, usage, commit


class Torn(Exception):
    """The chip reports a card that does not answer."""


def card_in_use() -> DesfireCard:
    card = stock.personalised_card(Random(11), MASTERS)
    stock.put_claim(card, OLD_CLAIM)
    stock.put_usage(card, OLD_USAGE)
    stock.put_purse(card, 5_000)
    stock.put_proof(card, 41, b"old..old")
    return card


def on_reader(card: DesfireCard) -> tuple[Pn532, Host]:
    """The card activated by the chip, and a host that goes through InDataExchange."""
    chip = Pn532()
    chip.rf.present(card)
    assert chip.handle(H("4A0100")) is not None

    def transceive(apdu: bytes) -> bytes:
        answer = chip.handle(b"\x40\x01" + apdu)
        assert answer is not None
        if answer.data[0]:
            raise Torn
        return answer.data[1:]

    return chip, Host(transceive)


def span(file: int, length: int) -> bytes:
    return bytes([file]) + u24(0) + u24(length)


def pass_and_pay(host: Host, card: DesfireCard) -> tuple[int, bytes, bytes]:
    host.select(stock.APPLICATION)
    session = Proved(host.auth_ev2(CardKey.GATE, MASTERS.card_key(card.uid, CardKey.GATE)))
    session.read(0xAD, span(2, 32), MAC, 32)
    session.write(0x8D, span(2, 32), NEW_USAGE, MAC)
    session.change_value(0xDC, 3, 1_500, MAC)
    session.change_value(0xDC, 5, 200, MAC)
    session.write(0x8B, span(6, 16), RECORD, MAC)
    return session.commit()


def issue(host: Host, card: DesfireCard) -> None:
    host.select(stock.APPLICATION)
    session = host.auth_ev2(CardKey.ISSUER, MASTERS.card_key(card.uid, CardKey.ISSUER))
    session.write(0x8D, span(1, 112), NEW_CLAIM, PLAIN)
    session.write(0x8D, span(2, 32), NEW_USAGE, MAC)
    session.admin(0xC7, b"\x01")


def state(card: DesfireCard) -> tuple[bytes, int, int, list[bytes], int]:
    """Everything that a transaction changes."""
    counter, _ = stock.proof(card)
    return stock.usage_content(card), stock.purse(card), stock.spent(card), stock.recent_records(card), counter


OLD = (OLD_USAGE, 5_000, 0, [], 41)
NEW = (NEW_USAGE, 3_500, -200, [RECORD], 42)
CUTS = [
    (Cut.BEFORE, Executed.NOTHING, False),
    (Cut.DURING, Executed.NOTHING, False),
    (Cut.DURING, Executed.HALF, False),
    (Cut.DURING, Executed.ALL, True),
    (Cut.AFTER, Executed.NOTHING, True),
]
CUT_NAMES = ["before", "during-nothing", "during-half", "during-all", "after"]


@pytest.mark.parametrize(("when", "executed", "done"), CUTS, ids=CUT_NAMES)
@pytest.mark.parametrize("exchange", range(EXCHANGES))
def test_a_torn_transaction_is_whole_or_not_at_all(exchange: int, when: Cut, executed: Executed, done: bool) -> None:
    """Usage, both money files, the record and the proof's counter together; the commit alone is the border."""
    card = card_in_use()
    chip, host = on_reader(card)
    chip.rf.cut_after(exchange, when, executed)
    with pytest.raises(Torn):
        pass_and_pay(host, card)
    assert state(card) == (NEW if exchange == COMMIT and done else OLD)
    assert not card.powered
    assert card.authenticated_key is None
    assert DesfireCard.from_image(card.image()).image() == card.image()


@pytest.mark.parametrize(("when", "executed", "done"), CUTS, ids=CUT_NAMES)
def test_the_next_transaction_follows_a_torn_one(when: Cut, executed: Executed, done: bool) -> None:
    """The card comes back: its proof tells whether the torn commit counted, and the next one goes through."""
    card = card_in_use()
    chip, host = on_reader(card)
    chip.rf.cut_after(COMMIT, when, executed)
    with pytest.raises(Torn):
        pass_and_pay(host, card)
    _, host = on_reader(card)
    counter, value, covered = pass_and_pay(host, card)
    assert counter == (43 if done else 42)
    assert value == transaction_mac(MASTERS.transaction_key(card.uid), card.uid, counter, covered)
    assert len(stock.recent_records(card)) == (2 if done else 1)


@pytest.mark.parametrize(("when", "executed", "done"), CUTS, ids=CUT_NAMES)
@pytest.mark.parametrize("exchange", range(ISSUE_EXCHANGES))
def test_a_torn_issue_and_the_claim_file(exchange: int, when: Cut, executed: Executed, done: bool) -> None:
    """The claim is a standard file: old, half, or new; usage old until the commit. The next try completes it."""
    card = card_in_use()
    chip, host = on_reader(card)
    chip.rf.cut_after(exchange, when, executed)
    with pytest.raises(Torn):
        issue(host, card)
    last_of_claim, commit = 5, ISSUE_EXCHANGES - 1
    half = NEW_CLAIM[:56] + OLD_CLAIM[56:]
    claims = {True: NEW_CLAIM, False: half if executed is Executed.HALF else OLD_CLAIM}
    if exchange == last_of_claim:
        assert stock.claim_content(card) == claims[done]
    else:
        assert stock.claim_content(card) == (NEW_CLAIM if exchange > last_of_claim else OLD_CLAIM)
    assert stock.usage_content(card) == (NEW_USAGE if exchange == commit and done else OLD_USAGE)
    _, host = on_reader(card)
    issue(host, card)
    assert (stock.claim_content(card), stock.usage_content(card)) == (NEW_CLAIM, NEW_USAGE)


@pytest.mark.parametrize(("when", "counted"), [(Cut.BEFORE, 0), (Cut.DURING, 8), (Cut.AFTER, 8)])
def test_what_a_cut_leaves_on_the_air(when: Cut, counted: int) -> None:
    """The command is counted when the card got it; no answer is."""
    card = card_in_use()
    chip, host = on_reader(card)
    chip.rf.cut_after(0, when)
    with pytest.raises(Torn):
        host.raw(0x60)
    assert chip.rf.counters.rf_bytes == counted  # PCB, 90 60 00 00 00, CRC
    assert chip.rf.counters.exchanges == (1 if counted else 0)


def test_a_key_change_is_whole_or_not_at_all() -> None:
    """Cards promise it for keys as for commits."""
    for executed, expected in ((Executed.NOTHING, 0), (Executed.HALF, 0), (Executed.ALL, 1)):
        card = DesfireCard()
        chip, host = on_reader(card)
        session = host.auth_ev2(0, bytes(16))
        chip.rf.cut_after(0, Cut.DURING, executed)
        with pytest.raises(Torn):
            session.change_key(0, bytes([5] * 16), bytes(16), 1)
        assert card.key(0, 0)[1] == expected


def test_an_application_is_there_or_not() -> None:
    """Half a CreateApplication is none."""
    for executed, expected in ((Executed.HALF, []), (Executed.ALL, [7])):
        card = DesfireCard()
        chip, host = on_reader(card)
        chip.rf.cut_after(0, Cut.DURING, executed)
        with pytest.raises(Torn):
            host.plain(0xCA, u24(7) + b"\x0f\x81")
        assert card.applications() == expected


def test_a_cut_is_over_once_it_happened() -> None:
    """The card that is held to the reader again stays."""
    card = card_in_use()
    chip, host = on_reader(card)
    chip.rf.cut_after(SELECT, Cut.DURING)
    with pytest.raises(Torn):
        pass_and_pay(host, card)
    chip.rf.present(card)
    assert chip.handle(H("4A0100")) is not None
    for _ in range(3):
        pass_and_pay(host, card)
    assert stock.proof(card)[0] == 44


def test_every_cut_can_be_made_through_a_gates_reader() -> None:
    """`SimulatedReader.cut_after` passes all of it on."""
    from pistegate_simulators.reader import SimulatedReader

    made: list[Callable[[SimulatedReader], None]] = [
        lambda reader: reader.cut_after(3),
        lambda reader: reader.cut_after(3, Cut.BEFORE),
        lambda reader: reader.cut_after(3, Cut.DURING, Executed.HALF),
    ]
    expected = [(Cut.AFTER, Executed.NOTHING), (Cut.BEFORE, Executed.NOTHING), (Cut.DURING, Executed.HALF)]
    with SimulatedReader() as reader:
        for make, (when, executed) in zip(made, expected, strict=True):
            make(reader)
            scheduled = reader.rf._cut
            assert scheduled is not None
            assert (scheduled.remaining, scheduled.when, scheduled.executed) == (3, when, executed)
