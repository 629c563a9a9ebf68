# SPDX-License-Identifier: Apache-2.0
"""`pistegate-gate scanner`, as a technician types it."""

import argparse
import json
import threading
import time
from pathlib import Path

import pytest

from pistegate_edge.errors import ConfigError
from pistegate_edge.scanners.cli import add_parser
from pistegate_simulators.scanner import SimulatedScanner


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["scanner", *words])
    result: int = arguments.do(arguments)
    return result


def shown(scanner: SimulatedScanner, code: str, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """What watching it prints while a code is shown every 0.1 s."""
    stop = threading.Event()

    def show() -> None:
        while not stop.wait(0.1):
            scanner.show(code)

    thread = threading.Thread(target=show)
    thread.start()
    try:
        assert run("watch", "--path", scanner.path, "--seconds", "1.0", *words) == 0
    finally:
        stop.set()
        thread.join()
    return capsys.readouterr().out.splitlines()


def test_profiles_are_listed_with_what_is_not_confirmed(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and programs."""
    assert run("profiles") == 0
    text = capsys.readouterr().out
    assert "newland: Newland" in text
    assert "not confirmed: SCNTRG1" in text
    assert "keyboard: any scanner" in text
    assert run("profiles", "--json") == 0
    assert json.loads(capsys.readouterr().out)["gm65"]["baud"] == 9600


def test_what_a_scanner_gives_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Its path first, then each line."""
    with SimulatedScanner() as scanner:
        lines = shown(scanner, "PG1/ABC", capsys)
    assert lines[0].startswith("ready: /dev/pts/")
    assert lines[1] == "   7 characters: 'PG1/ABC'"


def test_an_id_number_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """A technician's screen is no place for it."""
    with SimulatedScanner() as scanner:
        lines = shown(scanner, "11010519491231002X", capsys, "--profile", "resident-id-lines-9600", "--json")
    assert json.loads(lines[1]) == {"line": "11" + "*" * 16, "characters": 18, "text": True}
    assert "11010519491231002X" not in "".join(lines)


def test_no_line_in_time_is_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit status 1, and why, where it is known."""
    begun = time.monotonic()
    assert run("watch", "--path", str(tmp_path / "none"), "--seconds", "0.5") == 1
    assert time.monotonic() - begun < 3
    assert "lost: SerialException" in capsys.readouterr().out


def test_an_unknown_profile_is_told_before_anything_is_opened() -> None:
    """With the nearest name."""
    with pytest.raises(ConfigError, match="did you mean gm65"):
        run("watch", "--path", "/dev/null", "--profile", "gm56")


def test_a_waiting_scanner_is_triggered_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """--trigger begins one reading."""
    with SimulatedScanner("gm65") as scanner:
        lines = shown(scanner, "PG1/ABC", capsys, "--profile", "gm65", "--trigger")
        assert scanner.shown == [b"PG1/ABC"]
    assert lines[1] == "   7 characters: 'PG1/ABC'"
