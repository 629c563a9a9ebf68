# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim storm` as a person and as a program uses it."""

import json

import pytest

from pistegate_simulators.cli import main
from pistegate_simulators.storm.plants import PLANTS


def test_json_tells_seeds_red_and_hours(capsys: pytest.CaptureFixture[str]) -> None:
    """What a nightly run keeps."""
    assert main(["storm", "--seeds", "3", "--from", "40", "--jobs", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["red"], told["reds"], told["plant"]) == (3, 0, [], None)
    assert told["simulated_hours"] > 0
    assert told["hours_per_second"] > 0


def test_red_storm_says_how_to_replay_it(capsys: pytest.CaptureFixture[str]) -> None:
    """One command, that ends red again and tells the story."""
    assert main(["storm", "--plant", "lazy_fsync", "--seeds", "5", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    replay = next(line for line in told.splitlines() if "replay: pistegate-sim " in line)
    words = replay.split("pistegate-sim ")[1].split()
    assert main(words) == 0
    trace = capsys.readouterr().out
    assert "RED" in trace
    assert "opened_undurable" in trace


def test_bug_that_is_not_found_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A plant that stays green says that the storm is blind."""
    assert main(["storm", "--plant", "gossip", "--seeds", "1", "--jobs", "1"]) == 1  # storm 0 has no hub
    assert "0 red" in capsys.readouterr().out


def test_plants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, with what is wrong."""
    assert main(["storm", "--plant", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {name: plant.what for name, plant in PLANTS.items()}


@pytest.mark.parametrize("words", [["--plant", "nothing"], ["--trace"]])
def test_senseless_wish_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do instead."""
    assert main(["storm", *words]) == 2
    assert "--" in capsys.readouterr().err


def test_storms_are_shared_by_processes(capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes find what one finds."""
    assert main(["storm", "--seeds", "20", "--jobs", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == 20
