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
from pistegate_edge.lane.core.words import ENTRY, EXIT

SURE = 4  # points of evidence: a stride of a tall person opens a gap of one clear beam, for less than half a metre
GAP_POINTS = 3  # most points that one pair earns
SHORT_ROW = 6  # a row of fewer beams sees too little of a body: there one pair is evidence enough
LOST_MS = 800  # a child at 0.3 m/s is behind a beam that sees nothing for half a second
HIDDEN = 4  # times as long: a person may stand behind a covered beam, but not forever unseen
TAKEN = (-1, -1)  # a run that became part of another
DIRECTIONS = (ENTRY, EXIT)  # by the side one comes from


class Body:
    """One run, or one part of a run that several bodies share."""

    def __init__(self, lo: int, hi: int, side: int, points: int) -> None:
        self.lo = lo
        self.hi = hi
        self.side = side  # the end it came in by; after passing the leaf, the end it is on
        self.done = False  # it came to this side by passing the leaf: its leaving is no turning back
        self.points = points
        self.pairs = _pairs(lo, hi)  # where it was wide: bit i for beams i and i + 1; of no use any more once sure
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
        self.patience = [LOW] * beams  # per beam, how long what blocks it is taken for something that moves on
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
        self._note()

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
        self._be_patient()

    def _be_patient(self) -> None:
        legs = STANDING if self.held else LOW
        for beam in range(len(self.patience)):
            self.patience[beam] = legs
        for beam in self._row:
            self.patience[beam] = THIN
        for body in self.found:
            at_end = body.lo <= self._first or body.hi >= self._last
            if body.wide and (body.sure or at_end):
                patience = STANDING
            elif body.sure:
                patience = LEFT if body.done else NARROW
            else:
                patience = THIN
            for place in range(body.lo, body.hi + 1):
                self.patience[self._row[place]] = patience

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
        return _runs_of(cells, self._count)

    def _follow(self, now: int, runs: list[tuple[int, int]]) -> list[tuple[str, str]]:
        """Give each run its bodies: those that were there, else a new one."""
        claims: list[list[Body]] = [[] for _run in runs]
        left = []
        for body in self.found:
            best = _best(body, runs)
            if best < 0:
                left.append(body)
            else:
                claims[best].append(body)
        _spread_out(runs, claims)
        cores = _join_thin(runs, claims)
        events: list[tuple[str, str]] = []
        kept: list[Body] = []
        for body in left:
            if body.until is None and self._covered >> body.lo & 1:
                continue  # set aside just now: what was followed there was the weather
            if not self._lost(now, body):
                self._leave(body, events)
            elif body.until is None or now < body.until:
                kept.append(body)
            elif body.lo <= self._first + 1 or body.hi >= self._last - 1:
                self._leave(body, events)
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
        parts = self._parts(run, lengths)
        for index, body in enumerate(stay):
            lo, hi = parts[index]
            if lo <= hi:
                body.lo, body.hi = body.core = lo, hi
                kept.append(body)
            else:
                self._leave(body, events)

    def _parts(self, run: tuple[int, int], lengths: list[int]) -> list[tuple[int, int]]:
        """Cut a run in order, by the bodies' lengths before; at an end of the row the outermost shrinks."""
        lo, hi = run
        spare = hi - lo + 1 - sum(lengths)
        lengths = list(lengths)
        if lo <= self._first and hi < self._last:
            lengths[0] += spare
            _take_over(lengths, 1)
        elif hi >= self._last and lo > self._first:
            lengths[-1] += spare
            _take_over(lengths, -1)
        else:
            _spread(lengths, spare)
        parts = []
        for length in lengths:
            parts.append((lo, lo + length - 1))
            lo += length
        return parts

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
        fresh = _pairs(body.lo, body.hi) & ~body.pairs & ~self._covered & ~(self._covered >> 1)
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
        """A sure body whose rear has left the first beam beyond the leaf is through.

        One that comes back must be seen wide there: what stuck in a beam when it passed is not it.
        """
        if not body.sure or body.until is not None or (body.done and body.core[0] == body.core[1]):
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
        for lo, hi, side, done, points, pairs, left in bodies:
            body = Body(lo, hi, side, points)
            body.done, body.pairs = done, pairs
            body.until = None if left < 0 else now + left
            self.found.append(body)
        self._note()


def _runs_of(cells: int, count: int) -> list[tuple[int, int]]:
    runs = []
    lo = -1
    for place in range(count + 1):
        if cells >> place & 1:
            lo = place if lo < 0 else lo
        elif lo >= 0:
            runs.append((lo, place - 1))
            lo = -1
    return runs


def _pairs(lo: int, hi: int) -> int:
    return (1 << hi) - (1 << lo)


def _best(body: Body, runs: list[tuple[int, int]]) -> int:
    """The run that shares most beams with a body, or touches it; of equals the longest, then the rear one. -1: none.

    Who was lost may come out one beam farther.
    """
    reach = 0 if body.until is None else -1
    best = -1
    most = (-2, 0)
    for index, run in enumerate(runs):
        shared = min(body.hi, run[1]) - max(body.lo, run[0]) + 1
        rank = (shared, run[1] - run[0])
        if shared >= reach and (rank > most or (rank == most and body.side == 1)):
            best = index
            most = rank
    return best


def _spread_out(runs: list[tuple[int, int]], claims: list[list[Body]]) -> None:
    """A wide run without a sure body, next to one that several share: the one on that side has come off."""
    for index, run in enumerate(runs):
        if run[0] == run[1] or [body for body in claims[index] if body.sure]:
            continue
        for other, at in ((index - 1, -1), (index + 1, 0)):
            sharing = [body for body in claims[other] if body.sure] if 0 <= other < len(runs) else []
            if len(sharing) > 1:
                claims[other].remove(sharing[at])
                claims[index].append(sharing[at])
                break


def _join_thin(runs: list[tuple[int, int]], claims: list[list[Body]]) -> list[tuple[int, int]]:
    """A sure body with one clear beam in it, and not both parts wide, is one still: a pole at its side, a hand.

    Two thin parts farther apart stay one too, until it shows which of them is the body. Returns the part of each run
    that is the body.
    """
    cores = list(runs)
    for index, run in enumerate(runs):
        if claims[index]:
            continue
        for other in (index - 1, index + 1):
            if not 0 <= other < len(runs) or len(claims[other]) != 1:
                continue
            body, rest = claims[other][0], runs[other]
            clear = max(rest[0] - run[1], run[0] - rest[1]) - 1
            touches = run[0] <= body.hi and run[1] >= body.lo
            thin = (run[0] == run[1]) + (rest[0] == rest[1])
            if body.sure and touches and 0 < clear <= (0, 1, 3)[thin]:
                runs[other] = (min(run[0], rest[0]), max(run[1], rest[1]))
                cores[other] = run if run[0] < run[1] else rest if rest[0] < rest[1] else runs[other]
                runs[index] = TAKEN
                break
    return cores


def _take_over(lengths: list[int], step: int) -> None:
    """What the outermost body is short of, the next ones give; nobody gets less than nothing."""
    index = 0 if step == 1 else len(lengths) - 1
    while 0 <= index + step < len(lengths) and lengths[index] < 0:
        lengths[index + step] += lengths[index]
        lengths[index] = 0
        index += step


def _spread(lengths: list[int], spare: int) -> None:
    """Shares of a run in the middle of the row: everybody keeps at least one beam while there are enough."""
    index = 0
    while spare > 0:
        lengths[index % len(lengths)] += 1
        spare -= 1
        index += 1
    while spare < 0:
        longest = max(range(len(lengths)), key=lambda at: lengths[at])
        lengths[longest] -= 1
        spare += 1
