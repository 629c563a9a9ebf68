# SPDX-License-Identifier: Apache-2.0
"""The thread of a gate's sensor: compares a finger with one template when asked, else looks for fingers of the library.

A comparison has a deadline; `FingerRefused` or `FingerMatched` is told for each exactly once, also when the sensor is
away or fails: nobody is kept waiting at a dead sensor.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pistegate_edge.fingers import flows
from pistegate_edge.fingers.errors import TemplateRefused
from pistegate_edge.fingers.flows import Seen
from pistegate_edge.fingers.library import Library
from pistegate_edge.fingers.sealing import TemplateKeys, open_template
from pistegate_edge.fingers.sensor import Sensor
from pistegate_edge.fingers.told import (
    FingerFound,
    FingerLost,
    FingerMatched,
    FingerProblem,
    FingerReady,
    FingerRefused,
    FingerTold,
)
from pistegate_edge.restarting import DeviceThread

LOOK_S = 0.1  # between two looks for a finger; the sensor needs as long for one
TRIES = 3  # comparisons of one finger before it is another one: the first touch is often too short
KEEP_S = 5.0  # between two signs of life that are asked of an idle sensor


@dataclass(frozen=True, slots=True)
class Comparison:
    """A finger is to be that of `sealed`, of this holder, before `until` (monotonic seconds)."""

    token: int
    holder: bytes
    sealed: bytes = field(repr=False)
    until: float


class FingerThread:
    """`tell` is called from the thread, and from `compare` when the sensor is away. `watch`: look for the library's."""

    def __init__(
        self,
        opener: Callable[[], Sensor],
        library: Library,
        keys: TemplateKeys,
        tell: Callable[[FingerTold], None],
        monotonic: Callable[[], float],
        *,
        watch: bool = False,
    ) -> None:
        self._opener = opener
        self._library = library
        self._keys = keys
        self._tell = tell
        self._monotonic = monotonic
        self._watch = watch
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._there = False
        self._wanted: Comparison | None = None
        self._lifted = True
        self._thread = DeviceThread("finger", self._session, lambda detail: tell(FingerLost(detail)))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it."""
        self._awake.set()
        self._thread.stop(timeout_s)
        self._answer(self._taken(), FingerProblem.SENSOR, "the gate stops")

    def compare(self, comparison: Comparison) -> None:
        """Ask the guest's finger; one that was asked before and not answered is answered as none that came."""
        with self._lock:
            before, self._wanted = self._wanted, comparison if self._there else None
            there = self._there
        self._answer(before, FingerProblem.NONE_CAME, "another one is asked for")
        if not there:
            self._answer(comparison, FingerProblem.SENSOR, "the sensor is away")
        self._awake.set()

    def forget(self) -> None:
        """Nobody waits any more: nothing is told of what was asked."""
        self._taken()

    def changed(self) -> None:
        """The store changed: bring the library to it soon."""
        self._awake.set()

    def _session(self, stop: threading.Event) -> None:
        try:
            with self._opener() as sensor:
                self._library.opened()
                used = self._library.bring(sensor)
                with self._lock:
                    self._there = True
                self._thread.opened()
                self._tell(FingerReady(sensor.description, sensor.system.capacity, used))
                self._serve(sensor, stop)
        finally:
            self._library.expire()
            with self._lock:
                self._there = False
            self._answer(self._taken(), FingerProblem.SENSOR, "the sensor failed")

    def _serve(self, sensor: Sensor, stop: threading.Event) -> None:
        alive_at = self._monotonic()
        while not stop.is_set():
            wanted = self._wanted
            if wanted is not None:
                self._compare(sensor, wanted, stop)
            elif self._watch and self._library.count:
                self._find(sensor)
            elif not self._lifted:  # seen now, so that the next guest may touch before the card is read
                self._lifted = sensor.run(flows.look()) is Seen.NOTHING
                self._pause(LOOK_S)
            elif self._monotonic() - alive_at < KEEP_S:
                self._pause(LOOK_S if self._watch else KEEP_S / 10)
                continue
            self._library.bring(sensor)
            if wanted is None and not (self._watch and self._library.count):
                sensor.run(flows.alive())
            self._thread.worked()
            alive_at = self._monotonic()

    def _compare(self, sensor: Sensor, wanted: Comparison, stop: threading.Event) -> None:
        """Until it matched, failed often enough, time is over, or nobody waits any more."""
        try:
            template = open_template(wanted.sealed, wanted.holder, self._keys)
        except TemplateRefused as error:
            self._end(wanted, FingerProblem.TEMPLATE, str(error))
            return
        sensor.run(flows.push(template))
        problem, tries = FingerProblem.NONE_CAME, 0
        while self._wanted is wanted and not stop.is_set():
            if self._monotonic() >= wanted.until:
                self._end(wanted, problem)
                return
            seen = sensor.run(flows.look())
            if seen is Seen.NOTHING or not self._lifted:  # the finger of the guest before is nobody's now
                self._lifted = self._lifted or seen is Seen.NOTHING
                self._pause(LOOK_S)
                continue
            score = sensor.run(flows.compare()) if seen is Seen.FINGER else None
            if score is not None:
                self._matched(wanted, score)
                return
            problem = FingerProblem.OTHER_FINGER if seen is Seen.FINGER else FingerProblem.UNREADABLE
            tries += seen is Seen.FINGER
            if tries == TRIES:
                self._end(wanted, problem)
            self._pause(LOOK_S)

    def _find(self, sensor: Sensor) -> None:
        """One look for a finger of the library; the same touch is told once."""
        seen = sensor.run(flows.look())
        if seen is Seen.NOTHING or not self._lifted:
            self._lifted = seen is Seen.NOTHING
            self._pause(LOOK_S)
            return
        self._lifted = False
        found = sensor.run(flows.search(self._library.count)) if seen is Seen.FINGER else None
        holder = self._library.holder(found[0]) if found is not None else None
        if found is not None and holder is not None:
            self._tell(FingerFound(holder, found[0], found[1], self._monotonic()))
            return
        problem = FingerProblem.OTHER_FINGER if seen is Seen.FINGER else FingerProblem.UNREADABLE
        self._tell(FingerRefused(None, problem, self._monotonic()))

    def _matched(self, wanted: Comparison, score: int) -> None:
        self._lifted = False
        if self._taken(wanted) is not None:
            self._tell(FingerMatched(wanted.token, score, self._monotonic()))

    def _end(self, wanted: Comparison, problem: FingerProblem, detail: str = "") -> None:
        self._lifted = False
        self._answer(self._taken(wanted), problem, detail)

    def _answer(self, wanted: Comparison | None, problem: FingerProblem, detail: str) -> None:
        if wanted is not None:
            self._tell(FingerRefused(wanted.token, problem, self._monotonic(), detail))

    def _taken(self, only: Comparison | None = None) -> Comparison | None:
        """What is asked, which then is not any more; None where it is not `only`."""
        with self._lock:
            wanted = self._wanted
            if only is not None and wanted is not only:
                return None
            self._wanted = None
            return wanted

    def _pause(self, seconds: float) -> None:
        self._awake.wait(seconds)
        self._awake.clear()
