# SPDX-License-Identifier: Apache-2.0
"""The bill of materials: hardware/parts.toml says what calls for a part, the drawings say how often."""

import csv
import io
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tools.hardware_wiring import Wiring

from pistegate_edge.lane.pinmap import OUTPUTS, PinUse

PARTS = Path(__file__).parents[1] / "hardware" / "parts.toml"


def parts() -> list[dict[str, Any]]:
    """Every part, in the order of the file."""
    found: list[dict[str, Any]] = tomllib.loads(PARTS.read_text("utf-8"))["part"]
    return found


def quantity(part: dict[str, Any], wiring: Wiring, beside: dict[str, PinUse]) -> int:
    """How many of a part a drawing needs. `beside`: lamps and buzzer on the Pi, of a board that has no pins left."""
    if not any(fnmatch(wiring.name, name) for name in part.get("only", ["*"])):
        return 0
    each = int(part.get("count", 1))
    if part["per"] == "lane":
        return each * any(fnmatch(wiring.name, name) for name in part.get("of", ["*"]))
    if part["per"] == "terminal":
        return each * (wiring.terminals + len(beside))
    uses = wiring.inputs | wiring.outputs | beside
    if part["per"] == "signal":
        return each * sum(any(fnmatch(signal, name) for name in part["of"]) for signal in uses)
    return each * sum(coupling(signal, use) in part["of"] for signal, use in uses.items())


def coupling(signal: str, use: PinUse) -> str:
    """What a signal goes through; a `motor` coupling is an optocoupler at an output."""
    if use.through == "optocoupler" and signal in OUTPUTS:
        return "motor"
    return use.through


def csv_table(columns: list[tuple[Wiring, dict[str, PinUse]]]) -> str:
    """One row per part, one column per drawing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["part", "description", *(wiring.name for wiring, _ in columns)])
    for part in parts():
        writer.writerow([part["name"], part["text"], *(quantity(part, *column) for column in columns)])
    return out.getvalue()


def markdown_table(columns: list[tuple[Wiring, dict[str, PinUse]]]) -> str:
    """The same to read; none is left blank."""
    names = " | ".join(wiring.name for wiring, _ in columns)
    lines = [f"| part | description | {names} |", "|---|---|" + "--:|" * len(columns)]
    for part in parts():
        counts = " | ".join(str(quantity(part, *column) or "") for column in columns)
        lines.append(f"| {part['name']} | {part['text']} | {counts} |")
    return "\n".join(lines) + "\n"
