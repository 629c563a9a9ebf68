# SPDX-License-Identifier: Apache-2.0
"""A whole gate on a simulated reader and mock pins: from the tap to the outcome in the journal."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import GREEN, RED, Bench, running_gate, ski_card, usage_of, wait_for

from pistegate_protocol.events import EVENTS, Admitted, Outcome, OutcomeKind, Refused, Stream
from pistegate_simulators.reader import SimulatedReader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def events(directory: Path, stream: Stream) -> list[object]:
    """What the journal holds of a stream, in order."""
    connection = sqlite3.connect(f"file:{directory}/journal.sqlite?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT payload FROM event WHERE stream = ? ORDER BY epoch, seq", (stream,)
        ).fetchall()
    finally:
        connection.close()
    return [EVENTS.decode(row[0]) for row in rows]


def outcomes(bench: Bench) -> list[Outcome]:
    """The outcomes recorded so far."""
    return [e for e in events(bench.directory, Stream.LEDGER) if isinstance(e, Outcome)]


def admissions(bench: Bench) -> list[Admitted]:
    """The admissions recorded so far."""
    return [e for e in events(bench.directory, Stream.LEDGER) if isinstance(e, Admitted)]


def refusals(bench: Bench) -> list[str]:
    """Reasons of the refusals recorded so far."""
    return [e.reason for e in events(bench.directory, Stream.NOTES) if isinstance(e, Refused)]


def test_tap_opens_the_lane_once_and_its_pass_is_recorded(tmp_path: Path, reader: SimulatedReader) -> None:
    """A card is charged, the lane opens with green, the arm turns, and the journal holds admission and outcome."""
    card = ski_card()
    with running_gate(tmp_path, reader) as bench:
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
        assert bench.level(GREEN)
        reader.remove(card)
        bench.turn()
        wait_for(lambda: outcomes(bench))
        assert bench.unlocks() == 1
        assert not bench.level(GREEN)
        assert not bench.level(RED)
    (outcome,) = outcomes(bench)
    (admitted,) = admissions(bench)
    assert (outcome.kind, outcome.passed, outcome.unknown) == (OutcomeKind.PASSED, 1, 0)
    assert admitted.n == 1
    assert usage_of(card).used_total == 1
