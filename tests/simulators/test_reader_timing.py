# SPDX-License-Identifier: Apache-2.0
"""How long things take: bytes on the air as the project counts them, the card's computing, waiting for a torn card."""

import time
from collections.abc import Callable
from random import Random

import nfc.tag.tt4
import pytest

from pistegate_protocol.card_layout import CardKey
from pistegate_simulators import stock
from pistegate_simulators.card import ClassicCard, DesfireCard, Mode, RadioCard, standard_file
from pistegate_simulators.card.timing import COMMAND_S, PROOF_S
from pistegate_simulators.reader import Cut, Pn532, SimulatedReader
from pistegate_simulators.reader.field import BYTE_S, TURN_S
from pistegate_simulators.reader.initiator import frame_waiting_s

from .desfire_host import MAC, PLAIN, Host, u24
from .nfcpy_reader import opened, tap
from .proofs import Proved

H = bytes.fromhex
MASTERS = stock.CardMasters.drawn(Random("timing"))
FWT_S = 4096 / 13.56e6 * 256 + 49152 / 13.56e6  # FWI 8 of a DESFire's ATS, and what the reader adds
ACTIVATION_S = 0.011  # facts: reckoned, of a 7-byte UID with RATS
CARD_S = 0.021  # facts: reckoned, AES and EEPROM of a gate's seven exchanges


class Timed:
    """A chip that counts the seconds that its answers say."""

    def __init__(self, card: RadioCard, *, paced: bool = True) -> None:
        self.chip = Pn532()
        self.chip.rf.paced = paced
        self.chip.rf.present(card)
        self.seconds = 0.0
        self.tell("4A0100")

    def tell(self, payload: str) -> bytes:
        return self.send(H(payload))

    def send(self, payload: bytes) -> bytes:
        answer = self.chip.handle(payload)
        assert answer is not None
        self.seconds += answer.after_s
        return answer.data

    def transceive(self, apdu: bytes) -> bytes:
        answer = self.send(b"\x40\x01" + apdu)
        assert answer[0] == 0
        return answer[1:]

    def reset(self) -> None:
        self.seconds = 0.0
        self.chip.rf.counters.exchanges = self.chip.rf.counters.rf_bytes = 0


def span(file: int, length: int) -> bytes:
    return bytes([file]) + u24(0) + u24(length)


def gate(timed: Timed, card: DesfireCard, *, claim: bool = False, debit: bool = False) -> None:
    """A passage as the layout's contract counts it."""
    host = Host(timed.transceive)
    host.select(stock.APPLICATION)
    session = Proved(host.auth_ev2(CardKey.GATE, MASTERS.card_key(card.uid, CardKey.GATE)))
    session.read(0xAD, span(2, 32), MAC, 32)
    if claim:
        session.read(0xAD, span(1, 112), PLAIN, 112)
    session.write(0x8D, span(2, 32), b"N" * 32, MAC)
    if debit:
        session.change_value(0xDC, 3, 100, MAC)
    session.write(0x8B, span(6, 16), b"R" * 16, MAC)
    session.commit()


@pytest.mark.parametrize(
    ("terms", "exchanges", "rf_bytes"),
    [({}, 7, 361), ({"claim": True}, 9, 500), ({"debit": True}, 8, 396)],
    ids=["known", "first-meeting", "debit"],
)
def test_rf_bytes_of_a_passage(terms: dict[str, bool], exchanges: int, rf_bytes: int) -> None:
    """Both ways, PCB and CRC included, after RATS; the claim takes two frames of 64 and an acknowledgement."""
    card = stock.personalised_card(Random(1), MASTERS)
    stock.put_purse(card, 1_000)
    timed = Timed(card)
    timed.reset()
    gate(timed, card, **terms)
    counters = timed.chip.rf.counters
    assert (counters.exchanges, counters.rf_bytes) == (exchanges, rf_bytes)


def test_activation_and_farewell_are_counted_apart() -> None:
    """Call, two levels, RATS and ATS, DESELECT: no exchange, no byte of the passage."""
    timed = Timed(DesfireCard())
    counters = timed.chip.rf.counters
    assert (counters.exchanges, counters.rf_bytes) == (0, 0)
    assert counters.activation_bytes == 3 + 2 * 19 + (2 + 2) + (6 + 2)
    timed.tell("5200")
    assert (counters.exchanges, counters.rf_bytes) == (0, 0)
    assert counters.activation_bytes == 3 + 2 * 19 + (2 + 2) + (6 + 2) + 2 * (1 + 2)


def test_a_passage_takes_the_air_the_turns_and_the_cards_computing() -> None:
    """30.7 ms for 361 bytes, 1.2 ms of frame delays, 21 ms of card: no more and no less."""
    card = stock.personalised_card(Random(1), MASTERS)
    timed = Timed(card)
    timed.reset()
    gate(timed, card)
    assert timed.seconds == pytest.approx(361 * BYTE_S + 7 * TURN_S + CARD_S)
    assert timed.seconds == pytest.approx(0.0529, abs=0.0001)


def test_the_cards_computing_sums_to_what_facts_reckon() -> None:
    """Select, EV2First in two parts, read, write, write record, commit; proof and commit cost more than a read."""
    total = COMMAND_S[0x5A] + COMMAND_S[0x71] + PROOF_S + COMMAND_S[0xAD] + COMMAND_S[0x8D] + COMMAND_S[0x8B]
    assert total + COMMAND_S[0xC7] == pytest.approx(CARD_S)
    assert min(PROOF_S, COMMAND_S[0x71], COMMAND_S[0xC7]) > COMMAND_S[0xAD]


def test_activation_takes_what_facts_reckon() -> None:
    """Call, two cascade levels, RATS: 11 ms; a 4-byte UID without ISO-DEP less; nothing where time does not count."""
    assert Timed(DesfireCard()).seconds == pytest.approx(ACTIVATION_S, abs=0.0003)
    assert 0.005 < Timed(ClassicCard()).seconds < ACTIVATION_S - 0.002
    assert Timed(DesfireCard(), paced=False).seconds == 0


def test_chained_frames_cost_air_and_no_computing() -> None:
    """A long read: one computation, several frames."""
    card = DesfireCard()
    card.create_application(1, [bytes(16)], {1: standard_file(200, Mode.PLAIN)})
    timed = Timed(card)
    timed.send(H("40015A010000"))
    timed.reset()
    timed.send(H("4001AD010000" + "00C80000"))
    frames = 4  # 201 bytes in blocks of 61
    air = (8 + 3) + (201 + frames * 3) + (frames - 1) * 3
    assert timed.chip.rf.counters.rf_bytes == air
    assert timed.seconds == pytest.approx(air * BYTE_S + frames * TURN_S + COMMAND_S[0xAD])


# Waiting for a card that does not answer


@pytest.mark.parametrize(
    ("ats", "fwi"),
    [("067577810280", 8), ("0475770080", 0), ("04685002", 5), ("0208", 4), ("01", 4)],
    ids=["desfire", "zero", "no TA", "no TB", "nothing"],
)
def test_frame_waiting_time_of_an_ats(ats: str, fwi: int) -> None:
    """TB(1), behind TA(1) if there is one; FWI 4 where it is absent."""
    assert frame_waiting_s(H(ats)) == pytest.approx(4096 / 13.56e6 * 2**fwi)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_torn_card_is_given_up_after_its_frame_waiting_time(retries: int) -> None:
    """77 + 4 ms for each try on the chip's own ISO-DEP: MaxRtyCOM (RFConfiguration item 4) more tries."""
    timed = Timed(DesfireCard(), paced=False)
    timed.tell(f"3204{retries:02X}")
    timed.chip.rf.cut_after(0, Cut.DURING)
    timed.seconds = 0.0
    assert timed.tell("400160") == H("01")
    assert timed.seconds == pytest.approx((1 + retries) * FWT_S)


@pytest.mark.parametrize(("code", "seconds"), [(0x01, 100e-6), (0x0A, 0.0512), (0x0C, 0.2048), (0x10, 3.2768)])
def test_a_raw_frame_is_given_up_after_the_retry_time_out(code: int, seconds: float) -> None:
    """RFConfiguration item 2, and MaxRtyCOM more tries; also for InDataExchange with a card outside ISO-DEP."""
    for card, command in ((DesfireCard(), "4260"), (ClassicCard(), "40015000")):
        timed = Timed(card, paced=False)
        timed.tell(f"32020A0B{code:02X}")
        timed.tell("320401")
        timed.chip.rf.remove()
        timed.seconds = 0.0
        assert timed.tell(command) == H("01")
        assert timed.seconds == pytest.approx(2 * seconds)


def test_a_lost_answer_is_asked_for_only_when_the_host_allows_it() -> None:
    """MaxRtyCOM 0 gives up at once; 1 gets it by R(NAK), the card computed once, and the wait is on the bill."""
    card = stock.personalised_card(Random(1), MASTERS)
    timed = Timed(card, paced=False)
    timed.chip.rf.lose_answers(1)
    assert timed.send(b"\x40\x01\x6a") == H("01")
    timed = Timed(card, paced=False)
    timed.tell("3204" + "01")
    timed.chip.rf.lose_answers(1)
    timed.seconds = 0.0
    assert timed.send(H("4001" + "5A504731")) == H("0000")
    assert timed.seconds == pytest.approx(FWT_S)


def test_a_garbled_answer_is_a_crc_error() -> None:
    """When nobody asks again: error 02, not a time-out."""
    for command in ("400160", "420260"):
        timed = Timed(DesfireCard(), paced=False)
        timed.chip.rf.garble_answers(1)
        assert timed.tell(command) == H("02")


# Waiting time extension


def slow_card(multiplier: int = 3) -> DesfireCard:
    card = stock.personalised_card(Random(2), MASTERS)
    stock.put_purse(card, 1_000)
    card.waiting_time = multiplier
    return card


def through_the_chip(card: DesfireCard) -> None:
    gate(Timed(card), card, debit=True)


def through_nfcpy(card: DesfireCard) -> None:
    with SimulatedReader() as reader, opened(reader.path) as frontend:
        reader.present(card)
        tag = tap(frontend)
        assert tag is not None
        host = Host(tag.transceive)
        host.select(stock.APPLICATION)
        session = host.auth_ev2(CardKey.GATE, MASTERS.card_key(card.uid, CardKey.GATE))
        session.write(0xDC, b"\x03", (100).to_bytes(4, "little"), MAC)
        session.admin(0xC7, b"\x01")


@pytest.mark.parametrize("run", [through_the_chip, through_nfcpy])
def test_a_card_may_ask_for_more_time(run: Callable[[DesfireCard], None]) -> None:
    """S(WTX) before every answer: the chip's own ISO-DEP and nfcpy's grant it."""
    card = slow_card()
    run(card)
    assert (stock.purse(card), stock.proof(card)[0]) == (900, 1)


def test_a_card_torn_while_it_asks_for_time_has_done_nothing() -> None:
    """The command is carried out only when the time was granted; the wait is the granted one."""
    card = slow_card(multiplier=3)
    timed = Timed(card, paced=False)
    timed.chip.rf.cut_after(1, Cut.BEFORE)  # the command passes, the grant does not
    timed.seconds = 0.0
    assert timed.send(H("4001" + "5A504731")) == H("01")
    assert timed.seconds == pytest.approx(3 * (FWT_S - 49152 / 13.56e6) + 49152 / 13.56e6)


def test_nfcpy_gives_up_a_torn_card_as_facts_measured() -> None:
    """106 ms with its retries set to none: the time-out steps of the chip, not the card's 81 ms."""
    with SimulatedReader() as reader, opened(reader.path) as frontend:
        reader.present(DesfireCard())
        tag = tap(frontend)
        assert tag is not None
        tag._dep.n_retry_nak = 0
        reader.cut_after(0, Cut.BEFORE)
        started = time.monotonic()
        with pytest.raises(nfc.tag.tt4.Type4TagCommandError):
            tag.transceive(b"\x60")
        assert 0.100 < time.monotonic() - started < 0.250
