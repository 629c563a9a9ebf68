# SPDX-License-Identifier: Apache-2.0
"""hardware/ is data: it travels in the gate's wheel, and drawings, tables and bill of materials are made from it."""

import csv
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pistegate_edge.lane import settings
from pistegate_edge.lane.settings import lane_settings

ROOT = Path(__file__).parents[2]
HARDWARE = ROOT / "hardware"
DRAWINGS = sorted((HARDWARE / "drawings").glob("*.svg"))


def run(*words: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program; its output whatever became of it."""
    return subprocess.run(words, cwd=cwd, env=os.environ | env, capture_output=True, text=True, check=False)


def words_of(drawing: Path) -> list[str]:
    """Every text of a drawing."""
    return [element.text or "" for element in ElementTree.parse(drawing).iter("{http://www.w3.org/2000/svg}text")]


def test_drawings_tables_and_materials_are_fresh() -> None:
    """Whoever changes a pin makes the pages again; the drawing on the wall is the one the software has."""
    done = run(sys.executable, "-m", "tools.hardware_pages", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_stale_page_is_named(tmp_path: Path) -> None:
    """One pin moved in a copy of the tree: the check turns red, making them again turns it green."""
    for name in ("hardware", "tools", "edge/src", "protocol/src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    board = tmp_path / "hardware" / "boards" / "pi4.toml"
    board.write_text(board.read_text("utf-8").replace("alarm = { pin = 13", "alarm = { pin = 9"), "utf-8")
    path = os.pathsep.join(str(tmp_path / name) for name in ("edge/src", "protocol/src"))
    make = (sys.executable, "-m", "tools.hardware_pages")
    done = run(*make, "--check", cwd=tmp_path, PYTHONPATH=path)
    assert done.returncode == 1
    assert "hardware/drawings/pi5-flap.svg is stale: run python -m tools.hardware_pages" in done.stdout
    assert "pico" not in done.stdout
    assert run(*make, cwd=tmp_path, PYTHONPATH=path).returncode == 0
    assert run(*make, "--check", cwd=tmp_path, PYTHONPATH=path).returncode == 0


def test_there_is_a_drawing_for_every_board_and_lane() -> None:
    """Pis with a maker's controller, lane boards with our own."""
    assert [path.stem for path in DRAWINGS] == [
        "pi4-flap",
        "pi4-tripod",
        "pi5-flap",
        "pi5-tripod",
        "pico-flap",
        "pico-swing",
        "pico-tripod",
    ]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_drawing_shows_the_wired_fire_release(drawing: Path) -> None:
    """The building's contact, its relay, the software's input; the arm or the leaf that it frees by itself."""
    words = " ".join(words_of(drawing))
    assert all(part in words for part in ("contact of the building's fire alarm, opens on fire", "B1", "K1.3"))
    if "tripod" in drawing.stem:
        assert "arm magnet" in words
        assert "K1.1" in words
    if "pico" not in drawing.stem:
        assert "Fire input of the turnstile's controller" in words
    elif "tripod" not in drawing.stem:
        assert "springs open the leaf" in words


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.stem)
def test_drawing_shows_every_pin_of_its_table(drawing: Path) -> None:
    """The table on the page below it has the same signals; nothing is written beyond the sheet."""
    page = (HARDWARE / "wiring.md").read_text("utf-8")
    section = page.split(f"](drawings/{drawing.name})")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|", section, re.MULTILINE)
    words = words_of(drawing)
    assert rows
    assert len({pin for _, pin, _ in rows}) == len(rows)
    for signal, pin, place in rows:
        assert signal in words
        assert pin in words
        assert place in words
    svg = ElementTree.parse(drawing).getroot()
    for text in svg.iter("{http://www.w3.org/2000/svg}text"):
        length = len(text.text or "") * float(text.get("font-size", "12")) * 0.6
        before = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "start")] * length
        left = float(text.get("x", "0")) - before
        assert left >= 0, text.text
        assert left + length <= float(svg.get("width", "0")) + 30, text.text
        assert 0 < float(text.get("y", "0")) < float(svg.get("height", "0")), text.text


def test_lane_of_the_readme_is_accepted() -> None:
    """What technicians copy from the page is sound, and so is what the module itself shows."""
    for text in ((HARDWARE / "README.md").read_text("utf-8"), settings.__doc__ or ""):
        block = re.findall(r"^ *\[lane\]\n(?:.*\S.*\n)+", text, re.MULTILINE)[0]
        problems: list[str] = []
        assert lane_settings(tomllib.loads(textwrap.dedent(block))["lane"], problems) is not None, problems


def test_materials_count_what_the_tables_have() -> None:
    """As many optocouplers and relays as the drawing has; twelve pairs of beams for a lane with twelve."""
    with (HARDWARE / "bom.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["part"]: row for row in csv.DictReader(file)}
    page = (HARDWARE / "wiring.md").read_text("utf-8")
    for drawing in DRAWINGS:
        section = page.split(f"](drawings/{drawing.name})")[1].split("\n## ")[0]
        assert int(rows["Optocoupler module 24 V / 3.3 V"][drawing.stem]) == section.count("| optocoupler |")
        assert int(rows["Interface relay 6 mm"][drawing.stem]) == section.count("| relay |")
    beams = rows["Through-beam sensor pair, IP67"]
    assert [beams[path.stem] for path in DRAWINGS] == ["0", "0", "0", "0", "12", "12", "0"]
    assert rows["Holding magnet 24 V DC"]["pico-tripod"] == "1"


def test_installed_wheel_has_its_boards_and_lanes(tmp_path: Path) -> None:
    """From the wheel alone, far from this tree, as on a gate."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    built = run(*pip, "--wheel-dir", tmp_path, ROOT / "edge")
    assert built.returncode == 0, built.stdout + built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    program = (
        "from pistegate_edge.lane import pinmap, profiles as p\n"
        "print(pinmap.DIRECTORY)\n"
        "print(len(p.board_document(p.load_lane('flap_own'), p.load_board('pico'))['inputs']))\n"
        "print(p.check_lane(p.load_lane('tripod_pulse'), p.load_board('pi5')))\n"
    )
    site = tmp_path / "site"
    done = run(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.stdout.split("\n")[:3] == [str(site / "pistegate_edge" / "lane" / "hardware"), "21", "[]"], done.stderr
