# SPDX-License-Identifier: Apache-2.0
"""Drawings, pin tables and bill of materials from hardware/*.toml: `python -m tools.hardware_pages` writes them.

With --check it writes nothing and says which file is stale (a test does the same).
"""

import sys
from pathlib import Path

from tools.hardware_parts import csv_table, markdown_table
from tools.hardware_wiring import Wiring, draw

from pistegate_edge.lane.pinmap import INPUTS, SIGNALS, Board, PinUse, load_board
from pistegate_edge.lane.profiles import check_lane, load_lane

HARDWARE = Path(__file__).parents[1] / "hardware"
# (board, what is drawn, a lane profile of that wiring)
DRAWN = (
    ("pi4", "tripod", "tripod_pulse"),
    ("pi4", "flap", "flap_level"),
    ("pi5", "tripod", "tripod_pulse"),
    ("pi5", "flap", "flap_level"),
    ("pico", "tripod", "tripod_own"),
    ("pico", "flap", "flap_own"),
    ("pico", "swing", "swing_own"),
)
HEAD = """# Wiring

Made from `boards/`, `lanes/` and `parts.toml` by `python -m tools.hardware_pages`: change those, not this page.
How it is meant, and what is not certified, is in [README.md](README.md).
"""


def main() -> None:
    stale = [path for path, content in pages().items() if not path.exists() or path.read_text("utf-8") != content]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(HARDWARE.parent)} is stale: run python -m tools.hardware_pages")
        raise SystemExit(1 if stale else 0)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages()[path], "utf-8")
        print(f"wrote {path.relative_to(HARDWARE.parent)}")


def pages() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    columns: list[tuple[Wiring, dict[str, PinUse]]] = []
    found: dict[Path, str] = {}
    sections: list[str] = []
    for name, lane, profile_name in DRAWN:
        board, profile = load_board(name), load_lane(profile_name)
        if problems := check_lane(profile, board):
            raise SystemExit("\n".join(problems))
        pins = board.wiring(lane) or board.controller | board.signals
        beside = {} if SIGNALS.keys() & pins.keys() else load_board("pi5").signals
        wiring = Wiring(f"{name}-{lane}", board, lane, pins, profile.get("beams", []))
        found[HARDWARE / "drawings" / f"{wiring.name}.svg"] = draw(wiring)
        columns.append((wiring, beside))
        sections.append(section(wiring, beside))
    found[HARDWARE / "bom.csv"] = csv_table(columns)
    materials = "\n## Bill of materials\n\nThe same as [bom.csv](bom.csv); one lane each.\n\n" + markdown_table(columns)
    found[HARDWARE / "wiring.md"] = HEAD + "".join(sections) + materials
    return found


def section(wiring: Wiring, beside: dict[str, PinUse]) -> str:
    """One drawing and its pins."""
    lines = ["", f"## {wiring.title()}", "", f"![{wiring.name}](drawings/{wiring.name}.svg)", ""]
    if beside:
        lines += ["Lamps and buzzer are wired to the Pi, as in the drawings for a Pi: this board has no pin left.", ""]
    lines += ["| signal | pin | place | to | through | level when active | at rest |", "|---|--:|--:|---|---|---|---|"]
    lines += [row(wiring.board, signal, use) for signal, use in (wiring.inputs | wiring.outputs).items()]
    return "\n".join(lines) + "\n"


def row(board: Board, signal: str, use: PinUse) -> str:
    """One pin."""
    place = board.place_of_pin[board.pins.index(use.pin)]
    rest = "off" if signal not in INPUTS else "closed" if use.closed_at_rest else "open"
    return f"| {signal} | {use.pin} | {place} | {use.to} | {use.through} | {use.active} | {rest} |"


if __name__ == "__main__":
    main()
