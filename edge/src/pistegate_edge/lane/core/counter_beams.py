# SPDX-License-Identifier: Apache-2.0
"""Beams made believable: flicker is dropped, and beams that weather covers are set aside.

A beam's age is kept in twentieths of `weather_ms`, not in milliseconds: few states, and nobody needs more.
What a beam may be blocked by decides how soon it is set aside: THIN, LOW .. in such periods.
"""

PERIODS = 20  # of weather_ms; one is a second where that is 20 s
THIN = 1  # nothing thin stands in a lane by itself for a second
LEFT = 2  # of a body that has passed and is only in one beam
LOW = 8  # a crawler is 4 s in a beam of the low row
NARROW = 20  # a body one beam wide that came in, or what it left behind; with legs in the low row it is STANDING
STANDING = 80  # a body that came in and stands still, or stands at the entrance


class Beams:
    """`seen`: beams after debouncing. `aside`: of no use to counting. `weather`: of those, the ones to report."""

    def __init__(self, count: int, low: int, debounce_ms: int, weather_ms: int, clear_ms: int) -> None:
        self.seen = 0
        self.aside = 0
        self.weather = 0
        self._count = count
        self._low = low
        self._debounce = debounce_ms
        self._period = max(1, weather_ms // PERIODS) if weather_ms else 0
        self._clear = max(1, -(-clear_ms // self._period)) if weather_ms else 0
        self._raw = 0
        self._since = [0] * count  # when `raw` began to differ from `seen`; of no meaning while they agree
        self._runs = False  # a period is under way; none is while all beams are clear
        self._began = 0  # when it did
        self._always = 0  # blocked since the period began
        self._ever = 0  # blocked at any time since it began
        self._ages = [0] * count  # full periods blocked without a break
        self._quiet = [0] * count  # of a beam set aside: full periods clear without a break

    @property
    def deadline(self) -> int | None:
        """When a beam ripens."""
        found = self._began + self._period if self._runs else None
        pending = self._raw ^ self.seen
        for beam in range(self._count):
            if pending >> beam & 1:
                due = self._since[beam] + self._debounce
                found = due if found is None or due < found else found
        return found

    def step(self, now: int, blocked: int, bodies) -> bool:  # type: ignore[no-untyped-def]
        """Take a word of beams; `bodies.patience()` has THIN, LOW .. per beam. True when `seen` or `aside` changed."""
        seen, aside = self.seen, self.aside
        self._debounced(now, blocked)
        if self._period:
            self._aged(now, bodies)
        return seen != self.seen or aside != self.aside

    def _debounced(self, now: int, blocked: int) -> None:
        blocked &= (1 << self._count) - 1
        fresh = (blocked ^ self._raw) & (blocked ^ self.seen)
        self._raw = blocked
        pending = blocked ^ self.seen
        if not pending:
            return
        for beam in range(self._count):
            bit = 1 << beam
            if fresh & bit:
                self._since[beam] = now
            if pending & bit and now - self._since[beam] >= self._debounce:
                self.seen ^= bit

    def _aged(self, now: int, bodies) -> None:  # type: ignore[no-untyped-def]
        if not self._runs:
            if not self.seen and not self.aside:
                return
            self._begin(now)
        if now - self._began >= self._period * STANDING:  # the caller slept: nothing is known of the time between
            self._begin(now)
        patience = bodies.patience() if now - self._began >= self._period else []
        while now - self._began >= self._period:
            self._end_period(patience)
            self._begin(self._began + self._period)
        self._always &= self.seen
        self._ever |= self.seen
        if not self.seen and not self.aside:
            self._runs = False
            self._always = self._ever = 0
            for beam in range(self._count):
                self._ages[beam] = 0

    def _begin(self, now: int) -> None:
        self._runs = True
        self._began = now
        self._always = self._ever = self.seen

    def _end_period(self, patience: list[int]) -> None:
        for beam in range(self._count):
            bit = 1 << beam
            if self._always & bit:
                self._ages[beam] = min(self._ages[beam] + 1, STANDING)
                self._quiet[beam] = 0
                self._set_aside(beam, bit, patience[beam])
            elif self._ever & bit:
                self._quiet[beam] = 0
                self._ages[beam] = self._ages[beam] if self.aside & bit else 0
            else:
                self._rest(beam, bit)

    def _set_aside(self, beam: int, bit: int, patience: int) -> None:
        age = self._ages[beam]
        if patience == NARROW and self.seen & ~self.aside & self._low:
            patience = STANDING
        if age >= patience:
            self.aside |= bit
        if self.aside & bit and age >= PERIODS:
            self.weather |= bit

    def _rest(self, beam: int, bit: int) -> None:
        """A period without anything in this beam."""
        self._quiet[beam] = min(self._quiet[beam] + 1, self._clear) if self.aside & bit else 0
        if self._quiet[beam] >= self._clear:
            self.aside &= ~bit
            self.weather &= ~bit
        if not self.aside & bit:
            self._ages[beam] = self._quiet[beam] = 0

    def snapshot(self, now: int) -> tuple:  # type: ignore[type-arg]
        """Hashable, times relative to `now`."""
        pending = self._raw ^ self.seen
        waits = [
            min(now - self._since[beam], self._debounce) if pending >> beam & 1 else 0 for beam in range(self._count)
        ]
        began = now - self._began if self._runs else -1
        masks = (self.seen, self._raw, self.aside, self.weather, self._always, self._ever)
        return (masks, tuple(waits), began, tuple(self._ages), tuple(self._quiet))

    def restore(self, now: int, kept: tuple) -> None:  # type: ignore[type-arg]
        """Become what `snapshot` told."""
        masks, waits, began, ages, quiet = kept
        self.seen, self._raw, self.aside, self.weather, self._always, self._ever = masks
        self._since = [now - wait for wait in waits]
        self._runs = began >= 0
        self._began = now - began
        self._ages = list(ages)
        self._quiet = list(quiet)
