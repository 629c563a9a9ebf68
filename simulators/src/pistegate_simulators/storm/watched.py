# SPDX-License-Identifier: Apache-2.0
"""The real journal, with the world looking on: what it made durable is told after the commit."""

from collections.abc import Callable

from pistegate_edge.core.actions import RecordAdmission, RecordOutcome
from pistegate_edge.journal.journal import Journal
from pistegate_edge.lane.host import Mark
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_protocol.documents import DENY_LIST, DOCUMENT_TYPES, DOCUMENTS
from pistegate_protocol.messages import SignedDocument
from pistegate_simulators.storm.truth import Admission, Truth

CHECKPOINT_SOONER = 40  # after 10 commits
KEEP_S = 150  # seconds of running instead of days; the cloud of a storm is restored from backups younger than that
MARK_SOONER_S = 20.0  # at each look, every 2 s: what was acknowledged is marked every minute


class WatchedJournal(Journal):
    """`truth` is set before it is used. `reserved`: whether the admission under way was granted by the hub.

    `true_ms`: the wall time that no clock of a gate is sure to have.
    """

    truth: Truth
    reserved: Callable[[], bool]
    true_ms: Callable[[], int]

    def admit(self, action: RecordAdmission, mark: Mark | None = None) -> tuple[int, bytes]:
        """See Journal."""
        seq, name = super().admit(action, mark)
        admission = Admission(self._gate, self.epoch, seq, name, action.event, name, granted=self.reserved())
        trusted = not isinstance(self._clock, GuardedClock) or self._clock.standing().trusted
        self.truth.admitted(admission, action.event.at - self.true_ms() if trusted else None)
        return seq, name

    def outcome(self, action: RecordOutcome) -> None:
        """See Journal."""
        super().outcome(action)
        self.truth.outcome(self._gate, action.event.epoch, action.event.seq, action.event)

    def tidy(self) -> None:
        """See Journal; the log is moved into the database, and events are forgotten, sooner than in a real gate."""
        self._commits *= CHECKPOINT_SOONER
        self._keep_s, self._marked_at = KEEP_S, self._marked_at - MARK_SOONER_S
        super().tidy()

    def store_document(self, name: str, version: int, signed: SignedDocument) -> None:
        """See Journal."""
        super().store_document(name, version, signed)
        if name in DOCUMENT_TYPES:
            self.truth.document(self._gate, name, version)
        if name == DENY_LIST:
            self.truth.denies(self._gate, frozenset(ticket for ticket, _ in DOCUMENTS.decode(signed.body).entries))
