# SPDX-License-Identifier: Apache-2.0
"""The arm of a tripod: two sensors a quarter turn apart and one at home, and what they say about persons.

A turn from one arm to the next is four quarters: (A, B) = 00, 10, 11, 01, 00 on the way in, backwards on the way out.
"""

from pistegate_edge.lane.core import words as w

PHASE = (0, 1, 3, 2)  # quarter by a + 2 b
TURN = 4
HALF = 2  # beyond it the mechanism itself carries the arm on

IN = "in"  # a whole turn
OUT = "out"
BACK_IN = "back_in"  # half a turn or more inwards, and back home
BACK_OUT = "back_out"
NUDGED = "nudged"  # less than half, and back home
LOST = "lost"  # home again, by steps that no arm takes


class Arm:
    """`quarters` from home, positive on the way in."""

    def __init__(self) -> None:
        self.quarters = 0
        self._phase = 0
        self._far = 0  # farthest quarter since home
        self._jumps = 0  # sensors that changed both at once: one is carried on in the same direction
        self._moved = False

    def step(self, word: int) -> str:
        """What a change of the sensors tells; "" is nothing."""
        told = ""
        phase = PHASE[(1 if word & w.ARM_A else 0) + (2 if word & w.ARM_B else 0)]
        if phase != self._phase:
            quarters = (phase - self._phase) & 3
            self._phase = phase
            told = self._turn(quarters)
        if not word & w.ARM_HOME:
            self._moved = True
        elif phase == 0 and self._moved:
            return told or self._home()
        return told

    def rest(self) -> None:
        """Begin again at home: after a reset, or an arm that was dropped."""
        self.quarters = self._phase = self._far = self._jumps = 0
        self._moved = False

    def _turn(self, quarters: int) -> str:
        if quarters == 2:
            self._jumps += 1
            ahead = 0 if self.quarters == 0 else 1 if self.quarters > 0 else -1
            self.quarters += 2 * ahead
        else:
            self.quarters += 1 if quarters == 1 else -1
        if abs(self.quarters) > abs(self._far):
            self._far = self.quarters
        if abs(self.quarters) < TURN or self._jumps > 1:
            return ""
        whole = IN if self.quarters > 0 else OUT
        self.rest()
        return whole

    def _home(self) -> str:
        far, quarters, jumps = self._far, self.quarters, self._jumps
        self.rest()
        if quarters or jumps:
            return LOST
        if abs(far) < HALF:
            return NUDGED
        return BACK_IN if far > 0 else BACK_OUT

    def snapshot(self) -> tuple[object, ...]:
        """Hashable."""
        return (self.quarters, self._phase, self._far, self._jumps, self._moved)

    def restore(self, told: tuple[object, ...]) -> None:
        """Back to a snapshot."""
        self.quarters, self._phase, self._far, self._jumps, self._moved = told  # type: ignore[assignment]
