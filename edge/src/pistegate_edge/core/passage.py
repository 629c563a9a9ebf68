# SPDX-License-Identifier: Apache-2.0
"""The passage protocol of one lane as a table: {state: {input: handler}}; what is not in it raises.

Promises kept here: the lane opens only after a durable admission whose card confirmed its commit, at most once per
admission and never for one of an earlier run; one presentation gives at most one admission, and so does one pocket;
every admission of this run gets exactly one outcome. While a lane is in an attendant's hands no ticket is used.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, Show
from pistegate_edge.core.admission import Current, Unfinished
from pistegate_edge.core.asking import Asking
from pistegate_edge.core.attended import Attended, Reasons
from pistegate_edge.core.handlers import (
    admitting,
    attending,
    cards,
    codes,
    documents,
    fingers,
    lane,
    reserving,
    standing,
)
from pistegate_edge.core.judge import Judge
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OWED_S, OwedBook, OwedEntry, UnsettledBook
from pistegate_edge.core.presentation import Codes, Presentations
from pistegate_edge.core.service import Service
from pistegate_edge.core.state import ImpossibleInput as ImpossibleInput
from pistegate_edge.core.state import State as State
from pistegate_edge.lane.core import words
from pistegate_protocol.decide import GateProfile


class Passage:
    """The state machine; `handle` is the only way in. Handlers alone touch what it holds."""

    def __init__(
        self,
        judge: Judge,
        owed: OwedBook,
        unsettled: UnsettledBook,
        unfinished: Sequence[Unfinished] = (),
        reasons: Reasons | None = None,
        *,
        staff_cards: bool = False,
        hub: bool = False,
    ) -> None:
        """`staff_cards`: cards of holder class staff let people through; `reasons`: why, for the records.

        `hub`: the site has one, which is asked before a ticket that carries no usage is used.
        """
        self.state = State.RECOVERING if unfinished else State.IDLE
        self.deadline: float | None = None
        self.judge = judge
        self.owed = owed
        self.unsettled = unsettled
        self.unfinished = list(unfinished)
        self.presentations = Presentations()
        self.codes = Codes()
        self.fingers = Asking()
        self.current: Current | None = None
        self.token = 0
        self.standing = Service()
        self.attended = Attended(words.EXIT if judge.gate.exit else words.ENTRY, reasons or Reasons())
        self.staff_cards = staff_cards
        self.reserving = reserving.Reserving(hub)

    def handle(self, told: i.Input, now: Now) -> list[Action]:
        """What to do about `told`; ImpossibleInput when the table has no entry."""
        handler = TABLE[self.state].get(type(told))
        if handler is None:
            raise ImpossibleInput(f"{type(told).__name__} while {self.state}")
        return handler(self, told, now)

    def service(self) -> str:
        """The gate's state as Hello tells it."""
        return str(self.standing)

    @property
    def faults(self) -> frozenset[i.Fault]:
        """Why the gate is out of service."""
        return frozenset(self.standing.faults)

    @property
    def gate(self) -> GateProfile:
        """What the lane knows of its place."""
        return self.judge.gate

    # For handlers

    def go(self, state: State, deadline: float | None = None) -> None:
        """The one door to another state."""
        self.state = state
        self.deadline = deadline

    def admitted(self) -> Current:
        """The admission under way."""
        if self.current is None:
            raise ImpossibleInput(f"no admission while {self.state}")
        return self.current

    def owe(self, name: bytes, persons: int, party: int, now: Now, ticket: int | None = None) -> OwedEntry | None:
        """Persons of an admission who did not pass, or may not have, may try again; of a party until its day ends.

        `ticket`: of a medium that carries no usage, which any lane of the post may let in again.
        """
        if persons < 1:
            return None
        today = now.wall.astimezone(self.gate.zone).date()
        self.owed.prune(now.mono, today)
        entry = OwedEntry(name, persons, now.mono + OWED_S, today if party > 1 else None, ticket)
        self.owed.add(entry)
        return entry

    def shown(self) -> Show:
        """What shows while nobody is at the lane."""
        return self.standing.shown()


Handler = Callable[[Passage, Any, Now], list[Action]]

_ALWAYS: dict[type, Handler] = {
    i.CardSeen: cards.busy,
    i.FieldSeen: cards.field_while_busy,
    i.CardRead: cards.stale_card,
    i.CardUnread: cards.stale,
    i.CardWritten: cards.stale,
    i.CodeSeen: codes.busy,
    i.Pointed: documents.busy,
    i.DocumentUnread: documents.busy,
    i.FingersKnown: fingers.known,
    i.FingerMatched: fingers.matched,
    i.FingerRefused: fingers.refused,
    i.Granted: reserving.late,
    i.Alone: reserving.late,
    i.OwedTaken: reserving.taken,
    i.ReaderReady: standing.reader_ready,
    i.ReaderLost: standing.reader_lost,
    i.FaultChanged: standing.fault_changed,
    i.RungChanged: standing.rung_changed,
    i.FactsArrived: standing.told_facts,
    i.Tick: standing.nothing,
    i.LaneIncident: attending.happened,
    i.LaneFault: attending.lane_fault,
    i.LaneCounted: attending.counted,
    i.LaneMode: attending.mode_changed,
    i.Overridden: attending.overridden,
}
TABLE: dict[State, dict[type, Handler]] = {
    State.RECOVERING: _ALWAYS | {i.LanePassed: lane.drained_pass, i.LaneClosed: lane.drained},
    State.IDLE: _ALWAYS
    | {
        i.CardSeen: cards.seen,
        i.FieldSeen: cards.field,
        i.CodeSeen: codes.seen,
        i.Pointed: documents.seen,
        i.DocumentUnread: documents.unread,
    },
    State.READING: _ALWAYS | {i.CardRead: cards.read, i.CardUnread: cards.unread, i.Tick: cards.reading_tick},
    State.RESERVING: _ALWAYS | {i.Granted: reserving.granted, i.Alone: reserving.alone, i.Tick: reserving.tick},
    State.COMMITTING: _ALWAYS | {i.AdmissionRecorded: admitting.recorded, i.AdmissionFailed: admitting.not_recorded},
    State.WRITING: _ALWAYS | {i.CardWritten: admitting.written, i.Tick: admitting.writing_tick},
    State.OPEN: _ALWAYS | {i.LanePassed: lane.passed, i.LaneClosed: lane.closed},
}
