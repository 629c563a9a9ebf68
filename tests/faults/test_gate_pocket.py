# SPDX-License-Identifier: Apache-2.0
"""Pockets on a real driver and a simulated field: our card is found, or the guest is told; never two tickets used."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from gate_bench import Bench, claim, running_gate, ski_card, usage_of, wait_for
from journal_reading import admissions, outcomes, refusals

from pistegate_simulators.card import (
    ClassicCard,
    Phone,
    PlainIsoCard,
    RadioCard,
    ResidentIdCard,
    Type2Card,
    UidClone,
    other_operators_card,
)
from pistegate_simulators.reader import SimulatedReader

# A bank card's UID has 4 bytes or 7; the longer one looks like a ski card until it is asked for our application.
STRANGERS: dict[str, Callable[[], RadioCard]] = {
    "hotel": ClassicCard,
    "tag": Type2Card,
    "phone": lambda: Phone(Random(1)),
    "bank": lambda: PlainIsoCard(bytes.fromhex("04AABBCCDDEEFF")),
    "bus": lambda: other_operators_card(Random(2)),
    "resident ID": ResidentIdCard,
}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def bench(tmp_path: Path, reader: SimulatedReader) -> Iterator[Bench]:
    """A gate in service with a display."""
    display = {"locale": "en", "path": str(tmp_path / "display")}
    with running_gate(tmp_path, reader, display=display) as bench:
        yield bench


def shown(bench: Bench) -> list[str]:
    """What the display said."""
    return (bench.directory / "display").read_text().splitlines()


@pytest.mark.parametrize("strangers", [(name,) for name in STRANGERS] + [tuple(STRANGERS)], ids="+".join)
@pytest.mark.parametrize("first", [True, False], ids=["ski card first", "ski card last"])
def test_ski_card_is_found_among_other_cards(bench: Bench, strangers: tuple[str, ...], first: bool) -> None:
    """Whatever else is in the pocket, and whichever card the reader meets first; nobody is refused."""
    card = ski_card()
    others = [STRANGERS[name]() for name in strangers]
    for one in [card, *others] if first else [*others, card]:
        bench.reader.present(one)
    wait_for(lambda: bench.state() == "open")
    bench.reader.remove(card)
    bench.turn()
    wait_for(lambda: outcomes(bench.directory))
    time.sleep(0.3)
    assert refusals(bench.directory) in ([], ["foreign_medium"])  # one lifts the ski card, the rest stays: may be told
    assert usage_of(card).used_total == 1


@pytest.mark.parametrize("name", STRANGERS)
def test_stranger_alone_is_told_what_to_do_once(bench: Bench, name: str) -> None:
    """Held for seconds, a phone with another number in every field included."""
    bench.reader.present(STRANGERS[name]())
    wait_for(lambda: refusals(bench.directory) == ["foreign_medium"])
    time.sleep(1.0)
    words = {"phone": "A phone is no ticket here.", "resident ID": "An ID card opens no lane."}
    told = [line for line in shown(bench) if line.startswith(words.get(name, "This is not a ski ticket."))]
    assert len(told) == 1
    assert bench.unlocks() == 0


def test_uid_only_clone_of_a_ski_card_is_refused(bench: Bench) -> None:
    """A magic card with the UID, ATQA, SAK and ATS of a valid card: the application behind them is missing."""
    bench.reader.present(UidClone(ski_card().uid))
    wait_for(lambda: refusals(bench.directory) == ["foreign_medium"])
    assert bench.unlocks() == 0


def test_clone_beside_its_original_burns_no_second_ticket(bench: Bench) -> None:
    """Two cards of one UID talk over each other: at most one passage comes of it."""
    card = ski_card()
    bench.reader.present(UidClone(card.uid))
    bench.reader.present(card)
    time.sleep(1.0)
    assert len(admissions(bench.directory)) <= 1
    assert usage_of(card).used_total <= 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
@pytest.mark.parametrize("delay_s", [0.0, 0.06, 0.3])
def test_two_ski_cards_in_one_pocket_use_one_ticket(bench: Bench, order: tuple[int, int], delay_s: float) -> None:
    """Both valid, held for long over the passage; the second one may come into the field a moment later."""
    cards = [ski_card(1, claim(ticket=1)), ski_card(2, claim(ticket=2))]
    bench.reader.present(cards[order[0]])
    time.sleep(delay_s)
    bench.reader.present(cards[order[1]])
    wait_for(lambda: bench.state() == "open")
    bench.turn()
    wait_for(lambda: bench.state() == "idle")
    time.sleep(1.2)
    assert [usage_of(card).used_total for card in cards].count(1) == 1
    assert len(admissions(bench.directory)) == 1
    assert bench.unlocks() == 1
    assert [line for line in shown(bench) if line.startswith("Two ski cards at once")]


def test_second_card_of_the_pocket_passes_when_held_alone(bench: Bench) -> None:
    """It belonged to the second guest after all."""
    cards = [ski_card(1, claim(ticket=1)), ski_card(2, claim(ticket=2))]
    for card in cards:
        bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    bench.turn()
    wait_for(lambda: bench.state() == "idle")
    bench.reader.remove()
    time.sleep(0.8)
    unused = next(card for card in cards if usage_of(card).used_total == 0)
    bench.reader.present(unused)
    wait_for(lambda: bench.state() == "open")
    assert [usage_of(card).used_total for card in cards] == [1, 1]


def test_expired_card_in_the_pocket_gives_way_to_the_valid_one(bench: Bench) -> None:
    """Whichever is met first, the valid one is used."""
    old = ski_card(1, claim(ticket=1, valid_from=claim().valid_from, valid_until=claim().valid_from))
    card = ski_card(2, claim(ticket=2))
    bench.reader.present(old)
    bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    assert usage_of(card).used_total == 1
    assert usage_of(old).used_total == 0


def test_two_cards_that_cannot_be_used_are_told_to_come_alone(bench: Bench) -> None:
    """Each is refused with its reason, and the display says what helps."""
    over = {"valid_from": claim().valid_from, "valid_until": claim().valid_from}
    for number in (1, 2):
        bench.reader.present(ski_card(number, claim(ticket=number, **over)))
    wait_for(lambda: len([line for line in shown(bench) if "one" in line.lower()]) > 0)
    time.sleep(0.5)
    assert bench.unlocks() == 0
    assert set(refusals(bench.directory)) == {"expired"}
