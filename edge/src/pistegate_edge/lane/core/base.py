# SPDX-License-Identifier: Apache-2.0
"""What every lane does alike: openings, modes, key switch, fire and power, faults, counting. The kinds move things.

Safety order, from the top: fire, power loss, a person in the way, a fault, the key switch, the host.
A kind looks at the goal (`_goal`) after every call and makes the table's steps towards it.
"""

from pistegate_edge.lane.core import words as w
from pistegate_edge.lane.core.contacts import Contacts, after, left, sooner
from pistegate_edge.lane.core.faults import Faults, number
from pistegate_edge.lane.core.opening import DRAIN, LATE, NONE, RUNNING, Opening

# Goals of a lane's motion.
FREED = "freed"  # fire, or the lane's supply is gone
FAULTED = "faulted"  # a latched fault: nothing moves
OUT = "out"
FREE = "free"
OPEN = "open"
CLOSE_LATE = "late"  # shut, but somebody may be on the way
SHUT = "shut"

# Fire must free the way within 100 ms; a loop that breaks for less is a glitch on a long wire.
DEBOUNCE_MOST_MS = 60
LATE_PASS_MS = 1000  # an arm begun just before a turnstile's time-out ends its turn after it, and that counts
DEBOUNCE_MS = 20  # a dry relay bounces < 10 ms
BOTH = "both"  # free flow in both directions
CONTROLS = (w.FIRE, w.POWER_LOST, w.KEY_ONE, w.KEY_FREE, w.KEY_OUT, w.RESET)


def unlocks(direction: str) -> int:
    """The unlock bits of a direction, `BOTH` included."""
    if direction == BOTH:
        return w.UNLOCK_A | w.UNLOCK_B
    return w.UNLOCK_A if direction == w.ENTRY else w.UNLOCK_B


class Lane:
    """One lane. Times are milliseconds of one monotonic clock; every call returns events in order.

    `state` is a key of TABLE, `outputs` the output word, `deadline` when `step` is due if no input changes,
    `counts` the persons counted [in, out] since construction, whoever let them.
    """

    TABLE: dict[str, dict[str, str]] = {}  # noqa: RUF012 - MicroPython has no ClassVar

    def __init__(self, profile: dict[str, object], start: str, bits: tuple[int, ...]) -> None:
        self.state = start
        self.outputs = 0
        self.deadline: int | None = 0
        self.counts = [0, 0]
        self._timeout_ms = number(profile, "timeout_ms")
        self._lease_most = number(profile, "lease_ms_max", 10000)
        self._late_ms = number(profile, "late_pass_ms", LATE_PASS_MS)
        self._loiter_ms = number(profile, "loiter_ms", 10000)
        self._late_most_ms = self._loiter_ms  # a late opening waits for nobody longer
        self._debounce_ms = number(profile, "debounce_ms", DEBOUNCE_MS)
        if self._debounce_ms > DEBOUNCE_MOST_MS:
            raise ValueError("lane profile: debounce_ms above 60 leaves fire no time to free the way in 100 ms")
        self._ways = profile.get("directions", (w.ENTRY, w.EXIT))  # that this lane is opened
        self._key_direction = str(profile.get("key_direction", w.ENTRY))
        self._contacts = Contacts(CONTROLS + bits, self._debounce_ms)
        self._opening = Opening()
        self._faults = Faults()
        self._host_mode = w.NORMAL
        self._key_mode = w.NORMAL
        self._free_to = BOTH
        self._inputs = 0
        self._looked = False  # the first look is at levels, not at changes: it must not be left out
        self._was = SHUT  # the goal after the last call
        self._settled: int | None = None  # until then who is still on the way out of a free flow is not accused
        self._told: list[tuple[str, int | str]] = []

    # What a host calls.

    def step(self, now: int, inputs: int) -> list[tuple[str, int | str]]:
        """Time went on, inputs may have changed."""
        if self._looked and inputs == self._inputs and (self.deadline is None or now < self.deadline):
            return []
        self._looked = True
        self._inputs = inputs
        changed = self._contacts.step(now, inputs)
        if changed:
            self._hear(now, changed)
        self._sense(now)
        self._time(now)
        self._move(now, True)
        return self._done(now)

    def can_open(self, direction: str) -> bool:
        """Whether `open` would be taken: no opening under way, mode normal, no fire, no latched fault."""
        if direction not in self._ways or self._opening.state != NONE or self._freed():  # type: ignore[operator]
            return False
        return self.mode_is() == w.NORMAL and not self._faults.latched()

    def open(self, now: int, direction: str, persons: int, lease_ms: int) -> list[tuple[str, int | str]]:
        """Let `persons` through; exactly one ("closed", k) follows. ValueError unless `can_open`."""
        self._check(direction, persons)
        self._begin(now, direction, persons, True, now + min(lease_ms, self._lease_most))
        self._move(now, False)
        return self._done(now)

    def renew(self, now: int, lease_ms: int) -> None:
        """The host is alive: its opening may go on for `lease_ms` more."""
        if self._opening.state == RUNNING and self._opening.lease is not None:
            self._opening.lease = now + min(lease_ms, self._lease_most)
            self.deadline = self._due(now)

    def stop(self, now: int) -> list[tuple[str, int | str]]:
        """Shut as soon as nobody is in the way; an opening under way ends with what passed so far."""
        self._end()
        self._move(now, False)
        return self._done(now)

    def drain(self, now: int) -> list[tuple[str, int | str]]:
        """After a host's restart: shut, count what still passes; ends with ("closed", k since this call).

        An opening under way is taken over: its persons so far are in `counts`, and the drain's end is its end.
        """
        if self._group():
            self._end()
        self._opening.drain(now + self._timeout_ms + self._late_ms)
        self._move(now, False)
        return self._done(now)

    def mode(self, now: int, mode: str, direction: str, persons: int) -> list[tuple[str, int | str]]:
        """Override by staff. ValueError for a mode unknown, or a group that cannot be let in now.

        `group` lets `persons` through once, without a ticket. `free` has no lease: open is the safe side, and it
        holds until another mode; direction "both" is taken. The lane's own key switch wins over all of them.
        """
        if mode not in (w.NORMAL, w.GROUP, w.FREE, w.OUT):
            raise ValueError("no lane mode " + mode)
        if mode == w.GROUP:
            self._group_in(now, direction, persons)
        else:
            if mode != w.NORMAL or self._group():
                self._end()
            self._host_mode = mode
            self._free_to = direction if mode == w.FREE and direction in (w.ENTRY, w.EXIT) else BOTH
        self._move(now, False)
        return self._done(now)

    def mode_is(self) -> str:
        """The mode that holds: the key switch's, else the host's."""
        if self._key_mode != w.NORMAL:
            return self._key_mode
        return w.GROUP if self._group() else self._host_mode

    def reset(self, now: int) -> list[tuple[str, int | str]]:
        """Unlatch every fault whose cause is gone; the others are refused by code."""
        self._unlatch()
        self._move(now, False)
        return self._done(now)

    def snapshot(self, now: int) -> tuple[object, ...]:
        """All that decides what comes, hashable, relative to `now`; `counts` are not in it."""
        modes = (self._host_mode, self._key_mode, self._free_to)
        return (
            self.state,
            self.outputs,
            self._inputs,
            modes,
            self._faults.held,
            self._opening.snapshot(now),
            self._contacts.snapshot(now),
            (self._was, left(now, self._settled) or None),
            left(now, self.deadline),
            self._remember(now),
        )

    def restore(self, now: int, told: tuple[object, ...]) -> None:
        """Back to a snapshot; with another `now`, the same lane on another clock."""
        self.state, self.outputs, self._inputs, modes, self._faults.held = told[:5]  # type: ignore[assignment]
        self._host_mode, self._key_mode, self._free_to = modes  # type: ignore[misc]
        self._opening.restore(now, told[5])  # type: ignore[arg-type]
        self._contacts.restore(now, told[6])  # type: ignore[arg-type]
        self._was, settled = told[7]  # type: ignore[misc]
        self._settled = after(now, settled)  # type: ignore[has-type]
        self.deadline = after(now, told[8])  # type: ignore[arg-type]
        self._recall(now, told[9])  # type: ignore[arg-type]
        self._told = []

    # What a kind gives.

    def _sense(self, now: int) -> None:
        """Turn inputs into persons and faults."""

    def _move(self, now: int, sensed: bool) -> None:
        """Step towards the goal and set `outputs`; nothing begins to shut unless inputs were `sensed` now."""

    def _timers(self) -> int | None:
        """The kind's next deadline."""
        return None

    def _takes(self, direction: str) -> bool:
        """Whether a person that way belongs to the opening."""
        return self._opening.takes(direction)

    def _busy(self) -> bool:
        """Whether somebody is on the way through, so that a late opening waits."""
        return False

    def _late_from(self, at: int) -> int:
        """From when the late time of an opening that ended at `at` runs."""
        return at

    def _stranger(self, now: int, direction: str) -> None:
        """A person of no opening came through."""
        self._tell(w.INCIDENT, w.FORCED)

    def _cause(self, code: str) -> bool:
        """Whether what latched `code` still holds."""
        return False

    def _remember(self, now: int) -> tuple[object, ...]:
        return ()

    def _recall(self, now: int, told: tuple[object, ...]) -> None:
        pass

    # What the kinds use.

    def _go(self, event: str) -> None:
        """The one door to another state; ValueError for what is not in the table."""
        following = self.TABLE[self.state].get(event)
        if following is None:
            raise ValueError("lane is " + self.state + ": no " + event)
        self.state = following

    def _goal(self) -> str:
        if self._freed():
            return FREED
        if self._faults.latched():
            return FAULTED
        mode = self.mode_is()
        if mode == w.OUT:
            return OUT
        if mode == w.FREE:
            return FREE
        if self._opening.state == RUNNING:
            return OPEN
        return CLOSE_LATE if self._opening.state == LATE else SHUT

    def _free_way(self) -> str:
        """The way of free flow; the key switch knows no direction."""
        return self._free_to if self._key_mode == w.NORMAL else BOTH

    def _freed(self) -> bool:
        return bool(self._contacts.word & (w.FIRE | w.POWER_LOST))

    def _through(self, now: int, direction: str) -> None:
        """One person came through."""
        self.counts[0 if direction == w.ENTRY else 1] += 1
        if self._takes(direction):
            self._counted_in(now, direction)
        elif self._freed() or self.mode_is() == w.FREE or (self._settled is not None and now < self._settled):
            self._tell(w.COUNTED, direction)
        else:
            self._stranger(now, direction)

    def _counted_in(self, now: int, direction: str) -> None:
        opening = self._opening
        last = opening.one()
        if opening.state == RUNNING:
            opening.until = now + self._timeout_ms
        self._tell(w.PASSED, opening.passed) if opening.ticket else self._tell(w.COUNTED, direction)
        if last:
            self._close("last")

    def _end(self) -> None:
        """The opening under way, if any, is over."""
        if self._opening.state != NONE:
            self._close("end")

    def _fault(self, code: str) -> None:
        """A fault begins; a latched one ends the opening."""
        if self._faults.rise(code):
            self._tell(w.FAULT, code)
            if code in w.LATCHED and self._opening.state != DRAIN:
                self._end()

    def _clear(self, code: str) -> None:
        if self._faults.fall(code):
            self._tell(w.CLEAR, code)

    def _tell(self, name: str, value: int | str) -> None:
        self._told.append((name, value))

    # What nobody else uses.

    def _check(self, direction: str, persons: int) -> None:
        if persons < 1:
            raise ValueError("an opening is for one person or more")
        if not self.can_open(direction):
            raise ValueError("lane is " + self.state + ", mode " + self.mode_is() + ": cannot open " + direction)

    def _begin(self, now: int, direction: str, persons: int, ticket: bool, lease: int | None) -> None:
        self._opening.begin(direction, persons, ticket, now + self._timeout_ms, lease)

    def _group_in(self, now: int, direction: str, persons: int) -> None:
        if self._key_mode != w.NORMAL:
            raise ValueError("the lane's key switch holds it in mode " + self._key_mode)
        wrong = persons < 1 or direction not in self._ways  # type: ignore[operator]
        if wrong or self._freed() or self._faults.latched():
            raise ValueError("lane is " + self.state + ": no group of " + str(persons) + " " + direction)
        self._end()
        self._host_mode = w.NORMAL
        self._free_to = BOTH
        self._begin(now, direction, persons, False, None)

    def _group(self) -> bool:
        return self._opening.state != NONE and not self._opening.ticket

    def _close(self, event: str) -> None:
        group = self._group()
        self._tell(w.CLOSED, self._opening.end(event))
        if group:
            self._opening.ticket = True
            if self._key_mode == w.NORMAL:
                self._tell(w.MODE, self._host_mode)

    def _hear(self, now: int, changed: int) -> None:
        """Fire, power, keys, the reset button: levels that have just become steady."""
        word = self._contacts.word
        for bit, code in ((w.FIRE, w.ON_FIRE), (w.POWER_LOST, w.NO_POWER)):
            if changed & bit:
                if word & bit:
                    self._fault(code)
                    if self._opening.state != DRAIN:
                        self._end()
                else:
                    self._clear(code)
        if changed & (w.KEY_FREE | w.KEY_OUT):
            self._key(word)
        if changed & word & w.KEY_ONE and self.can_open(self._key_direction):
            self._begin(now, self._key_direction, 1, False, None)
            self._tell(w.MODE, w.GROUP)
        if changed & word & w.RESET:
            self._unlatch()

    def _unlatch(self) -> None:
        for code in w.LATCHED:
            if self._faults.has(code):
                if self._cause(code):
                    self._tell(w.RESET_REFUSED, code)
                else:
                    self._clear(code)

    def _key(self, word: int) -> None:
        turned = w.FREE if word & w.KEY_FREE else w.OUT if word & w.KEY_OUT else w.NORMAL
        if turned == self._key_mode:
            return
        if turned != w.NORMAL:
            self._end()
        self._key_mode = turned
        self._tell(w.MODE, self.mode_is())

    def _time(self, now: int) -> None:
        """Deadlines of the opening, in their order, however late this call is."""
        opening = self._opening
        if opening.state == RUNNING:
            lease, until = opening.lease, opening.until
            if lease is not None and now >= lease and (until is None or lease < until):
                self._tell(w.INCIDENT, w.LEASE_OVER)
                self._late("lease_over", lease)
            elif until is not None and now >= until:
                self._late("time_out", until)
        if opening.state in (LATE, DRAIN) and opening.until is not None and now >= opening.until:
            if opening.state == LATE and self._busy() and opening.limit is not None and now < opening.limit:
                opening.until = min(now + self._late_ms, opening.limit)
            else:
                self._close("end")

    def _late(self, event: str, at: int) -> None:
        until = self._late_from(at) + self._late_ms
        self._opening.late(event, until, max(until, at + self._late_most_ms))

    def _due(self, now: int) -> int | None:
        due = sooner(self._opening.until, self._opening.lease)
        return sooner(sooner(due, self._contacts.deadline), self._timers())

    def _done(self, now: int) -> list[tuple[str, int | str]]:
        goal = self._goal()
        if self._was in (FREE, FREED) and goal not in (FREE, FREED):
            self._settled = now + self._late_ms
        self._was = goal
        self.deadline = self._due(now)
        told = self._told
        if not told:
            return []
        self._told = []
        return told
