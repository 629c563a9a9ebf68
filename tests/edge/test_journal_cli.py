# SPDX-License-Identifier: Apache-2.0
"""pistegate-gate journal: what a technician sees and does."""

import json
from pathlib import Path

import pytest
from gate_bench import gate_tree, toml_of
from journal_damage import FILE_NAME, Truth, damaged_truth, laid_out, opened

from pistegate_edge.cli import main

DAMAGED = 3


@pytest.fixture
def truth() -> Truth:
    """The journal of a run that was cut off, of gate 3 of site 1."""
    return damaged_truth()


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A gate.toml whose journal lies beside it."""
    path = tmp_path / "gate.toml"
    path.write_text(toml_of(gate_tree(tmp_path)))
    return str(path)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The JSON object that was printed."""
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def harmed(truth: Truth, directory: Path) -> bytes:
    """A zeroed page in the middle."""
    data = truth.files[FILE_NAME]
    start = len(data) // 2 // 4096 * 4096
    data = data[:start] + bytes(4096) + data[start + 4096 :]
    laid_out(truth, directory, **{FILE_NAME: data})
    return data


def test_a_sound_journal_verifies(
    truth: Truth, tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts in words and as JSON; salvage has nothing to do and changes nothing."""
    laid_out(truth, tmp_path)
    assert main(["journal", "verify", "--config", config]) == 0
    assert f"{len(truth.events)} events of 6 chains" in capsys.readouterr().out
    assert main(["journal", "verify", "--config", config, "--json"]) == 0
    assert told(capsys)["events"] == len(truth.events)
    assert main(["journal", "salvage", "--config", config, "--json"]) == 0
    assert told(capsys) == {"kept_as": None, "told": ""}
    assert (tmp_path / FILE_NAME).read_bytes() == truth.files[FILE_NAME]


def test_a_damaged_journal_is_salvaged_by_hand_and_the_next_start_tells_it(
    truth: Truth, tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Verify fails and names the remedy; salvage keeps the file; show lists it; the gate reports it once it runs."""
    data = harmed(truth, tmp_path)
    assert main(["journal", "verify", "--config", config]) == DAMAGED
    assert "journal salvage" in capsys.readouterr().err
    assert main(["journal", "salvage", "--config", config, "--json"]) == 0
    found = told(capsys)
    assert (tmp_path / str(found["kept_as"])).read_bytes() == data
    assert main(["journal", "verify", "--config", config]) == 0
    capsys.readouterr()
    assert main(["journal", "show", "--config", config]) == 0
    assert f"kept: {found['kept_as']}" in capsys.readouterr().out
    assert main(["journal", "verify", "--config", config, "--file", str(found["kept_as"])]) == DAMAGED
    with opened(tmp_path) as journal:
        assert journal.mark is not None
        assert journal.mark.told == found["told"]


def test_commands_beside_a_running_gate(
    truth: Truth, tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Looking is allowed, changing is not."""
    laid_out(truth, tmp_path)
    with opened(tmp_path):
        assert main(["journal", "show", "--config", config, "--json"]) == 0
        assert told(capsys)["unacknowledged"]
        for command in ("salvage", "set-aside"):
            assert main(["journal", command, "--config", config]) == 1
            assert "stop it first" in capsys.readouterr().err


def test_no_journal_at_all(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command says so."""
    for command in ("show", "verify", "salvage", "set-aside"):
        assert main(["journal", command, "--config", config]) == 1
        assert "there is no journal" in capsys.readouterr().err
