# SPDX-License-Identifier: Apache-2.0
"""The passage protocol of one lane as a table: {state: {input: handler}}; what is not in it raises.

Promises kept here: the lane opens only after a durable admission whose card confirmed its commit, at most once per
admission and never for one of an earlier run; one presentation gives at most one admission; every admission of this
run gets exactly one outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import (
    Action,
    IncidentCode,
    Lamp,
    Log,
    OpenLane,
    Read,
    RecordAdmission,
    RecordNote,
    RecordOutcome,
    RecordProgress,
    RecordSettled,
    Release,
    Show,
    Write,
)
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OWED_S, OwedBook, OwedEntry, Unsettled, UnsettledBook
from pistegate_edge.core.presentation import Presentations
from pistegate_edge.core.reading import Ticket, Unusable, read_ticket
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.events import Admitted, Incident, Outcome, OutcomeKind, Refused, Settled, short_text
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing, Medium, MediumKind
from pistegate_protocol.usage import Usage, encode_counters, encode_usage

READ_TRIES = 3  # attempts to read one held card before it is refused
READ_DEADLINE_S = 3.0  # seconds; a read over a 115200 baud line takes 0.2, a torn one 0.7
WRITE_DEADLINE_S = 5.0  # seconds; far beyond a commit with retries: only a dead reader thread meets it


class State(StrEnum):
    """Each says what is true in it."""

    RECOVERING = "recovering"  # the lane is shut; an opening of the last run may still be passed
    IDLE = "idle"  # the lane is shut, no card is held
    READING = "reading"  # a card is held and being read; nothing is committed
    COMMITTING = "committing"  # an admission was given to the journal; the card is held
    WRITING = "writing"  # the admission is durable; the card is being written, the lane is shut
    OPEN = "open"  # admission durable, card confirmed, lane opened once; waiting for its outcome


class ImpossibleInput(RuntimeError):
    """An input that cannot come in this state."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An admission of an earlier run without an outcome; `passed` as journaled."""

    epoch: int
    seq: int
    name: bytes
    prev: bytes
    n: int
    party: int
    medium: bytes
    claim: bytes
    passed: int = 0
    reoffer_of: bytes | None = None


@dataclass(slots=True)
class _Current:
    """The admission under way."""

    event: Admitted
    usage: Usage
    party: int
    prompt: Mapping[str, object]
    token: int
    epoch: int = 0
    seq: int = 0
    name: bytes = b""


class Passage:
    """The state machine; `handle` is the only way in."""

    def __init__(
        self,
        gate: GateProfile,
        issuers: KeyRing,
        deny: Mapping[int, int],
        owed: OwedBook,
        unsettled: UnsettledBook,
        unfinished: Sequence[Unfinished] = (),
    ) -> None:
        self.state = State.RECOVERING if unfinished else State.IDLE
        self.faults: set[i.Fault] = {i.Fault.STARTING, i.Fault.READER}
        self.deadline: float | None = None
        self._gate = gate
        self._issuers = issuers
        self._deny = deny
        self._owed = owed
        self._unsettled = unsettled
        self._unfinished = list(unfinished)
        self._presentations = Presentations()
        self._current: _Current | None = None
        self._token = 0

    def handle(self, told: i.Input, now: Now) -> list[Action]:
        """What to do about `told`; ImpossibleInput when the table has no entry."""
        handler = TABLE[self.state].get(type(told))
        if handler is None:
            raise ImpossibleInput(f"{type(told).__name__} while {self.state}")
        return handler(self, told, now)

    def service(self) -> str:
        """The gate's state as Hello tells it."""
        if not self.faults:
            return "in_service"
        return "out_of_service: " + ", ".join(sorted(self.faults))

    # Cards

    def _seen(self, told: i.CardSeen, now: Now) -> list[Action]:
        presentation = self._presentations.seen(told.uid, now.mono)
        if presentation.spent or i.Fault.STARTING in self.faults:
            return [Release(told.token)]
        if self.faults:
            presentation.spent = True
            return self._refuse(told.token, told.uid, Reason.OUT_OF_SERVICE, now, lamp=Lamp.KEEP)
        self._token = told.token
        self._go(State.READING, now.mono + READ_DEADLINE_S)
        return [Read(told.token)]

    def _busy(self, told: i.CardSeen, now: Now) -> list[Action]:
        presentation = self._presentations.seen(told.uid, now.mono)
        actions: list[Action] = [Release(told.token)]
        if not presentation.spent and not presentation.told_wait:
            presentation.told_wait = True
            actions.append(Show(Lamp.KEEP, "prompt.wait"))
        return actions

    def _empty(self, told: i.FieldEmpty, now: Now) -> list[Action]:
        self._presentations.empty(now.mono)
        actions: list[Action] = []
        for presentation in self._presentations.unread():
            presentation.spent = True
            actions += self._refuse(None, presentation.uid, Reason.UNREADABLE, now)
        return actions

    def _empty_while_busy(self, told: i.FieldEmpty, now: Now) -> list[Action]:
        self._presentations.empty(now.mono)
        return []

    def _unread(self, told: i.CardUnread, now: Now) -> list[Action]:
        if told.token != self._token:
            return []
        self._go(State.IDLE)
        presentation = self._presentations.seen(told.uid, now.mono)
        presentation.failed_reads += 1
        if told.problem is i.ReadProblem.TORN and presentation.failed_reads < READ_TRIES:
            return [Log(f"card {told.uid.hex()} torn while read: {told.detail}"), Show(Lamp.KEEP, "prompt.reading")]
        presentation.spent = True
        reason = {
            i.ReadProblem.TORN: Reason.UNREADABLE,
            i.ReadProblem.FOREIGN: Reason.FOREIGN_MEDIUM,
            i.ReadProblem.KEY_REFUSED: Reason.CARD_KEY_REFUSED,
        }[told.problem]
        return self._refuse(None, told.uid, reason, now, told.detail)

    def _read(self, told: i.CardRead, now: Now) -> list[Action]:
        if told.token != self._token:
            return [Release(told.token)]
        presentation = self._presentations.seen(told.uid, now.mono)
        presentation.spent = True
        medium = Medium(MediumKind.CARD, told.uid)
        ticket = read_ticket(told.claim_file, told.usage_file, medium, self._issuers)
        if isinstance(ticket, Unusable):
            self._go(State.IDLE)
            return self._refuse(told.token, told.uid, ticket.reason, now, ticket.detail, ticket.ticket)
        actions = self._settle(medium, ticket, now)
        today = now.wall.astimezone(self._gate.zone).date()
        knowledge = Knowledge(deny=self._deny, owed=self._owed.of(ticket.usage.admission, now.mono, today))
        decision = decide(ticket.claim, ticket.usage, self._gate, now.wall, knowledge)
        if isinstance(decision, Refuse):
            self._go(State.IDLE)
            shown = _until(decision, self._gate)
            return actions + self._refuse(
                told.token, told.uid, decision.reason, now, ticket=ticket.claim.ticket, shown=shown
            )
        self._current = self._admission(told.token, medium, ticket, decision, now)
        self._go(State.COMMITTING)
        return [*actions, RecordAdmission(self._current.event, self._current.party)]

    def _admission(self, token: int, medium: Medium, ticket: Ticket, admit: Admit, now: Now) -> _Current:
        event = Admitted(
            at=now.wall_ms,
            ticket=ticket.claim.ticket,
            medium=medium.to_bytes(),
            claim=ticket.usage.claim,
            n=admit.n,
            charged=admit.charged,
            counters=encode_counters(admit.usage),
            prev=ticket.usage.admission,
            reoffer_of=admit.reoffer_of,
        )
        prompt = {"n": admit.n, "left_today": admit.prompt.left_today, "left_total": admit.prompt.left_total}
        return _Current(event, admit.usage, ticket.claim.party, prompt, token)

    def _settle(self, medium: Medium, ticket: Ticket, now: Now) -> list[Action]:
        actions: list[Action] = []
        for told in self._unsettled.settle(medium.to_bytes(), ticket.usage.claim, ticket.usage.admission):
            for name in told.ended:
                self._owed.spend(name)
            event = Settled(now.wall_ms, told.admission.epoch, told.admission.seq, told.charged)
            actions.append(RecordSettled(event, told.ended))
        return actions

    def _stale_card(self, told: i.CardRead, now: Now) -> list[Action]:
        return [Release(told.token)]

    def _stale(self, told: i.CardUnread | i.CardWritten, now: Now) -> list[Action]:
        return [Log(f"late report of reader session {told.token}: {told.detail or 'no detail'}")]

    # The admission

    def _recorded(self, told: i.AdmissionRecorded, now: Now) -> list[Action]:
        current = self._admitted()
        current.epoch, current.seq, current.name = told.epoch, told.seq, told.name
        self._go(State.WRITING, now.mono + WRITE_DEADLINE_S)
        return [Write(current.token, encode_usage(replace(current.usage, admission=told.name)))]

    def _not_recorded(self, told: i.AdmissionFailed, now: Now) -> list[Action]:
        current = self._admitted()
        self._current = None
        self._go(State.IDLE)
        return self._refuse(current.token, current.event.medium[1:], Reason.OUT_OF_SERVICE, now, told.detail)

    def _written(self, told: i.CardWritten, now: Now) -> list[Action]:
        current = self._admitted()
        if told.token != current.token:
            return self._stale(told, now)
        self._presentations.seen(current.event.medium[1:], now.mono)
        if told.result is i.WriteResult.OK:
            self._go(State.OPEN)
            key = "prompt.admit" if current.event.n == 1 else "prompt.admit_party"
            line = f"admitted ticket {current.event.ticket} n={current.event.n} seq={current.seq}"
            return [OpenLane(current.event.n), Show(Lamp.ADMIT, key, current.prompt), Log(line)]
        kind = OutcomeKind.CARD_VOID if told.result is i.WriteResult.VOID else OutcomeKind.CARD_UNCONFIRMED
        return [*self._unopened(kind, now), Log(f"card session {told.token}: {told.result} {told.detail}")]

    def _unopened(self, kind: OutcomeKind, now: Now) -> list[Action]:
        """The card was not confirmed: the lane stays shut."""
        current = self._admitted()
        self._current = None
        self._go(State.IDLE)
        event = Outcome(now.wall_ms, current.epoch, current.seq, kind, 0)
        again = Show(Lamp.REFUSE, "prompt.again")
        if kind is OutcomeKind.CARD_VOID:
            return [again, RecordOutcome(event)]
        unsettled = Unsettled(
            current.name,
            current.event.prev,
            current.epoch,
            current.seq,
            current.event.medium,
            current.event.claim,
            current.event.reoffer_of,
        )
        self._unsettled.add(unsettled)
        owed = self._owe(current.name, current.event.n, current.party, now)
        return [again, RecordOutcome(event, owed, unsettled=True)]

    # The lane

    def _passed(self, told: i.LanePassed, now: Now) -> list[Action]:
        current = self._admitted()
        if told.passed >= current.event.n:
            return []  # the outcome follows at once and tells it
        return [RecordProgress(current.epoch, current.seq, told.passed)]

    def _closed(self, told: i.LaneClosed, now: Now) -> list[Action]:
        current = self._admitted()
        self._current = None
        self._go(State.IDLE)
        kind = OutcomeKind.PASSED if told.passed else OutcomeKind.NOT_PASSED
        event = Outcome(now.wall_ms, current.epoch, current.seq, kind, told.passed)
        owed = self._owe(current.name, current.event.n - told.passed, current.party, now)
        if current.event.reoffer_of is not None:
            self._owed.spend(current.event.reoffer_of)
        return [
            self._show_base(),
            RecordOutcome(event, owed, spent=current.event.reoffer_of),
            Log(f"{kind.name.lower()} {told.passed} of {current.event.n} seq={current.seq}"),
        ]

    def _drained_pass(self, told: i.LanePassed, now: Now) -> list[Action]:
        last = self._unfinished[-1]
        if last.passed >= last.n:
            return [self._incident(now, IncidentCode.PASSES_BEYOND_ADMITTED, f"seq {last.seq}")]
        self._unfinished[-1] = replace(last, passed=last.passed + 1)
        return [RecordProgress(last.epoch, last.seq, last.passed + 1)]

    def _drained(self, told: i.LaneClosed, now: Now) -> list[Action]:
        self._go(State.IDLE)
        actions: list[Action] = []
        for admission in self._unfinished:
            actions += self._interrupted(admission, now)
        self._unfinished.clear()
        return actions

    def _interrupted(self, last: Unfinished, now: Now) -> list[Action]:
        unknown = last.n - last.passed
        event = Outcome(now.wall_ms, last.epoch, last.seq, OutcomeKind.INTERRUPTED, last.passed, unknown)
        self._unsettled.add(
            Unsettled(last.name, last.prev, last.epoch, last.seq, last.medium, last.claim, last.reoffer_of)
        )
        # Unknown persons are owed for 120 s only, of a party too: nobody knows that they did not pass.
        owed = self._owe(last.name, unknown, 1, now)
        line = f"interrupted admission seq={last.seq}: passed {last.passed} of {last.n}, unknown {unknown}"
        return [RecordOutcome(event, owed, unsettled=True), Log(line)]

    def _forced(self, told: i.LaneForced, now: Now) -> list[Action]:
        return [self._incident(now, IncidentCode.FORCED_ARM, "the arm turned while the lane was shut")]

    # Service

    def _ready(self, told: i.ReaderReady, now: Now) -> list[Action]:
        return self._fault(i.FaultChanged(i.Fault.READER, False), now)

    def _lost(self, told: i.ReaderLost, now: Now) -> list[Action]:
        self._presentations.frozen()
        if self.state is State.READING:
            self._go(State.IDLE)
        known = i.Fault.READER in self.faults
        actions = self._fault(i.FaultChanged(i.Fault.READER, True, told.detail), now)
        return actions if known else [*actions, self._incident(now, IncidentCode.READER_LOST, told.detail)]

    def _fault(self, told: i.FaultChanged, now: Now) -> list[Action]:
        before = self.service()
        if told.present:
            self.faults.add(told.fault)
        else:
            self.faults.discard(told.fault)
        after = self.service()
        if after == before:
            return []
        words = "in service" if not self.faults else after.replace("_", " ")
        line = Log(f"{words} ({told.detail})" if told.detail else words)
        if self.state is State.OPEN:
            return [line]  # the lamps belong to the passage; the base shows when it is over
        return [self._show_base(), line]

    def _denied(self, told: i.DenyListArrived, now: Now) -> list[Action]:
        self._deny = told.deny
        return []

    def _tick(self, told: i.Tick, now: Now) -> list[Action]:
        return []

    def _reading_tick(self, told: i.Tick, now: Now) -> list[Action]:
        if self.deadline is None or now.mono < self.deadline:
            return []
        self._go(State.IDLE)
        return [Release(self._token), self._incident(now, IncidentCode.READER_SILENT, "no answer while reading a card")]

    def _writing_tick(self, told: i.Tick, now: Now) -> list[Action]:
        if self.deadline is None or now.mono < self.deadline:
            return []
        note = self._incident(now, IncidentCode.READER_SILENT, "no answer while writing a card")
        return [*self._unopened(OutcomeKind.CARD_UNCONFIRMED, now), note]

    # Parts of several handlers

    def _go(self, state: State, deadline: float | None = None) -> None:
        self.state = state
        self.deadline = deadline

    def _admitted(self) -> _Current:
        if self._current is None:
            raise ImpossibleInput(f"no admission while {self.state}")
        return self._current

    def _owe(self, name: bytes, persons: int, party: int, now: Now) -> OwedEntry | None:
        if persons < 1:
            return None
        today = now.wall.astimezone(self._gate.zone).date()
        self._owed.prune(now.mono, today)
        entry = OwedEntry(name, persons, now.mono + OWED_S, today if party > 1 else None)
        self._owed.add(entry)
        return entry

    def _show_base(self) -> Show:
        if not self.faults:
            return Show(Lamp.IDLE, "prompt.ready")
        return Show(Lamp.OUT, f"gate.{min(self.faults)}")

    def _refuse(
        self,
        token: int | None,
        uid: bytes,
        reason: Reason,
        now: Now,
        detail: str = "",
        ticket: int | None = None,
        *,
        lamp: Lamp = Lamp.REFUSE,
        shown: Mapping[str, object] | None = None,
    ) -> list[Action]:
        medium = Medium(MediumKind.CARD, uid).to_bytes()
        actions: list[Action] = [] if token is None else [Release(token)]
        actions += [
            Show(lamp, f"reason.{reason.value}", shown or {}),
            RecordNote(Refused(now.wall_ms, reason.value, medium, ticket)),
            Log(f"refused {reason.value} card {uid.hex()}" + (f": {detail}" if detail else "")),
        ]
        return actions

    def _incident(self, now: Now, code: IncidentCode, detail: str) -> RecordNote:
        return RecordNote(Incident(now.wall_ms, code.value, short_text(detail)))


def _until(refuse: Refuse, gate: GateProfile) -> Mapping[str, object]:
    until = refuse.until.astimezone(gate.zone).strftime("%H:%M") if refuse.until else ""
    return {"until": until, "gate": refuse.gate or 0}


Handler = Callable[[Passage, Any, Now], list[Action]]

_P = Passage
_ALWAYS: dict[type, Handler] = {
    i.CardSeen: _P._busy,
    i.FieldEmpty: _P._empty_while_busy,
    i.CardRead: _P._stale_card,
    i.CardUnread: _P._stale,
    i.CardWritten: _P._stale,
    i.ReaderReady: _P._ready,
    i.ReaderLost: _P._lost,
    i.LaneForced: _P._forced,
    i.FaultChanged: _P._fault,
    i.DenyListArrived: _P._denied,
    i.Tick: _P._tick,
}
TABLE: dict[State, dict[type, Handler]] = {
    State.RECOVERING: _ALWAYS | {i.LanePassed: _P._drained_pass, i.LaneClosed: _P._drained},
    State.IDLE: _ALWAYS | {i.CardSeen: _P._seen, i.FieldEmpty: _P._empty},
    State.READING: _ALWAYS | {i.CardRead: _P._read, i.CardUnread: _P._unread, i.Tick: _P._reading_tick},
    State.COMMITTING: _ALWAYS | {i.AdmissionRecorded: _P._recorded, i.AdmissionFailed: _P._not_recorded},
    State.WRITING: _ALWAYS | {i.CardWritten: _P._written, i.Tick: _P._writing_tick},
    State.OPEN: _ALWAYS | {i.LanePassed: _P._passed, i.LaneClosed: _P._closed},
}
