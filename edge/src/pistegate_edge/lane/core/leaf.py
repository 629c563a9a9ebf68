# SPDX-License-Identifier: Apache-2.0
"""A flap or swing gate whose motor is ours; persons come from the beams' counter.

A flap has one way to be open. A swing leaf opens away from the person: side A for who goes in, side B for who goes
out. Force limiting and anti-pinch by torque stay on the motor driver (EN 17352); this is supervision and interlock.
"""

from pistegate_edge.lane.core import base
from pistegate_edge.lane.core import opening as op
from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.contacts import after, left, sooner
from pistegate_edge.lane.core.faults import number

SHUT = "shut"  # the leaf stands at its shut limit; no motor
OPENING = "opening"  # the motor opens
OPEN = "open"  # the leaf stands at its open limit; no motor
CLOSING = "closing"  # the motor shuts: no sweep beam is blocked, and nobody may come
REVERSING = "reversing"  # stalled while closing: the motor opens for a moment
REST = "rest"  # stalled while opening: no motor for a moment
AJAR = "ajar"  # the leaf stands between its limits; no motor
LIMP = "limp"  # the supply is gone: no motor, springs pull the leaf open
FAULTED = "faulted"  # a latched fault: no motor, the leaf can be pushed

_ANY = {"limp": LIMP, "fault": FAULTED}


def _also(ways: dict[str, str]) -> dict[str, str]:
    ways.update(_ANY)
    return ways


TABLE = {
    SHUT: _also({"open": OPENING, "astray": AJAR}),
    OPENING: _also({"opened": OPEN, "shut": CLOSING, "stall": REST}),
    OPEN: _also({"shut": CLOSING, "astray": AJAR}),
    CLOSING: _also({"closed": SHUT, "open": OPENING, "stall": REVERSING, "rest": REST}),
    REVERSING: _also({"opened": OPEN, "open": OPENING, "stall": REST, "over": AJAR}),
    REST: _also({"over": AJAR}),
    AJAR: _also({"open": OPENING, "shut": CLOSING, "opened": OPEN, "closed": SHUT}),
    LIMP: {"over": AJAR},
    FAULTED: {"limp": LIMP, "over": AJAR},
}

A = "a"  # sides that the leaf may stand on
B = "b"
UNKNOWN = "unknown"
TRAVEL_MOST_MS = 3000
STALL_RETRIES = 3
REVERSE_MS = 200
STAY_MS = 60000  # so long the word on an opening waits for a person who is known to stand in the lane
PINCH_MS = 80  # the motor stops at once; told is what stays: flakes and drops are gone in 25 ms
DWELL_MS = 300  # a stride's pause between the legs is no clear way
LIMITS = (w.LIMIT_OPEN_A, w.LIMIT_OPEN_B, w.LIMIT_SHUT, w.STALL)


class LeafLane(base.Lane):
    """`counter` turns beams into persons (core.counter). Outputs MOTOR_OPEN_A, MOTOR_OPEN_B, MOTOR_SHUT."""

    TABLE = TABLE

    def __init__(self, profile: dict[str, object], counter) -> None:  # type: ignore[no-untyped-def]
        base.Lane.__init__(self, profile, SHUT, LIMITS)
        self._counter = counter
        self._swing = profile["kind"] == "swing"
        self._open_limits = w.LIMIT_OPEN_A | (w.LIMIT_OPEN_B if self._swing else 0)
        self._springs = profile.get("free_on_power_loss", "spring") != "ups"
        self._escape = A if profile.get("escape", w.EXIT) == w.ENTRY else B
        self._sweep = 0
        for beam in profile["sweep"]:  # type: ignore[attr-defined]
            self._sweep |= w.BEAM[beam]
        self._travel_most_ms = number(profile, "travel_max_ms", TRAVEL_MOST_MS)
        self._retries = number(profile, "stall_retries", STALL_RETRIES)
        self._reverse_ms = number(profile, "reverse_ms", REVERSE_MS)
        self._late_most_ms = number(profile, "stay_ms", STAY_MS)
        self._pinch_ms = number(profile, "pinch_ms", PINCH_MS)
        self._dwell_ms = number(profile, "dwell_ms", DWELL_MS)
        self._inrush_ms = number(profile, "inrush_ms", 0)
        self._side = UNKNOWN if self._swing else A  # where the leaf stands when it is not shut
        self._timer: int | None = None  # a motor's longest travel, the end of REVERSING and REST
        self._deaf: int | None = None  # until then a stall is the motor's inrush
        self._clear_at: int | None = None  # when the sweep will have been clear for long enough
        self._loiter: int | None = None
        self._loitered = False
        self._pinch: int | None = None  # what stopped a closing leaf is told then, if it is still there
        self._tail: int | None = None  # until then who comes through came through the open leaf
        self._pushed = False  # the leaf was pushed open
        self._lies = False  # two limit switches at once were active: until the reset none is believed
        self._stalls = [0, 0]  # in a row, while opening and while closing
        self._last = w.ENTRY  # the way of the last opening

    def can_open(self, direction: str) -> bool:
        """Also while the leaf is still closing, or has not begun to."""
        return base.Lane.can_open(self, direction) and self.state != LIMP

    def _sense(self, now: int) -> None:
        for told, direction in self._counter.step(now, self._inputs & w.BEAMS):
            self._counter_told(now, told, direction)
        if self._counter.weather:
            self._fault(w.BEAM_WEATHER)
        else:
            self._clear(w.BEAM_WEATHER)
        self._watch_sweep(now)
        self._watch_limits()

    def _counter_told(self, now: int, told: str, direction: str) -> None:
        if told == "back":
            opening = self._opening
            if opening.state in (op.RUNNING, op.LATE) and opening.direction == direction:
                self._tell(w.INCIDENT, w.TURNED_BACK)
            return
        self._loiter = None  # the next one's time begins
        if told == "crawl":
            self._tell(w.INCIDENT, w.CRAWLING)
        self._through(now, direction)

    def _stranger(self, now: int, direction: str) -> None:
        shut = self.state == SHUT and (self._tail is None or now >= self._tail)
        if shut or self._pushed:
            self._tell(w.INCIDENT, w.FORCED)
        else:
            self._tell(w.INCIDENT, w.TAILGATING if direction == self._last else w.REVERSE)

    def _watch_sweep(self, now: int) -> None:
        blocked = self._inputs & self._sweep
        if blocked:
            self._clear_at = None
        elif self._clear_at is None:
            self._clear_at = now + self._dwell_ms
        if self._pinch is not None and (not blocked or now >= self._pinch):
            self._pinch = None
            if blocked:
                self._tell(w.INCIDENT, w.PINCH)
        self._watch_bodies(now)

    def _watch_bodies(self, now: int) -> None:
        """Loitering is a person's: a beam under rime stands still too."""
        if not self._counter.bodies:
            self._loiter = None
            return
        if self._loiter is None:
            self._loitered = False
            self._loiter = now + self._loiter_ms
        if now >= self._loiter and not self._loitered:
            self._loitered = True
            self._tell(w.INCIDENT, w.LOITERING)

    def _watch_limits(self) -> None:
        if self._two_ends():
            self._lies = True
            self._fault(w.LIMIT_FAULT)

    def _busy(self) -> bool:
        return bool(self._counter.bodies)

    def _cause(self, code: str) -> bool:
        if code == w.STALLED:
            return self._at(w.STALL)
        return self._two_ends()

    def _two_ends(self) -> bool:
        """More than one limit switch is active."""
        ends = self._contacts.word & (w.LIMIT_SHUT | self._open_limits)
        return ends & (ends - 1) != 0

    def _move(self, now: int, sensed: bool) -> None:
        goal = self._goal()
        word = self._contacts.word
        self._lies = self._lies and self._faults.has(w.LIMIT_FAULT)
        if self._opening.state == op.RUNNING:
            self._last = self._opening.direction
        if self._springs and word & w.POWER_LOST and not word & w.FIRE:
            self._stand("limp", LIMP)
        elif goal == base.FAULTED:
            self._stand("fault", FAULTED)
        else:
            if self.state in (LIMP, FAULTED):
                self._go("over")
            elif goal == base.FREED and self._was != base.FREED:
                self._begin_to_free(now)
            self._head(now, goal, sensed)
        self._drive()

    def _begin_to_free(self, now: int) -> None:
        """Fire waits for no rest, and for no travel's end, that was begun before it."""
        if self.state == REST:
            self._go("over")
        elif self.state == OPENING:
            self._timer = now + self._travel_most_ms

    def _stand(self, event: str, state: str) -> None:
        if self.state != state:
            if self.state == LIMP:
                self._go("over")
            self._go(event)
            self._timer = None

    def _head(self, now: int, goal: str, sensed: bool) -> None:
        """Step towards the goal; a leaf at its limit may have two steps to make."""
        for _ in range(4):
            side = self._target(goal)  # anew: a leaf that was found at a limit is on a side
            clear = sensed and self._clear_at is not None and now >= self._clear_at
            event = self._event(now, side, clear)
            if not event:
                return
            self._go(event)
            self._entered(now, event, side)

    def _target(self, goal: str) -> str:
        """The side to be open on; "" is shut."""
        if goal == base.FREED:
            return self._escape_side()
        if goal == base.FREE:
            return self._side_of(self._free_way())
        return self._side_of(self._opening.direction) if goal == base.OPEN else ""

    def _side_of(self, direction: str) -> str:
        if not self._swing:
            return A
        if direction == base.BOTH:
            return self._escape_side()
        return A if direction == w.ENTRY else B

    def _escape_side(self) -> str:
        """Where the leaf is already, else the way out."""
        if not self._swing:
            return A
        return self._escape if self._side == UNKNOWN else self._side

    def _event(self, now: int, side: str, clear: bool) -> str:
        """The next step of the table towards `side`; "" when there is none now."""
        state = self.state
        if state == SHUT:
            return "open" if side else "" if self._at(w.LIMIT_SHUT) else "astray"
        if state == OPENING:
            return self._event_opening(now, side, clear)
        if state == CLOSING:
            return self._event_closing(now, side)
        if state == OPEN:
            if not self._at_open():
                return "astray"
            return "shut" if side != self._side and clear else ""
        if state == AJAR:
            return self._event_ajar(side, clear)
        if state == REVERSING:
            if self._at_open():
                return "opened"
            if side == self._side:
                return "open"
            if self._stalled(now):
                return "stall"
        return "over" if self._timer is not None and now >= self._timer else ""

    def _event_opening(self, now: int, side: str, clear: bool) -> str:
        if self._at_open():
            return "opened"
        if self._stalled(now):
            return self._stall_told(0, "stall")
        if self._timer is not None and now >= self._timer:
            return self._too_long()
        return "shut" if side != self._side and clear else ""

    def _event_closing(self, now: int, side: str) -> str:
        # Opening again on this side would drive the leaf at whom the other side is to open for: then it stops.
        back = "rest" if self._side == UNKNOWN or (side and side != self._side) else "open"
        if self._inputs & self._sweep:
            if self._pinch_ms == 0:
                self._tell(w.INCIDENT, w.PINCH)
            elif self._pinch is None:
                self._pinch = now + self._pinch_ms
            return back
        if self._freed() or side == self._side:
            return back
        if self._at(w.LIMIT_SHUT):
            return "closed"
        if self._stalled(now):
            return self._stall_told(1, "rest" if self._side == UNKNOWN else "stall")
        return self._too_long() if self._timer is not None and now >= self._timer else ""

    def _event_ajar(self, side: str, clear: bool) -> str:
        if not self._lies:
            if self._at(w.LIMIT_SHUT):
                return "closed"
            if self._at(self._open_limits):  # whichever: a hand may have pushed it
                return "opened"
        if side and (side == self._side or self._freed()):
            return "open"
        return "shut" if clear else ""

    def _too_long(self) -> str:
        """Neither limit was met in the longest travel; under fire the motor rests and tries again."""
        if self._freed():
            return "stall" if self.state == OPENING else "rest"
        self._fault(w.LIMIT_FAULT)
        return "fault"

    def _stall_told(self, way: int, event: str) -> str:
        self._tell(w.INCIDENT, w.STALLED_ONCE)
        if self._freed():
            return event
        self._stalls[way] += 1
        if self._stalls[way] <= self._retries:
            return event
        self._fault(w.STALLED)
        return "fault"

    def _entered(self, now: int, event: str, side: str) -> None:
        state = self.state
        self._timer = None
        self._deaf = now + max(self._inrush_ms, self._debounce_ms + 1)
        if state in (OPENING, CLOSING):
            self._timer = now + self._travel_most_ms
        elif state in (REVERSING, REST):
            self._timer = now + self._reverse_ms
        if state == OPENING:
            self._pushed = False
            if self._side == UNKNOWN:
                self._side = side
        elif state == SHUT:
            self._stalls[1] = 0
            self._tail = now + self._late_ms
            self._pushed = False
            self._side = UNKNOWN if self._swing else A
        elif state == OPEN:
            self._stalls[0] = 0
            if self._swing:
                self._side = A if self._at(w.LIMIT_OPEN_A) else B
        elif event == "over" and self._clear_at is not None:
            self._clear_at = now + self._dwell_ms  # whoever stopped the leaf, unseen by the beams, gets time to go
        elif event == "astray" and self._side in (UNKNOWN, A):
            self._pushed = True
        elif state == FAULTED:
            self._stalls[0] = self._stalls[1] = 0

    def _at(self, limit: int) -> bool:
        return bool(self._contacts.word & limit)

    def _at_open(self) -> bool:
        """At the limit of the side that the leaf moves on; limits that lie are not believed."""
        if self._lies:
            return False
        if not self._swing or self._side == A:
            return self._at(w.LIMIT_OPEN_A)
        return self._at(w.LIMIT_OPEN_B if self._side == B else self._open_limits)

    def _stalled(self, now: int) -> bool:
        return self._at(w.STALL) and (self._deaf is None or now >= self._deaf)

    def _drive(self) -> None:
        if self.state in (OPENING, REVERSING):
            self.outputs = w.MOTOR_OPEN_B if self._side == B else w.MOTOR_OPEN_A
        else:
            self.outputs = w.MOTOR_SHUT if self.state == CLOSING else 0

    def _timers(self) -> int | None:
        due = sooner(self._timer, self._counter.deadline)
        if self.state in (OPENING, CLOSING, REVERSING) and self._at(w.STALL):
            due = sooner(due, self._deaf)
        due = sooner(due, self._pinch)
        if not self._loitered:
            due = sooner(due, self._loiter)
        if self.state in (OPENING, OPEN, AJAR) and self._target(self._was) != self._side:
            due = sooner(due, self._clear_at)
        return due

    def _remember(self, now: int) -> tuple[object, ...]:
        times = (
            left(now, self._timer),
            left(now, self._deaf) or None,
            left(now, self._clear_at),
            left(now, self._loiter),
            left(now, self._pinch),
        )
        flags = (self._loitered, self._pushed, self._lies, self._side, self._last, self._stalls[0], self._stalls[1])
        return (times, left(now, self._tail) or None, flags, self._counter.snapshot(now))

    def _recall(self, now: int, told: tuple[object, ...]) -> None:
        times, tail, flags, counter = told
        self._timer, self._deaf, self._clear_at, self._loiter, self._pinch = [after(now, t) for t in times]  # type: ignore
        self._tail = after(now, tail)  # type: ignore[arg-type]
        self._loitered, self._pushed, self._lies, self._side, self._last = flags[:5]  # type: ignore[index]
        self._stalls = list(flags[5:])  # type: ignore[index]
        self._counter.restore(now, counter)
