# SPDX-License-Identifier: Apache-2.0
"""The simulated sensor's own command, and that its fingers are told apart."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
import serial

from pistegate_simulators.finger import Finger, SimulatedSensor
from pistegate_simulators.finger.chip import THRESHOLDS
from pistegate_simulators.finger.cli import obey
from pistegate_simulators.finger.skin import pack, score
from pistegate_simulators.finger.wire import COMMAND, Ear, packet

PROGRAM = """
import argparse, sys
from pistegate_simulators.finger.cli import add_parser
parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""
ADDRESS = b"\xff\xff\xff\xff"


def test_one_finger_is_alike_and_two_are_not() -> None:
    """At every security level, touch for touch."""
    touch = Random(3)
    touches = {name: [pack(Finger(name).features(touch)) for _ in range(5)] for name in ("wang", "li", "zhao")}
    for name, taken in touches.items():
        assert min(score(one, other) for one, other in combinations(taken, 2)) > THRESHOLDS[5], name
    assert max(score(a, b) for x, y in combinations(touches.values(), 2) for a in x for b in y) < THRESHOLDS[1]


def test_another_address_is_not_heard() -> None:
    """A sensor on a shared line answers for itself alone."""
    assert list(Ear(ADDRESS).hear(packet(b"\x00\x00\x00\x01", COMMAND, b"\x01"))) == []
    assert list(Ear(ADDRESS).hear(packet(ADDRESS, COMMAND, b"\x01"))) == [(COMMAND, b"\x01")]


@pytest.mark.parametrize(
    "line", ["put", "put wang green", "lose x", "delay 1", "garble", "nonsense", "", "help", "plug"]
)
def test_no_line_that_is_typed_ends_the_sensor(line: str) -> None:
    """Each is answered."""
    with SimulatedSensor() as sensor:
        assert obey(sensor, line)


def test_what_is_typed_is_done() -> None:
    """Fingers, accidents, plugs."""
    with SimulatedSensor() as sensor:
        assert obey(sensor, "put wang wet") == "wet finger wang is on it"
        assert "wet finger wang on it, 0 of 200 slots used" in obey(sensor, "state")
        assert obey(sensor, "delay 2 0.5") == "will delay 2"
        assert (sensor.accidents.delay, sensor.accidents.delay_s) == (2, 0.5)
        assert obey(sensor, "lift") == "nothing is on it"
        assert obey(sensor, "unplug") == "unplugged"
        assert obey(sensor, "state").startswith("unplugged")
        assert obey(sensor, "plug").startswith("plugged in")


def test_the_command_tells_its_path_and_answers_hosts(tmp_path: Path) -> None:
    """As a script uses it."""
    link = tmp_path / "finger"
    command = [sys.executable, "-c", PROGRAM, "finger", "--json", "--link", str(link)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert json.loads(process.stdout.readline())["path"] == str(link)
        with serial.Serial(str(link), 57600, timeout=5) as host:
            host.write(packet(ADDRESS, COMMAND, b"\x01"))
            assert host.read(12) == packet(ADDRESS, 7, b"\x02")
        process.communicate("quit\n", timeout=10)
        assert process.returncode == 0


@pytest.mark.parametrize("arguments", [["--link", "/no/where/at/all"], ["--capacity", "0"]])
def test_what_cannot_be_is_told(arguments: list[str]) -> None:
    """Exit status 2 and what to check."""
    command = [sys.executable, "-c", PROGRAM, "finger", *arguments]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "check --link and --capacity" in done.stderr
