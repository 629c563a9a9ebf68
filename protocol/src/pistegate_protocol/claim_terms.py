# SPDX-License-Identifier: Apache-2.0
"""Optional terms of a claim: daily windows, a bank of hours, a clock; and how terms are packed.

A term is one bit of the claim's `terms`, in the order of `TERMS`, and its values behind the claim's head.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from pistegate_protocol.errors import CodecError, UnknownVersion

QUARTER = 15  # minutes; windows begin and end on quarter hours
DAY_MINUTES = 24 * 60
# A night session ends by the next noon; beyond, a usage could not tell its day in every zone (usage._last).
WINDOW_END_MAX = 36 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """A part of every day of the site: minutes after 00:00 site time, `end` not included; multiples of 15.

    An `end` beyond 24:00 is in the night after: what passes then belongs to the day on which the window began.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank of hours: `minutes` for the whole validity; the first passage of a day draws `minimum` of them at once."""

    minutes: int
    minimum: int = 0


class ClockStart(IntEnum):
    """What starts a ticket's clock; the number is stored."""

    FIRST_PASSAGE = 0
    SALE = 1
    FIXED = 2
    EACH_DAY = 3
    """The first passage of each day: every day has its own clock."""


@dataclass(frozen=True, slots=True)
class ClockTerm:
    """The ticket holds for `minutes` in a row from its start.

    `at` (SALE, FIXED): minutes after 00:00 of `valid_from` as the site's clocks show them, 0..16383. `within` (SALE):
    when the first passage is at most so many minutes after the sale, the clock starts at that passage instead.
    """

    minutes: int
    start: ClockStart = ClockStart.FIRST_PASSAGE
    at: int = 0
    within: int | None = None


AT_MAX = 0x3FFF  # minutes after 00:00 of the first day: eleven days, beside two bits for the kind of start
_START_SHIFT = 14

Values = tuple[int, ...]
# Name and layout of each term, by its bit. Never reorder: cards in circulation hold them.
TERMS: tuple[tuple[str, str], ...] = (
    ("entries_per_day", ">B"),
    ("entries_total", ">H"),
    ("reentry_s", ">H"),
    ("batch", ">B"),
    ("window", ">BB"),  # from, to: quarter hours of the day
    ("second_window", ">BB"),
    ("blackout", ">B"),
    ("days", ">B"),
    ("bank", ">HB"),  # minutes, minimum of a day
    ("clock", ">HH"),  # minutes, start: kind in the top two bits, `at` below
    ("within", ">B"),
    ("overtime", ">B"),
    ("tracked", ">"),
)


def pack_terms(values: Mapping[str, Values]) -> tuple[int, bytes]:
    """The bits of the terms present and their bytes; CodecError for a value out of range."""
    bits, tail = 0, b""
    for bit, (name, layout) in enumerate(TERMS):
        if name in values:
            bits |= 1 << bit
            tail += _pack(name, layout, values[name])
    return bits, tail


def unpack_terms(bits: int, tail: bytes) -> dict[str, Values]:
    """The inverse; UnknownVersion for a bit that this release does not know, CodecError for a tail of other length."""
    if bits >> len(TERMS):
        raise UnknownVersion(f"claim terms {bits:#06x}, this release reads {len(TERMS)} kinds")
    values: dict[str, Values] = {}
    offset = 0
    for bit, (name, layout) in enumerate(TERMS):
        if bits >> bit & 1:
            try:
                values[name] = struct.unpack_from(layout, tail, offset)
            except struct.error as error:
                raise CodecError(f"claim ends before {name}") from error
            offset += struct.calcsize(layout)
    if offset != len(tail):
        raise CodecError(f"{len(tail) - offset} bytes after the claim")
    return values


def pack_window(window: Window) -> Values:
    """Quarter hours; CodecError unless both ends are on one."""
    if window.start % QUARTER or window.end % QUARTER:
        raise CodecError(f"window {window.start}..{window.end} minutes: begin and end on a quarter of an hour")
    return window.start // QUARTER, window.end // QUARTER


def unpack_window(values: Values) -> Window:
    """The inverse of `pack_window`."""
    start, end = values
    return Window(start * QUARTER, end * QUARTER)


def pack_clock(clock: ClockTerm) -> Values:
    """Minutes, and the start in 16 bits; CodecError for a start too late to be told."""
    if not 0 <= clock.at <= AT_MAX:
        raise CodecError(f"clock starts {clock.at} minutes after its first day began, at most {AT_MAX}")
    return clock.minutes, clock.start << _START_SHIFT | clock.at


def unpack_clock(values: Values, within: int | None) -> ClockTerm:
    """The inverse of `pack_clock`; `within` is a term of its own."""
    minutes, start = values
    return ClockTerm(minutes, ClockStart(start >> _START_SHIFT), start & AT_MAX, within)


def _pack(name: str, layout: str, values: Values) -> bytes:
    try:
        return struct.pack(layout, *values)
    except struct.error as error:
        raise CodecError(f"{name} {', '.join(map(str, values))} out of range") from error
