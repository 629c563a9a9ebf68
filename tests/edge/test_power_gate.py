# SPDX-License-Identifier: Apache-2.0
"""A whole gate whose UPS tells that mains is lost and that the battery is low; no broker is there to be waited for."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from gate_bench import GREEN, UNLOCK, Bench, gate_tree, running_gate, ski_card, toml_of, wait_for
from journal_reading import incidents
from journal_reading import outcomes as outcomes_of

from pistegate_edge.power import EXIT_BATTERY
from pistegate_edge.power import policy as policy_module
from pistegate_edge.power.policy import State
from pistegate_edge.process import DRAIN_S
from pistegate_protocol.events import OutcomeKind
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.ups import SimulatedUps

HOLDS = {"LOST_HOLD_S": 0.1, "BACK_HOLD_S": 0.4, "LOW_HOLD_S": 0.1, "END_GRACE_S": 0.3, "SILENT_HOLD_S": 0.3}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def ups(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedUps]:
    """A UPS; the gate's patience is that of a test."""
    for name, seconds in HOLDS.items():
        monkeypatch.setattr(policy_module, name, seconds)
    for state, name in ((State.DIPPED, "LOST"), (State.RETURNING, "BACK"), (State.PAUSED, "BACK")):
        monkeypatch.setitem(policy_module.HOLDS, state, HOLDS[f"{name}_HOLD_S"])
    monkeypatch.setattr("pistegate_edge.power.NUT_POLL_S", 0.02)
    monkeypatch.setattr("pistegate_edge.power.source.BACKOFF_S", (0.05,))
    with SimulatedUps() as ups:
        yield ups


def settings(ups: SimulatedUps, tmp_path: Path) -> dict[str, Any]:
    """Sections of gate.toml."""
    return {
        "power": {"source": "nut", "port": ups.port, "shutdown": ["the", "command"]},
        "display": {"locale": "en", "path": str(tmp_path / "screen")},
    }


def codes(bench: Bench) -> list[str]:
    """Incidents of power noted so far."""
    return [code for code in incidents(bench.directory) if code.startswith(("mains", "battery", "ups"))]


def outcomes(bench: Bench) -> list[tuple[OutcomeKind, int]]:
    """Outcomes so far."""
    return [(event.kind, event.passed) for event in outcomes_of(bench.directory)]


def shown(tmp_path: Path) -> str:
    """The display's last line."""
    return (tmp_path / "screen").read_text().splitlines()[-1]


def pass_one(bench: Bench, number: int) -> None:
    """A guest comes and passes."""
    before = len(outcomes(bench))
    card = ski_card(number)
    bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    bench.reader.remove(card)
    bench.turn()
    wait_for(lambda: len(outcomes(bench)) > before)


def test_gate_admits_on_battery_and_says_so(
    tmp_path: Path, reader: SimulatedReader, ups: SimulatedUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Announced at the display, in the notes and in the state that the cloud sees; and again when mains has held."""
    with running_gate(tmp_path / "gate", reader, **settings(ups, tmp_path)) as bench:
        changes = Mock()
        monkeypatch.setattr(bench.gate._uplink._core, "hello_soon", changes)
        ups.be("off")
        wait_for(lambda: codes(bench) == ["mains_lost"])
        wait_for(lambda: changes.call_count == 1)
        assert "goes on by battery" in shown(tmp_path)
        assert bench.gate._state().startswith("in_service; on battery")
        pass_one(bench, 1)
        ups.be("on")
        wait_for(lambda: codes(bench) == ["mains_lost", "mains_back"])
        wait_for(lambda: changes.call_count == 2)
        assert "battery" not in bench.gate._state()
        pass_one(bench, 2)


def test_low_battery_lets_the_guest_in_the_lane_pass_and_then_ends_the_gate(
    tmp_path: Path, reader: SimulatedReader, ups: SimulatedUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest's passage is recorded, the lane is shut, the journal closed, and no network was waited for."""
    monkeypatch.setattr(policy_module, "END_GRACE_S", 0.1)
    wal = tmp_path / "gate" / "journal.sqlite-wal"
    with running_gate(tmp_path / "gate", reader, **settings(ups, tmp_path)) as bench:
        card = ski_card(1)
        reader.present(card)
        wait_for(lambda: bench.state() == "open")
        ups.be("low")
        wait_for(lambda: "battery_low" in codes(bench))
        time.sleep(0.3)  # the guest takes longer than the gate would wait for nobody
        assert bench.level(GREEN)
        assert bench.gate.shutdown is None
        assert wal.exists()
        reader.remove(card)
        bench.turn()
        begun = time.monotonic()
        wait_for(lambda: not wal.exists())
        assert time.monotonic() - begun < DRAIN_S - 0.3
        assert bench.gate.shutdown == ("the", "command")
        assert not bench.level(UNLOCK)
    assert outcomes(bench) == [(OutcomeKind.PASSED, 1)]


def test_guest_is_sent_away_while_the_battery_is_low_and_admitted_when_mains_has_held(
    tmp_path: Path, reader: SimulatedReader, ups: SimulatedUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is called off; the display says what to do meanwhile."""
    monkeypatch.setattr(policy_module, "END_GRACE_S", 5.0)
    with running_gate(tmp_path / "gate", reader, **settings(ups, tmp_path)) as bench:
        ups.be("low")
        wait_for(lambda: not bench.in_service())
        card = ski_card(1)
        reader.present(card)
        wait_for(lambda: "another lane" in shown(tmp_path))
        reader.remove(card)
        ups.be("on")
        wait_for(bench.in_service)
        assert codes(bench) == ["mains_lost", "battery_low", "mains_back"]
        pass_one(bench, 2)
        assert bench.gate.shutdown is None


def test_gate_whose_ups_is_silent_goes_on(tmp_path: Path, reader: SimulatedReader, ups: SimulatedUps) -> None:
    """On battery too: it is told, and told when the UPS answers again."""
    with running_gate(tmp_path / "gate", reader, **settings(ups, tmp_path)) as bench:
        ups.be("off")
        wait_for(lambda: codes(bench) == ["mains_lost"])
        ups.trouble = "DATA-STALE"
        wait_for(lambda: codes(bench) == ["mains_lost", "ups_silent"])
        assert "UPS silent" in bench.gate._state()
        pass_one(bench, 1)
        ups.trouble = None
        wait_for(lambda: codes(bench) == ["mains_lost", "ups_silent", "ups_answers"])


def test_process_closes_its_journal_then_runs_the_command_and_exits_with_its_own_status(
    tmp_path: Path, reader: SimulatedReader
) -> None:
    """The whole command as systemd runs it, with the patience of the product; the UPS will cut, so there is no hold."""
    journal, seen = tmp_path / "gate" / "journal.sqlite", tmp_path / "seen"
    script = f"import os; open({str(seen)!r}, 'a').write(str(os.path.exists({str(journal)!r} + '-wal')))"
    with SimulatedUps() as ups:
        power = {"source": "nut", "port": ups.port, "shutdown": [sys.executable, "-c", script]}
        config = tmp_path / "gate.toml"
        config.write_text(toml_of(gate_tree(tmp_path / "gate", str(reader.link), power=power)))
        program = "import sys; from pistegate_edge.cli import main; sys.exit(main())"
        environment = {**os.environ, "GPIOZERO_PIN_FACTORY": "mock"}
        command = [sys.executable, "-c", program, "run", "--config", str(config)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                wait_for(lambda: ups.asked, 20)
                wait_for(lambda: Path(f"{journal}-wal").exists())
                begun = time.monotonic()
                ups.be("forced")
                assert process.wait(30) == EXIT_BATTERY
            finally:
                process.kill()
            assert process.stderr is not None
            log = process.stderr.read()
        assert time.monotonic() - begun < 20
    assert seen.read_text() == "False"
    assert "battery_low" in log
