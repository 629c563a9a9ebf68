# SPDX-License-Identifier: Apache-2.0
"""Small worlds around lane cores, for the exhaustive search. One tick is one unit of every timer.

What surrounds a lane is as free as can be: an input of `bits` may change at any moment. Where physics demands it, it
is bound: a leaf moves only by its motor, by springs or by a hand; an arm turns a quarter at a time. Each world says so.
The properties are watched from outside: by inputs, outputs, events and counts, never by a core's own variables.
"""

from typing import Any

from lane_search import Action, Broken, Node

from pistegate_edge.lane.core import words as w

NOW = 1000  # every node is restored at this moment: snapshots are relative
LEASE = 2  # ticks
UNLOCKS = w.UNLOCK_A | w.UNLOCK_B
OPENS = w.MOTOR_OPEN_A | w.MOTOR_OPEN_B
FREEING = w.FIRE | w.POWER_LOST
WAYS = (w.ENTRY, w.EXIT)

SHUT_ON_PERSON = "never closing while a sweep beam is blocked"
FREE_WAY = "fire or power loss frees the way within 100 ms"
COUNT = "never more persons counted than the sensors allow"
LEASE_HOLDS = "a silent host leaves nothing open beyond its lease"
OPENS_ONCE = "an admission opens at most once for each person"
ONE_CLOSED = "exactly one closed for each opening"
NO_SPIN = "a deadline lies ahead"


class LaneWorld:
    """A lane, its inputs, and a host that may do anything at any moment.

    A node is (lane snapshot, inputs, watch, the world's own). The watch: ticks since fire or power loss began (at most
    `patience`), ticks of lease left (None: no lease), whether a `closed` is owed, signals left to this opening.
    """

    bits: tuple[int, ...] = (w.FIRE,)
    commands: tuple[Action, ...] = ()
    rest = 0  # inputs at the start

    def __init__(self, lane: Any, patience: int = 2) -> None:
        self.lane = lane
        self.patience = patience
        self.events: list[tuple[str, Any]] = []
        self.owed = False
        self.taken = False  # a group was let in
        self.begun: tuple[str, int] | None = None  # direction and persons of an opening begun by the last action

    # For the search.

    def start(self) -> Node:
        """After the first steps of a lane at rest."""
        self.lane.step(NOW, self.rest)
        self.lane.step(NOW + 9, self.rest)
        assert not self.lane.step(NOW + 99, self.rest)
        return (self.lane.snapshot(NOW + 99), self.rest, (0, None, False, 0), self.begin())

    def begin(self) -> Any:
        """The world's own part of a node."""
        return ()

    def actions(self, node: Node) -> list[Action]:
        """Input changes and commands that are taken."""
        self.lane.restore(NOW, node[0])
        found: list[Action] = [("in", bit) for bit in self.bits]
        for command in self.commands:
            if command[0] != "open" or self.lane.can_open(command[1]):
                found.append(command)
        return found + self.more(node)

    def more(self, node: Node) -> list[Action]:
        """The world's own actions."""
        return []

    def opening(self, node: Node) -> bool:
        """Whether a `closed` is owed."""
        return bool(node[2][2])

    def apply(self, node: Node, action: Action) -> Node:
        """Do it, watch it."""
        snapshot, inputs, watch, own = node
        lane = self.lane
        lane.restore(NOW, snapshot)
        lane.counts[0] = lane.counts[1] = 0
        before = lane.outputs
        now = NOW + self.lasts(action)
        self.events = []
        inputs, own = self.do(now, action, inputs, own, before)
        watch = self.watched(action, inputs, watch, before)
        own = self.own_watched(action, node, inputs, own, before)
        if action[0] in ("tick", "held", "in") and lane.deadline is not None and lane.deadline <= now:
            raise Broken(NO_SPIN, f"due {now - lane.deadline} ago in {lane.state}")
        if lane._opening.state == "drain":
            lane._opening.passed = 0  # a drain counts without end, and nothing depends on its number
        return (lane.snapshot(now), inputs, watch, own)

    # What happens.

    def lasts(self, action: Action) -> int:
        """Ticks that an action takes."""
        return int(action[0] in ("tick", "held"))

    def do(self, now: int, action: Action, inputs: int, own: Any, before: int) -> tuple[int, Any]:
        """One action on the lane; the inputs and the world's own part after it."""
        what = action[0]
        if what == "tick":
            inputs, own = self.pass_time(inputs, own, before)
            self.events = self.lane.step(now, inputs)
        elif what == "in":
            inputs = self.change(inputs, action[1])
            self.events = self.lane.step(now, inputs)
        elif what == "renew":
            self.lane.renew(now, LEASE)
        elif what == "open":
            self.events = self.lane.open(now, action[1], action[2], LEASE)
        elif what == "mode" and action[1] == w.GROUP:
            try:
                self.events = self.lane.mode(now, *action[1:])
                self.taken = True
            except ValueError:
                self.taken = False
        elif what == "mode":
            self.events = self.lane.mode(now, *action[1:])
        else:
            self.events = getattr(self.lane, what)(now)
        return inputs, own

    def change(self, inputs: int, bit: int) -> int:
        """One input changes."""
        return inputs ^ bit

    def pass_time(self, inputs: int, own: Any, outputs: int) -> tuple[int, Any]:
        """What the world does by itself in a tick."""
        return inputs, own

    # Properties.

    def watched(self, action: Action, inputs: int, watch: tuple[Any, ...], before: int) -> tuple[Any, ...]:
        """The watch after an action; raises Broken."""
        fire, lease, owed, signals = watch
        lane = self.lane
        fire = min(fire + self.lasts(action), self.patience) if inputs & FREEING else 0
        if fire == self.patience and not self.is_free(inputs):
            raise Broken(FREE_WAY, f"{lane.state}, outputs {lane.outputs:#x}")
        owed, lease, signals = self.watch_closed(action, owed, lease, signals)
        signals = self.watch_signals(before, inputs, owed, signals)
        if lease is not None:
            lease = max(lease - self.lasts(action), 0)
        if lease == 0 and self.lasts(action) and self.holds_open():
            raise Broken(LEASE_HOLDS, f"{lane.state}, outputs {lane.outputs:#x}")
        return (fire, lease if owed else None, owed, signals)

    def watch_closed(self, action: Action, owed: bool, lease: Any, signals: int) -> tuple[bool, Any, int]:
        """Openings begun and ended by this action."""
        closes = sum(1 for name, _ in self.events if name == w.CLOSED)
        taken_over = action[0] == "drain" and owed and not closes  # the drain's end is the end of both
        self.begun = self.begins(action)
        due = int(owed and not taken_over) + int(self.begun is not None)
        if not due - 1 <= closes <= due:
            raise Broken(ONE_CLOSED, f"{closes} closed, {due} openings")
        self.owed = due > closes
        if self.begun is not None:
            signals = self.begun[1]
            lease = LEASE if action[0] == "open" else None
        elif action[0] == "renew" and lease:
            lease = LEASE
        return self.owed, lease, signals if self.owed else 0

    def begins(self, action: Action) -> tuple[str, int] | None:
        """The opening that the action began."""
        if action[0] == "open":
            return action[1], action[2]
        if action[0] == "drain":
            return "", 0
        if action[0] == "mode" and action[1] == w.GROUP and self.taken:
            return action[2], action[3]
        return (w.ENTRY, 1) if (w.MODE, w.GROUP) in self.events else None

    def watch_signals(self, before: int, inputs: int, owed: bool, signals: int) -> int:
        """Unlocks given to this opening."""
        return signals

    def is_free(self, inputs: int) -> bool:
        """Whether the way is free, by the outputs."""
        raise NotImplementedError

    def holds_open(self) -> bool:
        """Whether the lane lets more persons in, by the outputs, and no mode or fire wants that."""
        return bool(self.lane.outputs & UNLOCKS) and not self.free_by_mode()

    def free_by_mode(self) -> bool:
        """Free flow, or a release."""
        return self.lane.mode_is() == w.FREE or bool(self.lane.snapshot(NOW)[6][0] & FREEING)

    def own_watched(self, action: Action, node: Node, inputs: int, own: Any, before: int) -> Any:
        """The world's own watch."""
        return own


class ControllerWorld(LaneWorld):
    """A maker's controller: PASS contacts are free to change at any moment.

    Own: PASS edges not counted yet, in and out. An edge while the controller is not ready, or before it was, is none.
    """

    def begin(self) -> Any:
        """No edges."""
        return (0, 0)

    def is_free(self, inputs: int) -> bool:
        """Unlocked both ways, not inhibited."""
        return self.lane.outputs == UNLOCKS

    def watch_signals(self, before: int, inputs: int, owed: bool, signals: int) -> int:
        """Each rise of an unlock is one person's."""
        if not self.lane.outputs & ~before & UNLOCKS or self.free_by_mode():
            return signals
        if signals < 1:
            raise Broken(OPENS_ONCE, f"unlocked again in {self.lane.state}")
        return signals - 1

    def own_watched(self, action: Action, node: Node, inputs: int, own: Any, before: int) -> Any:
        """Counts never exceed edges."""
        edges = list(own)
        for index, bit in enumerate((w.PASS_A, w.PASS_B)):
            if inputs & ~node[1] & bit:
                edges[index] = min(edges[index] + 1, 2)
            if inputs & (w.NOT_READY | w.POWER_LOST):
                edges[index] = 0
            edges[index] -= self.lane.counts[index]
            if edges[index] < 0:
                raise Broken(COUNT, f"{self.lane.counts} counted without an edge of PASS")
        return tuple(edges)


class TripodWorld(LaneWorld):
    """An arm that turns a quarter at a time: from home only where a solenoid lets it, then to either side.

    Own: (quarters from home, dropped, turns still allowed in, and out).
    """

    rest = w.ARM_HOME
    slow = 0

    def lasts(self, action: Action) -> int:
        """A quarter of a turn takes longer than the sensors need to be believed."""
        return self.slow if action[0] in ("push", "raise") else super().lasts(action)

    def begin(self) -> Any:
        """At home."""
        return (0, False, 0, 0)

    def more(self, node: Node) -> list[Action]:
        """Push the arm, raise it."""
        quarters, dropped, _, _ = node[3]
        outputs = self.lane.outputs
        if dropped:
            return [("raise",)] if outputs & w.HOLD else []
        found: list[Action] = []
        if quarters or outputs & w.UNLOCK_A:
            found.append(("push", 1))
        if quarters or outputs & w.UNLOCK_B:
            found.append(("push", -1))
        return found

    def do(self, now: int, action: Action, inputs: int, own: Any, before: int) -> tuple[int, Any]:
        """The arm, too."""
        quarters, _, allowed_in, allowed_out = own
        if action[0] not in ("push", "raise"):
            inputs, own = super().do(now, action, inputs, own, before)
            if not self.lane.outputs & w.HOLD and not own[1]:
                inputs = inputs & ~(w.ARM_HOME | w.ARM_A | w.ARM_B)
                self.events = self.events + self.lane.step(now, inputs)
                own = (0, True, 0, 0)
            return inputs, own
        quarters = 0 if action[0] == "raise" else quarters + action[1]
        turned = abs(quarters) == 4
        if turned and quarters > 0:
            allowed_in -= 1
        elif turned:
            allowed_out -= 1
        if min(allowed_in, allowed_out) < 0:
            raise Broken(OPENS_ONCE, "the arm turned for more persons than were let in")
        inputs = inputs & ~(w.ARM_HOME | w.ARM_A | w.ARM_B) | sensors(quarters)
        self.events = self.lane.step(NOW, inputs)
        if now > NOW:
            self.events = self.events + self.lane.step(now, inputs)
        seen = self.lane.counts[0] + self.lane.counts[1]
        if not self.lane.outputs & w.HOLD and seen <= int(turned):  # let go while it turned
            inputs &= ~(w.ARM_HOME | w.ARM_A | w.ARM_B)
            self.events = self.events + self.lane.step(now, inputs)
            return inputs, (0, True, 0, 0)
        if seen != int(turned):
            raise Broken(COUNT, f"{seen} counted, the arm turned {turned}")
        return inputs, (0 if turned else quarters, False, allowed_in, allowed_out)

    def own_watched(self, action: Action, node: Node, inputs: int, own: Any, before: int) -> Any:
        """Turns that the lane's opening allows; an arm under way may end its turn."""
        quarters, dropped, allowed_in, allowed_out = own
        if action[0] not in ("push", "raise") and self.lane.counts != [0, 0]:
            raise Broken(COUNT, f"{self.lane.counts} counted, the arm did not turn")
        if self.free_by_mode():
            return (quarters, dropped, 1, 1)
        under_way = (int(quarters > 0), int(quarters < 0))
        if self.begun is not None and self.begun[1]:
            direction, persons = self.begun
            entry = direction == w.ENTRY
            return (quarters, dropped, persons if entry else under_way[0], under_way[1] if entry else persons)
        return (quarters, dropped, allowed_in, allowed_out) if self.owed else (quarters, dropped, *under_way)

    def is_free(self, inputs: int) -> bool:
        """The arm is let go."""
        return not self.lane.outputs & w.HOLD


def sensors(quarters: int) -> int:
    """The arm's sensors at a quarter of its turn."""
    return (w.ARM_HOME, w.ARM_A, w.ARM_A | w.ARM_B, w.ARM_B)[quarters % 4]
