# SPDX-License-Identifier: Apache-2.0
"""The simulated reader as nfcpy sees it: whole transactions, torn cards, accidents on air and line."""

import errno
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import nfc
import nfc.clf
import nfc.tag.tt4
import pytest
from card_flows import run_flow
from nfc.clf import RemoteTarget

from pistegate_protocol.card_layout import AID as AID_BYTES
from pistegate_protocol.card_layout import CardKey
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.diversify import diversify
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_simulators import stock
from pistegate_simulators.card import (
    FREE,
    CardFile,
    ClassicCard,
    DesfireCard,
    Mode,
    PlainIsoCard,
    Rights,
    Type2Card,
    ValueFile,
    backup_file,
    cyclic_file,
    standard_file,
)
from pistegate_simulators.reader import Cut, SimulatedReader

from .desfire_host import FULL, MAC, PLAIN, Host, u24
from .nfcpy_reader import GONE, host, opened, tap

AID = 0x504731
KEYS = [bytes([number] * 16) for number in range(1, 4)]
CLAIM, USAGE, WALLET, PASSAGES = 1, 2, 3, 4
TORN = (nfc.tag.tt4.Type4TagCommandError, nfc.clf.CommunicationError)


def ski_card() -> DesfireCard:
    card = DesfireCard()
    gate = Rights(1, 1, 1, 0)
    files: dict[int, CardFile] = {
        CLAIM: standard_file(128, Mode.PLAIN, Rights(FREE, 0, 0, 0), b"signed claim"),
        USAGE: backup_file(32, Mode.MAC, gate),
        WALLET: ValueFile(Mode.FULL, gate, 0, 100_000, 5_000),
        PASSAGES: cyclic_file(16, 17, Mode.MAC, gate),
    }
    card.create_application(AID, KEYS, files)
    return card


def state(card: DesfireCard) -> tuple[bytes, int, int]:
    """(usage, wallet, number of passages) as committed."""
    return (
        card.file_bytes(AID, USAGE),
        int.from_bytes(card.file_bytes(AID, WALLET), "little"),
        len(card.file_bytes(AID, PASSAGES)) // 16,
    )


def span(file: int, length: int) -> bytes:
    return bytes([file]) + u24(0) + u24(length)


def pass_the_gate(card: Host, usage: bytes, *, generation: int = 2) -> None:
    """Select, authenticate, read, write usage, debit, append a passage, commit."""
    card.select(AID)
    session = card.auth_ev2(1, KEYS[1]) if generation == 2 else card.auth_ev1(1, KEYS[1])
    assert session.read(0xBD, span(CLAIM, 12), PLAIN, 12) == b"signed claim"
    session.read(0xBD, span(USAGE, 32), MAC, 32)
    session.write(0x3D, span(USAGE, 32), usage, MAC)
    session.write(0xDC, bytes([WALLET]), (1_500).to_bytes(4, "little"), FULL)
    session.write(0x3B, span(PASSAGES, 16), usage[:16], MAC)
    session.admin(0xC7)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    with SimulatedReader(tmp_path / "pn532") as plugged:
        yield plugged


@pytest.fixture
def frontend(reader: SimulatedReader) -> Iterator[nfc.ContactlessFrontend]:
    with opened(reader.path) as opened_frontend:
        yield opened_frontend


@pytest.mark.parametrize("native", [False, True], ids=["wrapped", "native"])
@pytest.mark.parametrize("generation", [1, 2], ids=["ev1", "ev2"])
def test_a_passage_is_committed(
    reader: SimulatedReader, frontend: nfc.ContactlessFrontend, generation: int, native: bool
) -> None:
    """Usage, wallet and passage change together, through nfcpy's own driver and ISO-DEP."""
    card = ski_card()
    reader.present(card)
    pass_the_gate(host(frontend, native=native), b"U" * 32, generation=generation)
    assert state(card) == (b"U" * 32, 3_500, 1)


@pytest.mark.parametrize("when", list(Cut))
@pytest.mark.parametrize("exchange", range(9))
def test_a_card_torn_at_any_exchange_has_all_or_nothing(
    reader: SimulatedReader, frontend: nfc.ContactlessFrontend, exchange: int, when: Cut
) -> None:
    """Every exchange of a passage, before and after the card executed it; the commit is the border."""
    card = ski_card()
    reader.present(card)
    tag = tap(frontend)
    assert tag is not None
    tag._dep.n_retry_nak = 0  # as the edge does: six retries take 630 ms
    reader.cut_after(exchange, when)
    with pytest.raises(TORN):
        pass_the_gate(Host(tag.transceive), b"U" * 32)
    committed = exchange == 8 and when is Cut.AFTER
    assert state(card) == ((b"U" * 32, 3_500, 1) if committed else (bytes(32), 5_000, 0))


def test_a_lost_commit_answer_is_asked_for_again(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """R(NAK) brings the answer back; the card committed once."""
    card = ski_card()
    reader.present(card)
    device = host(frontend)
    device.select(AID)
    session = device.auth_ev2(1, KEYS[1])
    session.write(0xDC, bytes([WALLET]), (1).to_bytes(4, "little"), FULL)
    reader.rf.lose_answers(1)
    session.admin(0xC7)
    assert state(card)[1] == 4_999


def test_a_garbled_answer_is_asked_for_again(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """A CRC error on the air, in the middle of a chained answer too."""
    card = ski_card()
    card.create_application(2, KEYS, {1: standard_file(400, content=bytes(range(200)) * 2)})
    reader.present(card)
    device = host(frontend, native=True)
    device.select(2)
    reader.rf.garble_answers(1)
    assert device.exchange(0xAD, span(1, 400)) == bytes(range(200)) * 2


def test_long_commands_and_answers_are_chained(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """400 bytes each way: commands in frames of 64 (FSC), answers in frames of 256 (FSD)."""
    card = ski_card()
    card.create_application(2, KEYS, {1: standard_file(400)})
    reader.present(card)
    device = host(frontend, native=True)
    device.select(2)
    data = bytes(range(200)) * 2
    device.exchange(0x8D, span(1, 400) + data)
    assert card.file_bytes(2, 1) == data
    before = reader.counters.exchanges
    assert device.exchange(0xAD, span(1, 400)) == data
    assert reader.counters.exchanges - before == 2


def test_leaving_the_field_rolls_back(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """Written, not committed, taken away, back again: the old usage, and nobody is authenticated."""
    card = ski_card()
    reader.present(card)
    device = host(frontend)
    device.select(AID)
    device.auth_ev2(1, KEYS[1]).write(0x3D, span(USAGE, 32), b"U" * 32, MAC)
    assert card.file(AID, USAGE).dirty
    reader.remove()
    reader.present(card)
    assert not card.file(AID, USAGE).dirty
    assert card.authenticated_key is None


def test_sensing_again_switches_the_field_and_rolls_back(
    reader: SimulatedReader, frontend: nfc.ContactlessFrontend
) -> None:
    """A sense of nfcpy mutes the field first; a transaction does not survive it."""
    card = ski_card()
    reader.present(card)
    device = host(frontend)
    device.select(AID)
    device.auth_ev2(1, KEYS[1]).write(0x3D, span(USAGE, 32), b"U" * 32, MAC)
    assert tap(frontend) is not None
    assert not card.file(AID, USAGE).dirty


def test_the_gates_own_card_flow_is_accepted(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """pistegate_protocol's host side and this card were written apart; they agree on keys, MACs, files and proofs."""
    masters = stock.CardMasters.drawn(Random(7))
    card = stock.personalised_card(Random(8), masters)
    reader.present(card)
    tag = tap(frontend)
    assert tag is not None

    def transceive(apdu: bytes) -> bytes:
        return bytes(tag.transceive(apdu))

    key = diversify(masters.sets[0][CardKey.GATE], card.uid, AID_BYTES, masters.system)
    content = run_flow(transactions.open_card(key, bytes(range(16))), transceive)
    usage, record = b"U" * len(content.usage_file), b"R" * 16
    run_flow(transactions.write_use(content.session, usage, record), transceive)
    assert stock.usage_content(card) != usage
    proof = run_flow(transactions.commit(content.session), transceive)
    assert stock.usage_content(card) == usage
    assert stock.recent_records(card) == [record]
    assert stock.proof(card) == (proof.counter, proof.value) == (1, proof.value)
    covered = transactions.use_input(content.usage_file, usage, record, claim_file=content.claim_file)
    transaction_key = diversify(masters.transaction, card.uid, AID_BYTES, masters.system)
    assert proof.value == transaction_mac(transaction_key, card.uid, 1, covered)


@pytest.mark.parametrize(
    ("card", "kind", "sak"),
    [(PlainIsoCard(), "Type4Tag", 0x20), (ClassicCard(), "Type2Tag", 0x08), (Type2Card(), "Type2Tag", 0x00)],
    ids=["iso", "classic", "ntag"],
)
def test_foreign_cards_are_told_apart(
    reader: SimulatedReader, frontend: nfc.ContactlessFrontend, card: PlainIsoCard, kind: str, sak: int
) -> None:
    """Each is seen, none has our application."""
    reader.present(card)
    target = frontend.sense(RemoteTarget("106A"))
    assert target.sel_res[0] == sak
    tag = nfc.tag.activate(frontend, target)
    assert tag.type == kind
    if sak == 0x20:
        assert bytes(tag.transceive(bytes.fromhex("905A00000331475000"))) == bytes.fromhex("6D00")


def test_other_technologies_find_nothing(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """Type B and FeliCa polls run empty while a type A card lies there."""
    reader.present(ski_card())
    for brty in ("106B", "212F", "424F"):
        assert frontend.sense(RemoteTarget(brty)) is None


def test_unplug_and_replug_under_the_same_link(reader: SimulatedReader, tmp_path: Path) -> None:
    """The host's next read or write fails; after replugging the link opens and a card works."""
    card = ski_card()
    link = str(tmp_path / "pn532")
    reader.present(card)
    with opened(link) as frontend:
        assert tap(frontend) is not None
        reader.unplug()
        with pytest.raises(GONE):
            frontend.sense(RemoteTarget("106A"))
        assert not Path(link).exists()
    with pytest.raises(FileNotFoundError):
        _ = reader.path
    reader.replug()
    with opened(link) as frontend:
        pass_the_gate(host(frontend), b"V" * 32)
    assert state(card) == (b"V" * 32, 3_500, 1)


def test_garbage_is_an_error_and_then_over(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """Bytes nobody asked for are swallowed; a lost ACK or answer is EIO or a time-out; then all is well."""
    reader.present(ski_card())
    reader.inject(bytes.fromhex("0000FF00FF55AA00FFFF0000"))
    assert tap(frontend) is not None
    reader.drop_acks(1)
    with pytest.raises(OSError) as failed:  # noqa: PT011 - errno is compared below
        frontend.sense(RemoteTarget("106A"))
    assert failed.value.errno == errno.EIO
    reader.drop_answers(1)
    with pytest.raises(OSError) as failed:  # noqa: PT011
        frontend.sense(RemoteTarget("106A"))
    assert failed.value.errno == errno.ETIMEDOUT
    assert tap(frontend) is not None


def test_an_idle_reader_costs_little(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """Nobody polls: the thread sleeps. A gate that polls pays for its polls only."""
    started = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - started < 0.02
    assert frontend.sense(RemoteTarget("106A")) is None


def test_rf_bytes_of_the_first_card_transaction(reader: SimulatedReader, frontend: nfc.ContactlessFrontend) -> None:
    """Counted both ways with PCB and CRC, RATS left out: select, authenticate (2), read 32."""
    reader.present(ski_card())
    device = host(frontend, native=True)
    reader.reset_counters()
    device.select(AID)
    device.auth_ev2(1, KEYS[1]).read(0xBD, span(USAGE, 32), MAC, 32)
    frames = [(4, 1), (3, 17), (33, 33), (8 + 8, 1 + 32 + 8)]
    assert reader.counters.exchanges == 4
    assert reader.counters.rf_bytes == sum(sent + got + 2 * (1 + 2) for sent, got in frames)


def test_pacing_takes_the_time_of_air_and_line(tmp_path: Path) -> None:
    """A paced reader is slower than the floor of its bytes, and not by much."""
    with SimulatedReader(tmp_path / "slow", paced=True) as slow, opened(slow.path) as frontend:
        slow.present(ski_card())
        device = host(frontend)
        slow.reset_counters()
        started = time.monotonic()
        pass_the_gate(device, b"U" * 32)
        seconds = time.monotonic() - started
        line = slow.counters.uart_in + slow.counters.uart_out
        floor = slow.counters.rf_bytes * 9 / 106e3 + 0.021 + line * 10 / 921_600  # nfcpy's choice of speed
        print(f"paced: {seconds * 1e3:.0f} ms, floor {floor * 1e3:.0f} ms, {slow.counters}")
    assert floor < seconds < 3 * floor
