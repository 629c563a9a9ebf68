# SPDX-License-Identifier: Apache-2.0
"""What a light beam meets of a person: parts as outlines over height, in the person's own walking frame.

Millimetres; x is forwards from the middle of the hips, z is up from the ground. A part sways along x with the stride:
its outline at height z is shifted by amplitude(z) * sway, sway in -1..1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

BEAM_HALF_MM = 6  # half the width of a light beam: an M18 through-beam sensor's lens shows 10-15 mm


class Section(NamedTuple):
    """One part cut at one height: from `lo` to `hi`, shifted by `amplitude` times the sway."""

    lo: float
    hi: float
    amplitude: float


@dataclass(frozen=True, slots=True)
class Part:
    """A straight piece between two heights, linear in between. `trunk` parts are what counts as a body."""

    z0: float
    z1: float
    lo0: float
    hi0: float
    lo1: float
    hi1: float
    amplitude0: float = 0.0
    amplitude1: float = 0.0
    trunk: bool = False
    solid: bool = True
    """Whether a leaf would hurt somebody there: flesh, not skis and poles."""

    def at(self, z: float) -> Section | None:
        """The part at height z; None above and below it."""
        if not self.z0 <= z <= self.z1:
            return None
        share = (z - self.z0) / (self.z1 - self.z0)
        return Section(
            self.lo0 + (self.lo1 - self.lo0) * share,
            self.hi0 + (self.hi1 - self.hi0) * share,
            self.amplitude0 + (self.amplitude1 - self.amplitude0) * share,
        )


def box(z0: float, z1: float, lo: float, hi: float, *, amplitude: float = 0.0, trunk: bool = False) -> Part:
    """An upright rectangle of flesh."""
    return Part(z0, z1, lo, hi, lo, hi, amplitude, amplitude, trunk)


def thing(z0: float, z1: float, lo: float, hi: float, *, amplitude: float = 0.0) -> Part:
    """An upright rectangle that is carried: no flesh."""
    return Part(z0, z1, lo, hi, lo, hi, amplitude, amplitude, solid=False)


@dataclass(frozen=True, slots=True)
class Body:
    """A person's outline. `stride_mm` is the way of two steps, after which the sway repeats."""

    kind: str
    height: float
    width: float
    stride_mm: float
    parts: tuple[Part, ...]

    @property
    def front(self) -> float:
        """How far the trunk reaches forwards."""
        return max(max(part.hi0, part.hi1) for part in self.parts if part.trunk)

    @property
    def back(self) -> float:
        """How far the trunk reaches backwards, negative."""
        return min(min(part.lo0, part.lo1) for part in self.parts if part.trunk)

    def sections(self, z: float) -> tuple[Section, ...]:
        """Everything at height z, steady parts joined where they overlap."""
        cut = [section for part in self.parts if (section := part.at(z)) is not None]
        steady = _joined((s.lo, s.hi) for s in cut if s.amplitude == 0)
        return tuple(Section(lo, hi, 0.0) for lo, hi in steady) + tuple(s for s in cut if s.amplitude != 0)

    def flesh(self, z0: float, z1: float) -> tuple[Section, ...]:
        """Sections that a leaf between these heights could press, at the heights where parts begin and end."""
        found: list[Section] = []
        for part in self.parts:
            if part.solid and part.z1 > z0 and part.z0 < z1:
                cuts = (part.at(max(part.z0, z0)), part.at(min(part.z1, z1)))
                found += [cut for cut in cuts if cut is not None]
        return tuple(found)


def _joined(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for lo, hi in sorted(intervals):
        if joined and lo <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(hi, joined[-1][1]))
        else:
            joined.append((lo, hi))
    return joined


Watch = tuple[tuple[int, float, float, float, tuple[Section, ...]], ...]
"""Per beam: bit, x, nearest and farthest reach of anything at its height, sections."""


def watch(body: Body, beams: list[list[int]]) -> Watch:
    """What each of these beams ([x, z] each) can meet of this body."""
    rows = []
    cuts = {z: body.sections(z) for z in {z for _, z in beams}}
    for index, (x, z) in enumerate(beams):
        wide = tuple(Section(s.lo - BEAM_HALF_MM, s.hi + BEAM_HALF_MM, s.amplitude) for s in cuts[z])
        if wide:
            nearest = min(s.lo - abs(s.amplitude) for s in wide)
            farthest = max(s.hi + abs(s.amplitude) for s in wide)
            rows.append((1 << index, float(x), nearest, farthest, wide))
    return tuple(rows)


def blocked(rows: Watch, x: float, facing: int, sway: float) -> int:
    """The word of beams that a body at x, facing 1 or -1, is in."""
    word = 0
    for bit, beam_x, nearest, farthest, sections in rows:
        r = (beam_x - x) * facing
        if nearest <= r <= farthest:
            for lo, hi, amplitude in sections:
                if lo <= r - amplitude * sway <= hi:
                    word |= bit
                    break
    return word
