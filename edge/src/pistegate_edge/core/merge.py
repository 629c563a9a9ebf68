# SPDX-License-Identifier: Apache-2.0
"""Repeats of one refusal or incident become one event with a count. Pure."""

from dataclasses import dataclass

from msgspec.structs import replace

from pistegate_protocol.events import Incident, Refused

MERGE_S = 10.0  # seconds that repeats are collected for; the first of them is recorded at once

Note = Refused | Incident


@dataclass(slots=True)
class _Repeats:
    until: float
    note: Note | None = None


class NoteMerger:
    """Gives back the notes to record now."""

    def __init__(self) -> None:
        self._seen: dict[object, _Repeats] = {}

    def add(self, note: Note, now: float) -> list[Note]:
        """One more note: the first of its kind is recorded at once, its repeats when their time is over."""
        due = self.due(now)
        key = self._key(note)
        repeats = self._seen.get(key)
        if repeats is None:
            self._seen[key] = _Repeats(now + MERGE_S)
            return [*due, note]
        before = repeats.note
        repeats.note = note if before is None else replace(before, times=before.times + note.times)
        return due

    def due(self, now: float) -> list[Note]:
        """Collected repeats whose time is over."""
        found = []
        for key, repeats in list(self._seen.items()):
            if now >= repeats.until:
                del self._seen[key]
                if repeats.note is not None:
                    found.append(repeats.note)
        return found

    def all(self) -> list[Note]:
        """Everything collected, at the end of a run."""
        found = [repeats.note for repeats in self._seen.values() if repeats.note is not None]
        self._seen.clear()
        return found

    def deadline(self) -> float | None:
        """When `due` next has something."""
        return min((r.until for r in self._seen.values() if r.note is not None), default=None)

    def _key(self, note: Note) -> object:
        if isinstance(note, Refused):
            return note.reason, note.medium, note.ticket
        return note.code, note.detail
