# SPDX-License-Identifier: Apache-2.0
"""Between the till's core and its journal: what cannot be written now is kept, told, and written later."""

from collections.abc import Callable
from typing import Any, cast

from pistegate_edge.core.inputs import Input as GateInput
from pistegate_edge.core.now import Now
from pistegate_edge.errors import JournalFull
from pistegate_edge.recorder import Recorder
from pistegate_edge.till.core.actions import RecordEnd, RecordSettled, RecordUse
from pistegate_edge.till.core.inputs import Input, UseFailed, UseRecorded
from pistegate_edge.till.journal import TillJournal
from pistegate_protocol.events import Stream


class TillRecorder(Recorder):
    """The gate's recorder for notes and full disks, with the till's uses in place of admissions."""

    def __init__(
        self, journal: TillJournal, feed: Callable[[Input], None], grown: Callable[[Stream, int], None]
    ) -> None:
        # Of the gate's inputs this one gives back only FaultChanged, which the till takes as well.
        super().__init__(journal, cast(Callable[[GateInput], None], feed), grown)
        self._uses = journal
        self._told = feed
        self._ends: list[RecordEnd | RecordSettled] = cast(Any, self._deferred)

    def use(self, action: RecordUse, now: Now) -> None:
        """Commit, then tell the core the use's name, or that it could not be made durable."""
        try:
            seq, name = self._uses.begin(action)
        except JournalFull as error:
            self._disk_full(now, str(error))
            self._told(UseFailed(str(error)))
            return
        self._told(UseRecorded(self._uses.epoch, seq, name))
        self._grown(Stream.LEDGER, seq)

    def ended(self, action: RecordEnd | RecordSettled, now: Now) -> None:
        """Commit an end or a settlement; in order, later if there is no room at all."""
        self._ends.append(action)
        self._write_deferred(now)
        if not self._uses.reserve.held:
            self._disk_full(now, "the disk reserve was used")

    def _write_deferred(self, now: Now) -> None:
        while self._ends:
            action = self._ends[0]
            try:
                if isinstance(action, RecordEnd):
                    self._uses.end(action)
                else:
                    self._uses.settle(action)
            except JournalFull as error:
                self._disk_full(now, str(error))
                return
            del self._ends[0]
            self._grown(Stream.LEDGER, self._uses.last_seq(Stream.LEDGER))
