# SPDX-License-Identifier: Apache-2.0
"""Fingers at a gate: the sensor's thread, the templates, and receipts of their deletion.

Without [finger] in gate.toml, but with templates of before on the disk, what must go goes all the same.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pistegate_edge.config import KeyStoreFile
from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Unusable
from pistegate_edge.errors import KeyStoreError
from pistegate_edge.fingers.keeping import Keeper
from pistegate_edge.fingers.library import Library
from pistegate_edge.fingers.sealing import open_template_keys
from pistegate_edge.fingers.sensor import Sensor
from pistegate_edge.fingers.settings import Finger
from pistegate_edge.fingers.store import TemplateStore
from pistegate_edge.fingers.thread import Comparison, FingerThread
from pistegate_edge.fingers.told import (
    FingerFound,
    FingerLost,
    FingerMatched,
    FingerProblem,
    FingerReady,
    FingerRefused,
    FingerTold,
)
from pistegate_edge.parts.part import Part, Performer, Ports
from pistegate_protocol.documents import FingerList
from pistegate_protocol.fingers import medium_of
from pistegate_protocol.reasons import Reason

log = logging.getLogger(__name__)

STORE: Final = "fingers.db"  # in the journal's directory
LOOK_S: Final = 1.0  # seconds between two looks at what is to do; a withdrawal waits so long at most
BUSY_S: Final = 0.05  # seconds until the next look while a passage is under way, or more is to be erased
# What Hello tells beside versions: how many templates are here, and how many receipts wait for a sensor.
TEMPLATES, WAITING = "finger_templates", "finger_waiting"


def open_fingers(settings: Finger | None, directory: Path, ports: Ports) -> "Fingers | None":
    """The part, where there is a sensor, or was one."""
    path = directory / STORE
    return Fingers(settings, path, ports) if settings is not None or path.exists() else None


class Fingers(Part):
    """Its troubles shut no lane: cards and codes do without it."""

    takes = (FingerReady, FingerLost, FingerMatched, FingerFound, FingerRefused)

    def __init__(self, settings: Finger | None, path: Path, ports: Ports) -> None:
        self._ports = ports
        self._ask = settings is not None and settings.ask != "never"
        self._store: TemplateStore | None = None
        self._keeper: Keeper | None = None
        self._thread: FingerThread | None = None
        self._capacity: int | None = None
        self._trouble = ""
        self._waiting = 0
        self._away: set[bytes] = set()
        self._look_at: float | None = None
        wall_ms = ports.clock.wall_ms
        try:
            self._store = TemplateStore(path)
            self._keeper = Keeper(self._store, wall_ms, watch=settings is not None and settings.watch)
            if settings is not None:
                self._thread = _thread(settings, self._store, ports)
        except (sqlite3.Error, KeyStoreError) as error:
            self._trouble = f"{path.name}: {error}" if isinstance(error, sqlite3.Error) else str(error)

    @property
    def performs(self) -> Mapping[type, Performer]:
        """See Part."""
        return {a.AskFinger: self._compare}

    @property
    def words(self) -> str:
        """See Part."""
        return "finger sensor away" if self._trouble or (self._thread is not None and self._capacity is None) else ""

    @property
    def documents(self) -> dict[str, int]:
        """See Part."""
        return {} if self._keeper is None else {TEMPLATES: self._keeper.held, WAITING: self._waiting}

    @property
    def deadline(self) -> float | None:
        """See Part."""
        return self._look_at

    def start(self) -> None:
        """See Part. What was withdrawn while this gate was off goes before the sensor is asked anything."""
        if self._trouble:
            self._ports.note(a.IncidentCode.FINGER_LOST, self._trouble)
        self._guarded(self._begin)

    def stop(self) -> None:
        """See Part."""
        self._look_at = None
        if self._thread is not None:
            self._thread.stop()
        self._guarded(lambda: self._keeper is not None and self._keeper.tell(self._ports.record))
        if self._store is not None:
            self._store.close()

    def told(self) -> None:
        """See Part."""
        self._guarded(self._learn)
        if self._keeper is not None:
            self._look_at = self._ports.clock.monotonic()

    def tick(self, now: Now) -> None:
        """See Part."""
        if self._ports.busy():
            self._look_at = now.mono + BUSY_S
            return
        self._look_at = now.mono + LOOK_S
        self._guarded(self._work)
        if self._keeper is not None and self._keeper.busy:
            self._look_at = now.mono + BUSY_S

    def take(self, told: FingerTold, now: Now) -> None:
        """See Part."""
        if isinstance(told, FingerReady):
            log.info("finger sensor ready: %s, %d of %d slots used", told.what, told.used, told.room)
            self._sensor(told.room)
        elif isinstance(told, FingerLost):
            self._sensor(None)
            self._ports.note(a.IncidentCode.FINGER_LOST, told.detail)
        elif isinstance(told, FingerFound):
            claim = None if self._keeper is None else self._keeper.claim(told.holder)
            found = Unusable(Reason.FINGER_TEMPLATE) if claim is None else (claim,)
            self._ports.feed(i.Pointed(medium_of(told.holder), found))
        else:
            self._ports.feed(told)

    def _begin(self) -> None:
        if self._keeper is None:
            return
        self._learn()
        while self._keeper.erase():
            pass
        self._keeper.look(None)
        if self._thread is not None and not self._trouble:
            self._thread.start()
        self._look_at = self._ports.clock.monotonic()

    def _learn(self) -> None:
        if self._keeper is not None:
            self._keeper.told(self._ports.document(FingerList))

    def _work(self) -> None:
        if self._keeper is None or self._store is None:
            return
        erased = self._keeper.erase()
        changed = self._keeper.look(self._capacity)
        told, waiting = self._keeper.tell(self._ports.record), self._store.waiting()
        if (erased or changed) and self._thread is not None:
            self._thread.changed()
        if changed:
            self._feed_known()
        if self._trouble.startswith(STORE):
            self._trouble = ""
        if changed or told or waiting != self._waiting:
            self._waiting = waiting
            self._ports.state_changed()

    def _sensor(self, capacity: int | None) -> None:
        """The sensor came, or went."""
        self._capacity = capacity
        self._look_at = self._ports.clock.monotonic()
        self._feed_known()
        self._ports.state_changed()
        self._guarded(self._tell_away)

    def _tell_away(self) -> None:
        if self._store is None or self._capacity is None:
            return
        for mark, count in self._store.away().items():
            if mark not in self._away:
                self._away.add(mark)
                self._ports.note(a.IncidentCode.FINGER_AWAY, f"{count} fingers in sensor {mark.hex()}")

    def _feed_known(self) -> None:
        """Nobody is asked for a finger that cannot be compared."""
        works = self._ask and self._capacity is not None and self._keeper is not None
        tickets = self._keeper.tickets if works and self._keeper is not None else frozenset()
        self._ports.feed(i.FingersKnown(tickets))

    def _compare(self, action: a.AskFinger, now: Now) -> None:
        """The answer comes from the sensor's thread, also where there is none to give."""
        found = None
        try:
            found = None if self._keeper is None else self._keeper.sealed(action.ticket)
        except sqlite3.Error as error:
            self._fail(error)
        if self._thread is None or found is None:
            problem = FingerProblem.SENSOR if self._thread is None else FingerProblem.TEMPLATE
            self._ports.feed(FingerRefused(action.token, problem, now.mono))
            return
        self._thread.compare(Comparison(action.token, *found, action.until))

    def _guarded(self, do: Callable[[], object]) -> None:
        """A damaged or full disk ends what is done with fingers, not the gate."""
        try:
            do()
        except sqlite3.Error as error:
            self._fail(error)

    def _fail(self, error: sqlite3.Error) -> None:
        trouble = f"{STORE}: {error}"
        if trouble != self._trouble:
            self._trouble = trouble
            self._ports.note(a.IncidentCode.FINGER_LOST, trouble)


def _thread(settings: Finger, store: TemplateStore, ports: Ports) -> FingerThread:
    """KeyStoreError when the site's keys cannot be had."""
    keys = open_template_keys(KeyStoreFile(settings.keys, settings.unlock))
    if keys.warning is not None:
        log.warning("%s", keys.warning)
    monotonic = ports.clock.monotonic
    library = Library(store, keys, ports.clock.wall_ms)
    return FingerThread(
        lambda: Sensor(settings.path, monotonic, settings.baud),
        library,
        keys,
        ports.put,
        monotonic,
        watch=settings.watch,
    )
