# SPDX-License-Identifier: Apache-2.0
"""The small world around a leaf: it moves by its motor, by springs without power, or by a hand; see lane_worlds."""

from typing import Any

from lane_search import Action, Broken, Node
from lane_worlds import COUNT, FREEING, LEASE_HOLDS, NOW, OPENS, OPENS_ONCE, SHUT_ON_PERSON, LaneWorld

from pistegate_edge.lane.core import words as w


class CounterDouble:
    """Stands for core.counter: it tells what the search says."""

    occupied = False
    weather = 0
    bodies = 0
    deadline = None

    def __init__(self) -> None:
        self.pending: list[tuple[str, str]] = []

    def step(self, now: int, blocked: int) -> list[tuple[str, str]]:
        """What was put in."""
        self.bodies = blocked
        told, self.pending = self.pending, []
        return told

    def snapshot(self, now: int) -> tuple[Any, ...]:
        """Who stands in the beams."""
        return (self.bodies,)

    def restore(self, now: int, told: tuple[Any, ...]) -> None:
        """They again."""
        (self.bodies,) = told


class LeafWorld(LaneWorld):
    """A leaf that moves by its motor, by springs without power, or by a hand; it may also be held fast.

    Own: (place: 0 is shut, TRAVEL and -TRAVEL are open; ticks in which a rest of the motor is right; ticks for which
    nothing has kept the leaf open). Persons are counted at any moment, whatever the leaf does.
    """

    TRAVEL = 2
    rest = w.LIMIT_SHUT
    sweep = w.BEAM[0]
    springs = True

    def __init__(self, lane: Any, swing: bool, dwell: int, reverse: int, patience: int = 2) -> None:
        super().__init__(lane, patience)
        self.swing = swing
        self.dwell = dwell
        self.reverse = reverse
        self.resting = 0
        self.live = False
        self.persons: tuple[Action, ...] = (("through", w.ENTRY), ("through", w.EXIT), ("back", w.ENTRY))
        self.hands: tuple[Action, ...] = (("held",), ("shove", 1), ("shove", -1))

    def begin(self) -> Any:
        """Shut."""
        return (0, 0, 0)

    def more(self, node: Node) -> list[Action]:
        """Persons and hands; a motor that drives is not shoved, it may be held."""
        place = node[3][0]
        found = list(self.persons)
        for hand in self.hands:
            if hand[0] == "held":
                if self.lane.outputs & (OPENS | w.MOTOR_SHUT):
                    found.append(hand)
            elif not self.lane.outputs & (OPENS | w.MOTOR_SHUT) and self.within(place + hand[1]) != place:
                found.append(hand)
        return found

    def within(self, place: int) -> int:
        """As far as the stops let it."""
        return max(-self.TRAVEL if self.swing else 0, min(self.TRAVEL, place))

    def do(self, now: int, action: Action, inputs: int, own: Any, before: int) -> tuple[int, Any]:
        """Hands and persons, too."""
        if action[0] in ("through", "back", "crawl"):
            self.lane._counter.pending = [action]
            self.lane.deadline = NOW
            self.events = self.lane.step(now, inputs)
            return inputs, own
        if action[0] == "held":
            self.events = self.lane.step(now, inputs)
            return inputs, own
        if action[0] == "shove":
            place = self.within(own[0] + action[1])
            inputs = self.limits(inputs, place)
            self.events = self.lane.step(now, inputs)
            return inputs, (place, *own[1:])
        return super().do(now, action, inputs, own, before)

    def pass_time(self, inputs: int, own: Any, outputs: int) -> tuple[int, Any]:
        """The motor moves the leaf by one."""
        place = own[0]
        if outputs & w.MOTOR_OPEN_A:
            place += 1
        elif outputs & w.MOTOR_OPEN_B:
            place += -1
        elif outputs & w.MOTOR_SHUT:
            place += -1 if place > 0 else int(place < 0)
        elif inputs & w.POWER_LOST:
            place += 1 if place >= 0 else -1
        place = self.within(place)
        return self.limits(inputs, place), (place, *own[1:])

    def limits(self, inputs: int, place: int) -> int:
        """The limit switches at a place."""
        inputs &= ~(w.LIMIT_SHUT | w.LIMIT_OPEN_A | w.LIMIT_OPEN_B)
        if place == 0:
            return inputs | w.LIMIT_SHUT
        if abs(place) < self.TRAVEL:
            return inputs
        return inputs | (w.LIMIT_OPEN_A if place > 0 else w.LIMIT_OPEN_B)

    def is_free(self, inputs: int) -> bool:
        """Open, opening, or without motor where springs open it; a motor that stalled may rest."""
        outputs = self.lane.outputs
        if outputs & w.MOTOR_SHUT:
            return False
        if inputs & w.FIRE == 0 and self.springs:
            return outputs == 0
        return bool(outputs & OPENS or inputs & (w.LIMIT_OPEN_A | w.LIMIT_OPEN_B) or self.resting)

    def apply(self, node: Node, action: Action) -> Node:
        """The rest that a stall gives is known before the properties are looked at."""
        rest = node[3][1] - self.lasts(action)
        lies = action[0] == "in" and action[1] & (w.STALL | w.LIMIT_SHUT | w.LIMIT_OPEN_A)
        if node[1] & w.STALL or action[0] == "held" or lies:
            rest = max(rest, self.reverse + 2)
        elif action[0] == "shove":  # by hand, perhaps to the far side: a longer way than the motor's longest
            rest = max(rest, self.patience - 1, self.reverse + 2 + 2 * self.TRAVEL if self.swing else 0)
        if action[0] == "in" and action[1] & FREEING and not node[1] & FREEING:
            rest = self.reverse + 2 if node[1] & w.STALL else 0  # fire waits for no rest that was begun before it
        self.resting = max(rest, 0)
        return super().apply(node, action)

    def holds_open(self) -> bool:
        """Looked at in own_watched: a leaf needs its travel."""
        return False

    def watch_signals(self, before: int, inputs: int, owed: bool, signals: int) -> int:
        """Persons left of this opening; drains have no number."""
        passed = [value for name, value in self.events if name == w.PASSED]
        if passed and self.begun is None and 0 < signals < len(passed):
            raise Broken(COUNT, "more passed than were let in")
        return signals - len(passed) if signals else 0

    def own_watched(self, action: Action, node: Node, inputs: int, own: Any, before: int) -> Any:
        """The leaf's own properties."""
        lane, place = self.lane, own[0]
        outputs = lane.outputs
        if outputs & w.MOTOR_SHUT and inputs & self.sweep:
            raise Broken(SHUT_ON_PERSON, lane.state)
        if lane.counts[0] + lane.counts[1] != int(action[0] in ("through", "crawl")):
            raise Broken(COUNT, f"{lane.counts} counted at {action[0]}")
        free = self.free_by_mode()
        if outputs & ~before & OPENS and not self.owed and not free and not inputs & (self.sweep | w.STALL):
            raise Broken(OPENS_ONCE, f"opens in {lane.state} without an opening")
        kept = free or inputs & (FREEING | self.sweep) or lane.state == "faulted" or self.resting or self.live
        most = self.dwell + 2 * self.patience
        idle = 0 if kept or not place else min(own[2] + self.lasts(action), most)
        if idle == most and not outputs & w.MOTOR_SHUT:
            raise Broken(LEASE_HOLDS, f"{lane.state} at {place}, nothing keeps it open")
        return (place, self.resting, idle)

    def watched(self, action: Action, inputs: int, watch: tuple[Any, ...], before: int) -> tuple[Any, ...]:
        """An opening with a live lease, or a group, keeps the leaf open."""
        watch = super().watched(action, inputs, watch, before)
        self.live = watch[2] and watch[1] != 0 and watch[3] > 0
        return watch


class CountedLeafWorld(LeafWorld):
    """A leaf with the real counter: persons are what the beams tell, beams change in any order.

    Own, besides: beam changes since the last person (two at most).
    """

    def begin(self) -> Any:
        """No change."""
        return (*super().begin(), 0)

    def own_watched(self, action: Action, node: Node, inputs: int, own: Any, before: int) -> Any:
        """No person without two changes of beams, and one at a time."""
        changes = min(own[3] + int(action[0] == "in" and bool(action[1] & w.BEAMS)), 2)
        persons = self.lane.counts[0] + self.lane.counts[1]
        if persons > 1 or (persons and changes < 2):
            raise Broken(COUNT, f"{self.lane.counts} counted after {changes} changes of beams")
        self.lane.counts[0] = self.lane.counts[1] = 0
        return (*super().own_watched(action, node, inputs, own[:3], before), 0 if persons else changes)
