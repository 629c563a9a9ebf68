# SPDX-License-Identifier: Apache-2.0
"""Words into the cells of a small display: what to do first, then when the ticket ends or what is left. Pure.

A Chinese character takes two cells, a Latin one. Words are not torn; a full stop that would not fit is left out.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_CLOSING = "，。：；！？、）》”’…％"  # never begins a row
_ENDS = ("。", "！", "？", "；", ".", "!", "?", ";")  # a cut after these needs no sign
_CUT = ".."  # stands for what was left out; two cells on every display


@dataclass(frozen=True, slots=True)
class Screen:
    """A display's cells. `clear`: what empties it, sent before each text; without it each text ends with a newline."""

    columns: int
    rows: int
    encoding: str = "utf-8"
    clear: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """The same said in full, and short: rows apart by newlines, the last one says what to do."""

    full: str
    short: str


def cells(text: str) -> int:
    """How many cells a text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def fit(main: Words, details: Sequence[Words], screen: Screen, mark: str = "") -> list[str]:
    """At most `rows` rows of at most `columns` cells; as many details as can be shown, then as many words.

    `mark` stands at the right end of the first row.
    """
    width = screen.columns
    first = width - cells(mark) - 1 if mark else width
    for count in range(len(details), -1, -1):
        for rows in _forms(main, details[:count], width, first):
            if len(rows) <= screen.rows:
                return _marked(rows, mark, width)
    return _marked(_least(main, screen, first), mark, width)


def _forms(main: Words, details: Sequence[Words], width: int, first: int) -> list[list[str]]:
    """Ways to say it, the best one first."""
    full, short = [_trim(main.full)], main.short.split("\n")
    long_details = [row for detail in details for row in wrap(_trim(detail.full), width, width)]
    short_details = _packed([detail.short for detail in details], width, width)
    whole = _rows(full, width, first)
    forms = [whole + long_details, whole + short_details] if _clean(whole) or main.short == main.full else []
    forms.append(_rows(short, width, first) + short_details)
    forms.append(_packed([*short, *(detail.short for detail in details)], width, first))
    return forms


def _clean(rows: Sequence[str]) -> bool:
    """No row ends in the middle of a Chinese clause: a short form, with rows of its own, reads better."""
    return all(cells(row[-1]) == 1 or row[-1] in _CLOSING for row in rows[:-1])


def _least(main: Words, screen: Screen, first: int) -> list[str]:
    """Not even the short words fit: the last of their rows say what to do, else what there is room for."""
    parts = main.short.split("\n")
    for begin in range(1, len(parts)):
        rows = _rows(parts[begin:], screen.columns, first)
        if len(rows) <= screen.rows:
            return rows
    return cut(parts[-1], screen.columns, screen.rows, first)


def wrap(text: str, width: int, first: int) -> list[str]:
    """Rows of at most `width` cells, the first one of at most `first`; broken between words or Chinese characters."""
    rows: list[str] = []
    row = ""
    for gap, unit in _units(text, min(width, first)):
        room = width if rows else first
        joined = f"{row}{' ' if gap and row else ''}{unit}"
        if cells(joined) <= room:
            row = joined
            continue
        if row:
            rows.append(row)
        row = unit
    return [*rows, row] if row else rows


def cut(text: str, width: int, rows: int, first: int) -> list[str]:
    """As much of `text` as fits: whole sentences if one fits, else up to a word, with a sign."""
    kept = [""]
    for gap, unit in _units(text, min(width, first)):
        kept.append(f"{kept[-1]}{' ' if gap else ''}{unit}")
    sentences = [_trim(part) for part in kept[1:-1] if part.endswith(_ENDS)]
    for said in (*reversed([*sentences, _trim(kept[-1])]), *(part + _CUT for part in reversed(kept[:-1]))):
        found = wrap(said, width, first)
        if len(found) <= rows:
            return found
    return [_CUT]


def _rows(parts: Sequence[str], width: int, first: int) -> list[str]:
    """Each part on rows of its own."""
    rows: list[str] = []
    for part in parts:
        rows += wrap(part, width, width if rows else first)
    return rows


def _packed(parts: Sequence[str], width: int, first: int) -> list[str]:
    """Parts beside each other as long as a row has room, none torn that fits on a row."""
    rows: list[str] = []
    for part in parts:
        room = width if len(rows) > 1 else first
        if rows and cells(f"{rows[-1]} {part}") <= room:
            rows[-1] = f"{rows[-1]} {part}"
        else:
            rows += wrap(part, width, width if rows else first)
    return rows


def _units(text: str, most: int) -> list[tuple[bool, str]]:
    """What is not torn, and whether a space stands before it; what is longer than a row is torn there."""
    units: list[tuple[bool, str]] = []
    gap = False
    for char in text:
        if char.isspace():
            gap = True
            continue
        last = units[-1][1] if units and not gap else ""
        joins = char in _CLOSING or (cells(char) == 1 and cells(last[-1:]) == 1)
        if last and joins and cells(last + char) <= most:
            units[-1] = (units[-1][0], last + char)
        else:
            units.append((gap and bool(units), char))
        gap = False
    return units


def _trim(text: str) -> str:
    """Without its full stop: a display needs none."""
    if text.endswith("。") or (text.endswith(".") and not text.endswith("..")):
        return text[:-1]
    return text


def _marked(rows: list[str], mark: str, width: int) -> list[str]:
    if not mark:
        return rows
    head, *others = rows or [""]
    return [head + " " * (width - cells(head) - cells(mark)) + mark, *others]
