# SPDX-License-Identifier: Apache-2.0
"""The whole system as real processes: a ski day by the command a stranger types."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from skips import require_tools

SIM = str(Path(sys.executable).parent / "pistegate-sim")


def run_day(*arguments: str, keep: Path | None = None) -> tuple[int, dict[str, Any], str]:
    """Exit status, last line, and everything told on stderr."""
    kept = ["--keep", str(keep)] if keep else []
    done = subprocess.run(
        [SIM, "day", "--json", *arguments, *kept], capture_output=True, text=True, timeout=180, check=False
    )
    lines = done.stdout.splitlines()
    assert lines, f"no output; stderr:\n{done.stderr[-3000:]}"
    return done.returncode, json.loads(lines[-1]), done.stderr


def assert_every_passage_counted_once(line: dict[str, Any]) -> None:
    """What the issue of a day asks for, from its last line."""
    assert line["wrong"] == []
    assert (line["lost"], line["duplicated"], line["ledger_imbalance"]) == (0, 0, 0)
    assert line["passages_in_cloud"] + line["unknown"] == line["arms_turned"]
    assert line["sold"] == line["skiers"]


@pytest.mark.timeout(200)
def test_day_with_cut_and_kill_counts_every_passage_once(tmp_path: Path) -> None:
    """60 guests at 3 gates over Mosquitto; network cut, one gate killed; every refusal is the expected one."""
    require_tools("mosquitto")
    code, line, told = run_day("--skiers", "60", "--gates", "3", "--seed", "11", keep=tmp_path / "day")
    assert code == 0, told[-3000:]
    assert_every_passage_counted_once(line)
    assert (line["broker"], line["network_cuts"], line["kills"]) == ("mosquitto", 1, 1)
    assert set(line["refused"]) == {"expired", "wrong_area", "used_up", "revoked", "signature_invalid", "card_lost"}
    kept = {path.name for path in (tmp_path / "day").iterdir()}
    assert {"cloud.sqlite3", "cloud.log", "cloud.toml", "gate1.toml", "gate1.log", "gate1"} <= kept


@pytest.mark.timeout(200)
def test_day_on_the_embedded_broker() -> None:
    """Without Mosquitto the pure-Python broker inside the cloud carries the day, and the day says so."""
    code, line, told = run_day("--skiers", "20", "--gates", "2", "--seed", "5", "--broker", "embedded")
    assert code == 0, told[-3000:]
    assert_every_passage_counted_once(line)
    assert line["broker"].startswith("embedded")


@pytest.mark.timeout(200)
def test_day_of_one_skier_at_one_gate() -> None:
    """The smallest day works: one ticket, one ride."""
    code, line, told = run_day("--skiers", "1", "--gates", "1", "--seed", "1", "--no-kill", "--cut", "0")
    assert code == 0, told[-3000:]
    assert_every_passage_counted_once(line)
    assert (line["admitted"], line["passages_at_gates"], line["refused"]) == (1, 1, {})


def test_day_refuses_a_folder_with_files_in_it(tmp_path: Path) -> None:
    """Nobody's files are overwritten; the message says what to do."""
    (tmp_path / "mine").write_text("dear")
    command = [SIM, "day", "--skiers", "1", "--gates", "1", "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "not empty" in done.stderr
    assert "--keep" in done.stderr
