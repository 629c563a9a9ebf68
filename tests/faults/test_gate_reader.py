# SPDX-License-Identifier: Apache-2.0
"""What a reader and a card can do to a gate: each gives a clear reason, never an open lane, never a lost passage."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from gate_bench import MASTERS, RED, claim, running_gate, ski_card, usage_of, wait_for
from journal_reading import admissions, incidents, outcomes, refusals, settlements

from pistegate_edge.core.actions import Write
from pistegate_edge.core.now import Now
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.usage import NO_ADMISSION
from pistegate_simulators.card import ClassicCard, DesfireCard, PlainIsoCard, Type2Card
from pistegate_simulators.reader import Cut, SimulatedReader
from pistegate_simulators.stock import CardMasters, blank_stock, personalised_card, put_claim, put_usage

# RATS, then select, two of authentication, read usage, read claim (two blocks), write usage, the record, commit.
RATS, READS, WRITE, RECORD, COMMIT = 0, range(1, 7), 7, 8, 9


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.mark.parametrize("when", list(Cut))
@pytest.mark.parametrize("exchange", [RATS, *READS])
def test_card_torn_while_read_is_unreadable_and_commits_nothing(
    tmp_path: Path, reader: SimulatedReader, exchange: int, when: Cut
) -> None:
    """Bad input: a card torn before the gate has read it all leaves no admission and no change on the card."""
    card = ski_card()
    before = usage_of(card)
    with running_gate(tmp_path, reader) as bench:
        reader.cut_after(exchange, when)
        reader.present(card)
        wait_for(lambda: refusals(tmp_path) == ["unreadable"])
        assert bench.unlocks() == 0
    assert admissions(tmp_path) == []
    assert usage_of(card) == before


@pytest.mark.parametrize(
    ("exchange", "when", "kind"),
    [
        (WRITE, Cut.BEFORE, OutcomeKind.CARD_VOID),
        (WRITE, Cut.AFTER, OutcomeKind.CARD_VOID),
        (RECORD, Cut.BEFORE, OutcomeKind.CARD_VOID),
        (RECORD, Cut.AFTER, OutcomeKind.CARD_VOID),
        (COMMIT, Cut.BEFORE, OutcomeKind.CARD_UNCONFIRMED),
        (COMMIT, Cut.AFTER, OutcomeKind.CARD_UNCONFIRMED),
    ],
)
def test_card_torn_while_written_keeps_the_lane_shut(
    tmp_path: Path, reader: SimulatedReader, exchange: int, when: Cut, kind: OutcomeKind
) -> None:
    """Bad input: a card torn around its commit is void (not sent) or unconfirmed (sent), and the lane stays shut."""
    card = ski_card()
    with running_gate(tmp_path, reader) as bench:
        reader.cut_after(exchange, when)
        reader.present(card)
        wait_for(lambda: outcomes(tmp_path))
        assert bench.unlocks() == 0
        assert bench.level(RED)
    assert [outcome.kind for outcome in outcomes(tmp_path)] == [kind]


@pytest.mark.parametrize(("when", "charged"), [(Cut.BEFORE, False), (Cut.AFTER, True)])
def test_unconfirmed_card_that_comes_back_settles_and_passes_once(
    tmp_path: Path, reader: SimulatedReader, when: Cut, charged: bool
) -> None:
    """What the card names tells whether it was charged; the person enters either way and is charged once."""
    card = ski_card(1, claim(entries_total=1))
    with running_gate(tmp_path, reader) as bench:
        reader.cut_after(COMMIT, when)
        reader.present(card)
        wait_for(lambda: outcomes(tmp_path))
        time.sleep(0.7)  # out of the field for longer than a presentation lasts
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
        reader.remove(card)
        bench.turn()
        wait_for(lambda: len(outcomes(tmp_path)) == 2)
        assert bench.unlocks() == 1
    assert [settled.charged for settled in settlements(tmp_path)] == [charged]
    assert admissions(tmp_path)[1].charged == (0 if charged else 1)
    assert usage_of(card).used_total == 1


def test_card_held_for_good_is_admitted_once(tmp_path: Path, reader: SimulatedReader) -> None:
    """One presentation gives at most one admission, however long the card stays."""
    card = ski_card()
    with running_gate(tmp_path, reader) as bench:
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
        bench.turn()
        wait_for(lambda: outcomes(tmp_path))
        time.sleep(0.8)
        assert bench.state() == "idle"
    assert len(admissions(tmp_path)) == 1


def test_owed_person_is_let_through_again_without_charge(tmp_path: Path, reader: SimulatedReader) -> None:
    """A person who did not pass comes back within 120 s: not charged again, and only once."""
    card = ski_card(1, claim(entries_total=1, reentry_s=600))
    with running_gate(tmp_path, reader) as bench:
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
        reader.remove(card)
        wait_for(lambda: outcomes(tmp_path))
        time.sleep(0.6)
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
        reader.remove(card)
        bench.turn()
        wait_for(lambda: len(outcomes(tmp_path)) == 2)
        time.sleep(0.6)
        reader.present(card)
        wait_for(lambda: refusals(tmp_path) == ["used_up"])
    first, second = admissions(tmp_path)
    assert (first.charged, second.charged) == (1, 0)
    assert second.reoffer_of is not None
    assert [outcome.kind for outcome in outcomes(tmp_path)] == [OutcomeKind.NOT_PASSED, OutcomeKind.PASSED]


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (lambda: Type2Card(b"\x04\x01\x02\x03\x04\x05\x06"), "foreign_medium"),
        (lambda: ClassicCard(b"\x01\x02\x03\x04"), "foreign_medium"),
        (lambda: PlainIsoCard(b"\x01\x02\x03\x04"), "foreign_medium"),
        (lambda: blank_stock(Random(5)), "foreign_medium"),
        (lambda: personalised_card(Random(5), CardMasters.drawn(Random(99))), "card_key_refused"),
        (lambda: personalised_card(Random(5), MASTERS), "no_ticket"),
    ],
    ids=["type 2", "classic", "bank card", "blank", "wrong key", "no ticket"],
)
def test_foreign_and_empty_cards_are_refused_with_their_reason(
    tmp_path: Path, reader: SimulatedReader, card: object, reason: str
) -> None:
    """Bad input: foreign cards, our cards of another site, cards without a ticket."""
    with running_gate(tmp_path, reader) as bench:
        reader.present(card())  # type: ignore[operator]
        wait_for(lambda: refusals(tmp_path) == [reason])
        assert bench.unlocks() == 0


def spoiled(what: str) -> DesfireCard:
    """A card of ours with bad content."""
    card = ski_card()
    if what == "claim":
        put_claim(card, b"\x07" * 112)
    elif what == "usage":
        put_usage(card, b"\x01" + bytes(31))
    else:
        put_usage(card, b"\x09" + bytes(31))
    return card


@pytest.mark.parametrize(
    ("what", "reason"), [("claim", "version_unknown"), ("usage", "usage_invalid"), ("newer", "version_unknown")]
)
def test_card_with_bad_content_is_refused(tmp_path: Path, reader: SimulatedReader, what: str, reason: str) -> None:
    """Bad input: a claim of a newer format, usage of another claim, usage of a newer layout."""
    with running_gate(tmp_path, reader) as bench:
        reader.present(spoiled(what))
        wait_for(lambda: refusals(tmp_path) == [reason])
        assert bench.unlocks() == 0


def test_unplugged_reader_is_shown_told_and_survived(tmp_path: Path, reader: SimulatedReader) -> None:
    """The gate goes out of service with red blinking, comes back by itself, and serves the next card."""
    with running_gate(tmp_path, reader) as bench:
        reader.unplug()
        wait_for(lambda: not bench.in_service())
        wait_for(lambda: bench.level(RED))
        wait_for(lambda: not bench.level(RED))
        reader.replug()
        wait_for(bench.in_service)
        card = ski_card()
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
    assert incidents(tmp_path).count("reader_lost") == 1


def test_reader_unplugged_in_the_middle_of_a_write_keeps_the_lane_shut(tmp_path: Path, reader: SimulatedReader) -> None:
    """The admission gets an outcome though the reader is gone, and the lane does not open."""
    card = ski_card()
    with running_gate(tmp_path, reader) as bench:

        def unplug_first(action: Write, now: Now) -> None:
            reader.unplug()
            bench.gate._reader.reply(action)

        bench.gate._perform[Write] = unplug_first
        reader.present(card)
        wait_for(lambda: outcomes(tmp_path))
        assert bench.unlocks() == 0
        reader.replug()
        wait_for(bench.in_service)
    assert [outcome.kind for outcome in outcomes(tmp_path)] == [OutcomeKind.CARD_VOID]
    assert usage_of(card).admission == NO_ADMISSION


def test_garbage_from_a_reader_is_survived(tmp_path: Path, reader: SimulatedReader) -> None:
    """Bad input: noise on the serial line restarts the reader at worst; then cards pass."""
    noise = Random(3)
    with running_gate(tmp_path, reader) as bench:
        for _ in range(60):
            reader.inject(noise.randbytes(noise.randrange(1, 40)))
            time.sleep(0.01)
        wait_for(bench.in_service)
        reader.present(ski_card())
        wait_for(lambda: bench.state() == "open")
        assert bench.unlocks() == 1


def test_reader_that_loses_its_answers_is_restarted(tmp_path: Path, reader: SimulatedReader) -> None:
    """A chip that goes silent for a while is reopened, also when it stays at its fast baud rate."""
    with running_gate(tmp_path, reader) as bench:
        reader.drop_acks(3)
        wait_for(lambda: "reader_lost" in incidents(tmp_path))
        wait_for(bench.in_service)
        reader.present(ski_card())
        wait_for(lambda: bench.state() == "open")
