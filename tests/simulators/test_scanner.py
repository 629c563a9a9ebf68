# SPDX-License-Identifier: Apache-2.0
"""The simulated scanner itself: what it must enforce, and its command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from pistegate_simulators.scanner import SimulatedScanner
from pistegate_simulators.scanner.cli import obey
from pistegate_simulators.scanner.rates import received

PROGRAM = """
import argparse, sys
from pistegate_simulators.scanner.cli import add_parser
parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""


@given(st.binary(min_size=1, max_size=40), st.sampled_from([9600, 19200, 57600, 115200]))
def test_the_right_rate_changes_nothing_even_when_sampled(data: bytes, rate: int) -> None:
    """The sampling itself is true: rates that differ by 1 % are read alike."""
    assert received(data, rate, rate) == data
    assert received(data, rate, round(rate * 1.01)) == data


@pytest.mark.parametrize(("sent", "read"), [(9600, 115200), (115200, 9600), (9600, 19200), (57600, 9600)])
def test_a_wrong_rate_never_gives_the_code(sent: int, read: int) -> None:
    """Nor a long part of it."""
    code = b"PG1/0123456789ABCDEF"
    assert code[:6] not in received(code, sent, read)
    assert received(code, sent, read) != b""


def test_a_host_at_another_rate_reads_garbage(tmp_path: Path) -> None:
    """The device looks at what the host has set, as a wire would."""
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        with serial.Serial(str(tmp_path / "scanner"), 9600, timeout=1) as right:
            scanner.show("CODE")
            assert right.read(5) == b"CODE\r"
        with serial.Serial(str(tmp_path / "scanner"), 19200, timeout=0.3) as wrong:
            scanner.show("CODE")
            assert b"CODE" not in wrong.read(64)


@pytest.mark.parametrize(
    "line", ["show", "repeat", "repeat x y", "garbage zz", "baud x", "half", "nonsense", "", "plug"]
)
def test_no_line_that_is_typed_ends_the_scanner(line: str) -> None:
    """Each is answered."""
    with SimulatedScanner() as scanner:
        assert obey(scanner, line)


def test_what_is_typed_is_done() -> None:
    """Unplugged it reads nothing, plugged in it does."""
    with SimulatedScanner() as scanner:
        assert obey(scanner, "show A") == "shown"
        assert obey(scanner, "unplug") == "unplugged"
        assert obey(scanner, "show A").startswith("not read")
        assert obey(scanner, "state").startswith("unplugged")
        assert obey(scanner, "plug").startswith("plugged in at /dev/pts/")
        assert obey(scanner, "repeat 3 A") == "read 3 times"
        assert scanner.shown == [b"A"] * 4


def test_the_command_tells_its_path_and_shows_codes(tmp_path: Path) -> None:
    """As a script uses it: JSON first, then lines."""
    link = tmp_path / "scanner"
    command = [sys.executable, "-c", PROGRAM, "scanner", "--json", "--link", str(link)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert json.loads(process.stdout.readline())["path"] == str(link)
        with serial.Serial(str(link), 9600, timeout=5) as host:
            process.stdin.write("show PG1/ABC\n")
            process.stdin.flush()
            assert process.stdout.readline() == "shown\n"
            assert host.read(8) == b"PG1/ABC\r"
        out, _ = process.communicate("quit\n", timeout=10)
        assert out == ""
        assert process.returncode == 0
    assert not link.is_symlink()


def test_a_link_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Exit status 2 and what to check."""
    command = [sys.executable, "-c", PROGRAM, "scanner", "--link", str(tmp_path / "no" / "where")]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "check --link" in done.stderr
