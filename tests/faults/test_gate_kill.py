# SPDX-License-Identifier: Apache-2.0
"""A gate process that is killed: nothing durable is lost, and no lane opens by itself afterwards."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest
from gate_bench import gate_tree, ski_card, toml_of, wait_for
from journal_reading import admissions, outcomes

from pistegate_edge.clock import Clock
from pistegate_edge.journal.journal import Journal
from pistegate_edge.journal.opening import FILE_NAME
from pistegate_protocol.events import OutcomeKind, Stream
from pistegate_simulators.reader import SimulatedReader

WRITER = """
import sys
from pathlib import Path
from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import RecordAdmission, RecordOutcome
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind
journal = Journal(Path(sys.argv[1]), 1, 3, 131072, Clock(), int(sys.argv[2]), "test")
counters = bytes([2]) + bytes(15)
while True:
    seq, _ = journal.admit(RecordAdmission(Admitted(1, 1, b"\\x01card", bytes(8), 1, 1, counters, bytes(8)), 1))
    print(seq, flush=True)
    journal.outcome(RecordOutcome(Outcome(1, journal.epoch, seq, OutcomeKind.PASSED, 1)))
    journal.tidy()
"""


def test_journal_killed_while_writing_keeps_what_it_promised(tmp_path: Path) -> None:
    """Every admission that was told as durable is there after kill -9, the chains verify, at most one is open."""
    chance = Random(5)
    promised = 0
    for run in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(run)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.01, 0.15))
        process.kill()
        promised += 1 + process.stdout.read().count("\n")
        process.stdout.close()
        process.wait()
    with Journal(tmp_path, 1, 3, 131072, Clock(), 99, "test") as journal:
        unfinished = journal.unfinished()
        assert len(unfinished) <= 6
        ledger = [p for p in journal.pending() if p.stream is Stream.LEDGER]
        assert len(ledger) == 7
    assert len(admissions(tmp_path)) >= promised
    assert len(admissions(tmp_path)) - len(outcomes(tmp_path)) == len(unfinished)


@contextmanager
def gate_process(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`pistegate-gate run` on mock pins, and its log; in service when it is yielded."""
    log = directory / f"log-{time.monotonic_ns()}"
    config = directory / "gate.toml"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "pistegate_edge", "run", "--config", str(config)],
            stderr=stderr,
            env=os.environ | {"GPIOZERO_PIN_FACTORY": "mock"},
        )
    try:
        wait_for(lambda: ": in service" in log.read_text(), 20)
        yield process, log
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link, and a gate.toml that names it."""
    with SimulatedReader(tmp_path / "reader") as reader:
        (tmp_path / "gate.toml").write_text(toml_of(gate_tree(tmp_path, str(tmp_path / "reader"))))
        yield reader


def test_gate_killed_with_an_open_lane_reports_it_unknown_and_does_not_open_again(
    tmp_path: Path, reader: SimulatedReader
) -> None:
    """After the restart the admission is interrupted, its person unknown; the reader works though never closed."""
    card = ski_card()
    with gate_process(tmp_path) as (process, log):
        reader.present(card)
        wait_for(lambda: "admitted" in log.read_text())
        reader.remove(card)
        process.kill()
        process.wait()
    with gate_process(tmp_path) as (process, log):
        (outcome,) = outcomes(tmp_path)
        assert (outcome.kind, outcome.passed, outcome.unknown) == (OutcomeKind.INTERRUPTED, 0, 1)
        time.sleep(0.2)
        assert "admitted" not in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "stopped, lane shut" in log.read_text()
    assert len(admissions(tmp_path)) == 1


def test_gate_told_to_stop_finishes_the_passage_under_way(tmp_path: Path, reader: SimulatedReader) -> None:
    """SIGTERM while the lane is open: its outcome is recorded before the end, nothing is left unknown."""
    with gate_process(tmp_path) as (process, log):
        reader.present(ski_card())
        wait_for(lambda: "admitted" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert [outcome.kind for outcome in outcomes(tmp_path)] == [OutcomeKind.NOT_PASSED]


def test_gate_with_a_damaged_journal_opens_in_the_morning(tmp_path: Path, reader: SimulatedReader) -> None:
    """A zeroed header: what is valid is salvaged at start, told, and the file kept; no outcome is told twice."""
    with gate_process(tmp_path) as (process, log):
        reader.present(ski_card())
        wait_for(lambda: "admitted" in log.read_text())
        process.kill()
        process.wait()
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[:4096] = bytes(4096)
    path.write_bytes(bytes(data))
    with gate_process(tmp_path) as (process, log):
        assert "journal_salvaged" in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert [outcome.kind for outcome in outcomes(tmp_path)] == [OutcomeKind.INTERRUPTED]
    (kept,) = tmp_path.glob("journal-*.sqlite")
    assert kept.read_bytes()[4096:] == bytes(data)[4096:]


def test_gate_of_whose_journal_nothing_is_left_ends_the_same_way_each_time(
    tmp_path: Path, reader: SimulatedReader
) -> None:
    """Restarts by the system are harmless: status 3, the remedy told, the file untouched; set-aside helps."""
    with gate_process(tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    path = tmp_path / FILE_NAME
    path.write_bytes(bytes(path.stat().st_size))
    before = path.read_bytes()
    command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(tmp_path / "gate.toml")]
    env = os.environ | {"GPIOZERO_PIN_FACTORY": "mock"}
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        assert done.returncode == 3
        assert "journal set-aside" in done.stderr
        assert path.read_bytes() == before
    aside = [sys.executable, "-m", "pistegate_edge", "journal", "set-aside", "--config", str(tmp_path / "gate.toml")]
    done = subprocess.run(aside, capture_output=True, text=True, check=True)
    assert "kept as" in done.stdout
    with gate_process(tmp_path) as (_, log):
        assert "journal_set_aside" in log.read_text()


def test_journal_show_reads_beside_the_running_gate(tmp_path: Path, reader: SimulatedReader) -> None:
    """Counts as JSON; nothing is changed by looking."""
    with gate_process(tmp_path):
        command = [sys.executable, "-m", "pistegate_edge", "journal", "show", "--config", str(tmp_path / "gate.toml")]
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
        assert '"unfinished": 0' in done.stdout
        plain = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "not acknowledged" in plain.stdout
