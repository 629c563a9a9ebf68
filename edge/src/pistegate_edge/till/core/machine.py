# SPDX-License-Identifier: Apache-2.0
"""The till's protocol as a table: {state: {input: handler}}; what is not in it raises.

Promises kept here: a card is changed only after the change is durable; a request changes a card at most once, however
often it is asked and wherever the card was torn away; while nobody knows whether a card was changed, no other card can
be changed for that request; every change that was begun gets exactly one end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pistegate_edge.card.facts import CardFacts, understand
from pistegate_edge.core.actions import IncidentCode, RecordNote
from pistegate_edge.core.now import Now
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.actions import (
    Action,
    Answer,
    Log,
    RecordEnd,
    RecordUse,
    RefuseRelay,
    Relay,
    Release,
    Tell,
    Want,
    Write,
)
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.job import Job, again, answer_to, done_answer, known_answer
from pistegate_edge.till.core.memory import Counters, Memory, Remembered
from pistegate_edge.till.core.plan import No, TillProfile, load_waiting, make_plan
from pistegate_edge.till.core.requests import CardRequest, Debit, Show, digest
from pistegate_edge.till.core.settling import settle
from pistegate_edge.till.core.unsettled import OpenUse, UnsettledUses
from pistegate_protocol.card_uses import use_record
from pistegate_protocol.desfire.transactions import Debit as CardDebit
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.events import (
    CardUseEnded,
    Incident,
    Refused,
    UseResult,
    short_text,
)
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing

AGAIN_S = 30.0  # seconds at least that a torn card may take to come back; a guest has to be told first
WRITE_DEADLINE_S = 5.0  # seconds; far beyond a commit with retries: only a dead reader thread meets it
REFUSALS_MAX = 3  # times that a card may refuse to be written before the request ends


class State(StrEnum):
    """Each says what is true in it."""

    IDLE = "idle"  # no request; no card is held
    WAITING = "waiting"  # a request stands; the reader looks for a card or reads one; nothing is being changed
    COMMITTING = "committing"  # a change was given to the journal; the card is held
    WRITING = "writing"  # the change is durable; the card is being written
    RELAYING = "relaying"  # the reader is the cloud's


class ImpossibleInput(RuntimeError):
    """An input that cannot come in this state."""


class TillCore:
    """The state machine; `start` once, then `handle` is the only way in."""

    def __init__(
        self,
        till: TillProfile,
        issuers: KeyRing,
        unsettled: Iterable[OpenUse] = (),
        interrupted: Sequence[OpenUse] = (),
        remembered: Iterable[Remembered] = (),
    ) -> None:
        self.state = State.IDLE
        self.faults: set[i.Fault] = {i.Fault.READER}
        self.deadline: float | None = None
        self.memory = Memory(remembered)
        self.unsettled = UnsettledUses(unsettled)
        self._till = till
        self._issuers = issuers
        self._interrupted = list(interrupted)
        self._lost: frozenset[bytes] = frozenset()
        self._loads: Mapping[bytes, bytes] = {}
        self._counters = Counters()
        self._job: Job | None = None
        self._token = 0
        self._relayed = 0

    def start(self, now: Now) -> list[Action]:
        """What the last run left without an end is interrupted: the card has to tell."""
        actions: list[Action] = []
        for use in self._interrupted:
            event = CardUseEnded(now.wall_ms, use.epoch, use.seq, UseResult.INTERRUPTED)
            actions += [RecordEnd(event, use, unsettled=True), Log(f"interrupted card use seq={use.seq}")]
            self.unsettled.add(use)
        self._interrupted.clear()
        return actions

    def handle(self, told: i.Input, now: Now) -> list[Action]:
        """What to do about `told`; ImpossibleInput when the table has no entry."""
        handler = TABLE[self.state].get(type(told))
        if handler is None:
            raise ImpossibleInput(f"{type(told).__name__} while {self.state}")
        return handler(self, told, now)

    def service(self) -> str:
        """The till's state as Hello tells it."""
        if not self.faults:
            return "in_service"
        return "out_of_service: " + ", ".join(sorted(self.faults))

    # Requests

    def _ask(self, told: i.Asked, now: Now) -> list[Action]:
        request = told.request
        known = self._known(told)
        if known is not None:
            return known
        wrong = self._out_of_order(request)
        if wrong is not None:
            return [Tell(told.client, wrong)]
        self._token += 1
        job = Job(request, told.client, self._token, now.mono + request.wait_s)
        if not isinstance(request, Show):
            job.digest = digest(request)
            job.unsure = self.unsettled.of_request(request.id)
        if job.unsure is not None:
            job.uid = job.unsure.event.medium[1:]
        self._job = job
        self._go(State.WAITING, job.until)
        return [Want(job.token), *self._prompt(self._first_prompt(job))]

    def _known(self, told: i.Asked) -> list[Action] | None:
        answer = known_answer(told.request, self.memory, self.unsettled)
        return None if answer is None else [Tell(told.client, answer)]

    def _out_of_order(self, request: CardRequest) -> Answer | None:
        if i.Fault.STOPPING in self.faults:
            return self._not_now(request, Code.STOPPING)
        if isinstance(request, Debit) and request.currency != self._till.currency:
            values = {"currency": request.currency, "till": self._till.currency}
            return answer_to(request, Code.WRONG_CURRENCY, values)
        if i.Fault.DISK in self.faults and not isinstance(request, Show):
            return self._not_now(request, Code.DISK_FULL)
        return None

    def _not_now(self, request: CardRequest, code: Code) -> Answer:
        """Why it cannot be served now; a request that may have been done before is never told as not done."""
        unsure = None if isinstance(request, Show) else self.unsettled.of_request(request.id)
        return answer_to(request, code if unsure is None else Code.UNCONFIRMED)

    def _first_prompt(self, job: Job) -> Code:
        if i.Fault.READER in self.faults:
            return Code.READER_LOST
        return Code.HOLD_CARD if job.unsure is None else Code.HOLD_SAME_AGAIN

    def _ask_busy(self, told: i.Asked, now: Now) -> list[Action]:
        """The program asks again, perhaps over a new connection: it is told; others have to wait."""
        job = self._at_work()
        if told.request.id != job.request.id:
            known = self._known(told)
            return known or [Tell(told.client, self._not_now(told.request, Code.BUSY))]
        same = type(told.request) is type(job.request)
        if not same or (not isinstance(told.request, Show) and digest(told.request) != job.digest):
            return [Tell(told.client, answer_to(told.request, Code.ID_REUSED))]
        job.client = told.client
        return [Tell(job.client, answer_to(told.request, job.told or Code.HOLD_CARD))]

    def _ask_cloud(self, told: i.Asked, now: Now) -> list[Action]:
        return self._known(told) or [Tell(told.client, self._not_now(told.request, Code.BUSY_CLOUD))]

    def _cancel(self, told: i.Cancelled, now: Now) -> list[Action]:
        job = self._at_work()
        if told.id != job.request.id:
            return self._no_cancel(told, now)
        others = [told.client] if told.client != job.client else []
        actions = self._give_up(Code.CANCELLED)
        answers = [action.answer for action in actions if isinstance(action, Tell)]
        return [*actions, *(Tell(client, answer) for client in others for answer in answers)]

    def _too_late(self, told: i.Cancelled, now: Now) -> list[Action]:
        if told.id != self._at_work().request.id:
            return self._no_cancel(told, now)
        return [Tell(told.client, Answer(told.id, Code.TOO_LATE))]

    def _no_cancel(self, told: i.Cancelled, now: Now) -> list[Action]:
        """It does not wait: what became of it, if anything."""
        remembered = self.memory.get(told.id)
        if remembered is not None:
            return [Tell(told.client, again(remembered.answer, None))]
        unsure = self.unsettled.of_request(told.id) is not None
        return [Tell(told.client, Answer(told.id, Code.UNCONFIRMED if unsure else Code.NOTHING_TO_CANCEL))]

    def _gone(self, told: i.Gone, now: Now) -> list[Action]:
        """Nobody is there to see what happens: nothing is begun, but what was begun is brought to its end."""
        job = self._at_work()
        if job.client != told.client:
            return []
        job.client = None
        return self._give_up(Code.CANCELLED) if self.state is State.WAITING else []

    def _give_up(self, code: Code) -> list[Action]:
        """Stop waiting for the card."""
        if self._at_work().unsure is not None:
            return self._finish(Code.UNCONFIRMED)
        return self._finish(code)

    # Cards

    def _met(self, told: i.CardMet, now: Now) -> list[Action]:
        job = self._at_work()
        wanted = told.token == job.token and job.uid in (None, told.uid)
        return self._prompt(Code.HOLD_STILL) if wanted else []

    def _unread(self, told: i.CardUnread, now: Now) -> list[Action]:
        job = self._at_work()
        if told.token != job.token:
            return []
        torn = Code.HOLD_AGAIN if job.unsure is None else Code.HOLD_SAME_AGAIN
        code = _UNREAD.get(told.problem, torn)
        return [*self._prompt(code), Log(f"card not read: {told.problem} {told.detail}")]

    def _read(self, told: i.CardRead, now: Now) -> list[Action]:
        job = self._at_work()
        if told.token != job.token:
            return [Release(told.token)]
        facts = understand(told.files, self._issuers)
        actions, settled = settle(facts, job, self.unsettled, self.memory, now)
        if job.uid is not None and facts.uid != job.uid:
            return [*actions, *self._look_again(Code.OTHER_CARD, now)]
        if job.unsure is not None:
            done = settled.get(job.unsure.name)
            if done is None:
                return [*actions, *self._finish(Code.CANNOT_TELL)]
            if done:
                remembered = self.memory.get(job.request.id)
                values = remembered.answer.values if remembered else {}
                return [*actions, *self._finish(Code.DONE, values)]
            job.unsure = None
        return [*actions, *self._serve(job, facts, now)]

    def _serve(self, job: Job, facts: CardFacts, now: Now) -> list[Action]:
        """The card of a request is here, and what it tells is settled."""
        request = job.request
        if isinstance(request, Show):
            lost = facts.uid in self._lost
            waiting = load_waiting(facts, self._loads.get(facts.uid), self._issuers)
            values = {"kind": "show", "balance": facts.money.wallet.balance, "lost": lost, "waiting": waiting}
            return self._finish(Code.DONE, values, facts)
        reason = self._not_served(facts)
        if reason is not None:
            note = RecordNote(Refused(now.wall_ms, reason.value, facts.medium, facts.ticket_number))
            return [*self._finish(Code(reason.value)), note]
        plan = make_plan(request, facts, self._till, self._loads.get(facts.uid), self._issuers, now)
        if isinstance(plan, No):
            return self._finish(plan.code, {"balance": facts.money.wallet.balance} | dict(plan.values))
        job.plan, job.facts, job.uid = plan, facts, facts.uid
        self._go(State.COMMITTING)
        newest = facts.files.records[0] if facts.files.records else b""
        return [RecordUse(plan.event, request.id, job.digest, facts.counter, newest)]

    def _not_served(self, facts: CardFacts) -> Reason | None:
        if facts.uid in self._lost:
            return Reason.CARD_LOST
        return None if self._counters.seen(facts.uid, facts.counter) else Reason.CARD_ROLLED_BACK

    def _stale_card(self, told: i.CardRead, now: Now) -> list[Action]:
        return [Release(told.token)]

    def _stale_written(self, told: i.CardWritten, now: Now) -> list[Action]:
        return [Log(f"late report of reader session {told.token}: {told.result} {told.detail}")]

    # The change

    def _recorded(self, told: i.UseRecorded, now: Now) -> list[Action]:
        job = self._at_work()
        if job.plan is None or job.facts is None:
            raise ImpossibleInput("a change was recorded that nobody planned")
        event, facts = job.plan.event, job.facts
        job.use = OpenUse(
            epoch=told.epoch,
            seq=told.seq,
            name=told.name,
            event=event,
            request=job.request.id,
            digest=job.digest,
            counter=facts.counter,
            newest=facts.files.records[0] if facts.files.records else b"",
        )
        self._go(State.WRITING, now.mono + WRITE_DEADLINE_S)
        debit = CardDebit(event.purse, event.loads) if event.purse or event.loads else None
        record = use_record(event, self._till.device, told.name)
        return [Write(job.token, record, debit, event.rental or None, event.statement or None)]

    def _not_recorded(self, told: i.UseFailed, now: Now) -> list[Action]:
        return [*self._finish(Code.DISK_FULL), Log(f"the change could not be recorded: {told.detail}")]

    def _written(self, told: i.CardWritten, now: Now) -> list[Action]:
        job = self._at_work()
        use = job.use
        if told.token != job.token or use is None:
            return self._stale_written(told, now)
        if told.result is i.WriteResult.OK:
            return self._confirmed(job, use, told.proof, now)
        log = Log(f"card session {told.token}: {told.result} {told.detail}")
        if told.result is i.WriteResult.UNCONFIRMED:
            return [*self._lost_sight(job, use, now), log]
        return [*self._nothing_changed(job, use, told.refused, now), log]

    def _confirmed(self, job: Job, use: OpenUse, proof: Proof | None, now: Now) -> list[Action]:
        if proof is not None:
            self._counters.seen(use.event.medium[1:], proof.counter)
        answer = done_answer(use, job.plan.told if job.plan else {})
        self.memory.add(Remembered(use.digest, answer))
        told = None if proof is None else (proof.counter, proof.value)
        ended = CardUseEnded(now.wall_ms, use.epoch, use.seq, UseResult.DONE, told)
        # Durable first: from here on a repeated request is answered, also by the next run.
        return [
            RecordEnd(ended, use, unsettled=False, answer=answer),
            *self._finish(Code.DONE, answer.values),
            Log(f"{answer.values['kind']} seq={use.seq} request {use.request}"),
        ]

    def _lost_sight(self, job: Job, use: OpenUse, now: Now) -> list[Action]:
        ended = CardUseEnded(now.wall_ms, use.epoch, use.seq, UseResult.UNCONFIRMED)
        self.unsettled.add(use)
        job.unsure = use
        return [*self._look_again(Code.HOLD_SAME_AGAIN, now), RecordEnd(ended, use, unsettled=True)]

    def _nothing_changed(self, job: Job, use: OpenUse, refused: bool, now: Now) -> list[Action]:
        record = RecordEnd(CardUseEnded(now.wall_ms, use.epoch, use.seq, UseResult.VOID), use, unsettled=False)
        job.refusals += refused
        if job.refusals >= REFUSALS_MAX:
            return [*self._finish(Code.CARD_REFUSED), record]
        return [*self._look_again(Code.HOLD_AGAIN, now), record]

    # The cloud's use of the reader

    def _relay(self, told: i.RelayAsked, now: Now) -> list[Action]:
        self._relayed += 1
        self._go(State.RELAYING)
        return [Relay(told.request)]

    def _relay_busy(self, told: i.RelayAsked, now: Now) -> list[Action]:
        return [RefuseRelay(told.request)]

    def _relay_over(self, told: i.RelayOver, now: Now) -> list[Action]:
        if told.served >= self._relayed:  # another request may have crossed this
            self._go(State.IDLE)
        return []

    # Service

    def _ready(self, told: i.ReaderReady, now: Now) -> list[Action]:
        self.faults.discard(i.Fault.READER)
        if self.state is State.WAITING:
            return self._prompt(self._first_prompt(self._at_work()))
        return []

    def _reader_lost(self, told: i.ReaderLost, now: Now) -> list[Action]:
        known = i.Fault.READER in self.faults
        self.faults.add(i.Fault.READER)
        actions: list[Action] = []
        if self.state is State.RELAYING:
            self._go(State.IDLE)  # the desk has told the cloud
        if self.state is State.WAITING:
            actions += self._prompt(Code.READER_LOST)
        if not known:
            actions.append(self._incident(now, IncidentCode.READER_LOST, told.detail))
        return actions

    def _fault(self, told: i.FaultChanged, now: Now) -> list[Action]:
        if told.present:
            self.faults.add(told.fault)
        else:
            self.faults.discard(told.fault)
        if self.state is State.WAITING and told.present and told.fault is i.Fault.STOPPING:
            return self._give_up(Code.STOPPING)
        return []

    def _documents(self, told: i.DocumentsArrived, now: Now) -> list[Action]:
        self._lost, self._loads = told.lost, told.loads
        return []

    def _waiting_tick(self, told: i.Tick, now: Now) -> list[Action]:
        if self.deadline is None or now.mono < self.deadline:
            return []
        return self._give_up(Code.NO_READER if i.Fault.READER in self.faults else Code.NO_CARD)

    def _writing_tick(self, told: i.Tick, now: Now) -> list[Action]:
        job = self._at_work()
        if self.deadline is None or now.mono < self.deadline or job.use is None:
            return []
        note = self._incident(now, IncidentCode.READER_SILENT, "no answer while writing a card")
        return [*self._lost_sight(job, job.use, now), note]

    def _nothing(self, told: i.Input, now: Now) -> list[Action]:
        """Late, or of no concern here."""
        return []

    # Parts of several handlers

    def _go(self, state: State, deadline: float | None = None) -> None:
        self.state = state
        self.deadline = deadline

    def _at_work(self) -> Job:
        if self._job is None:
            raise ImpossibleInput(f"no request while {self.state}")
        return self._job

    def _prompt(self, code: Code) -> list[Action]:
        """Tell what the request waits for; once, until it is something else."""
        job = self._at_work()
        if job.told is code:
            return []
        job.told = code
        return [Tell(job.client, answer_to(job.request, code))]

    def _look_again(self, code: Code, now: Now) -> list[Action]:
        """Let go of the card and wait for it, or another, to be held, while there is somebody to see it."""
        job = self._at_work()
        if job.client is None:
            return self._give_up(Code.CANCELLED)
        before = job.token
        self._token += 1
        job.token, job.plan, job.facts, job.use = self._token, None, None, None
        job.until = max(job.until, now.mono + AGAIN_S)
        self._go(State.WAITING, job.until)
        return [*self._prompt(code), Release(before), Want(job.token)]

    def _finish(
        self, code: Code, values: Mapping[str, object] | None = None, facts: CardFacts | None = None
    ) -> list[Action]:
        job = self._at_work()
        self._job = None
        self._go(State.IDLE)
        answer = Answer(job.request.id, code, values or {}, job.request.locale, facts)
        return [Release(job.token), Tell(job.client, answer)]

    def _incident(self, now: Now, code: IncidentCode, detail: str) -> RecordNote:
        return RecordNote(Incident(now.wall_ms, code.value, short_text(detail)))


_UNREAD = {
    i.Unread.FOREIGN: Code.FOREIGN,
    i.Unread.PHONE: Code.PHONE,
    i.Unread.RESIDENT_ID: Code.RESIDENT_ID,
    i.Unread.KEY_REFUSED: Code.KEY_REFUSED,
    i.Unread.TWO_CARDS: Code.TWO_CARDS,
}

Handler = Callable[[TillCore, Any, Now], list[Action]]

_T = TillCore
_ALWAYS: dict[type, Handler] = {
    i.Asked: _T._ask_busy,
    i.Cancelled: _T._no_cancel,
    i.Gone: _T._gone,
    i.CardMet: _T._nothing,
    i.CardRead: _T._stale_card,
    i.CardUnread: _T._nothing,
    i.CardWritten: _T._stale_written,
    i.RelayAsked: _T._relay_busy,
    i.RelayOver: _T._nothing,
    i.ReaderReady: _T._ready,
    i.ReaderLost: _T._reader_lost,
    i.FaultChanged: _T._fault,
    i.DocumentsArrived: _T._documents,
    i.Tick: _T._nothing,
}
TABLE: dict[State, dict[type, Handler]] = {
    State.IDLE: _ALWAYS | {i.Asked: _T._ask, i.Gone: _T._nothing, i.RelayAsked: _T._relay},
    State.WAITING: _ALWAYS
    | {
        i.Cancelled: _T._cancel,
        i.CardMet: _T._met,
        i.CardRead: _T._read,
        i.CardUnread: _T._unread,
        i.Tick: _T._waiting_tick,
    },
    State.COMMITTING: _ALWAYS | {i.Cancelled: _T._too_late, i.UseRecorded: _T._recorded, i.UseFailed: _T._not_recorded},
    State.WRITING: _ALWAYS | {i.Cancelled: _T._too_late, i.CardWritten: _T._written, i.Tick: _T._writing_tick},
    State.RELAYING: _ALWAYS
    | {
        i.Asked: _T._ask_cloud,
        i.Gone: _T._nothing,
        i.RelayAsked: _T._relay,
        i.RelayOver: _T._relay_over,
    },
}
