# SPDX-License-Identifier: Apache-2.0
"""`make check` can go red: each import rule is broken on purpose in a copy of the tree.

A contract that names a module nobody has, or a table that no linter reads, passes for ever; so every kind is
seen to fail here, and the untouched copy to pass.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("protocol", "edge", "cloud", "simulators")
PYTHON_DIR = Path(sys.executable).parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The four source trees and the rules, without the rest."""
    for name in DISTRIBUTIONS:
        shutil.copytree(ROOT / name / "src", tmp_path / name / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / name / "pyproject.toml", tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "ruff.toml", tmp_path / "tests")
    return tmp_path


def check(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # PYTHONPATH puts the copy before the editable installation.
    path = os.pathsep.join(str(tree / name / "src") for name in DISTRIBUTIONS)
    return subprocess.run(
        [PYTHON_DIR / command[0], *command[1:]],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return check(tree, "lint-imports", "--no-cache")


def append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(f"\n{line}\n")


def module(tree: Path, name: str) -> Path:
    """The file of a module; for a package a new file inside it, as good a place to break the rule."""
    distribution = name.split("_")[1].split(".")[0]
    path = tree / distribution / "src" / Path(*name.split("."))
    return path / "planted.py" if path.is_dir() else path.with_suffix(".py")


def test_untouched_tree_keeps_the_contracts(tree: Path) -> None:
    """Without this, the tests below could be red for another reason."""
    done = lint_imports(tree)
    assert done.returncode == 0, done.stdout
    assert "4 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module_name", "imported"),
    [
        ("pistegate_edge", "pistegate_cloud"),
        ("pistegate_cloud", "pistegate_edge"),
        ("pistegate_protocol", "pistegate_edge"),
        ("pistegate_edge", "pistegate_simulators"),
    ],
)
def test_import_against_the_layers_is_refused(tree: Path, module_name: str, imported: str) -> None:
    """Edge and cloud never meet, and nothing imports upwards."""
    append(module(tree, module_name), f"import {imported}")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout
    assert "Imports run one way; edge and cloud never meet BROKEN" in done.stdout


@pytest.mark.parametrize("imported", ["time", "random", "asyncio", "socket", "nfc", "gpiozero", "paho.mqtt.client"])
@pytest.mark.parametrize("module_name", ["pistegate_protocol", "pistegate_edge.core"])
def test_core_that_reaches_out_is_refused(tree: Path, module_name: str, imported: str) -> None:
    """Clock, chance, devices and network stay outside the pure modules."""
    append(module(tree, module_name), f"import {imported}")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout
    assert "No I/O, no clock, no chance in protocol and in the cores BROKEN" in done.stdout


@pytest.mark.parametrize(
    "module_name",
    ["pistegate_edge.lane.core", "pistegate_edge.uplink.core", "pistegate_cloud.ingest.core"],
)
def test_every_core_is_covered(tree: Path, module_name: str) -> None:
    """One import each shows that the contract knows the module."""
    append(module(tree, module_name), "import time")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout
    assert f"{module_name}" in done.stdout


def test_core_that_reaches_out_through_a_neighbour_is_refused(tree: Path) -> None:
    """An indirect import is an import."""
    append(tree / "edge/src/pistegate_edge/planted.py", "import sqlite3")
    append(module(tree, "pistegate_edge.core"), "import pistegate_edge.planted")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout
    assert "pistegate_edge.planted -> sqlite3" in done.stdout


@pytest.mark.parametrize(
    ("module_name", "imported", "contract"),
    [
        ("pistegate_edge", "fastapi", "A gate needs nothing of the cloud's stack BROKEN"),
        ("pistegate_cloud", "nfc", "The cloud needs nothing of the gate's stack BROKEN"),
    ],
)
def test_import_of_the_other_sides_stack_is_refused(tree: Path, module_name: str, imported: str, contract: str) -> None:
    """Each side installs alone."""
    append(module(tree, module_name), f"import {imported}")
    done = lint_imports(tree)
    assert done.returncode == 1, done.stdout
    assert contract in done.stdout


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
@pytest.mark.parametrize("where", ["edge/src/pistegate_edge", "simulators/src/pistegate_simulators", "tests"])
def test_folder_name_import_is_refused(tree: Path, where: str, folder: str) -> None:
    """With the repository's root on the path, `import protocol` would find a folder, not the package."""
    append(tree / where / "planted.py", f"import {folder}\n\n{folder}.anything()")
    done = check(tree, "ruff", "check", "--no-cache", "--select", "TID251", where)
    assert done.returncode == 1, done.stdout
    assert f"folder name: import pistegate_{folder}" in done.stdout


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("from datetime import UTC, datetime", "datetime.now(UTC)"),
        ("from datetime import datetime", "datetime.utcnow()"),
        ("from datetime import datetime", "datetime.today()"),
        ("from datetime import date", "date.today()"),
        ("import time", "time.time()"),
        ("from time import time_ns", "time_ns()"),
    ],
)
@pytest.mark.parametrize(
    "where", ["protocol/src/pistegate_protocol", "edge/src/pistegate_edge", "cloud/src/pistegate_cloud"]
)
def test_reading_the_time_beside_the_clock_is_refused(tree: Path, where: str, statement: str, call: str) -> None:
    """Product code asks the Clock adapter; a `now` hidden in a rule cannot be tested."""
    append(tree / where / "planted.py", f"{statement}\n\nSTART = {call}")
    done = check(tree, "ruff", "check", "--no-cache", "--select", "TID251", where)
    assert done.returncode == 1, done.stdout
    assert "time comes from the Clock adapter" in done.stdout


@pytest.mark.parametrize("side", ["edge", "cloud"])
def test_the_clock_adapter_may_read_the_time(tree: Path, side: str) -> None:
    """The one exception, and simulators and tests are free."""
    source = "import time\n\nSTART = time.time()"
    for path in (f"{side}/src/pistegate_{side}/clock.py", "tests/planted.py"):
        append(tree / path, source)
        done = check(tree, "ruff", "check", "--no-cache", "--select", "TID251", path)
        assert done.returncode == 0, done.stdout
