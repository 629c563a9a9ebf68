# SPDX-License-Identifier: Apache-2.0
"""A sensor's library brought to what the store says: erased first, then filled. What nobody put there goes too."""

import logging
from collections.abc import Callable

from pistegate_edge.fingers import flows
from pistegate_edge.fingers.errors import TemplateRefused
from pistegate_edge.fingers.sealing import TemplateKeys, open_template
from pistegate_edge.fingers.sensor import Sensor
from pistegate_edge.fingers.store import TemplateStore

log = logging.getLogger(__name__)


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
        capacity, wanted = sensor.system.capacity, self._store.library(self._wall_ms())
        due = [slot for slot in self._store.to_erase() if slot < capacity]
        if due or not self._looked or self._there | self._not != {slot: sealed for slot, (_, sealed) in wanted.items()}:
            self._erase(sensor, due, wanted)
            self._not, self._looked = {}, True
            for slot, (holder, sealed) in wanted.items():
                if self._there.get(slot) != sealed:
                    self._fill(sensor, slot, holder, sealed)
        return len(self._there)

    def holder(self, slot: int) -> bytes | None:
        """Whose finger was found in a slot: only where this library put the store's template into it."""
        return self._store.holder_of(slot, self._wall_ms()) if slot in self._there else None

    @property
    def count(self) -> int:
        """How many slots, from the first, a search has to look at."""
        return max(self._there, default=-1) + 1

    def _erase(self, sensor: Sensor, due: list[int], wanted: dict[int, tuple[bytes, bytes]]) -> None:
        """Slots beyond this sensor's stay due: it was replaced, and the old one still has them."""
        capacity = sensor.system.capacity
        for slot in sorted(sensor.run(flows.used_slots(capacity)) | set(due)):
            keep = slot in wanted and slot not in due and self._there.get(slot) == wanted[slot][1]
            if not keep:
                self._there.pop(slot, None)
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
        sensor.run(flows.store(template, slot))
        self._there[slot] = sealed
