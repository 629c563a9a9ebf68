# SPDX-License-Identifier: Apache-2.0
"""A gate installs without the cloud's stack, the cloud without the gate's: from wheels, into empty environments.

PATH holds no compiler, so this is also the short proof that none is needed; `make test-bare` is the long one.
"""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = ("protocol", "edge", "cloud", "simulators")

pytestmark = pytest.mark.timeout(600)  # downloads, on 2 cores


def run(*words: str | Path) -> str:
    """Run without a compiler in reach; the output, or a failure that shows it."""
    done = subprocess.run(
        words,
        cwd="/",
        env={**os.environ, "PATH": "/nonexistent", "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The four wheels, built from the tree with the pinned tools."""
    directory = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    run(*pip, "--wheel-dir", directory, *(ROOT / name for name in DISTRIBUTIONS))
    return {name: next(directory.glob(f"pistegate_{name}-*.whl")) for name in DISTRIBUTIONS}


@pytest.fixture(scope="session")
def install(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an empty environment with the pinned packages of one part and the named wheels; returns its bin."""

    def make(part: str, *names: str) -> Path:
        venv = tmp_path_factory.mktemp(part) / "venv"
        run(sys.executable, "-m", "venv", venv)
        pip = (venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        requirements = ROOT / "requirements"
        run(*pip, "--require-hashes", "-r", requirements / "build.txt")
        run(*pip, "--require-hashes", "--no-build-isolation", "-r", requirements / f"{part}.txt")
        run(*pip, "--no-index", "--no-deps", *(wheels[name] for name in names))
        run(venv / "bin" / "python", "-m", "pip", "check")
        return venv / "bin"

    return make


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_wheel_holds_every_file_of_the_package(wheels: dict[str, Path], name: str) -> None:
    """Texts, migrations and py.typed travel too, not only the modules."""
    source = ROOT / name / "src"
    expected = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if name == "edge":  # boards and lanes, which belong to the whole tree
        packed_at = "pistegate_edge/lane/hardware/"
        hardware = ROOT / "hardware"
        expected |= {packed_at + path.relative_to(hardware).as_posix() for path in hardware.glob("*/*.toml")}
        board = ROOT / "edge" / "lane_board"
        expected |= {f"pistegate_edge/lane/board/firmware/{path.name}" for path in board.iterdir() if path.is_file()}
    with zipfile.ZipFile(wheels[name]) as wheel:
        packed = {entry for entry in wheel.namelist() if ".dist-info/" not in entry}
    assert packed == expected


def test_gate_installs_without_the_clouds_stack(install: Callable[..., Path]) -> None:
    """`pistegate-gate` runs where FastAPI is not."""
    bin_dir = install("gate", "protocol", "edge")
    assert_absent(bin_dir, "fastapi", "tortoise", "uvicorn", "pistegate_cloud", "pistegate_simulators")
    assert_nothing_else(bin_dir, "gate", "pistegate-protocol", "pistegate-edge")
    assert "pistegate-gate" in run(bin_dir / "pistegate-gate", "--help")


def test_cloud_installs_without_the_gates_stack(install: Callable[..., Path]) -> None:
    """`pistegate-cloud` runs where nfcpy is not."""
    bin_dir = install("cloud", "protocol", "cloud")
    assert_absent(bin_dir, "nfc", "gpiozero", "serial", "pistegate_edge", "pistegate_simulators")
    assert_nothing_else(bin_dir, "cloud", "pistegate-protocol", "pistegate-cloud")
    assert "pistegate-cloud" in run(bin_dir / "pistegate-cloud", "--help")


def assert_absent(bin_dir: Path, *modules: str) -> None:
    for module in modules:
        program = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
        run(bin_dir / "python", "-c", program)


def assert_nothing_else(bin_dir: Path, part: str, *own: str) -> None:
    """The environment holds the pinned packages of this part and of the build, and nothing besides."""
    listed = run(bin_dir / "python", "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check")
    installed = {re.split("==| @ ", line)[0].lower().replace("_", "-") for line in listed.splitlines()}
    pinned = {name for file in (part, "build") for name in pins(ROOT / "requirements" / f"{file}.txt")}
    assert installed <= pinned | set(own)


def pins(path: Path) -> list[str]:
    return re.findall(r"^([a-z0-9-]+)==", path.read_text(), re.MULTILINE)
