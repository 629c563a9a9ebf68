# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate clock: how the time stands, in words and for programs; a technician's word, taken once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gate_bench import BenchClock, gate_tree, running_gate, toml_of, wait_for
from journal_reading import events

from pistegate_edge.cli import main
from pistegate_edge.clock import Clock
from pistegate_edge.timekeeping.told import Sources
from pistegate_edge.timekeeping.words import FILE_NAME, HOLDS_MS, accept, taken
from pistegate_protocol.events import ClockState, Stream
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.timesource import TimeSource

NOON = datetime(2026, 1, 17, 12, 0, tzinfo=UTC)


@pytest.fixture
def time(tmp_path: Path) -> Iterator[TimeSource]:
    """The site's time source."""
    source = TimeSource(tmp_path / "time.page", NOON)
    yield source
    source.close()


@pytest.fixture
def config(tmp_path: Path, time: TimeSource) -> str:
    """A gate.toml that names it."""
    path = tmp_path / "gate.toml"
    path.write_text(toml_of(gate_tree(tmp_path / "journal", clock={"source": str(time.path)})))
    (tmp_path / "journal").mkdir()
    return str(path)


def test_gate_that_is_sure_of_its_time_says_so(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the gate's display, with the time of its zone."""
    assert main(["clock", "--config", config]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("It is 2026-01-17T20:00:0")
    assert first.endswith("and the gate is sure of it.")
    assert "Nothing is to be done" in second
    assert main(["clock", "show", "--config", config, "--locale", "zh-CN"]) == 0
    assert "闸机确信此时间" in capsys.readouterr().out


def test_doubt_has_a_status_of_its_own_and_says_what_to_do(
    tmp_path: Path, time: TimeSource, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal of an hour ago, the clock of yesterday."""
    with SimulatedReader(tmp_path / "reader") as reader, running_gate(tmp_path / "journal", reader, clock=BenchClock()):
        pass
    time.set(datetime.now(UTC) - timedelta(days=1), 1.0)
    assert main(["clock", "--config", config, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["trusted"], told["reason"], told["outside"]) == (False, "ran_back", True)
    assert told["now"] > told["system"]
    assert main(["clock", "--config", config]) == 1
    assert "pistegate-gate clock accept" in capsys.readouterr().out


def newest(journal: Path) -> tuple[bool, str]:
    """How the clock stood last."""
    states = [event for event in events(journal, Stream.LEDGER) if isinstance(event, ClockState)]
    return states[-1].trusted, states[-1].reason


class Unsure(Clock):
    """Nobody vouches for it."""

    def sources(self) -> Sources:
        """See Clock."""
        return Sources()


def test_technicians_word_is_taken_by_the_running_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gate is sure within seconds, records by whose word, and the word is used up."""
    journal = tmp_path / "journal"
    config = tmp_path / "gate.toml"
    config.write_text(toml_of(gate_tree(journal)))
    with SimulatedReader(tmp_path / "reader") as reader, running_gate(journal, reader, clock=Unsure()) as bench:
        assert bench.gate._state().startswith("in_service; clock suspect: never_synchronised")
        assert main(["clock", "accept", "--config", str(config)]) == 0
        assert "is right" in capsys.readouterr().out
        wait_for(lambda: not (journal / FILE_NAME).exists(), 30)
        wait_for(lambda: "suspect" not in bench.gate._state(), 30)
        wait_for(lambda: newest(journal) == (True, "accepted"), 30)


def test_word_of_long_ago_or_for_another_clock_is_not_taken(tmp_path: Path) -> None:
    """A gate that was off meanwhile: the word goes, the doubt stays."""

    class Later(Clock):
        later_ms = 0

        def _wall_ns(self) -> int:
            return super()._wall_ns() + self.later_ms * 1_000_000

    clock = Later()
    for later, holds in ((0, True), (HOLDS_MS + 1000, False), (-1000, False)):
        clock.later_ms = 0
        accept(tmp_path, clock)
        clock.later_ms = later
        assert taken(tmp_path, clock) is holds
        assert not (tmp_path / FILE_NAME).exists()
    (tmp_path / FILE_NAME).write_text("soon\n")
    assert not taken(tmp_path, clock)
    assert not taken(tmp_path, clock)
