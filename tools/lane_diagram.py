# SPDX-License-Identifier: Apache-2.0
"""Draw docs/lane-states.md from the tables of the lane cores. `--check` fails when the file is not what they say.

What is true in a state is the comment behind its name in the core; it is written once, there.
"""

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

from pistegate_edge.lane.core import controller, leaf, opening, tripod

PAGE = Path(__file__).parent.parent / "docs" / "lane-states.md"
STATE = re.compile(r'^[A-Z_]+ = "(?P<name>\w+)"  # (?P<truth>.+)$', re.MULTILINE)
EVERYWHERE = 3  # an event that leads to one state from more states than this is told in a line, not drawn

KINDS: tuple[tuple[str, str, ModuleType], ...] = (
    ("A maker's own controller", "`controller.py`: tripod, flap or swing behind a pulse or a level.", controller),
    ("Our own tripod", "`tripod.py`: solenoids, arm sensors, an arm that drops.", tripod),
    ("Our own flap or swing gate", "`leaf.py`: a motor, limit switches, beams.", leaf),
    ("An opening", "`opening.py`: the same for every kind; `closed` is told on each way into `none`.", opening),
)
HEAD = """# States of a lane

Drawn by `tools/lane_diagram.py` from the tables in `edge/src/pistegate_edge/lane/core/`; a test fails when they differ.
A lane has two machines: its opening, alike for all kinds, and its motion, one per kind. What is not in a table raises.
"""


def main() -> None:
    page = draw()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        raise SystemExit(f"{PAGE.name} is stale: run .venv/bin/python tools/lane_diagram.py")


def draw() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(title, text, module) for title, text, module in KINDS)])


def section(title: str, text: str, module: ModuleType) -> str:
    """A kind: diagram, the events of nearly every state, and what is true in each."""
    table: dict[str, dict[str, str]] = module.TABLE
    truths = {found["name"]: found["truth"] for found in STATE.finditer(inspect.getsource(module))}
    common = everywhere(table)
    first = next(iter(table))
    lines = [f"## {title}", "", text, "", "```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    for state, ways in table.items():
        for following, events in arrows(state, ways, common).items():
            lines.append(f"    {state} --> {following}: {', '.join(events)}")
    lines += ["```", ""]
    for (event, following), states in common.items():
        without = [state for state in table if state not in states and state != following]
        but = f" (not from {', '.join(without)})" if without else ""
        lines.append(f"From every state, `{event}` leads to **{following}**{but}.")
        lines.append("")
    lines += ["| state | what is true in it |", "|---|---|"]
    lines += [f"| {state} | {truths[state]} |" for state in table]
    return "\n".join(lines) + "\n"


def everywhere(table: dict[str, dict[str, str]]) -> dict[tuple[str, str], list[str]]:
    """Events that lead to one and the same state from nearly everywhere, with the states they leave."""
    found: dict[tuple[str, str], list[str]] = {}
    for state, ways in table.items():
        for event, following in ways.items():
            found.setdefault((event, following), []).append(state)
    return {way: states for way, states in found.items() if len(states) > max(EVERYWHERE, len(table) // 2)}


def arrows(state: str, ways: dict[str, str], common: dict[tuple[str, str], list[str]]) -> dict[str, list[str]]:
    """Events by the state they lead to, those of everywhere left out."""
    found: dict[str, list[str]] = {}
    for event, following in ways.items():
        if (event, following) not in common:
            found.setdefault(following, []).append(event)
    return found


if __name__ == "__main__":
    main()
