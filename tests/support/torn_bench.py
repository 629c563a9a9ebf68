# SPDX-License-Identifier: Apache-2.0
"""Lanes of two posts, one guest and one card that is torn wherever a test wants, on a clock that only the test moves.

Passage protocol, journal, card flows and the cloud's rules are the product's own; only reader and lane are played
here, one exchange at a time, so that every cut point can be visited in milliseconds.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from zoneinfo import ZoneInfo

from gate_bench import ISSUER, gate_keys, public

from pistegate_edge.clock import Clock
from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.judge import Judge
from pistegate_edge.core.memory import KnownClaims
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedBook, UnsettledBook
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.journal.journal import Journal
from pistegate_edge.keystore.store import MasterKeyStore
from pistegate_edge.readers.pn532 import CardGone
from pistegate_edge.readers.session import ReadFailed, read_card, write_card
from pistegate_edge.recorder import Recorder
from pistegate_protocol.decide import GateProfile
from pistegate_protocol.events import EVENTS, Event, Stream, admission_name
from pistegate_protocol.signing import KeyRing
from pistegate_simulators.card import DesfireCard

WALL = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)  # 10:00 at the site
AWAY_S = 1.0  # seconds out of the field: the next sight is another presentation
PASS_S = 3.0  # seconds that a guest takes through the lane


class Cut(Enum):
    """How a card is torn at one exchange. A write counts when it is committed, so only the commit has two halves."""

    BEFORE = "the command never reached the card"
    DURING_LOST = "the command reached the card, power failed before it was done"
    DURING_DONE = "power failed after it was done, before the answer began"
    AFTER = "the answer was on its way and got lost"


class BenchClock(Clock):
    """Both clocks, moved by the test."""

    def __init__(self) -> None:
        self.boot_id = "bench"
        self.seconds = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return 1000.0 + self.seconds

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return int((WALL + timedelta(seconds=self.seconds)).timestamp() * 1000)


class HeldCard:
    """A card in a lane's field, as the reader's driver hands it out; torn at exchange `at` (from 0) when told so."""

    def __init__(self, card: DesfireCard, at: int | None = None, cut: Cut = Cut.AFTER) -> None:
        self.uid = card.uid
        self.exchanges = 0
        self.torn = False
        self._card = card
        self._at = at
        self._cut = cut
        card.reset()

    def patient(self, patient: bool) -> None:
        """A torn card is torn, however patient one is."""

    def transceive(self, apdu: bytes) -> bytes:
        """One exchange; CardGone once the card is torn."""
        if self.torn:
            raise CardGone("gone")
        number, self.exchanges = self.exchanges, self.exchanges + 1
        if number != self._at:
            return self._card.process(apdu)
        self.torn = True
        if self._cut in (Cut.DURING_DONE, Cut.AFTER):
            self._card.process(apdu)
        self._card.reset()  # power is gone, and with it whatever was not committed
        raise CardGone(self._cut.value)


@dataclass
class Lane:
    """One gate: passage protocol and journal, and the arm as the guest finds it."""

    number: int
    clock: BenchClock
    passage: Passage
    journal: Journal
    known: KnownClaims
    keys: MasterKeyStore
    shown: list[str] = field(default_factory=list)
    passed: int = 0
    """Persons that went through this arm."""
    _recorder: Recorder = field(init=False)
    _token: int = 0
    _held: HeldCard | None = None
    _content: object = None
    _opening: int = 0

    def __post_init__(self) -> None:
        self._recorder = Recorder(self.journal, self.tell, lambda stream, last: None)
        self.tell(i.ReaderReady())
        self.tell(i.FaultChanged(i.Fault.STARTING, False))

    def now(self) -> Now:
        """The clock's reading."""
        return self.clock.now()

    def hold(self, card: HeldCard, seconds: float = 0.3) -> None:
        """The guest holds a card to the reader until it is torn, or for `seconds` of looks at it."""
        self._held = card
        until = self.clock.seconds + seconds
        while not card.torn and self.clock.seconds <= until:
            self._token += 1
            self.tell(i.CardSeen(self._token, card.uid))
            self.clock.seconds += 0.05
        self._held = None

    def leave(self) -> None:
        """The card is taken out of the field, and stays out for long enough."""
        self.tell(i.FieldSeen())
        self.clock.seconds += AWAY_S
        self.tell(i.FieldSeen())

    def walk(self, through: int | None = None) -> int:
        """Who was let in walks through (None: all); the number of persons that did. The opening is over then."""
        if self.passage.state is not State.OPEN:
            return 0
        persons = self._opening if through is None else through
        for count in range(1, persons + 1):
            self.clock.seconds += PASS_S
            self.passed += 1
            self.tell(i.LanePassed(count))
        self.tell(i.LaneClosed(persons))
        return persons

    def tell(self, told: i.Input) -> None:
        """Give the protocol an input and do what it asks for."""
        for action in self.passage.handle(told, self.now()):
            self._do(action)

    def _do(self, action: a.Action) -> None:
        match action:
            case a.Read():
                self._read(action)
            case a.Write():
                self._write(action)
            case a.RecordAdmission():
                self._recorder.admission(action, self.now())
            case a.RecordOutcome() | a.RecordProgress() | a.RecordSettled():
                self._recorder.record(action, self.now())
            case a.RecordNote():
                self._recorder.note(action.event, self.now())
            case a.OpenLane():
                self._opening = action.persons
            case a.Show():
                self.shown.append(action.key)

    def _read(self, action: a.Read) -> None:
        card = self._held
        assert card is not None
        try:
            content, _ = read_card(card, self.keys, self.known.knows)  # type: ignore[arg-type]
        except (CardGone, ReadFailed) as error:
            problem = error.problem if isinstance(error, ReadFailed) else i.ReadProblem.TORN
            self.tell(i.CardUnread(action.token, card.uid, problem, str(error)))
            return
        self._content = content
        files = content.usage_file, content.claim_file, content.amendment_file
        self.tell(i.CardRead(action.token, card.uid, *files))

    def _write(self, action: a.Write) -> None:
        assert self._held is not None
        result, detail, proof = write_card(self._held, self._content.session, action)  # type: ignore[attr-defined,arg-type]
        self.tell(i.CardWritten(action.token, result, detail, proof))

    def ledger(self) -> list[tuple[bytes, Event]]:
        """Every event of this gate's ledger with the name an admission of that number has."""
        epoch = self.journal.epoch
        _, payloads = self.journal.fetch(Stream.LEDGER, epoch, 1, 10_000)
        events = (EVENTS.decode(payload) for payload in payloads)
        return [(admission_name(self.number, epoch, seq), event) for seq, event in enumerate(events, start=1)]


@dataclass
class Mountain:
    """Lanes 3 and 4 are one post, lane 7 is another one."""

    clock: BenchClock
    lanes: dict[int, Lane]


@contextmanager
def mountain(directory: Path, facts: Facts | None = None) -> Iterator[Mountain]:
    """Three running gates on one clock."""
    clock = BenchClock()
    with ExitStack() as parts:
        lanes = {
            number: parts.enter_context(_lane(directory / str(number), number, post, clock, facts or Facts()))
            for number, post in ((3, {3, 4}), (4, {3, 4}), (7, {7}))
        }
        yield Mountain(clock, lanes)


@contextmanager
def _lane(directory: Path, number: int, post: set[int], clock: BenchClock, facts: Facts) -> Iterator[Lane]:
    directory.mkdir(parents=True)
    profile = GateProfile(
        site=1, group=1, gate=number, post_gates=frozenset(post), area=0, zone=ZoneInfo("Asia/Shanghai"), holders=None
    )
    with Journal(directory, 1, number, 128 * 1024, clock, number, "bench") as journal:
        known = KnownClaims()
        judge = Judge(profile, KeyRing({1: public(ISSUER)}), facts, known, journal)
        passage = Passage(judge, OwedBook(), UnsettledBook())
        yield Lane(number, clock, passage, journal, known, MasterKeyStore(gate_keys()))


def merged(lanes: Sequence[Lane]) -> list[tuple[int, bytes, Event]]:
    """All ledgers: (gate, admission name, event)."""
    return [(lane.number, name, event) for lane in lanes for name, event in lane.ledger()]
