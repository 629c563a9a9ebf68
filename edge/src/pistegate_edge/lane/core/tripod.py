# SPDX-License-Identifier: Apache-2.0
"""A tripod whose solenoids and arm sensors are ours: one person per whole turn, arms that drop when they must."""

from pistegate_edge.lane.core import base
from pistegate_edge.lane.core import opening as op
from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.arm import BACK_IN, BACK_OUT, HALF, IN, LOST, NUDGED, OUT, Arm
from pistegate_edge.lane.core.contacts import after, left, sooner
from pistegate_edge.lane.core.faults import number

SHUT = "shut"  # both solenoids are off, the arm is held up
OPEN = "open"  # one solenoid is on; an arm may turn that way
TURN = "turn"  # the last person's arm is past half: the solenoid is off, so that it locks behind
LATE = "late"  # time-out or lease over: the solenoid is off, an arm under way may end its turn
FREE = "free"  # free flow: solenoids are on, turns are counted
OUT_OF_SERVICE = "out"  # both solenoids are off, nobody is let in
FAULTED = "faulted"  # a latched fault: both solenoids are off, the arm is held up once it is raised
DROPPED = "dropped"  # fire or power loss: the arm is let go, both solenoids are on

_ANY = {"drop": DROPPED, "fault": FAULTED, "over": SHUT}


def _also(ways: dict[str, str]) -> dict[str, str]:
    ways.update(_ANY)
    return ways


TABLE = {
    SHUT: {"open": OPEN, "free": FREE, "out": OUT_OF_SERVICE, "drop": DROPPED, "fault": FAULTED},
    OPEN: _also({"turn": TURN, "late": LATE}),
    TURN: _also({"back": OPEN, "late": LATE}),
    LATE: _also({}),
    FREE: _also({}),
    OUT_OF_SERVICE: _also({}),
    FAULTED: {"drop": DROPPED, "over": SHUT},
    DROPPED: {"fault": FAULTED},
}

TURN_MOST_MS = 30000  # a person may stand between the arms; an arm away for longer is broken, or its sensor
DOUBTS = 3  # in a row: turns that make no sense, or openings whose arm moved and never turned


class TripodLane(base.Lane):
    """Outputs HOLD (0 lets the arm drop), UNLOCK_A, UNLOCK_B."""

    TABLE = TABLE

    def __init__(self, profile: dict[str, object]) -> None:
        base.Lane.__init__(self, profile, SHUT, (w.ARM_A, w.ARM_B, w.ARM_HOME))
        self.outputs = w.HOLD
        self._turn_most_ms = number(profile, "travel_max_ms", TURN_MOST_MS)
        self._late_most_ms = self._turn_most_ms  # who stands between the arms is still to be counted
        self._doubts_most = number(profile, "doubts", DOUBTS)
        self._arm = Arm()
        self._away: int | None = None  # from when an arm is not at home: the moment that is a fault
        self._loiter: int | None = None
        self._doubts = 0
        self._nudged = False
        self._been_home = True  # since the last turn

    def _sense(self, now: int) -> None:
        if self.state == DROPPED or self._faults.has(w.ARM_DOWN):
            self._away = self._loiter = None
            return
        told = self._arm.step(self._contacts.word)
        if told:
            self._arm_told(now, told)
        self._watch(now)

    def _arm_told(self, now: int, told: str) -> None:
        if told in (IN, OUT):
            self._nudged = False
            self._loiter = self._away = None
            self._through(now, w.ENTRY if told == IN else w.EXIT)
            if self._been_home:
                self._doubts = 0
            else:
                self._doubt()
            self._been_home = False
        elif told == NUDGED:
            self._nudged = self._nudged or self._opening.state != op.NONE
        elif told == LOST:
            self._tell(w.INCIDENT, w.CHATTER)
            self._doubt()
        elif self._opening.direction == (w.ENTRY if told == BACK_IN else w.EXIT) and told in (BACK_IN, BACK_OUT):
            self._nudged = False
            self._doubts = 0
            if self._opening.state in (op.RUNNING, op.LATE):
                self._tell(w.INCIDENT, w.TURNED_BACK)

    def _doubt(self) -> None:
        """A sensor that is stuck or loose looks like this; one odd turn may be a child at play."""
        self._nudged = False
        if self._doubts < self._doubts_most:
            self._doubts += 1
        if self._doubts == self._doubts_most:
            self._fault(w.MOTION_FAULT)

    def _watch(self, now: int) -> None:
        """How long the arm is away from home."""
        if self._at_home():
            self._away = self._loiter = None
            self._been_home = True
            return
        if self._away is None:
            self._away = now + self._turn_most_ms
            self._loiter = now + self._loiter_ms
        elif now >= self._away:
            quiet = not self._contacts.word & (w.ARM_A | w.ARM_B) and self._arm.quarters == 0
            self._fault(w.BROKEN_ARM if quiet else w.MOTION_FAULT)
        if self._loiter is not None and now >= self._loiter:
            self._loiter = None
            if self._arm.quarters:
                self._tell(w.INCIDENT, w.LOITERING)

    def _at_home(self) -> bool:
        return self._contacts.word & (w.ARM_A | w.ARM_B | w.ARM_HOME) == w.ARM_HOME

    def _busy(self) -> bool:
        return self._arm.quarters != 0

    def _cause(self, code: str) -> bool:
        return self._freed() or not self._at_home()

    def _close(self, event: str) -> None:
        opening = self._opening
        doubtful = self._nudged and not opening.passed and opening.state in (op.RUNNING, op.LATE)
        base.Lane._close(self, event)
        self._nudged = False
        if doubtful:
            self._doubt()

    def _move(self, now: int, sensed: bool) -> None:
        goal = self._goal()
        if goal == base.FREED:
            self._drop()
        elif self.state == DROPPED or goal == base.FAULTED:
            if self.state != FAULTED:
                self._go("fault")
        elif self.state == FAULTED:
            self._arm.rest()
            self._doubts = 0
            self._go("over")
        if self.state not in (DROPPED, FAULTED):
            self._serve(goal)
        self._drive()

    def _drop(self) -> None:
        if self.state != DROPPED:
            self._go("drop")
            self._fault(w.ARM_DOWN)

    def _serve(self, goal: str) -> None:
        if self.state in (OPEN, TURN):
            if goal == base.CLOSE_LATE:
                self._go("late")
            elif goal != base.OPEN:
                self._go("over")
            else:
                self._last_person()
        elif (self.state == LATE and goal != base.CLOSE_LATE) or (
            self.state in (FREE, OUT_OF_SERVICE) and goal != self.state
        ):
            self._go("over")
        if self.state == SHUT and goal in (base.OPEN, base.FREE, base.OUT):
            self._go(goal)

    def _last_person(self) -> None:
        """Past half, the arm of the last person needs no solenoid; back before half, it does again."""
        opening = self._opening
        quarters = self._arm.quarters if opening.direction == w.ENTRY else -self._arm.quarters
        last = opening.passed == opening.persons - 1
        if self.state == OPEN and last and quarters >= HALF:
            self._go("turn")
        elif self.state == TURN and quarters < HALF:
            self._go("back")

    def _drive(self) -> None:
        if self.state == OPEN:
            self.outputs = w.HOLD | base.unlocks(self._opening.direction)
        elif self.state == FREE:
            self.outputs = w.HOLD | base.unlocks(self._free_way())
        elif self.state == DROPPED:
            self.outputs = w.UNLOCK_A | w.UNLOCK_B
        else:
            self.outputs = w.HOLD

    def _timers(self) -> int | None:
        return None if self._faults.latched() else sooner(self._away, self._loiter)

    def _remember(self, now: int) -> tuple[object, ...]:
        times = (left(now, self._away), left(now, self._loiter))
        return (self._arm.snapshot(), times, self._doubts, self._nudged, self._been_home)

    def _recall(self, now: int, told: tuple[object, ...]) -> None:
        arm, times, self._doubts, self._nudged, self._been_home = told  # type: ignore[assignment]
        self._arm.restore(arm)  # type: ignore[arg-type]
        self._away, self._loiter = [after(now, ms) for ms in times]  # type: ignore[attr-defined]
