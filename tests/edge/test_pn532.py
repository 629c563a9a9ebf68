# SPDX-License-Identifier: Apache-2.0
"""The reader's driver on a simulated chip: waits, looks, exchanges; what it tells of cards and chips that fail."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import nfc.clf.pn53x
import pytest
from gate_bench import ski_card
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.readers import pn532
from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone, ForeignCard, Kind, Pn532, Sighting
from pistegate_protocol.card_layout import AID
from pistegate_protocol.desfire.apdu import Ins, wrap
from pistegate_simulators.card import ClassicCard, Phone, PlainIsoCard, ResidentIdCard
from pistegate_simulators.reader import Cut, SimulatedReader

SELECT = wrap(Ins.SELECT_APPLICATION, AID)
DONE = b"\x91\x00"


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as chip:
        yield chip


@pytest.fixture
def reader(chip: SimulatedReader) -> Iterator[Pn532]:
    """Opened by the driver."""
    reader = Pn532(str(chip.link))
    yield reader
    reader.close()


def test_card_ends_the_wait_when_it_comes(chip: SimulatedReader, reader: Pn532) -> None:
    """Not at the next look: the chip itself waits."""
    card = ski_card()
    threading.Timer(0.2, chip.present, [card]).start()
    began = time.monotonic()
    assert reader.wait(2.0) == Sighting(card.uid, Kind.SKI)
    assert time.monotonic() - began < 1.0
    assert reader.activate(Sighting(card.uid, Kind.SKI)).transceive(SELECT) == DONE


def test_wait_without_a_card_ends_in_time_and_leaves_the_chip_usable(chip: SimulatedReader, reader: Pn532) -> None:
    """The chip is told to give up, and answers the next command."""
    for _ in range(3):
        began = time.monotonic()
        assert reader.wait(0.1) is None
        assert time.monotonic() - began < 0.5
    chip.present(ski_card())
    assert len(reader.look()) == 1


@pytest.mark.parametrize("count", range(6))
def test_every_card_of_the_field_is_found(chip: SimulatedReader, reader: Pn532, count: int) -> None:
    """However many: two at a time, those met before asleep; and again in the next field."""
    cards = [ski_card(number) for number in range(1, count + 1)]
    for card in cards:
        chip.present(card)
    for _ in range(2):
        assert {one.uid for one in reader.look()} == {card.uid for card in cards}
        reader.rest()


def test_cards_that_come_after_the_first_one_are_found_with_it(chip: SimulatedReader, reader: Pn532) -> None:
    """The one that ended the wait sleeps while the others are called."""
    first, second = ski_card(1), ski_card(2)
    chip.present(first)
    met = reader.wait(1.0)
    assert met is not None
    chip.present(second)
    assert [one.uid for one in reader.look([met])] == [first.uid, second.uid]
    for card in (first, second, first):
        assert reader.activate(Sighting(card.uid, Kind.SKI)).transceive(SELECT) == DONE


def test_what_else_is_in_the_field_is_told_by_its_kind(chip: SimulatedReader, reader: Pn532) -> None:
    """By how it answers the call; a resident ID only when nothing else is there."""
    seen = {}
    for name, card in {
        "phone": Phone(Random(1)),
        "classic": ClassicCard(),
        "bank": PlainIsoCard(b"\x01\x02\x03\x04"),
        "id": ResidentIdCard(),
    }.items():
        chip.present(card)
        (sighting,) = reader.look()
        seen[name] = sighting.kind
        with pytest.raises(ForeignCard):
            reader.activate(sighting)
        chip.remove()
        reader.rest()
    assert seen == {"phone": Kind.PHONE, "classic": Kind.OTHER, "bank": Kind.OTHER, "id": Kind.RESIDENT_ID}


def test_phone_is_the_same_in_every_field(chip: SimulatedReader, reader: Pn532) -> None:
    """Though its number is another one each time: else it would be told what to do for ever."""
    chip.present(Phone(Random(1)))
    sightings = []
    for _ in range(3):
        sightings += reader.look()
        reader.rest()
    assert len(set(sightings)) == 1


def test_card_that_left_is_gone_and_the_reader_goes_on(chip: SimulatedReader, reader: Pn532) -> None:
    """Between look and session, in an exchange, and where another one took its place."""
    card, other = ski_card(1), ski_card(2)
    chip.present(card)
    (sighting,) = reader.look()
    chip.remove()
    with pytest.raises(CardGone):
        reader.activate(sighting).transceive(SELECT)
    reader.rest()
    chip.present(card)
    chip.present(other)
    assert len(reader.look()) == 2
    chip.remove(card)
    with pytest.raises(CardGone):
        reader.activate(sighting)
    chip.cut_after(1, Cut.BEFORE)
    with pytest.raises(CardGone):
        reader.activate(Sighting(other.uid, Kind.SKI)).transceive(SELECT)
    reader.rest()
    assert reader.look() == []


def test_unplugged_reader_is_a_reader_failure_wherever_it_happens(chip: SimulatedReader) -> None:
    """In a wait, in a look, in an exchange: never taken for a card that left."""
    for step in ("wait", "look", "exchange"):
        reader = Pn532(str(chip.link))
        card = None
        if step == "exchange":
            chip.present(ski_card())
            card = reader.activate(reader.look()[0])
        chip.unplug()
        with pytest.raises(READER_FAILURES):
            reader.wait(1.0) if step == "wait" else reader.look() if card is None else card.transceive(SELECT)
        reader.close()
        chip.remove()
        chip.replug()


class AskedChip:
    """A chipset that answers every exchange with one status."""

    def __init__(self, status: int) -> None:
        self.status = status

    def in_data_exchange(self, data: bytes, timeout: float) -> tuple[bytes, bool]:
        """As nfcpy's does."""
        raise nfc.clf.pn53x.Chipset.Error(self.status, "as the manual says")


def test_chip_status_blames_the_card_or_the_chip() -> None:
    """Time-out, CRC, protocol, target gone: the card. Overheated, wrong parameter, syntax: the reader."""
    for status in range(1, 256):
        blamed = CardGone if status in pn532._CARD_STATUS else nfc.clf.pn53x.Chipset.Error
        with pytest.raises(blamed):
            Card(b"\x04", AskedChip(status)).transceive(SELECT)
    assert {0x01, 0x02, 0x27} <= pn532._CARD_STATUS
    assert not {0x0D, 0x10, 0x7F, 0xFF} & pn532._CARD_STATUS


@given(st.binary(min_size=1, max_size=60))
def test_no_answer_of_a_chip_breaks_the_list_of_cards(answer: bytes) -> None:
    """A card that tells a nonsensical ATS must not take the reader down: what cannot be taken apart is left out."""
    found = pn532._type_a(answer)
    assert len(found) <= answer[0]
    assert all(one.kind is not Kind.SKI or len(one.uid) == 7 for one in found)
    assert len(pn532._type_b(answer)) <= 1


@pytest.mark.parametrize("fastest", [115200, 460800, 921600])
def test_baud_rate_is_raised_as_far_as_allowed(chip: SimulatedReader, fastest: int) -> None:
    """And is told at the start; the chip is left at the rate it wakes at, so that the next start finds it."""
    for _ in range(2):
        reader = Pn532(str(chip.link), fastest)
        assert reader.description.endswith(f"at {fastest} baud")
        assert chip._chip.baudrate == fastest
        assert reader.look() == []
        reader.close()
        assert chip._chip.baudrate == 115200
