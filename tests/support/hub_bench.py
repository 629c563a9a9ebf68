# SPDX-License-Identifier: Apache-2.0
"""Gates and a hub without threads: real passage protocols, real cores, the hub's real journal, a network in a list.

A gate's journal is what it says in memory and survives `crash`; everything else of a gate does not.
"""

import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gate_bench import ISSUER, claim
from passage_bench import Remembered, judge, later

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.admission import Unfinished
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedBook, OwedEntry, UnsettledBook
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.hub.core import ALL, Answer, Hub
from pistegate_edge.hub.store import FILE_NAME, HubStore
from pistegate_edge.journal.files import Files
from pistegate_edge.parts.reserving import owed_told
from pistegate_edge.reserving.core import Kept, Ledger, Reserving
from pistegate_edge.reserving.told import NotReserved, Reserved, Taken
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.decide import Admit, GateProfile, Owed
from pistegate_protocol.events import EVENTS, Admitted, EpochOpened, Event, admission_name, new_epoch
from pistegate_protocol.hub_messages import FROM_HUB, TO_HUB, FromHub, ToHub
from pistegate_protocol.signing import sign_claim
from pistegate_protocol.usage import decode_usage, usage_file

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Message:
    """On its way: to the hub from `gate`, or down to it."""

    gate: int
    up: bool
    data: bytes


@dataclass
class Made:
    """An admission. `granted`: with the hub; `lied`: the hub that granted it was not ours."""

    gate: int
    ticket: int
    name: bytes
    n: int
    charged: int
    reoffer_of: bytes | None
    granted: bool
    run: int


class ModelGate:
    """One gate; `send` takes what it says to the hub."""

    def __init__(self, number: int, post: frozenset[int], now: Callable[[], Now], send: Callable[[int, ToHub], None]):
        self.number, self.post, self._now, self._send = number, post, now, send
        self.counter = 0
        self.ledger: dict[int, list[bytes]] = {}
        self.memory = Remembered()
        self.owed: dict[bytes, OwedEntry] = {}
        self.open: Unfinished | None = None
        self.made: list[Made] = []
        self.beyond: list[Made] = []
        """Granted admissions that this gate alone would have refused, and did not hand over."""
        self.boot()

    def boot(self) -> None:
        """A new run on what the journal holds."""
        self.counter += 1
        self.epoch = new_epoch(self.counter, self.number)
        self.ledger[self.epoch] = []
        self._append(EpochOpened(1, 0, b"", "test"), grown=False)
        profile = GateProfile(site=1, group=1, gate=self.number, post_gates=self.post, area=0, zone=ZONE)
        unfinished = [self.open] if self.open else []
        books = OwedBook([replace(entry, ticket=None) for entry in self.owed.values()]), UnsettledBook()
        self.passage = Passage(judge(gate=profile, memory=self.memory), *books, unfinished, hub=True)
        ledger = Ledger(self._kept, self._events, self._owed_told)
        self.core = Reserving(self.epoch, len(self.ledger[self.epoch]), ledger, self.post, leads_out=False)
        self.granted: set[int] = set()
        self.alone_admits: dict[int, int] = {}
        self.tell(i.ReaderReady())
        self.tell(i.FaultChanged(i.Fault.STARTING, False))
        if unfinished:
            self.tell(i.LaneClosed(0))
        self.core.connected(self._now().mono)
        self.flush()

    @property
    def state(self) -> State:
        """The passage protocol's."""
        return self.passage.state

    def show(self, text: str) -> None:
        """A code before the scanner, as a new presentation."""
        self.passage.codes._seen.clear()
        self.tell(i.CodeSeen(text))

    def close(self, passed: int) -> None:
        """The lane is shut again after so many persons."""
        current = self.passage.admitted()
        passed = min(passed, current.event.n)
        if passed and passed < current.event.n:
            self.tell(i.LanePassed(passed))
        self.tell(i.LaneClosed(passed))

    def tick(self) -> None:
        """Time went on."""
        now = self._now()
        if self.passage.deadline is not None and now.mono >= self.passage.deadline:
            self.tell(i.Tick())
        self._take(self.core.tick(now.mono, busy=False))
        self.flush()

    def due(self) -> None:
        """What is to be done at once is done."""
        deadline = self.core.deadline(busy=False)
        if deadline is not None and deadline <= self._now().mono:
            self.tick()

    def arrived(self, message: FromHub) -> None:
        """From the hub."""
        self._take(self.core.take(message, self._now().mono))
        self.flush()

    def flush(self) -> None:
        """Send what is to be sent."""
        sent, self.core.out = self.core.out, []
        for message in sent:
            self._send(self.number, message)

    def tell(self, told: i.Input) -> None:
        """An input, and what it asks for, in order."""
        pending = deque([told])
        while pending:
            for action in self.passage.handle(pending.popleft(), self._now()):
                pending.extend(self._perform(action))
        self.flush()

    def _perform(self, action: a.Action) -> list[i.Input]:
        if isinstance(action, a.Reserve):
            now = self._now().mono
            if not self.core.reserve(action.number, action.ticket, action.n, action.counters, now):
                return [i.Alone(action.number)]
        elif isinstance(action, a.Decided):
            self.core.decided(action.number, self._now().mono)
        elif isinstance(action, a.LetGo):
            for name in action.names:
                self.owed.pop(name, None)
            self.core.let_go(action.names)
        elif isinstance(action, a.RecordAdmission):
            return [self._admit(action)]
        elif isinstance(action, a.RecordOutcome):
            self.open = None
            self._append(action.event)
            if action.owed is not None:
                self.owed[action.owed.admission] = action.owed
            if action.spent is not None:
                self.owed.pop(action.spent, None)
        return []

    def _admit(self, action: a.RecordAdmission) -> i.Input:
        event = action.event
        seq = self._append(event)
        name = admission_name(self.number, self.epoch, seq)
        used = decode_usage(usage_file(event.counters, event.claim, name))
        self.memory.tickets[event.ticket] = replace(self.memory.ticket_usage(event.ticket), others=used)
        self.open = Unfinished(
            self.epoch, seq, name, event.prev, event.n, action.party, event.medium, event.claim, 0, event.reoffer_of
        )
        granted = self.passage.admitted().reserved in self.granted
        self.made.append(
            Made(self.number, event.ticket, name, event.n, event.charged, event.reoffer_of, granted, self._run())
        )
        most = self.alone_admits.get(self.passage.admitted().reserved)
        if most is not None and event.n > most:
            self.beyond.append(self.made[-1])
        return i.AdmissionRecorded(self.epoch, seq, name)

    def _judged(self, number: int) -> None:
        """Before a grant is taken: whether this gate alone would admit, or handed over whom it owed itself."""
        waiting = self.passage.reserving.waiting
        if waiting is None or waiting.number != number:
            return
        handed = self.passage.reserving.handed.get(waiting.ticket.number)
        most = 0 if handed is None else handed.persons
        self.alone_admits[number] = 255 if isinstance(waiting.alone, Admit) else most

    def _run(self) -> int:
        return self.core._run or 0

    def _take(self, told: list[Any]) -> None:
        for each in told:
            if isinstance(each, Reserved):
                self._judged(each.number)
                offer = each.offer
                owed = None if offer is None or offer.gate not in self.post else Owed(offer.admission, offer.persons)
                self.granted.add(each.number)
                self.tell(i.Granted(each.number, each.elsewhere, owed))
            elif isinstance(each, NotReserved):
                self.tell(i.Alone(each.number, each.why))
            elif isinstance(each, Taken):
                self.tell(i.OwedTaken(each.names))

    def _append(self, event: Event, *, grown: bool = True) -> int:
        self.ledger[self.epoch].append(EVENTS.encode(event))
        seq = len(self.ledger[self.epoch])
        if grown:
            self.core.grown(seq, self._now().mono)
        return seq

    def _kept(self) -> list[Kept]:
        return [Kept(epoch, 1, len(events)) for epoch, events in self.ledger.items()]

    def _events(self, epoch: int, first: int, most: int) -> list[bytes]:
        return self.ledger[epoch][first - 1 : first - 1 + most]

    def _owed_told(self) -> list[Any]:
        return owed_told(self.passage.owed.to_hand_over(), self._now(), ZONE, leads_out=False)


@dataclass
class Site:
    """Gates, their hub and what is between them. `lies`: what a hub that is not ours answers instead."""

    count: int
    kinds: dict[int, dict[str, Any]]
    one_post: bool = True
    hub_type: type[Hub] = Hub
    store_type: type[HubStore] = HubStore
    gate_type: type[ModelGate] = ModelGate
    seconds: float = 0.0
    wire: list[Message] = field(default_factory=list)
    run: int = 100
    weak: bool = False
    """The hub lost what it had acknowledged, and had to go on before every gate had told it again."""
    restored: bool = False
    cut: set[int] = field(default_factory=set)
    """Gates that nothing reaches, and from which nothing comes."""

    def __post_init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="hub-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.claims = {ticket: claim(ticket=ticket, **terms) for ticket, terms in self.kinds.items()}
        self.texts = {ticket: ticket_text(sign_claim(each, BEARER, ISSUER)) for ticket, each in self.claims.items()}
        self.image: Path | None = None
        self.hub: Hub | None = None
        self.store: HubStore | None = None
        self.start_hub()
        post = frozenset(range(1, self.count + 1))
        self.gates = {
            number: self.gate_type(number, post if self.one_post else frozenset({number}), self.now, self.sent)
            for number in post
        }

    def close(self) -> None:
        """Everything away."""
        if self.store is not None:
            self.store.close()
        shutil.rmtree(self.directory)

    def now(self) -> Now:
        """By the site's clock."""
        return later(self.seconds)

    # Network

    def sent(self, gate: int, message: ToHub) -> None:
        """A gate says something."""
        self.wire.append(Message(gate, True, TO_HUB.encode(message)))

    def answered(self, answers: list[Answer]) -> None:
        """The hub says something."""
        for gate, message in answers:
            for number in self.gates if gate == ALL else [gate]:
                self.wire.append(Message(number, False, FROM_HUB.encode(message)))

    def deliver(self, message: Message) -> None:
        """One message arrives, unless its gate is cut off."""
        if message.gate in self.cut:
            return
        if not message.up:
            self.gates[message.gate].arrived(FROM_HUB.decode(message.data))
        elif self.hub is not None and self.store is not None:
            with self.store.commit():
                answers = self.hub.take(message.gate, TO_HUB.decode(message.data), self.now())
                if self.restored and self.hub._awaited and self.hub.settled(self.now()):
                    self.weak = True
            self.answered(answers)

    def settle(self, rounds: int = 400) -> None:
        """Everything is delivered, in order."""
        for _ in range(rounds):
            if not self.wire:
                for gate in self.gates.values():
                    gate.due()
            if not self.wire:
                return
            self.deliver(self.wire.pop(0))
        raise AssertionError("they never come to rest")

    def wait(self, seconds: float) -> None:
        """Time goes on, and whoever waits is told."""
        self.seconds += seconds
        for gate in self.gates.values():
            gate.tick()

    def calm(self) -> None:
        """A while without faults: whoever can be known is known."""
        self.cut.clear()
        if self.hub is None:
            self.start_hub()
        for _ in range(12):
            self.wait(0.5)
            self.settle()

    # Hub

    def start_hub(self) -> None:
        """A new run of the hub on what its journal holds."""
        self.run += 1
        self.store = self.store_type(Files(self.directory), 1, 1, "stamp")
        self.hub = self.hub_type(self.store, self.run, self.now())
        if hasattr(self, "gates"):
            self.answered([self.hub.hail()])

    def kill_hub(self) -> None:
        """It is gone from one moment to the next."""
        if self.store is not None:
            self.store.close()
        self.hub = self.store = None

    def save(self) -> None:
        """A copy of the hub's journal, as a backup makes it."""
        assert self.store is not None
        self.store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.image = self.directory / "image"
        shutil.copy(self.directory / FILE_NAME, self.image)

    def restore(self) -> None:
        """The copy takes the journal's place."""
        assert self.image is not None
        self.kill_hub()
        for suffix in ("-wal", "-shm"):
            (self.directory / (FILE_NAME + suffix)).unlink(missing_ok=True)
        shutil.copy(self.image, self.directory / FILE_NAME)
        self.restored = True
        self.start_hub()

    # What happened

    @property
    def made(self) -> list[Made]:
        """Every admission."""
        return [made for gate in self.gates.values() for made in gate.made]

    def allowance(self, ticket: int) -> int:
        """Persons that a ticket lets in, in all."""
        what = self.claims[ticket]
        return (what.entries_total or 0) * what.party

    def charged(self, ticket: int, *, granted: bool | None = None, gate: int | None = None) -> int:
        """Persons charged."""
        return sum(
            made.charged
            for made in self.made
            if made.ticket == ticket and granted in (None, made.granted) and gate in (None, made.gate)
        )


def admitted_events(gate: ModelGate) -> list[Admitted]:
    """From the gate's ledger."""
    found = [EVENTS.decode(data) for events in gate.ledger.values() for data in events]
    return [event for event in found if isinstance(event, Admitted)]
