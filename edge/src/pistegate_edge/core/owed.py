# SPDX-License-Identifier: Apache-2.0
"""Persons owed from admissions, and admissions whose card has not told yet whether it was charged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from pistegate_protocol.decide import Owed

OWED_S = 120.0  # seconds, monotonic, from the outcome (DESIGN, "One passage" 5)


@dataclass(frozen=True, slots=True)
class OwedEntry:
    """`persons` of `admission` may come again until `until` (monotonic), and, for a party, while it is `day`.

    `ticket`: where the site's hub may take this over, which an entry of an earlier run never is.
    """

    admission: bytes
    persons: int
    until: float | None
    day: date | None = None
    ticket: int | None = None

    def holds(self, mono: float, today: date) -> bool:
        """Whether it is not yet over; midnight takes nothing of its seconds."""
        if self.day is not None and today <= self.day:
            return True
        return self.until is not None and mono <= self.until


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An admission after which the card may name either `name` or `prev`."""

    name: bytes
    prev: bytes
    epoch: int
    seq: int
    medium: bytes
    claim: bytes
    reoffer_of: bytes | None = None


class OwedBook:
    """Owed entries by the admission they come from."""

    def __init__(self, entries: Iterable[OwedEntry] = ()) -> None:
        self._entries = {entry.admission: entry for entry in entries}

    def add(self, entry: OwedEntry) -> None:
        """A new entry."""
        self._entries[entry.admission] = entry

    def spend(self, admission: bytes) -> None:
        """Nobody is owed from `admission` any more."""
        self._entries.pop(admission, None)

    def of(self, admission: bytes, mono: float, today: date) -> Owed | None:
        """What is owed to a medium that names `admission`."""
        entry = self._entries.get(admission)
        if entry is None or not entry.holds(mono, today):
            return None
        return Owed(entry.admission, entry.persons)

    def entry(self, admission: bytes) -> OwedEntry | None:
        """The entry itself, over or not."""
        return self._entries.get(admission)

    def to_hand_over(self) -> list[OwedEntry]:
        """Those that the hub may take over."""
        return [entry for entry in self._entries.values() if entry.ticket is not None]

    def prune(self, mono: float, today: date) -> None:
        """Forget what is over."""
        self._entries = {name: entry for name, entry in self._entries.items() if entry.holds(mono, today)}

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(frozen=True, slots=True)
class Settlement:
    """A card told whether `admission` had been charged; `ended` names owed entries that end with it."""

    admission: Unsettled
    charged: bool
    ended: tuple[bytes, ...]


class UnsettledBook:
    """Admissions waiting for their card to come back."""

    def __init__(self, admissions: Iterable[Unsettled] = ()) -> None:
        self._by_medium: dict[tuple[bytes, bytes], list[Unsettled]] = {}
        for admission in admissions:
            self.add(admission)

    def add(self, admission: Unsettled) -> None:
        """The card of `admission` left without telling."""
        self._by_medium.setdefault((admission.medium, admission.claim), []).append(admission)

    def settle(self, medium: bytes, claim: bytes, named: bytes) -> Iterator[Settlement]:
        """What a card of `medium` with `claim` tells by naming admission `named`; told admissions are forgotten."""
        key = (medium, claim)
        waiting = self._by_medium.get(key)
        if not waiting:
            return
        kept = []
        for admission in waiting:
            if named == admission.name:
                yield Settlement(admission, True, () if admission.reoffer_of is None else (admission.reoffer_of,))
            elif named == admission.prev:
                yield Settlement(admission, False, (admission.name,))
            else:
                kept.append(admission)
        if kept:
            self._by_medium[key] = kept
        else:
            del self._by_medium[key]

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._by_medium.values())
