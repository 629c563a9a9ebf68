# SPDX-License-Identifier: Apache-2.0
"""A lane's timeline as SVG: tracks of the persons, beams, inputs, leaf or arm, outputs, and what the lane said.

Time runs to the right; a long run is wrapped into strips of equal length, one below the other.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import drawsvg as draw  # type: ignore[import-untyped]

from pistegate_edge.lane.core import words
from pistegate_simulators.lane.people import Person
from pistegate_simulators.lane.truth import Report
from pistegate_simulators.lane.world import World

STRIP_MS = 30_000
WIDTH = 1500
LEFT, RIGHT = 150, 20
ROW = 13
TRACKS = 170  # height of the persons' tracks
NAMES = 36  # below them, their names on up to three lines
LETTER = 5.8  # width of a letter of the small print
EVENT_LINE = 12
FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"
INK, FAINT, GRID = "#222", "#888", "#ddd"
BEAM, SWEEP, CONTACT, OUTPUT = "#4477aa", "#aa3377", "#66a182", "#cc8800"
GOOD, BAD = "#22883a", "#cc2222"
PEOPLE = ("#1b6ca8", "#c0562b", "#3c8d40", "#7b4fa3", "#8c6d1f", "#b03a6f", "#2a8f8f", "#5b5b5b")

CONTACTS = (
    ("LIMIT_SHUT", "shut"), ("LIMIT_OPEN_A", "open A"), ("LIMIT_OPEN_B", "open B"), ("STALL", "stall"),
    ("ARM_HOME", "arm home"), ("ARM_A", "arm A"), ("ARM_B", "arm B"), ("PASS_A", "PASS A"), ("PASS_B", "PASS B"),
    ("NOT_READY", "not ready"), ("FIRE", "fire"), ("POWER_LOST", "power lost"), ("KEY_ONE", "key one"),
    ("KEY_FREE", "key free"), ("KEY_OUT", "key out"),
)  # fmt: skip
OUTPUTS = (
    ("UNLOCK_A", "unlock A"), ("UNLOCK_B", "unlock B"), ("HOLD", "hold arm"), ("MOTOR_OPEN_A", "motor open A"),
    ("MOTOR_OPEN_B", "motor open B"), ("MOTOR_SHUT", "motor shut"), ("INHIBIT", "inhibit"),
)  # fmt: skip
ALARMING = (words.INCIDENT, words.FAULT, words.RESET_REFUSED)

Frames = list[tuple[int, int, int, float]]


@dataclass(frozen=True)
class Row:
    """One line of a strip: a bit of the input (0) or output word (1)."""

    label: str
    word: int
    bit: int
    colour: str


@dataclass(frozen=True)
class Strip:
    """From `begin` to `end` (ms), drawn with its top at `y`."""

    begin: int
    end: int
    y: float

    def x(self, at_ms: float) -> float:
        """Where this time is."""
        return LEFT + (at_ms - self.begin) / STRIP_MS * (WIDTH - LEFT - RIGHT)


def save(world: World, report: Report, path: Path) -> None:
    """Write the picture of a run whose `frames` and tracks were kept; OSError when it cannot be written."""
    path.write_text(str(picture(world, report).as_svg()), encoding="utf-8")


def picture(world: World, report: Report) -> Any:
    """The drawing of a run."""
    frames = world.frames or []
    rows = _rows(world, frames)
    end = max([frame[0] for frame in frames] + [at for at, _, _ in world.log] + [1]) + 500
    begins = range(0, end, STRIP_MS)
    heights = [_height(world, rows, begin) for begin in begins]
    drawing = draw.Drawing(WIDTH, 62 + sum(heights) + 10, font_family=FONT)
    drawing.append(draw.Rectangle(0, 0, WIDTH, 62 + sum(heights) + 10, fill="white"))
    _head(drawing, world, report)
    y = 62.0
    for begin, height in zip(begins, heights, strict=True):
        _strip(drawing, world, rows, frames, Strip(begin, min(end, begin + STRIP_MS), y))
        y += height
    return drawing


def _rows(world: World, frames: Frames) -> list[Row]:
    seen_in = seen_out = 0
    for _, inputs, outputs, _ in frames:
        seen_in |= inputs
        seen_out |= outputs
    sweep = world.profile.get("sweep", [])
    rows = [
        Row(f"beam {index} x {x:+} z {z}", 0, 1 << index, SWEEP if index in sweep else BEAM)
        for index, (x, z) in sorted(enumerate(world.site.beams), key=lambda item: (-item[1][1], item[1][0]))
    ]
    for word, seen, table, colour in ((0, seen_in, CONTACTS, CONTACT), (1, seen_out, OUTPUTS, OUTPUT)):
        rows += [Row(label, word, bit, colour) for name, label in table if (bit := getattr(words, name)) & seen]
    return rows


def _events(world: World, begin: int) -> list[tuple[int, str, Any]]:
    return [entry for entry in world.log if begin <= entry[0] < begin + STRIP_MS]


def _lanes_of_events(world: World, begin: int) -> list[tuple[int, str, Any, int]]:
    """Events of a strip with the line each is written on, so that no two overlap."""
    free_from: list[float] = []
    placed = []
    for at, event, value in _events(world, begin):
        width = LETTER * len(_words_of(event, value)) + 10
        x = (at - begin) / STRIP_MS * (WIDTH - LEFT - RIGHT)
        line = next((i for i, free in enumerate(free_from) if free <= x), len(free_from))
        if line == len(free_from):
            free_from.append(0)
        free_from[line] = x + width
        placed.append((at, event, value, line))
    return placed


def _height(world: World, rows: list[Row], begin: int) -> int:
    lines = max((line for *_, line in _lanes_of_events(world, begin)), default=0) + 1
    return TRACKS + NAMES + ROW * len(rows) + 44 + EVENT_LINE * lines + 42


def _head(drawing: Any, world: World, report: Report) -> None:
    title = f"{world.profile.get('title', world.profile['kind'])}: {world.scenario.title}"
    drawing.append(draw.Text(title, 17, 12, 24, fill=INK, font_weight="bold"))
    alarms = sum(report.false_alarms.values())
    told = (
        f"{report.scenario}, seed {report.seed}:  authorised {report.authorised}, counted right {report.right}, "
        f"tailgated {report.tailgated} (flagged {report.flagged}), reversed {report.reversed}, "
        f"turned back {report.turned_back}, pinched {len(report.pinched)}, false alarms {alarms}"
    )
    drawing.append(draw.Text(told, 13, 12, 44, fill=BAD if report.pinched or alarms else INK))
    legend = (("safety beam", SWEEP), ("beam", BEAM), ("contact", CONTACT), ("output", OUTPUT))
    for place, (label, colour) in enumerate(legend):
        x = WIDTH - RIGHT - 95 * (len(legend) - place)
        drawing.append(draw.Rectangle(x, 35, 12, 9, fill=colour))
        drawing.append(draw.Text(label, 11, x + 16, 44, fill=INK))


def _strip(drawing: Any, world: World, rows: list[Row], frames: Frames, strip: Strip) -> None:
    bottom = strip.y + TRACKS + NAMES + ROW * len(rows) + 44
    _grid(drawing, strip, bottom)
    _tracks(drawing, world, strip)
    y = strip.y + TRACKS + NAMES + 8
    for row in rows:
        _row(drawing, row, frames, strip, y)
        y += ROW
    _position(drawing, world, frames, strip, y + 4)
    for at, event, value, line in _lanes_of_events(world, strip.begin):
        colour = BAD if event in ALARMING else GOOD
        x, text_y = strip.x(at), bottom + 22 + EVENT_LINE * line
        drawing.append(draw.Line(x, strip.y, x, text_y - 3, stroke=colour, stroke_width=0.7, stroke_dasharray="2,2"))
        drawing.append(_note(_words_of(event, value), x + 2, text_y, colour))


def _grid(drawing: Any, strip: Strip, bottom: float) -> None:
    for at in range(strip.begin, strip.end + 1, 1000):
        heavy = at % 5000 == 0
        x = strip.x(at)
        drawing.append(draw.Line(x, strip.y, x, bottom, stroke=GRID, stroke_width=1.2 if heavy else 0.5))
        if heavy:
            drawing.append(draw.Text(f"{at // 1000} s", 10, x, bottom + 10, fill=FAINT, text_anchor="middle"))


def _tracks(drawing: Any, world: World, strip: Strip) -> None:
    """Trunks over x: up is the way in; the band in grey is between the outermost beams."""
    top, half = strip.y + 6, (TRACKS - 12) / 2
    reach = -world.site.reader + 700

    def y_of(x: float) -> float:
        return top + half - x / reach * half

    edge = -world.site.first_beam or 60.0
    right = strip.x(strip.end)
    drawing.append(draw.Rectangle(LEFT, y_of(edge), right - LEFT, y_of(-edge) - y_of(edge), fill="#f1f1f1"))
    drawing.append(draw.Line(LEFT, y_of(0), right, y_of(0), stroke=FAINT, stroke_width=1))
    for label, at in (("inside", reach * 0.8), ("leaf" if world.profile["kind"] != "tripod" else "arm", 0)):
        drawing.append(draw.Text(label, 11, LEFT - 8, y_of(at) + 4, fill=FAINT, text_anchor="end"))
    drawing.append(
        draw.Text("outside, reader", 11, LEFT - 8, y_of(world.site.reader) + 4, fill=FAINT, text_anchor="end")
    )
    free_from = [0.0, 0.0, 0.0]
    for person in world.everybody:
        begins = _track(drawing, person, strip, reach, y_of)
        if begins is not None:
            label = person.name if person.ticket else f"{person.name}, {person.does}"
            label = label if person.direction == 1 else f"{label} (out)"
            line = next((i for i, free in enumerate(free_from) if free <= begins), len(free_from) - 1)
            free_from[line] = begins + LETTER * len(label) + 8
            y = strip.y + TRACKS + 8 + 12 * line
            drawing.append(_note(label, begins, y, _colour(person)))


def _note(text: str, x: float, y: float, colour: str) -> Any:
    """Small print that begins at x, or ends at the right edge where it would run over it."""
    return draw.Text(text, 10, min(x, WIDTH - 6 - LETTER * len(text)), y, fill=colour)


def _colour(person: Person) -> str:
    return PEOPLE[person.number % len(PEOPLE)]


def _track(drawing: Any, person: Person, strip: Strip, reach: float, y_of: Any) -> float | None:
    """Draw a person's track in this strip; where it begins, None when it is not there."""
    points = [at for at in person.track if strip.begin <= at[0] <= strip.end and at[1] < reach and at[2] > -reach]
    if len(points) < 2:
        return None
    clipped = [(strip.x(at), y_of(max(lo, -reach)), y_of(min(hi, reach))) for at, lo, hi in points]
    outline = [c for x, low, _ in clipped for c in (x, low)]
    outline += [c for x, _, high in reversed(clipped) for c in (x, high)]
    style = {"fill": _colour(person), "fill_opacity": 0.45 if person.ticket else 0.2, "stroke": _colour(person)}
    if not person.ticket:
        style["stroke_dasharray"] = "3,2"
    drawing.append(draw.Lines(*outline, close=True, **style))
    return clipped[0][0]


def _row(drawing: Any, row: Row, frames: Frames, strip: Strip, y: float) -> None:
    drawing.append(draw.Text(row.label, 10, LEFT - 8, y + ROW - 4, fill=INK, text_anchor="end"))
    drawing.append(draw.Line(LEFT, y + ROW - 2, strip.x(strip.end), y + ROW - 2, stroke=GRID, stroke_width=0.6))
    since: int | None = None
    for frame in [*frames, (strip.end, 0, 0, 0.0)]:
        at, on = frame[0], (frame[1], frame[2])[row.word] & row.bit
        if on and since is None:
            since = at
        elif not on and since is not None:
            begin, end = max(since, strip.begin), min(at, strip.end)
            if end > begin:
                width = max(1.0, strip.x(end) - strip.x(begin))
                drawing.append(draw.Rectangle(strip.x(begin), y + 2, width, ROW - 5, fill=row.colour))
            since = None


def _position(drawing: Any, world: World, frames: Frames, strip: Strip, y: float) -> None:
    """Leaf from -1 to 1 (flap: 0 to 1), arm from 0 to 120 degrees, as a line."""
    tripod, swing = world.profile["kind"] == "tripod", world.profile["kind"] == "swing"
    low, high = (0.0, 120.0) if tripod else (-1.0, 1.0) if swing else (0.0, 1.0)
    label = "arm 0..120 deg" if tripod else "leaf B..shut..A" if swing else "leaf shut..open"
    drawing.append(draw.Text(label, 10, LEFT - 8, y + 20, fill=INK, text_anchor="end"))

    def y_of(value: float) -> float:
        return y + 30 - (value - low) / (high - low) * 28

    last = next((frame[3] for frame in reversed(frames) if frame[0] <= strip.begin), 0.0)
    points = [strip.x(strip.begin), y_of(last)]
    for at, _, _, position in frames:
        if strip.begin < at <= strip.end:
            points += [strip.x(at), y_of(last), strip.x(at), y_of(position)]
            last = position
    points += [strip.x(strip.end), y_of(last)]
    drawing.append(draw.Lines(*points, fill="none", stroke=INK, stroke_width=1.4))


def _words_of(event: str, value: Any) -> str:
    return str(value) if event == words.INCIDENT else f"{event} {value}"
