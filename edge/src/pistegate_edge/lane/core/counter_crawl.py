# SPDX-License-Identifier: Apache-2.0
"""Who goes through under the hip row: seen by the low row alone.

A walker's legs are in the low row too, but the low row lies inside the hip row, so a walker's hips are seen first, on
the side that the legs come from. A crawler's hands and knees come apart: a crawl is over when the low row has been
clear for a while.
"""

from pistegate_edge.lane.core.words import ENTRY, EXIT

QUIET_MS = 1000  # hands to knees are half a metre, at 0.5 m/s or more; two crawlers closer than that count as one
NOBODY = -1
DIRECTIONS = (ENTRY, EXIT)


class Crawl:
    """`row`: beam numbers of the low row along the lane; `places`: their x in mm, the leaf at 0."""

    def __init__(self, row: list[int], places: list[int]) -> None:
        self._sides = [0, 0]  # beams before and beyond the leaf
        for index, beam in enumerate(row):
            self._sides[0 if places[index] < 0 else 1] |= 1 << beam
        self._side = NOBODY  # where the crawler came in
        self._wide = False  # two neighbours were blocked together
        self._over = False  # beams beyond the leaf were blocked with none before it
        self._clear_at: int | None = None

    @property
    def deadline(self) -> int | None:
        """When a crawler is gone."""
        return None if self._clear_at is None else self._clear_at + QUIET_MS

    def step(self, now: int, seen: int, bodies) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
        """The low row now, and the bodies of the hip row."""
        sides = [seen & self._sides[0], seen & self._sides[1]]
        if self._side == NOBODY:
            self._begin(sides, bodies)
            return []
        if bodies.blocked(self._side == 0) and not self._over:
            self._side = NOBODY  # legs of a walker after all
            return []
        return self._go(now, sides)

    def _begin(self, sides: list[int], bodies) -> None:  # type: ignore[no-untyped-def]
        for side in (0, 1):
            if sides[side] and not sides[1 - side] and not bodies.blocked(side == 0):
                self._side = side
                self._wide = self._over = False
                self._clear_at = None

    def _go(self, now: int, sides: list[int]) -> list[tuple[str, str]]:
        near, beyond = sides[self._side], sides[1 - self._side]
        if near or beyond:
            self._clear_at = None
            self._wide = self._wide or _several(near | beyond)
            self._over = self._over or (beyond != 0 and not near)
            return []
        if self._clear_at is None:
            self._clear_at = now
        if now - self._clear_at < QUIET_MS:
            return []
        side, self._side, self._clear_at = self._side, NOBODY, None
        return [("crawl", DIRECTIONS[side])] if self._wide and self._over else []

    def snapshot(self, now: int) -> tuple:  # type: ignore[type-arg]
        """Hashable, times relative to `now`."""
        return (self._side, self._wide, self._over, -1 if self._clear_at is None else now - self._clear_at)

    def restore(self, now: int, kept: tuple) -> None:  # type: ignore[type-arg]
        """Become what `snapshot` told."""
        self._side, self._wide, self._over, clear = kept
        self._clear_at = None if clear < 0 else now - clear


def _several(beams: int) -> bool:
    return beams & (beams - 1) != 0
