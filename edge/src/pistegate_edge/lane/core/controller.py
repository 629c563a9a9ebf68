# SPDX-License-Identifier: Apache-2.0
"""A turnstile with its maker's own controller: it takes an unlock signal and answers each passage with a PASS edge.

Two profiles of the signal. Pulse: one pulse per person, the controller holds itself open until a passage or its own
time-out. Level: open while the signal is held, dropped when a passage begins. Ready, Alarm and Stop are optional.
"""

from pistegate_edge.lane.core import base
from pistegate_edge.lane.core import opening as op
from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.contacts import CHATTER_EDGES, Edge, after, left, sooner
from pistegate_edge.lane.core.faults import number

SHUT = "shut"  # unlock is off, nobody may pass
PULSE = "pulse"  # unlock is on for one person; the arm may already turn
WAIT = "wait"  # pulse given; the controller holds itself open until a passage or its own time-out
HELD = "held"  # level: unlock is on until a passage begins
GAP = "gap"  # unlock is off between two persons; shorter, and the controller would see one signal
LATE = "late"  # unlock is off for good; a passage already begun still counts
FREE = "free"  # unlock is on (level: for as long as the way is free), persons are counted
FREE_WAIT = "free_wait"  # pulse: as `wait`, and another pulse follows a person, or comes before the time-out
OUT = "out"  # unlock is off, the controller is told to stay shut
DOWN = "down"  # the controller is not ready: unlock is off, PASS is not believed
FAULTED = "faulted"  # a latched fault: unlock is off
FREED = "freed"  # fire or power loss: unlock is on both ways, nothing inhibits

_ANY = {"freed": FREED, "down": DOWN, "fault": FAULTED}


def _also(ways: dict[str, str]) -> dict[str, str]:
    ways.update(_ANY)
    return ways


TABLE = {
    SHUT: _also({"pulse": PULSE, "level": HELD, "gap": GAP, "free": FREE, "free_gap": FREE_WAIT, "out": OUT}),
    PULSE: _also({"pulse_over": WAIT, "next": GAP, "over": SHUT}),
    WAIT: _also({"next": GAP, "over": SHUT}),
    HELD: _also({"next": GAP, "late": LATE, "over": SHUT}),
    GAP: _also({"pulse": PULSE, "level": HELD, "over": SHUT}),
    LATE: _also({"over": SHUT}),
    FREE: _also({"pulse_over": FREE_WAIT, "over": SHUT}),
    FREE_WAIT: _also({"pulse": FREE, "over": SHUT}),
    OUT: _also({"over": SHUT}),
    DOWN: {"freed": FREED, "fault": FAULTED, "over": SHUT},
    FAULTED: {"freed": FREED, "down": DOWN, "over": SHUT},
    FREED: {"over": SHUT},
}
OPENED = (PULSE, WAIT, HELD, GAP, LATE)

GAP_MS = 120  # a turnstile sees two pulses only with the input released between them (>= 100 ms in makers' sheets)
PASS_DEBOUNCE_MS = 50  # a dry relay bounces < 10 ms; two persons are never closer than 150 ms
PULSE_MS = 200  # >= 100 ms in makers' sheets, 200 by default
STUCK_MS = 60000  # a PASS contact closed for a minute is no person


class ControllerLane(base.Lane):
    """`drive` is "pulse" or "level"; `ready_ms` > 0 tells that Ready is wired, and how long its relay may lag PASS."""

    TABLE = TABLE

    def __init__(self, profile: dict[str, object]) -> None:
        base.Lane.__init__(self, profile, SHUT, (w.NOT_READY, w.ALARM))
        self._level = profile["drive"] == "level"
        self._pulse_ms = number(profile, "pulse_ms", PULSE_MS)
        self._gap_ms = number(profile, "gap_ms", GAP_MS)
        self._ready_ms = number(profile, "ready_ms", 0)
        self._stuck_ms = number(profile, "weather_ms", STUCK_MS)
        self._pass_ms = number(profile, "pass_debounce_ms", PASS_DEBOUNCE_MS)
        chatter = number(profile, "chatter_edges", CHATTER_EDGES)
        self._edges = (Edge(w.PASS_A, self._pass_ms, chatter), Edge(w.PASS_B, self._pass_ms, chatter))
        self._claims: list[int | None] = [None, None]  # a PASS edge waits here until Ready has had time to fall
        self._stuck: list[int | None] = [None, None]
        self._timer: int | None = None  # end of PULSE, GAP
        self._released: int | None = None  # until then the unlock input must rest
        self._served = 0  # pulses, or holds, of this opening

    def can_open(self, direction: str) -> bool:
        """Not before the controller is ready."""
        return base.Lane.can_open(self, direction) and self.state == SHUT

    def _sense(self, now: int) -> None:
        self._ready()
        for index in range(2):
            self._edge(now, index)

    def _ready(self) -> None:
        word = self._contacts.word
        for bit, code in ((w.NOT_READY, w.CONTROLLER_NOT_READY), (w.ALARM, w.CONTROLLER_ALARM)):
            if not word & bit:
                self._clear(code)
            elif self._faults.rise(code):
                self._tell(w.FAULT, code)
                if bit == w.NOT_READY and self._opening.state != op.DRAIN:
                    self._end()

    def _edge(self, now: int, index: int) -> None:
        edge = self._edges[index]
        if edge.step(now, self._inputs):
            self._claims[index] = now + self._ready_ms
        if edge.chatter:
            self._tell(w.INCIDENT, w.CHATTER)
        claim = self._claims[index]
        if claim is not None:
            if self._unready():
                self._claims[index] = None
            elif now >= claim:
                self._claims[index] = None
                self._through(now, w.ENTRY if index == 0 else w.EXIT)
        self._watch(now, index)

    def _unready(self) -> bool:
        """An edge that comes with a loss of Ready or of power is a relay that fell, not a person."""
        return bool((self._inputs | self._contacts.word) & (w.NOT_READY | w.POWER_LOST))

    def _watch(self, now: int, index: int) -> None:
        if not self._inputs & (w.PASS_A << index) or self._unready():
            self._stuck[index] = None
        elif self._stuck[index] is None:
            self._stuck[index] = now + self._stuck_ms
        elif now >= self._stuck[index]:  # type: ignore[operator]
            self._fault(w.MOTION_FAULT)

    def _cause(self, code: str) -> bool:
        return bool(self._inputs & (w.PASS_A | w.PASS_B))

    def _begin(self, now: int, direction: str, persons: int, ticket: bool, lease: int | None) -> None:
        """An opening that takes another's place gets a signal of its own."""
        if self.state in OPENED:
            self._over()
        base.Lane._begin(self, now, direction, persons, ticket, lease)

    def _through(self, now: int, direction: str) -> None:
        """One person; where the way is free the next one's pulse follows."""
        base.Lane._through(self, now, direction)
        if self.state == FREE and not self._level:
            self._go("pulse_over")
            self._timer = now + self._gap_ms
        elif self.state == FREE_WAIT:
            self._timer = sooner(self._timer, now + self._gap_ms)

    def _takes(self, direction: str) -> bool:
        """Between two signals nobody is let in."""
        return self.state != GAP and self._opening.takes(direction)

    def _stranger(self, now: int, direction: str) -> None:
        if self._opening.state != op.NONE and self._opening.direction != direction:
            self._tell(w.INCIDENT, w.REVERSE)
        else:
            self._tell(w.INCIDENT, w.FORCED)

    def _goal(self) -> str:
        goal = base.Lane._goal(self)
        if goal != base.FREED and self._contacts.word & w.NOT_READY:
            return DOWN
        return goal

    def _move(self, now: int, sensed: bool) -> None:
        goal = self._goal()
        if goal == base.FREED or goal == base.FAULTED or goal == DOWN:
            self._give_up(goal)
        elif self.state in OPENED:
            self._serve(now, goal)
        elif self.state in (FREE, FREE_WAIT) and goal == base.FREE:
            self._keep_free(now)
        elif self.state != SHUT and self.state != goal:
            self._over()
        if self.state == SHUT:
            self._leave_shut(now, goal)
        self._drive(now)

    def _give_up(self, goal: str) -> None:
        if self.state == FREED and goal != base.FREED:
            self._over()
        if self.state != goal:
            self._go("freed" if goal == base.FREED else "down" if goal == DOWN else "fault")
            self._timer = None

    def _over(self) -> None:
        self._go("over")
        self._timer = None

    def _leave_shut(self, now: int, goal: str) -> None:
        if goal == base.OPEN:
            self._served = 0
            if self._released is not None and now < self._released:
                self._go("gap")
                self._timer = self._released
            else:
                self._signal(now)
        elif goal == base.FREE:
            if self._released is not None and now < self._released:
                self._go("free_gap")
                self._timer = self._released
            else:
                self._go("free")
                self._timer = self._free_until(now)
        elif goal == base.OUT:
            self._go("out")

    def _keep_free(self, now: int) -> None:
        """A controller that takes pulses frees one person by each: one after every person, and before its time-out."""
        if self._is_due(now):
            if self.state == FREE:
                self._go("pulse_over")
                self._timer = now + max(self._gap_ms, self._timeout_ms // 2)
            else:
                self._go("pulse")
                self._timer = self._free_until(now)

    def _free_until(self, now: int) -> int | None:
        return None if self._level else now + self._pulse_ms

    def _serve(self, now: int, goal: str) -> None:
        """An opening goes on, or has ended."""
        if goal not in (base.OPEN, base.CLOSE_LATE):
            self._over()
        elif goal == base.CLOSE_LATE:
            self._serve_late(now)
        elif self.state == GAP:
            if self._is_due(now):
                self._signal(now)
        elif self._opening.passed >= self._served:
            self._go("next")
            self._timer = now + self._gap_ms
        elif self.state == PULSE and self._is_due(now):
            self._go("pulse_over")
            self._timer = None

    def _serve_late(self, now: int) -> None:
        """No more signals; a pulse that is out cannot be called back, and brings one person at most."""
        if self._opening.passed >= self._served:
            self._end()
            self._over()
            return
        if self.state == PULSE:
            self._go("pulse_over")
        elif self.state == HELD:
            self._go("late")
        self._timer = None

    def _signal(self, now: int) -> None:
        """One person's unlock; the controller's time-out runs from here."""
        self._served += 1
        self._opening.until = now + self._timeout_ms
        if self._level:
            self._go("level")
            self._timer = None
        else:
            self._go("pulse")
            self._timer = now + self._pulse_ms

    def _late_from(self, at: int) -> int:
        """A pulse holds until the controller's own time-out, whatever its host wishes."""
        until = self._opening.until
        return until if self.state in (PULSE, WAIT) and until is not None and until > at else at

    def _drive(self, now: int) -> None:
        before = self.outputs
        if self.state in (PULSE, HELD):
            outputs = w.UNLOCK_A if self._opening.direction == w.ENTRY else w.UNLOCK_B
        elif self.state == FREE:
            outputs = base.unlocks(self._free_way())
        elif self.state == FREED:
            outputs = w.UNLOCK_A | w.UNLOCK_B
        else:
            outputs = w.INHIBIT if self.state == OUT else 0
        if before & ~outputs & (w.UNLOCK_A | w.UNLOCK_B):
            self._released = now + self._gap_ms
        self.outputs = outputs

    def _is_due(self, now: int) -> bool:
        return self._timer is not None and now >= self._timer

    def _timers(self) -> int | None:
        due = sooner(self._timer, sooner(self._claims[0], self._claims[1]))
        return sooner(due, sooner(self._stuck[0], self._stuck[1])) if not self._faults.latched() else due

    def _remember(self, now: int) -> tuple[object, ...]:
        edges = (self._edges[0].snapshot(now), self._edges[1].snapshot(now))
        claims = (left(now, self._claims[0]), left(now, self._claims[1]))
        stuck = (left(now, self._stuck[0]), left(now, self._stuck[1]))
        served = self._served if self.state in OPENED else 0
        return (edges, claims, stuck, left(now, self._timer), left(now, self._released) or None, served)

    def _recall(self, now: int, told: tuple[object, ...]) -> None:
        edges, claims, stuck, timer, released, self._served = told  # type: ignore[assignment]
        for index in range(2):
            self._edges[index].restore(now, edges[index])  # type: ignore[index]
            self._claims[index] = after(now, claims[index])  # type: ignore[index]
            self._stuck[index] = after(now, stuck[index])  # type: ignore[index]
        self._timer = after(now, timer)  # type: ignore[arg-type]
        self._released = after(now, released)  # type: ignore[arg-type]
