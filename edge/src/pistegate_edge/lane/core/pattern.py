# SPDX-License-Identifier: Apache-2.0
"""Lamps and buzzers in time: which level bits hold for how many milliseconds.

Pure, and in the Python subset that MicroPython also runs. A loop is a tuple of steps (bits, ms), played over and over;
an empty one is dark, one of a single step is steady. The same pattern plays on pins of this computer and on a board:
it is sent once, whoever plays it keeps the time.
"""

# Level bits; 1 is on.
GREEN = 1 << 0
RED = 1 << 1
AMBER = 1 << 2
BUZZER = 1 << 3
ATTENDANT = 1 << 4  # a lamp that the attendant sees and guests need not

# Tracks: what plays beside each other. Each has its own bits.
LAMP = 0
SOUND = 1
STAFF = 2
TRACKS = (GREEN | RED | AMBER, BUZZER, ATTENDANT)  # bits by track

STEPS_MAX = 16  # steps of one loop: two loops fit into one frame of a serial line
STEP_MAX_MS = 60_000
FOR_MAX_MS = 600_000  # as long as a configuration may let a lamp show

# What a board shows by itself while its host is silent: out of service.
ALONE = ((RED, 500), (0, 500))


def check(steps: tuple[tuple[int, int], ...], bits: int) -> None:
    """ValueError unless `steps` is a loop of at most STEPS_MAX steps that drives nothing beyond `bits`."""
    if len(steps) > STEPS_MAX:
        raise ValueError("a pattern of " + str(len(steps)) + " steps: at most " + str(STEPS_MAX))
    for level, ms in steps:
        if level & ~bits or level < 0:
            raise ValueError("pattern drives bits " + str(level) + ": its track has " + str(bits))
        if not 1 <= ms <= STEP_MAX_MS:
            raise ValueError("a step of " + str(ms) + " ms: 1 to " + str(STEP_MAX_MS))


class Player:
    """One track: the loop `first` for `for_ms`, then the loop `then` until something else is played."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._start = 0
        self._first: tuple[tuple[int, int], ...] = ()
        self._for_ms = 0
        self._then: tuple[tuple[int, int], ...] = ()

    def play(
        self, now: int, first: tuple[tuple[int, int], ...], for_ms: int, then: tuple[tuple[int, int], ...]
    ) -> None:
        """From `now` on. ValueError for a pattern that this track cannot play; what plays then goes on."""
        check(first, self._bits)
        check(then, self._bits)
        if not 0 <= for_ms <= FOR_MAX_MS:
            raise ValueError("a pattern for " + str(for_ms) + " ms: 0 to " + str(FOR_MAX_MS))
        self._start = now
        self._first = first
        self._for_ms = for_ms
        self._then = then

    def levels(self, now: int) -> int:
        """The bits that are on at `now`."""
        loop, at = self._playing(now)
        if not loop:
            return 0
        return loop[_place(loop, at)[0]][0]

    def deadline(self, now: int) -> int | None:
        """When `levels` may next change by itself; None: never."""
        loop, at = self._playing(now)
        left = self._for_ms - (now - self._start)
        over = now + left if left > 0 else None
        if len(loop) < 2:
            return over
        change = now + _place(loop, at)[1]
        return change if over is None or change < over else over

    def _playing(self, now: int) -> tuple[tuple[tuple[int, int], ...], int]:
        """The loop that plays at `now`, and the time since it began."""
        at = now - self._start
        if at < self._for_ms:
            return self._first, at
        return self._then, at - self._for_ms


class Mixer:
    """All tracks of one gate: what the pins show is what any of them has on."""

    def __init__(self) -> None:
        self._players = [Player(bits) for bits in TRACKS]

    def play(
        self, now: int, track: int, first: tuple[tuple[int, int], ...], for_ms: int, then: tuple[tuple[int, int], ...]
    ) -> None:
        """On `track`; see Player.play. IndexError for a track that is not there."""
        self._players[track].play(now, first, for_ms, then)

    def levels(self, now: int) -> int:
        """The bits that are on at `now`."""
        levels = 0
        for player in self._players:
            levels |= player.levels(now)
        return levels

    def deadline(self, now: int) -> int | None:
        """When `levels` may next change by itself; None: never."""
        due: int | None = None
        for player in self._players:
            at = player.deadline(now)
            if at is not None and (due is None or at < due):
                due = at
        return due

    def alone(self, now: int) -> None:
        """The host went silent: out of service, no sound."""
        self.play(now, LAMP, (), 0, ALONE)
        self.play(now, SOUND, (), 0, ())
        self.play(now, STAFF, (), 0, ())


def _place(loop: tuple[tuple[int, int], ...], at: int) -> tuple[int, int]:
    """The step of `loop` at `at` ms, and the ms left of it."""
    total = 0
    for _, ms in loop:
        total += ms
    at %= total
    step = 0
    while at >= loop[step][1]:
        at -= loop[step][1]
        step += 1
    return step, loop[step][1] - at
