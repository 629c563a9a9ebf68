# SPDX-License-Identifier: Apache-2.0
"""A gate process and its UPS: mains lost is told and the gate goes on, battery low ends it in order."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import gate_tree, toml_of, wait_for

from pistegate_edge.power import EXIT_BATTERY
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.ups import SimulatedUps

GATE = str(Path(sys.executable).parent / "pistegate-gate")


@pytest.fixture
def ups() -> Iterator[SimulatedUps]:
    """A UPS behind NUT's server."""
    with SimulatedUps() as one:
        yield one


def config_of(tmp_path: Path, ups: SimulatedUps, reader: SimulatedReader, mark: Path) -> Path:
    """A gate that watches the UPS; instead of shutting the computer down it leaves a mark."""
    power = {"source": "nut", "port": ups.port, "ups": ups.name, "shutdown": ["touch", str(mark)]}
    config = tmp_path / "gate.toml"
    config.write_text(toml_of(gate_tree(tmp_path / "journal", str(reader.link), power=power)))
    return config


def test_low_battery_ends_the_gate_with_its_journal_closed_and_shuts_the_computer_down(
    tmp_path: Path, ups: SimulatedUps
) -> None:
    """The broker is away all the time: nothing of it waits for a network."""
    log, mark = tmp_path / "log", tmp_path / "shut-down"
    with SimulatedReader(tmp_path / "reader") as reader, log.open("wb") as stderr:
        config = str(config_of(tmp_path, ups, reader, mark))
        env = os.environ | {"GPIOZERO_PIN_FACTORY": "mock"}
        process = subprocess.Popen([GATE, "run", "--config", config], stderr=stderr, env=env)
        try:
            wait_for(lambda: "in service" in log.read_text())
            ups.be("off")
            wait_for(lambda: "mains_lost" in log.read_text())
            assert process.poll() is None
            ups.be("low")
            began = time.monotonic()
            assert process.wait(30) == EXIT_BATTERY
            assert time.monotonic() - began < 20
        finally:
            process.kill()
            process.wait()
    assert mark.exists()
    assert "stopped, lane shut" in log.read_text()
    assert not list((tmp_path / "journal").glob("*-wal"))  # SQLite was closed, not cut off
    shown = subprocess.run([GATE, "journal", "show", "--config", config, "--json"], capture_output=True, check=True)
    assert json.loads(shown.stdout)["unfinished"] == 0
