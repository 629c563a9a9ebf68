# SPDX-License-Identifier: Apache-2.0
"""A whole gate whose tripod is driven by a lane board: real firmware on a line, arms turned at its pins."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from gate_bench import gate_tree, running_gate, ski_card, toml_of, wait_for
from journal_reading import incidents, outcomes
from simulated_board import SimulatedBoard

from pistegate_edge.lane.board.document import document_of
from pistegate_edge.lane.board.image import BUILD, image_of
from pistegate_edge.lane.settings import lane_settings
from pistegate_protocol.events import OutcomeKind
from pistegate_simulators.reader import SimulatedReader

UNLOCK, GREEN = 16, 19  # GP numbers of hardware/boards/pico.toml
ARM_A, ARM_B, ARM_HOME = 0, 1, 2
ACTIVE, INACTIVE = 0, 1
SIGNALS = {"at": "board", "refuse_ms": 300}
# One person: the arm leaves home, both sensors a quarter turn apart, home again.
TURN = [
    (ARM_HOME, INACTIVE),
    (ARM_A, ACTIVE),
    (ARM_B, ACTIVE),
    (ARM_A, INACTIVE),
    (ARM_B, INACTIVE),
    (ARM_HOME, ACTIVE),
]
STEP_S = 0.06


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    """A flashed board that runs."""
    problems: list[str] = []
    settings = lane_settings({"profile": "tripod_own", "port": "/dev/null"}, problems)
    assert settings is not None, problems
    image = image_of(document_of(settings))
    flash = tmp_path / "flash"
    for name, data in {**image.files, BUILD: image.listing}.items():
        (flash / name).parent.mkdir(parents=True, exist_ok=True)
        (flash / name).write_bytes(data)
    with SimulatedBoard(flash) as board:
        yield board


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def lane_of(board: SimulatedBoard) -> dict[str, Any]:
    """[lane] of gate.toml."""
    return {"profile": "tripod_own", "port": board.path}


def turn(board: SimulatedBoard) -> None:
    """Somebody walks through."""
    for pin, level in TURN:
        board.set(pin, level)
        time.sleep(STEP_S)


def test_tap_opens_the_boards_lane_and_its_arm_is_the_outcome(
    tmp_path: Path, reader: SimulatedReader, board: SimulatedBoard
) -> None:
    """Solenoid and green lamp are the board's; the arm's sensors tell who passed."""
    journal = tmp_path / "journal"
    card = ski_card()
    with running_gate(journal, reader, lane=lane_of(board), signals=SIGNALS) as bench:
        assert board.level(UNLOCK) == 0
        reader.present(card)
        wait_for(lambda: board.level(UNLOCK))
        wait_for(lambda: board.level(GREEN))
        reader.remove(card)
        turn(board)
        wait_for(lambda: outcomes(journal))
        wait_for(lambda: not board.level(UNLOCK))
        wait_for(lambda: not board.level(GREEN))
        assert bench.in_service()
    (outcome,) = outcomes(journal)
    assert (outcome.kind, outcome.passed) == (OutcomeKind.PASSED, 1)


def test_board_that_loses_power_takes_the_gate_out_and_brings_it_back(
    tmp_path: Path, reader: SimulatedReader, board: SimulatedBoard
) -> None:
    """In the middle of an opening: it ends with what was known, the guest is owed, nothing opens by itself."""
    journal = tmp_path / "journal"
    card = ski_card()
    with running_gate(journal, reader, lane=lane_of(board), signals=SIGNALS) as bench:
        reader.present(card)
        wait_for(lambda: board.level(UNLOCK))
        reader.remove(card)
        board.cut_power()
        wait_for(lambda: outcomes(journal))
        wait_for(bench.in_service)
        assert board.level(UNLOCK) == 0
        assert "board_rebooted" in incidents(journal)
        time.sleep(0.7)  # the card has left the field
        reader.present(card)
        wait_for(lambda: board.level(UNLOCK))  # owed
        reader.remove(card)
        turn(board)
        wait_for(lambda: len(outcomes(journal)) == 2)
    assert [(one.kind, one.passed) for one in outcomes(journal)] == [
        (OutcomeKind.NOT_PASSED, 0),
        (OutcomeKind.PASSED, 1),
    ]


@contextmanager
def gate_process(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pistegate-gate run`, killed at the end."""
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(config)]
        env = os.environ | {"GPIOZERO_PIN_FACTORY": "mock"}
        process = subprocess.Popen(command, stderr=stderr, env=env)
    try:
        wait_for(lambda: ": in service" in log.read_text(), 20)
        yield process
    finally:
        process.kill()
        process.wait()


def test_guest_who_passed_while_the_gate_was_dead_is_known_after_its_restart(
    tmp_path: Path, reader: SimulatedReader, board: SimulatedBoard
) -> None:
    """Killed with its lane open; the arm turns; the board's count says so: nobody is unknown."""
    journal, config = tmp_path / "journal", tmp_path / "gate.toml"
    tree = gate_tree(journal, str(reader.link), lane=lane_of(board), signals=SIGNALS)
    config.write_text(toml_of(tree))
    card = ski_card()
    with gate_process(config, tmp_path / "first") as process:
        reader.present(card)
        wait_for(lambda: board.level(UNLOCK))
        reader.remove(card)
        process.kill()
        process.wait()
        turn(board)
        wait_for(lambda: not board.level(UNLOCK))
    assert outcomes(journal) == []
    with gate_process(config, tmp_path / "second"):
        wait_for(lambda: outcomes(journal))
    (outcome,) = outcomes(journal)
    assert (outcome.kind, outcome.passed, outcome.unknown) == (OutcomeKind.INTERRUPTED, 1, 0)
