# SPDX-License-Identifier: Apache-2.0
"""BoardLane with real pyserial on a pseudo terminal, the firmware's files in a process of their own behind it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_rig import FIRE, OPENS, Gate, board_command, gate_toml, leaf_follows, put_firmware, settings_of, walk_in
from simulated_board import SimulatedBoard

from pistegate_edge.lane.board import codes, serial_link
from pistegate_edge.lane.board.errors import port_error
from pistegate_edge.lane.board.serial_link import open_port
from pistegate_edge.lane.core import messages, words


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    """Flashed and running."""
    flash = tmp_path / "flash"
    flash.mkdir()
    with SimulatedBoard(flash) as board:
        put_firmware(flash, settings_of(gate_toml(tmp_path, board.path)))
        board.cut_power()
        yield board


@pytest.fixture
def gate(board: SimulatedBoard, tmp_path: Path) -> Iterator[Gate]:
    """Linked."""
    with Gate(settings_of(tmp_path / "gate.toml")) as gate:
        gate.linked()
        gate.events.clear()
        yield gate


def opened(gate: Gate, board: SimulatedBoard) -> None:
    """An opening, its leaf out of the way."""
    gate.events += gate.lane.open(time.monotonic(), 1, words.ENTRY)
    gate.until(lambda: board.level(OPENS) == 1)
    leaf_follows(board, is_open=True)


def test_a_person_walks_through(gate: Gate, board: SimulatedBoard, tmp_path: Path) -> None:
    """Admission, motor, beams, count, end: over the real line and the real pins' levels."""
    opened(gate, board)
    walk_in(board, gate, settings_of(tmp_path / "gate.toml").profile["beams"])
    gate.until(lambda: gate.names("closed") == [1])
    assert gate.names("passed") == [1]
    assert gate.lane.mark is not None
    assert gate.lane.mark[1] == 1


def test_power_cut_in_an_opening_ends_it_and_the_board_comes_back(gate: Gate, board: SimulatedBoard) -> None:
    """Another boot: the opening ends with nobody known, an incident says why, the lane works again."""
    opened(gate, board)
    board.cut_power()
    gate.until(lambda: gate.names("closed") == [0])
    assert gate.names("incident") == [codes.REBOOTED]
    gate.linked()
    opened(gate, board)


def test_garbage_both_ways_changes_nothing(gate: Gate, board: SimulatedBoard) -> None:
    """Kilobytes of noise, every byte there is, 03 and 04 among them, while an opening goes on."""
    noise = bytes(range(256)) * 4
    opened(gate, board)
    other = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(5):
            os.write(other, noise)
            os.write(board._master, noise)
            gate.run(0.1)
    finally:
        os.close(other)
    assert gate.events == []
    board.set(FIRE, 1)
    gate.until(lambda: gate.names("fault") == [words.ON_FIRE])
    assert gate.names("closed") == [0]


def test_a_line_that_comes_late_and_goes_is_opened_again(board: SimulatedBoard, tmp_path: Path) -> None:
    """No device, then one, then none, then one: the thread goes on, the fault comes and clears."""
    port = tmp_path / "port"
    with Gate(settings_of(gate_toml(tmp_path, str(port)))) as gate:
        gate.until(lambda: gate.names("fault") == [codes.SILENT])
        port.symlink_to(board.path)
        gate.until(lambda: gate.names("clear") == [codes.SILENT])


def test_a_gate_that_restarts_learns_who_passed(board: SimulatedBoard, tmp_path: Path) -> None:
    """Its process dies with an opening under way; the guest walks on; the next run's drain counts exactly."""
    settings = settings_of(tmp_path / "gate.toml")
    with Gate(settings) as first:
        first.linked()
        mark = first.lane.mark
        opened(first, board)
    with Gate(settings, since=mark) as second:
        walk_in(board, second, settings.profile["beams"])
        second.events += second.lane.drain(time.monotonic())
        leaf_follows(board, is_open=False)
        second.until(lambda: len(second.names("closed")) == 1)
        assert second.lane.exact
        assert second.names("closed") == [1]


def test_a_line_in_use_is_refused_with_the_remedy(gate: Gate, board: SimulatedBoard, tmp_path: Path) -> None:
    """The technician forgot to stop the gate."""
    with pytest.raises(OSError, match="lock") as caught:
        open_port(board.path)
    assert "stop the gate first" in str(port_error(board.path, caught.value))
    done = board_command(tmp_path / "gate.toml", "check")
    assert done.returncode == 1
    assert "another process has it: stop the gate first" in done.stderr


def test_an_error_of_the_firmware_latches_and_a_reset_starts_anew(board: SimulatedBoard, tmp_path: Path) -> None:
    """Watchdog, reason in `board log` and `board check`, reset by the gate, in service again."""
    (board.flash / "main.py").write_text(
        "from lane_board import loop, start\n"
        "turn, left = loop.Loop.turn, [300]\n"
        "def bad(self, now):\n"
        "    left[0] -= 1\n"
        "    if not left[0] and self._lane:\n"
        "        raise ZeroDivisionError('a planted error')\n"
        "    turn(self, now)\n"
        "loop.Loop.turn = bad\n"
        "start.main()\n"
    )
    board.cut_power()
    deadline = time.monotonic() + 20
    while "firmware watchdog" not in board.starts and time.monotonic() < deadline:
        time.sleep(0.05)
    config = tmp_path / "gate.toml"
    log, check = board_command(config, "log"), board_command(config, "check")
    assert log.returncode == 0
    assert "latched: ZeroDivisionError: a planted error" in log.stdout
    assert check.returncode == 1
    assert "latched by an error of its firmware (ZeroDivisionError: a planted error)" in check.stderr
    put_firmware(board.flash, settings_of(config))
    with Gate(settings_of(config)) as gate:
        gate.until(lambda: gate.names("fault") == [messages.CRASHED])
        gate.lane.reset(time.monotonic())
        gate.until(lambda: messages.CRASHED in gate.names("clear"))
        gate.linked()


def test_a_technician_watches_the_pins(board: SimulatedBoard, tmp_path: Path) -> None:
    """`board check --watch`: a hand in beam 3, and out again; nothing else."""
    config = tmp_path / "gate.toml"
    command = [sys.executable, "-m", "pistegate_edge", "board", "check", "--watch", "4", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as check:
        assert check.stdout is not None
        lines = iter(check.stdout.readline, "")
        assert any("watching" in line for line in lines)
        time.sleep(0.5)
        board.set(3, 1)
        time.sleep(0.3)
        board.set(3, 0)
        seen = [line.split()[:3] for line in lines]
    assert seen == [["beam_3", "GP3", "ACTIVE"], ["beam_3", "GP3", "-"]]


def test_an_error_nobody_thought_of_does_not_end_the_line(board: SimulatedBoard, tmp_path: Path) -> None:
    """The thread tells it and goes on."""
    settings = settings_of(tmp_path / "gate.toml")
    real, failed = serial_link.open_port, []

    def fails_once(path: str) -> object:
        if not failed:
            failed.append(path)
            raise RuntimeError("what is that?")
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial_link, "open_port", fails_once)
        with Gate(settings) as gate:
            gate.linked()
            assert gate.names("fault")[:1] == [codes.SILENT]
            assert failed
