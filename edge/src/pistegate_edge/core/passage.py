# SPDX-License-Identifier: Apache-2.0
"""The passage protocol of one lane as a table: {state: {input: handler}}; what is not in it raises.

Promises kept here: the lane opens only after a durable admission whose card confirmed its commit, at most once per
admission and never for one of an earlier run; one presentation gives at most one admission, and so does one pocket;
every admission of this run gets exactly one outcome. While a lane is in an attendant's hands no ticket is used.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from pistegate_edge.core import inputs as i
from pistegate_edge.core import prompts
from pistegate_edge.core.actions import (
    Action,
    By,
    IncidentCode,
    Lamp,
    Log,
    OpenLane,
    Read,
    RecordAdmission,
    RecordOutcome,
    RecordProgress,
    RecordSettled,
    Release,
    Show,
)
from pistegate_edge.core.admission import Current, admission
from pistegate_edge.core.admission import Unfinished as Unfinished
from pistegate_edge.core.attended import KEY, Attended, Reasons
from pistegate_edge.core.judge import Believed, Judge
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OWED_S, OwedBook, OwedEntry, Unsettled, UnsettledBook
from pistegate_edge.core.presentation import Presentation, Presentations
from pistegate_edge.core.reading import Unusable
from pistegate_edge.core.service import Service
from pistegate_edge.core.telling import incident, refuse, told_refusal
from pistegate_edge.lane.core import words
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.decide import Decision, GateProfile, Refuse
from pistegate_protocol.events import Outcome, OutcomeKind, Settled
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind
from pistegate_protocol.usage import Usage

READ_TRIES = 3  # attempts to read one held card before it is refused
READ_DEADLINE_S = 3.0  # seconds; a read over a 115200 baud line takes 0.2, one with a switch of key sets 0.5
# What a staff card may be refused for and still let people through: its own ride is not asked about.
STAFF_REFUSALS = frozenset({Reason.PASSBACK, Reason.ALREADY_INSIDE})
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


class Passage:
    """The state machine; `handle` is the only way in."""

    def __init__(
        self,
        judge: Judge,
        owed: OwedBook,
        unsettled: UnsettledBook,
        unfinished: Sequence[Unfinished] = (),
        reasons: Reasons | None = None,
        *,
        staff_cards: bool = False,
    ) -> None:
        """`staff_cards`: cards of holder class staff let people through; `reasons`: why, for the records."""
        self.state = State.RECOVERING if unfinished else State.IDLE
        self._service = Service()
        self._attended = Attended(words.EXIT if judge.gate.exit else words.ENTRY, reasons or Reasons())
        self._staff_cards = staff_cards
        self.deadline: float | None = None
        self._judge = judge
        self._owed = owed
        self._unsettled = unsettled
        self._unfinished = list(unfinished)
        self._presentations = Presentations()
        self._current: Current | None = None
        self._token = 0

    def handle(self, told: i.Input, now: Now) -> list[Action]:
        """What to do about `told`; ImpossibleInput when the table has no entry."""
        handler = TABLE[self.state].get(type(told))
        if handler is None:
            raise ImpossibleInput(f"{type(told).__name__} while {self.state}")
        return handler(self, told, now)

    def service(self) -> str:
        """The gate's state as Hello tells it."""
        return str(self._service)

    @property
    def faults(self) -> frozenset[i.Fault]:
        """Why the gate is out of service."""
        return frozenset(self._service.faults)

    @property
    def _gate(self) -> GateProfile:
        return self._judge.gate

    # Cards

    def _seen(self, told: i.CardSeen, now: Now) -> list[Action]:
        presentation = self._presentations.seen(told.uid, now.mono)
        if presentation.spent or i.Fault.STARTING in self.faults:
            more = self._attended.still_there(told.uid, now.mono)
            return [Release(told.token), *self._joined([presentation]), *([more] if more else [])]
        if self.faults:
            presentation.spent = True
            return refuse(told.token, told.uid, Reason.OUT_OF_SERVICE, now, lamp=Lamp.KEEP)
        if told.uid in self._judge.facts.lost and not self._gate.exit:
            presentation.spent = presentation.refused = True
            return refuse(told.token, told.uid, Reason.CARD_LOST, now)
        self._token = told.token
        self._go(State.READING, now.mono + READ_DEADLINE_S)
        return [Read(told.token)]

    def _busy(self, told: i.CardSeen, now: Now) -> list[Action]:
        presentation = self._presentations.seen(told.uid, now.mono)
        actions: list[Action] = [Release(told.token), *self._joined([presentation])]
        if not presentation.spent and not presentation.told_wait:
            presentation.told_wait = True
            actions.append(Show(Lamp.KEEP, "prompt.wait"))
        return actions

    def _field(self, told: i.FieldSeen, now: Now) -> list[Action]:
        actions = self._field_while_busy(told, now)
        for presentation in self._presentations.left_unread():
            presentation.spent = True
            actions += refuse(None, presentation.uid, Reason.UNREADABLE, now)
        return actions + self._strangers(told, now)

    def _field_while_busy(self, told: i.FieldSeen, now: Now) -> list[Action]:
        """Who is there; a card beside one that was admitted is not used, and its guest is told so."""
        joined = self._joined(self._presentations.looked(told.cards, now.mono))
        self._strangers_seen(told, now)
        return joined

    def _strangers_seen(self, told: i.FieldSeen, now: Now) -> list[Presentation]:
        found = [self._presentations.seen(f"stranger {kind}".encode(), now.mono) for kind in told.strangers]
        for presentation in found:
            presentation.foreign = True
        return found

    def _joined(self, presentations: Sequence[Presentation]) -> list[Action]:
        """Cards that count with an admitted one: their guest is told once, with the words that help."""
        untold = [one for one in presentations if one.joined and not one.told]
        for presentation in untold:
            presentation.told = True
        if not untold:
            return []
        return [Show(Lamp.KEEP, "prompt.two_cards" if any(one.beside for one in untold) else "prompt.again")]

    def _strangers(self, told: i.FieldSeen, now: Now) -> list[Action]:
        """Cards that are no ski cards are told what to do, unless one of ours is there or may be."""
        ours = self._presentations.one_of_ours()
        if told.cards and not ours:
            return []  # one that may be ours is read first
        untold = [one for one in self._strangers_seen(told, now) if not one.spent]
        for presentation in untold:
            presentation.spent = True
        if ours or not untold or self.faults:
            return []
        reason, key = Reason.FOREIGN_MEDIUM, prompts.strangers(told.strangers)
        return [Show(Lamp.REFUSE, key), *told_refusal(reason, None, now)]

    def _unread(self, told: i.CardUnread, now: Now) -> list[Action]:
        if told.token != self._token:
            return []
        self._go(State.IDLE)
        presentation = self._presentations.seen(told.uid, now.mono)
        if told.problem is i.ReadProblem.FOREIGN:
            presentation.spent = presentation.foreign = True
            return [Log(f"card {told.uid.hex()} is none of ours: {told.detail}")]  # told when all the field is known
        presentation.failed_reads += 1
        if told.problem is i.ReadProblem.TORN and presentation.failed_reads < READ_TRIES:
            return [Log(f"card {told.uid.hex()} torn while read: {told.detail}"), Show(Lamp.KEEP, "prompt.reading")]
        presentation.spent = True
        torn = told.problem is i.ReadProblem.TORN
        reason = Reason.UNREADABLE if torn else Reason.CARD_KEY_REFUSED
        return refuse(None, told.uid, reason, now, told.detail)

    def _read(self, told: i.CardRead, now: Now) -> list[Action]:
        if told.token != self._token:
            return [Release(told.token)]
        presentation = self._presentations.seen(told.uid, now.mono)
        presentation.spent = True
        medium = Medium(MediumKind.CARD, told.uid)
        card = self._judge.believe(told, medium)
        if isinstance(card, Unusable):
            return self._unusable(told.token, presentation, card.reason, now, card.detail, card.ticket)
        ticket = card.ticket
        actions: list[Action] = []
        if card.rolled_back:
            actions.append(incident(now, IncidentCode.CARD_ROLLED_BACK, card.rolled_back))
            if not self._gate.exit:
                reason = Reason.CARD_ROLLED_BACK
                return actions + self._unusable(
                    told.token, presentation, reason, now, card.rolled_back, ticket.claim.ticket
                )
        else:  # what an old image names settles nothing
            actions += self._settle(medium, ticket.usage, now)
        today = now.wall.astimezone(self._gate.zone).date()
        decision = self._judge.decide(card, self._owed.of(ticket.usage.admission, now.mono, today), now)
        if self._is_staff(card, decision):
            return actions + self._staff(told, card, now)
        if self._attended.mode != words.NORMAL:
            return actions + self._not_now(told.token)
        if isinstance(decision, Refuse):
            shown = prompts.refused(decision, self._gate.zone)
            return actions + self._unusable(
                told.token, presentation, decision.reason, now, ticket=ticket.claim.ticket, shown=shown
            )
        presentation.admitted = True
        self._current = admission(told.token, medium, card, decision, self._gate, now)
        self._go(State.COMMITTING)
        return [*actions, RecordAdmission(self._current.event, self._current.party)]

    def _is_staff(self, card: Believed, decision: Decision) -> bool:
        """A card that may let people through: of staff, genuine, valid here and now."""
        if not self._staff_cards or card.rolled_back or card.ticket.claim.holder is not HolderClass.STAFF:
            return False
        return not isinstance(decision, Refuse) or decision.reason in STAFF_REFUSALS

    def _staff(self, told: i.CardRead, card: Believed, now: Now) -> list[Action]:
        self._go(State.IDLE)
        by = By(Medium(MediumKind.CARD, told.uid).to_bytes(), card.ticket.claim.ticket)
        asked = self._attended.tapped(told.uid, by, now.mono)
        line = Log(f"staff card {told.uid.hex()}: {asked.mode if asked else 'the key holds the lane'}")
        return [Release(told.token), line, asked or Show(Lamp.KEEP, f"lane.{self._attended.mode}")]

    def _not_now(self, token: int) -> list[Action]:
        """No ticket is used while people go through without."""
        self._go(State.IDLE)
        return [Release(token), Show(Lamp.KEEP, f"lane.{self._attended.mode}")]

    def _unusable(
        self,
        token: int,
        presentation: Presentation,
        reason: Reason,
        now: Now,
        detail: str = "",
        ticket: int | None = None,
        shown: Mapping[str, object] | None = None,
    ) -> list[Action]:
        """A card of ours that is not admitted; the second one in a pocket is told to come alone."""
        self._go(State.IDLE)
        presentation.refused = True
        key = f"reason.{reason.value}"
        if self._presentations.other_refused(presentation.uid):
            key = f"reason.{Reason.TWO_CARDS.value}"
        return refuse(token, presentation.uid, reason, now, detail, ticket, key=key, shown=shown)

    def _settle(self, medium: Medium, usage: Usage, now: Now) -> list[Action]:
        actions: list[Action] = []
        for told in self._unsettled.settle(medium.to_bytes(), usage.claim, usage.admission):
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
        return [current.write()]

    def _not_recorded(self, told: i.AdmissionFailed, now: Now) -> list[Action]:
        current = self._admitted()
        self._current = None
        self._go(State.IDLE)
        return refuse(current.token, current.event.medium[1:], Reason.OUT_OF_SERVICE, now, told.detail)

    def _written(self, told: i.CardWritten, now: Now) -> list[Action]:
        current = self._admitted()
        if told.token != current.token:
            return self._stale(told, now)
        self._presentations.seen(current.event.medium[1:], now.mono)
        if told.result is i.WriteResult.OK:
            self._go(State.OPEN)
            current.proof = told.proof
            line = f"admitted ticket {current.event.ticket} n={current.event.n} seq={current.seq}"
            return [OpenLane(current.event.n), current.shown, Log(line)]
        kind = OutcomeKind.CARD_VOID if told.result is i.WriteResult.VOID else OutcomeKind.CARD_UNCONFIRMED
        return [*self._unopened(kind, now), Log(f"card session {told.token}: {told.result} {told.detail}")]

    def _unopened(self, kind: OutcomeKind, now: Now) -> list[Action]:
        """The card was not confirmed: the lane stays shut."""
        current = self._admitted()
        self._current = None
        self._go(State.IDLE)
        event = current.outcome(kind, 0, now)
        again = Show(Lamp.REFUSE, "prompt.again")
        if kind is OutcomeKind.CARD_VOID:
            return [again, RecordOutcome(event)]
        self._unsettled.add(current.unsettled())
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
        event = current.outcome(kind, told.passed, now)
        owed = self._owe(current.name, current.event.n - told.passed, current.party, now)
        if current.event.reoffer_of is not None:
            self._owed.spend(current.event.reoffer_of)
        return [
            self._show_base(),
            RecordOutcome(event, owed, spent=current.event.reoffer_of, memory=current.memory),
            Log(f"{kind.name.lower()} {told.passed} of {current.event.n} seq={current.seq}"),
        ]

    def _drained_pass(self, told: i.LanePassed, now: Now) -> list[Action]:
        last = self._unfinished[-1]
        if last.passed >= last.n:
            return [incident(now, IncidentCode.PASSES_BEYOND_ADMITTED, f"seq {last.seq}")]
        self._unfinished[-1] = replace(last, passed=last.passed + 1)
        return [RecordProgress(last.epoch, last.seq, last.passed + 1)]

    def _drained(self, told: i.LaneClosed, now: Now) -> list[Action]:
        self._go(State.IDLE)
        actions: list[Action] = []
        for left in self._unfinished[:-1]:
            actions += self._interrupted(left, now)
        last = self._unfinished.pop()
        self._unfinished.clear()
        if not told.exact:
            return actions + self._interrupted(last, now)
        if told.passed > last.n:
            code = IncidentCode.PASSES_BEYOND_ADMITTED
            actions.append(incident(now, code.value, f"seq {last.seq}"))
        exact = replace(last, passed=min(told.passed, last.n))
        return actions + self._interrupted(exact, now, known=True)

    def _interrupted(self, last: Unfinished, now: Now, *, known: bool = False) -> list[Action]:
        """`known`: the lane counted on while nobody listened, so that who did not pass is known too."""
        left = last.n - last.passed
        unknown = 0 if known else left
        event = Outcome(now.wall_ms, last.epoch, last.seq, OutcomeKind.INTERRUPTED, last.passed, unknown)
        self._unsettled.add(
            Unsettled(last.name, last.prev, last.epoch, last.seq, last.medium, last.claim, last.reoffer_of)
        )
        # Unknown persons are owed for 120 s only, of a party too: nobody knows that they did not pass.
        owed = self._owe(last.name, left, last.party if known else 1, now)
        line = f"interrupted admission seq={last.seq}: passed {last.passed} of {last.n}, unknown {unknown}"
        return [RecordOutcome(event, owed, unsettled=True), Log(line)]

    def _happened(self, told: i.LaneIncident, now: Now) -> list[Action]:
        """The attendant is told at once what to do; the guest's answer goes on showing."""
        return [Show(Lamp.KEEP, f"incident.{told.code}"), incident(now, told.code, "")]

    def _lane_fault(self, told: i.LaneFault, now: Now) -> list[Action]:
        if not self._service.lane(told.code, told.present):
            return []
        note = incident(now, told.code, "" if told.present else "over")
        line = Log(f"lane: {told.code}" + ("" if told.present else " is over"))
        if not told.present or self.state is State.OPEN:
            return [note, line, *([] if self.state is State.OPEN else [self._show_base()])]
        return [self._show_base(), Show(Lamp.KEEP, f"lane.{told.code}"), note, line]

    # Without tickets

    def _counted(self, told: i.LaneCounted, now: Now) -> list[Action]:
        return [self._attended.counted(told.direction, now)]

    def _mode(self, told: i.LaneMode, now: Now) -> list[Action]:
        return self._attended_from(told.mode, KEY, 1, now)

    def _overridden(self, told: i.Overridden, now: Now) -> list[Action]:
        return self._attended_from(told.asked.mode, told.asked.by, told.asked.persons, now)

    def _attended_from(self, mode: str, by: By, persons: int, now: Now) -> list[Action]:
        records = self._attended.begun(mode, by, persons, now)
        self._service.mode = mode
        who = "key" if by == KEY else f"staff card {by.medium[1:].hex() if by.medium else ''}"
        line = Log(f"lane is {mode}" + (f" by {who}" if mode != words.NORMAL else ""))
        return [*records, line, *([] if self.state is State.OPEN else [self._show_base()])]

    # Service

    def _ready(self, told: i.ReaderReady, now: Now) -> list[Action]:
        return self._fault(i.FaultChanged(i.Fault.READER, False), now)

    def _lost(self, told: i.ReaderLost, now: Now) -> list[Action]:
        self._presentations.frozen()
        if self.state is State.READING:
            self._go(State.IDLE)
        known = i.Fault.READER in self.faults
        actions = self._fault(i.FaultChanged(i.Fault.READER, True, told.detail), now)
        return actions if known else [*actions, incident(now, IncidentCode.READER_LOST, told.detail)]

    def _fault(self, told: i.FaultChanged, now: Now) -> list[Action]:
        if not self._service.change(told.fault, told.present):
            return []
        state = self.service().replace("_", " ")
        line = Log(f"{state} ({told.detail})" if told.detail else state)
        if self.state is State.OPEN:
            return [line]  # the lamps belong to the passage; the base shows when it is over
        return [self._show_base(), line]

    def _told(self, told: i.FactsArrived, now: Now) -> list[Action]:
        self._judge.facts = told.facts
        return []

    def _tick(self, told: i.Tick, now: Now) -> list[Action]:
        return []

    def _reading_tick(self, told: i.Tick, now: Now) -> list[Action]:
        if self.deadline is None or now.mono < self.deadline:
            return []
        self._go(State.IDLE)
        return [Release(self._token), incident(now, IncidentCode.READER_SILENT, "no answer while reading a card")]

    def _writing_tick(self, told: i.Tick, now: Now) -> list[Action]:
        if self.deadline is None or now.mono < self.deadline:
            return []
        note = incident(now, IncidentCode.READER_SILENT, "no answer while writing a card")
        return [*self._unopened(OutcomeKind.CARD_UNCONFIRMED, now), note]

    # Parts of several handlers

    def _go(self, state: State, deadline: float | None = None) -> None:
        self.state = state
        self.deadline = deadline

    def _admitted(self) -> Current:
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
        return self._service.shown()


Handler = Callable[[Passage, Any, Now], list[Action]]

_P = Passage
_ALWAYS: dict[type, Handler] = {
    i.CardSeen: _P._busy,
    i.FieldSeen: _P._field_while_busy,
    i.CardRead: _P._stale_card,
    i.CardUnread: _P._stale,
    i.CardWritten: _P._stale,
    i.ReaderReady: _P._ready,
    i.ReaderLost: _P._lost,
    i.LaneIncident: _P._happened,
    i.LaneFault: _P._lane_fault,
    i.LaneCounted: _P._counted,
    i.LaneMode: _P._mode,
    i.Overridden: _P._overridden,
    i.FaultChanged: _P._fault,
    i.FactsArrived: _P._told,
    i.Tick: _P._tick,
}
TABLE: dict[State, dict[type, Handler]] = {
    State.RECOVERING: _ALWAYS | {i.LanePassed: _P._drained_pass, i.LaneClosed: _P._drained},
    State.IDLE: _ALWAYS | {i.CardSeen: _P._seen, i.FieldSeen: _P._field},
    State.READING: _ALWAYS | {i.CardRead: _P._read, i.CardUnread: _P._unread, i.Tick: _P._reading_tick},
    State.COMMITTING: _ALWAYS | {i.AdmissionRecorded: _P._recorded, i.AdmissionFailed: _P._not_recorded},
    State.WRITING: _ALWAYS | {i.CardWritten: _P._written, i.Tick: _P._writing_tick},
    State.OPEN: _ALWAYS | {i.LanePassed: _P._passed, i.LaneClosed: _P._closed},
}
