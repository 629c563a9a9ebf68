# SPDX-License-Identifier: Apache-2.0
"""One turn: inputs, lane, outputs, line. Whatever the lane says, no leaf is driven shut on a blocked beam."""

from pistegate_edge.lane.core import words

COLLECT_TURNS = 64  # turns between two collections of garbage: small and often, so that none is long
COLLECT_MS = 500  # and at least so often


class Loop:
    """`collect` is gc.collect; `feed` keeps the watchdog quiet. `sweep`: the beams that a closing leaf passes.

    An edge of an input acts on the outputs in the turn that reads it; what the host asks for, in the same turn too.
    """

    def __init__(self, pins, lane, link, line, feed, collect, sweep: int):
        self.inputs = 0
        self._pins = pins
        self._lane = lane
        self._link = link
        self._line = line
        self._feed = feed
        self._collect = collect
        self._sweep = sweep
        self._let_go = False
        self._turns = 0
        self._collected = 0
        self._shown = -1

    def turn(self, now: int) -> None:
        """Once around; any exception is the caller's, who makes everything safe."""
        self.inputs = self._pins.read()
        lane = self._lane
        if lane is not None:
            self._link.told(now, lane.step(now, self.inputs))
            self._drive(lane.outputs)
        self._link.take(now, self._line.read())
        if lane is not None:
            self._drive(lane.outputs)
        else:
            self._button()
        data = self._link.say(now, self.inputs, self._pins.driven)
        if data:
            self._line.write(data)
        self._show(now)
        self._tidy(now)
        self._feed()

    def _button(self) -> None:
        """A latched board starts anew when its reset button is pressed; one that is stuck was never let go."""
        if not self.inputs & words.RESET:
            self._let_go = True
        elif self._let_go:
            self._link.unlatch = True

    def _drive(self, outputs: int) -> None:
        if outputs & words.CLOSING and self.inputs & self._sweep:
            outputs &= ~words.CLOSING
        self._pins.write(outputs)

    def _show(self, now: int) -> None:
        levels = self._link.mixer.levels(now)
        if levels != self._shown:
            self._shown = levels
            self._pins.show(levels)

    def _tidy(self, now: int) -> None:
        self._turns += 1
        if self._turns >= COLLECT_TURNS or now - self._collected >= COLLECT_MS:
            self._turns, self._collected = 0, now
            self._collect()
