# SPDX-License-Identifier: Apache-2.0
"""The harness of the benchmarks: a broken promise is told, shown and ends with status 1."""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """run.py, writing its report elsewhere."""
    monkeypatch.syspath_prepend(str(HERE))
    module = importlib.import_module("run")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "REPORT", tmp_path / "bench.json")
    monkeypatch.setattr(sys, "argv", ["run.py"])
    return module


@pytest.mark.parametrize(
    ("value", "limit", "direction", "missed"),
    [
        (3.0, 3.0, "at most", False),
        (3.01, 3.0, "at most", True),
        (0.3, 0.3, "at least", False),
        (0.29, 0.3, "at least", True),
        (float("nan"), 3.0, "at most", True),
        (float("nan"), 0.3, "at least", True),
        (99.0, None, "at most", False),
    ],
)
def test_a_limit_is_missed_beyond_it_only(
    run: ModuleType, value: float, limit: float | None, direction: str, missed: bool
) -> None:
    """In both directions; what is no number meets no limit."""
    assert run.Figure("f", value, "x", limit, direction).missed is missed


@pytest.mark.parametrize(("value", "status"), [(2.0, 0), (4.0, 1)])
def test_the_report_is_written_and_a_missed_limit_ends_with_status_1(
    run: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: float,
    status: int,
) -> None:
    """As `make bench` and continuous integration see it."""
    figure = run.Figure("tap to open", value, "x", 3.0, note="how")
    monkeypatch.setattr(run, "measure_all", lambda names: [figure] if {"gate", "ingest"} <= set(names) else [])
    assert run.main() == status
    report = json.loads(run.REPORT.read_text())
    assert report["missed"] == ["tap to open"] * status
    assert report["figures"][0]["value"] == value
    assert ("missed" in capsys.readouterr().out) is bool(status)


def test_an_unknown_benchmark_is_told(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the names that there are."""
    monkeypatch.setattr(sys, "argv", ["run.py", "nonsense"])
    with pytest.raises(SystemExit, match="2"):
        run.main()
    assert "bindings, cards" in capsys.readouterr().err
