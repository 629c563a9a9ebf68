# SPDX-License-Identifier: Apache-2.0
"""Who goes through under the hip row: seen by the low row alone.

A walker's legs are in the low row too, but the low row lies inside the hip row, so that hips are over the legs or are
seen first. A crawl begins when something comes into the outermost beam with no hips in that half of the lane, and is
none after all when hips come to be there. Hands and knees come apart: it is over when the low row has been
clear for a while, or when the next walker comes.
"""

from pistegate_edge.lane.core.words import ENTRY, EXIT

QUIET_MS = 1000  # hands to knees are half a metre, at 0.5 m/s or more; two crawlers closer than that count as one
LONG = 3  # beams at once: half a metre of somebody on hands and knees; legs are never in three with no hips above
NOBODY = -1
DIRECTIONS = (ENTRY, EXIT)


class Crawl:
    """`row`: beam numbers of the low row along the lane; `places`: their x in mm, the leaf at 0."""

    def __init__(self, row: list[int], places: list[int], quiet_ms: int) -> None:
        self._quiet_ms = quiet_ms
        self._sides = [0, 0]  # beams before and beyond the leaf
        self._ends = (1 << row[0], 1 << row[-1]) if row else (0, 0)  # outermost beams
        self._enough = min(LONG, len(row))
        self._last = 0  # the low row at the last step
        for index, beam in enumerate(row):
            self._sides[0 if places[index] < 0 else 1] |= 1 << beam
        self._side = NOBODY  # where the crawler came in
        self._wide = False  # so many beams were blocked together that it is no leg
        self._over = False  # beams beyond the leaf were blocked with none before it
        self._clear_at: int | None = None

    @property
    def deadline(self) -> int | None:
        """When a crawler is gone."""
        return None if self._clear_at is None else self._clear_at + self._quiet_ms

    def step(self, now: int, seen: int, bodies) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
        """The low row now, and the bodies of the hip row."""
        sides = [seen & self._sides[0], seen & self._sides[1]]
        last, self._last = self._last, sides[0] | sides[1]
        if self._side != NOBODY:
            return self._go(now, sides, bodies)
        for side in (0, 1):
            end = self._ends[side]
            if sides[side] == end and not last & end and not bodies.blocked(side == 0):
                self._side = side
                self._wide = self._over = False
        return []

    def _go(self, now: int, sides: list[int], bodies) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
        near, beyond = sides[self._side], sides[1 - self._side]
        if near and bodies.blocked(self._side == 0):
            return self._end(self._over)  # legs of a walker: of the next one, or it was no crawler
        if near or beyond:
            self._clear_at = None
            if not bodies.blocked(self._side == 1):  # else what is beyond may be legs of the one ahead
                self._wide = self._wide or _count(near | beyond) >= self._enough
                self._over = self._over or (self._wide and not near)
            return []
        if not self._wide:
            return self._end(False)  # a flake, a foot at the edge
        if self._clear_at is None:
            self._clear_at = now
        return self._end(self._over) if now - self._clear_at >= self._quiet_ms else []

    def _end(self, over: bool) -> list[tuple[str, str]]:
        side, self._side, self._clear_at = self._side, NOBODY, None
        return [("crawl", DIRECTIONS[side])] if over and self._wide else []

    def snapshot(self, now: int) -> tuple:  # type: ignore[type-arg]
        """Hashable, times relative to `now`."""
        return (self._last, self._side, self._wide, self._over, -1 if self._clear_at is None else now - self._clear_at)

    def restore(self, now: int, kept: tuple) -> None:  # type: ignore[type-arg]
        """Become what `snapshot` told."""
        self._last, self._side, self._wide, self._over, clear = kept
        self._clear_at = None if clear < 0 else now - clear


def _count(beams: int) -> int:
    count = 0
    while beams:
        beams &= beams - 1
        count += 1
    return count
