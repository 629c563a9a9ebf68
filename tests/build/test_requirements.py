# SPDX-License-Identifier: Apache-2.0
"""The compiled requirement files belong to the pyprojects, pin everything by hash, and name no place."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
COMPILED = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
APART = ("board-types", "oracles")  # never installed beside the rest, or without what they ask for
PARTS = {
    "gate": ("protocol", "edge"),
    "cloud": ("protocol", "cloud"),
    "demo": ("protocol", "edge", "cloud", "simulators"),
    "dev": ("protocol", "edge", "cloud", "simulators"),
}


def project(distribution: str) -> dict[str, object]:
    loaded = tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())
    return loaded["project"]


def pins(name: str) -> dict[str, str]:
    """Package -> pinned version."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_every_input_is_compiled() -> None:
    """An .in file without its .txt would be installed by nobody."""
    assert sorted(path.stem for path in REQUIREMENTS.glob("*.in")) == COMPILED


@pytest.mark.parametrize("name", COMPILED)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    """Each logical line is `package==version [; marker]` with at least one SHA-256."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    lines = re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE).replace("\\\n", " ").split("\n")
    entries = [line for line in lines if line.strip()]
    assert entries
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^-]+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+", entry), entry[:80]


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_files_name_no_place(name: str) -> None:
    """Neither an address of an index nor a directory of the machine that compiled them."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert not re.search(r"(?:^|\s)/\w", text)


@pytest.mark.parametrize("part", PARTS)
def test_pins_satisfy_the_pyprojects(part: str) -> None:
    """A dependency added to a pyproject and not compiled fails here, not on a gate."""
    pinned = pins(part)
    for distribution in PARTS[part]:
        for text in project(distribution)["dependencies"]:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if name.startswith("pistegate-"):
                continue
            assert name in pinned, f"{text}: run `make requirements`"
            assert requirement.specifier.contains(pinned[name], prereleases=True), f"{text}: run `make requirements`"


def test_what_is_tested_is_what_is_installed() -> None:
    """All files pin the same versions as dev.txt."""
    tested = pins("dev")
    for name in set(COMPILED) - {"dev", "compile", *APART}:
        assert pins(name).items() <= tested.items(), name


def test_each_side_is_pinned_without_the_other() -> None:
    """The gate's file stays small, the cloud's without drivers."""
    assert not {"fastapi", "starlette", "tortoise-orm", "uvicorn", "pydantic"} & pins("gate").keys()
    assert not {"nfcpy", "gpiozero", "pyserial", "libusb1"} & pins("cloud").keys()


def test_distributions_move_together() -> None:
    """One version for all four, and each asks for exactly that of its neighbours."""
    projects = [project(distribution) for distribution in PARTS["demo"]]
    versions = {str(each["version"]) for each in projects}
    assert len(versions) == 1
    asked = {text for each in projects for text in each["dependencies"] if text.startswith("pistegate-")}
    assert {text.partition("==")[2] for text in asked} == versions
    assert len({str(each["requires-python"]) for each in projects}) == 1
