# SPDX-License-Identifier: Apache-2.0
"""Whether a gate serves its guests, why not, and what it shows while nobody is at it. Pure."""

from pistegate_edge.core.actions import Lamp, Show
from pistegate_edge.core.inputs import Fault
from pistegate_edge.lane.core import words
from pistegate_edge.rung import Rung

# Of the lane's faults the first that holds is shown: what people must do at once comes first.
_SHOWN_FIRST = (words.ON_FIRE, words.NO_POWER, *words.LATCHED, words.CONTROLLER_ALARM, words.CONTROLLER_NOT_READY)
# Reported, but the lane goes on: the weather clears, and the lane counts with the beams that it has.
_GOES_ON = frozenset({words.BEAM_WEATHER})
# Whoever looks after the lanes sees whom a gate can ask.
_ALSO = {rung: (f"prompt.{rung}",) for rung in (Rung.SITE_ONLY, Rung.ALONE, Rung.STALE)}


class Service:
    """Faults of the gate and its lane, and the lane's mode."""

    def __init__(self) -> None:
        self.faults: set[Fault] = {Fault.STARTING, Fault.READER}
        self.mode = words.NORMAL
        self.rung = Rung.CONNECTED
        self._lane: set[str] = set()

    def __str__(self) -> str:
        """As Hello tells it."""
        if self.faults:
            return "out_of_service: " + ", ".join(sorted(self.faults))
        return "in_service" if self.mode == words.NORMAL else f"override: {self.mode}"

    def change(self, fault: Fault, present: bool) -> bool:
        """A fault came or went; whether that is news."""
        before = str(self)
        if present:
            self.faults.add(fault)
        else:
            self.faults.discard(fault)
        return str(self) != before

    def lane(self, code: str, present: bool) -> bool:
        """A fault of the lane came or went; whether that is news."""
        if present == (code in self._lane):
            return False
        self._lane ^= {code}
        self.change(Fault.LANE, bool(self._lane - _GOES_ON))
        return True

    def shown(self) -> Show:
        """What the gate shows when it does nothing else."""
        if self._lane - _GOES_ON and Fault.STARTING not in self.faults:
            first = [code for code in _SHOWN_FIRST if code in self._lane]
            return Show(Lamp.OUT, f"lane.{first[0] if first else min(self._lane - _GOES_ON)}")
        if self.faults:
            return Show(Lamp.OUT, f"gate.{min(self.faults)}")
        if self.mode != words.NORMAL:
            return Show(Lamp.OUT if self.mode == words.OUT else Lamp.IDLE, f"lane.{self.mode}")
        return Show(Lamp.IDLE, "prompt.ready", also=_ALSO.get(self.rung, ()))
