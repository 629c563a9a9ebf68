# SPDX-License-Identifier: Apache-2.0
"""Bodies in the hip row: runs of blocked beams, followed along the lane.

Every run is followed, thin ones too, since a child is one beam wide most of the time. A run becomes a *sure* body by
evidence: for each pair of neighbouring beams that it blocks at once (hands, poles and a ski's edge are thinner than the
pitch), other than where it was first met, it earns as many points as there are clear beams to the next wide thing,
three at most. So a person alone is sure after two beams, a follower 30 cm behind after two or three, and the gap
between two thighs in a long stride, which closes again within half a step, never is. Runs that are not sure count for
nothing and melt into a sure one that they touch; sure bodies that touch stay two, in order.

Row positions are indices along the lane, low to high; side 0 is the low end (ENTRY comes in there), 1 the high end.
"""

from pistegate_edge.lane.core.counter_beams import LEFT, LOW, NARROW, STANDING, THIN
from pistegate_edge.lane.core.counter_runs import TAKEN, best, cut, join_thin, pairs, runs_of, spread_out
from pistegate_edge.lane.core.words import ENTRY, EXIT

SURE = 4  # points of evidence: a stride of a tall person opens a gap of one clear beam, for less than half a metre
GAP_POINTS = 3  # most points that one pair earns
SHORT_ROW = 6  # a row of fewer beams sees too little of a body: there one pair is evidence enough
LOST_MS = 800  # a child at 0.3 m/s is behind a beam that sees nothing for half a second
HIDDEN = 4  # times as long: a person may stand behind a covered beam, but not forever unseen
DIRECTIONS = (ENTRY, EXIT)  # by the side one comes from


class Body:
    """One run, or one part of a run that several bodies share."""

    def __init__(self, lo: int, hi: int, side: int, points: int) -> None:
        self.lo = lo
        self.hi = hi
        self.side = side  # the end it came in by; after passing the leaf, the end it is on
        self.done = False  # it came to this side by passing the leaf: its leaving is no turning back
        self.points = points
        self.pairs = pairs(lo, hi)  # where it was wide: bit i for beams i and i + 1; of no use any more once sure
        self.core = (lo, hi)  # without thin parts at its sides
        self.until: int | None = None  # without a run; believed to be there still until then

    @property
    def sure(self) -> bool:
        """A person, not a thing that one carries."""
        return self.points >= SURE

    @property
    def wide(self) -> bool:
        """Wider than anything thin can be."""
        return self.hi > self.lo


class Bodies:
    """`row`: beam numbers along the lane, of `beams`; `places`: their x in mm, the leaf at 0."""

    def __init__(self, beams: int, row: list[int], places: list[int], lost_ms: int) -> None:
        self._beams = beams
        self._lost_ms = lost_ms
        self.found: list[Body] = []
        self.held = 0  # beams that sure bodies are in
        self.deadline: int | None = None  # when a body that is not seen is given up
        self._row = row
        self._count = len(row)
        self._credit = SURE - 1 if len(row) < SHORT_ROW else 0
        before = sum(1 for place in places if place < 0)
        self._leaf = (before, before - 1)  # by side: the first beam beyond the leaf
        self._first = 0
        self._last = self._count - 1
        self._covered = 0

    def step(self, now: int, seen: int, aside: int) -> list[tuple[str, str]]:
        """The row changed, or a body is given up."""
        runs = self._runs(seen, aside)
        events = self._follow(now, runs)
        for body in self.found:
            self._weigh(body)
            self._pass(body, events)
        self._note()
        return events

    def blocked(self, lo_half: bool) -> bool:
        """Some run reaches into the half of the row before (or beyond) the leaf."""
        leaf = self._leaf[0]
        return any(body.lo < leaf if lo_half else body.hi >= leaf for body in self.found)

    def _note(self) -> None:
        self.held = 0
        self.deadline = None
        for body in self.found:
            if body.until is not None:
                self.deadline = body.until if self.deadline is None else min(self.deadline, body.until)
            if body.sure:
                for place in range(body.lo, body.hi + 1):
                    self.held |= 1 << self._row[place]

    def patience(self) -> list[int]:
        """Per beam, for how many periods of Beams what blocks it is taken for something that moves on."""
        found = [STANDING if self.held else LOW] * self._beams  # whoever stands there has legs in the low row
        for beam in self._row:
            found[beam] = THIN
        for body in self.found:
            at_end = body.lo <= self._first or body.hi >= self._last
            if body.wide and (body.sure or at_end):
                patience = STANDING
            elif body.sure:
                patience = LEFT if body.done else NARROW
            else:
                patience = THIN
            for place in range(body.lo, body.hi + 1):
                found[self._row[place]] = patience
        return found

    def _runs(self, seen: int, aside: int) -> list[tuple[int, int]]:
        """(lo, hi) of each run; a covered beam is blocked when both its neighbours are."""
        cells = 0
        covered = 0
        for place in range(self._count):
            if aside >> self._row[place] & 1:
                covered |= 1 << place
            elif seen >> self._row[place] & 1:
                cells |= 1 << place
        self._covered = covered
        usable = [place for place in range(self._count) if not covered >> place & 1]
        self._first = usable[0] if usable else 0
        self._last = usable[-1] if usable else self._count - 1
        for index in range(1, len(usable)):
            before, after = usable[index - 1], usable[index]
            if cells >> before & cells >> after & 1:
                for place in range(before, after):
                    cells |= 1 << place
        return runs_of(cells, self._count)

    def _follow(self, now: int, runs: list[tuple[int, int]]) -> list[tuple[str, str]]:
        """Give each run its bodies: those that were there, else a new one."""
        claims: list[list[Body]] = [[] for _run in runs]
        left = []
        for body in self.found:
            index = best(body, runs)
            if index < 0:
                left.append(body)
            else:
                claims[index].append(body)
        spread_out(runs, claims)
        cores = join_thin(runs, claims)
        events: list[tuple[str, str]] = []
        kept: list[Body] = []
        for body in left:
            self._miss(now, body, kept, events)
        for index, run in enumerate(runs):
            if run == TAKEN:
                continue
            if claims[index]:
                self._share(run, claims[index], kept, events)
                if len(claims[index]) == 1:
                    claims[index][0].core = cores[index]
            else:
                kept.append(Body(run[0], run[1], self._side_of(run), self._credit))
        kept.sort(key=lambda body: body.lo)
        self.found = kept
        return events

    def _side_of(self, run: tuple[int, int]) -> int:
        """Where a new run came from: whence the body came that it came off, else what is next, an end or a body."""
        ends = (max(0, run[0] - self._first), max(0, self._last - run[1]))
        side = 0 if ends[0] <= ends[1] else 1
        nearest = max(1, ends[side])
        for body in self.found:
            away = max(body.lo - run[1], run[0] - body.hi)
            if away <= 1 or away < nearest:
                side = body.side
                nearest = away
        return side

    def _share(self, run: tuple[int, int], bodies: list[Body], kept: list[Body], events: list[tuple[str, str]]) -> None:
        """One run for all that claim it: sure bodies stay, others melt into them."""
        stay = [body for body in bodies if body.sure]
        if not stay:
            stay = [max(bodies, key=lambda body: (body.points, body.hi - body.lo))]
        if len(stay) > 1 and run[1] - run[0] + 1 < 2 * len(stay) - 1 and run[0] > self._first and run[1] < self._last:
            stay = [body for body in stay if not body.done] or stay  # so narrow: what had passed already is not there
        for body in stay:
            body.until = None
        lengths = [body.hi - body.lo + 1 for body in stay]
        parts = cut(run, lengths, run[0] <= self._first, run[1] >= self._last)
        for index, body in enumerate(stay):
            lo, hi = parts[index]
            if lo <= hi:
                body.lo, body.hi = body.core = lo, hi
                kept.append(body)
            else:
                self._leave(body, events)

    def _miss(self, now: int, body: Body, kept: list[Body], events: list[tuple[str, str]]) -> None:
        """No run is where this body was."""
        if body.until is None and self._covered >> body.lo & 1:
            return  # set aside just now: what was followed there was the weather
        if not self._lost(now, body):
            self._leave(body, events)
        elif body.until is None or now < body.until:
            kept.append(body)
        elif body.lo <= self._first + 1 or body.hi >= self._last - 1:
            self._leave(body, events)

    def _lost(self, now: int, body: Body) -> bool:
        """Whether a body without a run may be there still: behind a covered beam, or one that misses bodies."""
        if body.until is not None:
            return True
        if body.lo <= self._first or body.hi >= self._last:
            return False
        if body.points and self._near_covered(body):
            body.until = now + self._lost_ms * HIDDEN
        elif body.sure:
            body.until = now + self._lost_ms
        return body.until is not None

    def _leave(self, body: Body, events: list[tuple[str, str]]) -> None:
        """A body left by an end of the row, or was none."""
        if not body.sure:
            return
        end = 1 if body.hi >= self._last - 1 and body.lo > self._first else 0
        if end != body.side:
            events.append(("through", DIRECTIONS[body.side]))
        elif not body.done:
            events.append(("back", DIRECTIONS[body.side]))

    def _near_covered(self, body: Body) -> bool:
        """A covered beam with used ones on both sides hides this body; it is put there."""
        for place in (body.hi + 1, body.lo - 1):
            if self._first < place < self._last and self._covered >> place & 1:
                body.lo = body.hi = place
                return True
        return False

    def _weigh(self, body: Body) -> None:
        """Evidence: wide where it has not been wide before."""
        if body.sure:
            return
        fresh = pairs(body.lo, body.hi) & ~body.pairs & ~self._covered & ~(self._covered >> 1)
        if not fresh:
            return
        body.pairs |= fresh
        worth = 1 if self._credit else min(GAP_POINTS, self._room(body))
        while fresh and not body.sure:
            fresh &= fresh - 1
            body.points = min(SURE, body.points + worth)
        if body.sure:
            body.pairs = 0

    def _room(self, body: Body) -> int:
        """Clear beams to the next wide thing, or to the end that this body goes to: someone may just have left."""
        room = self._count - 1 - body.hi if body.side == 0 else body.lo
        for other in self.found:
            if other is not body and (other.wide or other.sure):
                room = min(room, max(other.lo - body.hi, body.lo - other.hi) - 1)
        return room

    def _pass(self, body: Body, events: list[tuple[str, str]]) -> None:
        """A sure body whose rear has left the first beam beyond the leaf is through."""
        if not body.sure or body.until is not None:
            return
        leaf = self._leaf[body.side]
        if body.core[0] > leaf if body.side == 0 else body.core[1] < leaf:
            events.append(("through", DIRECTIONS[body.side]))
            body.side = 1 - body.side
            body.done = True

    def snapshot(self, now: int) -> tuple:  # type: ignore[type-arg]
        """Hashable, times relative to `now`."""
        bodies = [
            (b.lo, b.hi, b.side, b.done, b.points, b.pairs, -1 if b.until is None else max(0, b.until - now))
            for b in self.found
        ]
        return (tuple(bodies), self._covered, self._first, self._last)

    def restore(self, now: int, kept: tuple) -> None:  # type: ignore[type-arg]
        """Become what `snapshot` told."""
        bodies, self._covered, self._first, self._last = kept
        self.found = []
        for lo, hi, side, done, points, wide, left in bodies:
            body = Body(lo, hi, side, points)
            body.done, body.pairs = done, wide
            body.until = None if left < 0 else now + left
            self.found.append(body)
        self._note()
