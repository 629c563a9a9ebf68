# SPDX-License-Identifier: Apache-2.0
"""A sensor's library brought to what the store says: erased first, then filled. What nobody put there goes too.

A sensor has no serial number. So each gets a name, written into its notepad; one that comes with another name, or with
none, is emptied before it is used, and the one that it replaces is remembered until it was emptied too.
"""

import logging
import os
from collections.abc import Callable

from pistegate_edge.fingers import flows
from pistegate_edge.fingers.errors import TemplateRefused
from pistegate_edge.fingers.sealing import TemplateKeys, open_template
from pistegate_edge.fingers.sensor import Sensor
from pistegate_edge.fingers.store import TemplateStore

log = logging.getLogger(__name__)

NAMELESS = b"\x00" * 32  # of sensors that keep no name: each time they are opened they are emptied and filled
_LABEL = b"pistegate finger"
_RANDOM = 16  # bytes


class Library:
    """The library of one sensor. A sensor that was in another gate, or lost its memory, is put right when opened."""

    def __init__(self, store: TemplateStore, keys: TemplateKeys, wall_ms: Callable[[], int]) -> None:
        self._store = store
        self._keys = keys
        self._wall_ms = wall_ms
        self._there: dict[int, bytes] = {}  # slot to the sealed template that is known to be in it
        self._not: dict[int, bytes] = {}  # slot to the one that cannot be put into it
        self._looked = False  # what is in its slots was compared with the store

    def opened(self) -> None:
        """Another sensor, maybe: nothing is known of its slots."""
        self._there, self._not, self._looked = {}, {}, False

    def expire(self) -> None:
        """Whose time is over goes, whether a sensor is there or not."""
        self._store.expire(self._wall_ms())

    def bring(self, sensor: Sensor) -> int:
        """Make the sensor's slots those of the store; how many are used. OSError when the sensor fails."""
        self.expire()
        if not self._looked:
            self._meet(sensor)
        wanted, due = self._store.library(self._wall_ms()), self._store.to_erase()
        if due or not self._looked or self._there | self._not != {slot: sealed for slot, (_, sealed) in wanted.items()}:
            self._erase(sensor, due, wanted)
            self._not = {}
            for slot, (holder, sealed) in wanted.items():
                if self._there.get(slot) != sealed:
                    self._fill(sensor, slot, holder, sealed)
        self._looked = True
        return len(self._there)

    def holder(self, slot: int) -> bytes | None:
        """Whose finger was found in a slot: only where this gate put the store's template into it."""
        return self._store.holder_of(slot, self._wall_ms()) if slot in self._there else None

    @property
    def count(self) -> int:
        """How many slots, from the first, a search has to look at."""
        return max(self._there, default=-1) + 1

    def _meet(self, sensor: Sensor) -> None:
        """Which sensor is it, and what is in it?"""
        name = sensor.run(flows.read_note()) or NAMELESS
        if name == self._store.mark and name != NAMELESS:
            used = sensor.run(flows.used_slots(sensor.system.capacity))
            self._there = {slot: sealed for slot, sealed in self._store.known().items() if slot in used}
            return
        self._empty(sensor)
        self._store.emptied(name, self._wall_ms())
        fresh = _LABEL + os.urandom(_RANDOM)
        self._store.moved_to(fresh if sensor.run(flows.write_note(fresh)) else NAMELESS)
        for mark, count in self._store.away().items():
            log.warning("a sensor was taken out with %d fingers in it (%s): wipe it", count, mark.hex())

    def _empty(self, sensor: Sensor) -> None:
        capacity = sensor.system.capacity
        for slot in sorted(sensor.run(flows.used_slots(capacity))):
            sensor.run(flows.erase(slot, capacity))

    def _erase(self, sensor: Sensor, due: list[int], wanted: dict[int, tuple[bytes, bytes]]) -> None:
        capacity = sensor.system.capacity
        for slot in sorted(sensor.run(flows.used_slots(capacity)) | set(due)):
            keep = slot in wanted and slot not in due and self._there.get(slot) == wanted[slot][1]
            if not keep:
                self._there.pop(slot, None)
                if slot < capacity:  # beyond it this very sensor can have nothing
                    sensor.run(flows.erase(slot, capacity))
            if slot in due:
                self._store.erased(slot, self._wall_ms())

    def _fill(self, sensor: Sensor, slot: int, holder: bytes, sealed: bytes) -> None:
        try:
            if slot >= sensor.system.capacity:
                raise TemplateRefused(f"this sensor has {sensor.system.capacity} slots")
            template = open_template(sealed, holder, self._keys)
        except TemplateRefused as error:
            log.warning("slot %d stays empty: %s", slot, error)
            self._not[slot] = sealed
            return
        self._store.filled(slot, sealed)
        sensor.run(flows.store(template, slot))
        self._there[slot] = sealed
