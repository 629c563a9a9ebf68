# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim lane` as a person and a script run it, and the picture it draws."""

import json
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

from pistegate_simulators.cli import main
from pistegate_simulators.lane.scenario import BUILT_IN, LANE_KINDS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", LANE_KINDS)
def test_a_kind_alone_runs_a_built_in_scenario(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else is needed; what was authorised, passed, tailgated, reversed and pinched is printed."""
    assert main(["lane", "--kind", kind]) == 0
    told = capsys.readouterr().out
    for word in ("authorised", "passed", "tailgated", "reversed", "pinched", "closed 1"):
        assert word in told


def test_a_program_reads_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    """The same seed gives the same document."""
    command = ["lane", "--kind", "flap", "--scenario", "tailgater_60cm", "--seed", "4", "--json"]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert main(command) == 0
    assert capsys.readouterr().out == first
    report = json.loads(first)
    assert report["passed"] == report["authorised"] == 8
    assert report["tailgated"] == report["flagged"] > 0
    assert report["pinched"] == []


def test_a_file_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two children on one ticket."""
    path = tmp_path / "mine.toml"
    path.write_text('title = "Twins"\nparties = 1\n[[party]]\npersons = ["child", "child"]\n')
    assert main(["lane", "--kind", "swing", "--scenario", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] == 2


def test_a_makers_turnstile_by_its_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """Profiles of the hardware folder are run by name."""
    assert main(["lane", "--profile", "tripod_pulse", "--scenario", "close_pair", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] == report["authorised"] == 16


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "nowhere.toml"], "give a file, or one of:"),
        (["--kind", "tripod", "--scenario", "glare"], "choose --kind flap"),
        (["--kind", "flap", "--profile", "flap_own"], "not both"),
        (["--profile", "boat"], "boat"),
        (["--picture", "lane.png"], "ends in .svg"),
        (["--picture", "/nowhere/at/all/lane.svg"], "create it first"),
    ],
)
def test_what_cannot_be_run_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, one clear message on standard error, nothing on standard output."""
    assert main(["lane", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_an_unknown_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The kinds there are stand in the message."""
    with pytest.raises(SystemExit) as ended:
        main(["lane", "--kind", "boat"])
    assert ended.value.code == 2
    assert "'tripod', 'flap', 'swing'" in capsys.readouterr().err


def test_the_list_names_every_built_in_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    """One a line."""
    assert main(["lane", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(list(BUILT_IN.glob("*.toml")))


@pytest.mark.parametrize(
    ("kind", "scenario"), [("flap", "tailgater_60cm"), ("swing", "both_ways"), ("tripod", "morning")]
)
def test_the_picture_shows_beams_leaf_outputs_events_and_people(kind: str, scenario: str, tmp_path: Path) -> None:
    """Each has its row or track; nothing is drawn outside the sheet."""
    path = tmp_path / "lane.svg"
    assert main(["lane", "--kind", kind, "--scenario", scenario, "--seed", "2", "--picture", str(path)]) == 0
    drawing = Xml.fromstring(path.read_text())
    texts = ["".join(element.itertext()) for element in drawing.iter(f"{SVG}text")]
    wanted = ["authorised", "closed 1", "1 ", "0 s", "5 s"]
    wanted += ["beam 11 x +240 z 300", "motor shut", "shut"] if kind != "tripod" else ["arm A", "unlock A", "arm home"]
    wanted += ["tailgating", "follows"] if kind == "flap" else []
    for word in wanted:
        assert any(word in text for text in texts), word
    width, height = float(drawing.get("width", "0")), float(drawing.get("height", "0"))
    for element in drawing.iter(f"{SVG}text"):
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        assert 0 <= x <= width
        assert 0 <= y <= height
