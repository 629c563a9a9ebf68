# SPDX-License-Identifier: Apache-2.0
"""Between the passage protocol and the journal: what cannot be written now is kept, told, and written later."""

import logging
from collections.abc import Callable

from pistegate_edge.core.actions import (
    IncidentCode,
    RecordAdmission,
    RecordClock,
    RecordOutcome,
    RecordOverride,
    RecordProgress,
    RecordSettled,
)
from pistegate_edge.core.inputs import AdmissionFailed, AdmissionRecorded, Fault, FaultChanged, Input
from pistegate_edge.core.merge import Note, NoteMerger
from pistegate_edge.core.now import Now
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.journal import Journal
from pistegate_edge.lane.host import Mark
from pistegate_protocol.events import ClockState, Dropped, FingerErased, Incident, PlaceTaken, Stream

log = logging.getLogger(__name__)

PROBE_S = 2.0  # seconds between tries to find room again

Deferred = RecordOutcome | RecordSettled | RecordOverride | RecordClock | RecordProgress


class Recorder:
    """`feed` takes inputs back to the protocol: a full disk is a fault until there is room again."""

    def __init__(self, journal: Journal, feed: Callable[[Input], None], grown: Callable[[Stream, int], None]) -> None:
        self._journal = journal
        self._feed = feed
        self._grown = grown
        self._merger = NoteMerger()
        self._deferred: list[Deferred] = []
        self._dropped = 0
        self._full = False
        self._probe_at: float | None = None

    def admission(self, action: RecordAdmission, now: Now, mark: Mark | None = None) -> None:
        """Commit, then tell the protocol the admission's name, or that it could not be made durable.

        `mark`: what the lane has counted.
        """
        try:
            seq, name = self._journal.admit(action, mark)
        except JournalFull as error:
            self._disk_full(now, str(error))
            self._feed(AdmissionFailed(str(error)))
            return
        self._feed(AdmissionRecorded(self._journal.epoch, seq, name))
        self._grown(Stream.LEDGER, seq)

    def record(self, action: Deferred, now: Now) -> None:
        """Commit an outcome, a settlement or progress; in order, later if there is no room at all.

        Once the reserve is given up, what is left of it is for the outcome: progress is not written any more.
        """
        if isinstance(action, RecordProgress) and not self._journal.reserve.held:
            return
        self._deferred.append(action)
        self._write_deferred(now)
        if not self._journal.reserve.held:
            self._disk_full(now, "the disk reserve was used")

    def note(self, note: Note, now: Now) -> None:
        """Record a note, its repeats merged."""
        for due in self._merger.add(note, now.mono):
            self._write_note(due, now)

    def chronicle(self, event: ClockState, now: Now) -> None:
        """Record how the clock stands from here on, in both streams."""
        self.record(RecordClock(event), now)
        self._write_note(event, now)

    def receipt(self, event: FingerErased | PlaceTaken) -> bool:
        """Record that a finger was erased, or a place taken; False: no room, and the reserve is not for that."""
        try:
            seq = self._journal.append(event)
        except JournalFull:
            return False
        self._grown(Stream.LEDGER, seq)
        return True

    def tick(self, now: Now) -> None:
        """Merged notes that are due; room again?"""
        for note in self._merger.due(now.mono):
            self._write_note(note, now)
        if self._probe_at is not None and now.mono >= self._probe_at:
            self._probe(now)

    def deadline(self) -> float | None:
        """Monotonic seconds at which `tick` is due."""
        times = [t for t in (self._probe_at, self._merger.deadline()) if t is not None]
        return min(times, default=None)

    def out_of_room(self, now: Now) -> None:
        """The disk reserve could not be taken."""
        self._disk_full(now, "no room for the disk reserve")

    def finish(self, now: Now) -> None:
        """The end of a run: merged notes are written."""
        for note in self._merger.all():
            self._write_note(note, now)

    def _write_deferred(self, now: Now) -> None:
        while self._deferred:
            action = self._deferred[0]
            try:
                if isinstance(action, RecordOutcome):
                    self._journal.outcome(action)
                elif isinstance(action, RecordSettled):
                    self._journal.settled(action)
                elif isinstance(action, RecordOverride | RecordClock):
                    self._journal.also(action.event)
                else:
                    self._journal.progress(action.epoch, action.seq, action.passed)
            except JournalFull as error:
                self._disk_full(now, str(error))
                return
            del self._deferred[0]
            self._grown(Stream.LEDGER, self._journal.last_seq(Stream.LEDGER))

    def _write_note(self, note: Note | Dropped | ClockState, now: Now) -> bool:
        try:
            self._journal.note(note)
        except JournalFull as error:
            if not isinstance(note, Dropped | ClockState):
                self._dropped += note.times
            self._disk_full(now, str(error))
            return False
        self._grown(Stream.NOTES, self._journal.last_seq(Stream.NOTES))
        return True

    def _disk_full(self, now: Now, detail: str) -> None:
        self._probe_at = now.mono + PROBE_S
        if not self._full:
            self._full = True
            log.error("disk full: %s; free some room on the journal's file system", detail)
            self._feed(FaultChanged(Fault.DISK, True, detail))

    def _probe(self, now: Now) -> None:
        """Back in service only with the reserve held again and everything deferred written."""
        self._probe_at = None
        if not self._journal.reserve.take():
            self._probe_at = now.mono + PROBE_S
            return
        self._write_deferred(now)
        if self._deferred or not self._journal.reserve.held:
            self._probe_at = now.mono + PROBE_S
            return
        if self._dropped and not self._write_note(Dropped(now.wall_ms, self._dropped), now):
            return
        self._dropped = 0
        again = Incident(now.wall_ms, IncidentCode.DISK_FULL, "there was no room for records; there is again")
        if not self._write_note(again, now):
            self._dropped = 0
            return  # the reserve is held, and beyond it there is nothing yet
        self._full = False
        self._feed(FaultChanged(Fault.DISK, False))
