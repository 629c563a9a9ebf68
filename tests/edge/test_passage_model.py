# SPDX-License-Identifier: Apache-2.0
"""The passage protocol against a model of cards, arms, journal and power cuts, with whatever order hypothesis finds."""

from dataclasses import dataclass, field

from gate_bench import claim
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from passage_bench import NOW, Remembered, files_of, judge, later, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.admission import Unfinished
from pistegate_edge.core.asking import PROVEN_S
from pistegate_edge.core.owed import OwedBook, OwedEntry, Unsettled, UnsettledBook
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.fingers.told import FingerProblem
from pistegate_protocol.claims import Claim
from pistegate_protocol.events import Admitted, OutcomeKind, admission_name
from pistegate_protocol.records import NAME_BYTES, decode_record
from pistegate_protocol.usage import decode_usage

GATE, EPOCH = 3, 77
FINGERED = 1  # the ticket whose holder's finger is on file


@dataclass
class ModelCard:
    """A card as it physically is."""

    uid: bytes
    claim: Claim
    claim_file: bytes
    usage_file: bytes
    persons_passed: int = 0
    images: list[bytes] = field(default_factory=list)
    """What was on it before, as somebody may have saved it."""

    @classmethod
    def make(cls, number: int, what: Claim) -> "ModelCard":
        uid = bytes([4, number]) * 3 + b"\x00"
        return cls(uid, what, *files_of(what, uid))


@dataclass
class ModelAdmission:
    """A durable admission and what became of it."""

    event: Admitted
    name: bytes
    seq: int
    party: int
    card: ModelCard
    opened: int = 0
    passed: int = 0
    card_ok: bool = False
    outcome: OutcomeKind | None = None
    unknown: int = 0


@dataclass
class Journal:
    """What survives a power cut."""

    admissions: list[ModelAdmission] = field(default_factory=list)
    owed: dict[bytes, OwedEntry] = field(default_factory=dict)
    unsettled: dict[bytes, Unsettled] = field(default_factory=dict)


class PassageModel(RuleBasedStateMachine):
    """Rules do to the machine what the world can do to it."""

    @initialize()
    def start(self) -> None:
        self.seconds = 0.0
        self.token = 0
        self.journal = Journal()
        self.memory = Remembered()
        self.cards = [
            ModelCard.make(1, claim(ticket=1, entries_total=2, reentry_s=60)),
            ModelCard.make(2, claim(ticket=2, party=3, entries_total=1)),
            ModelCard.make(4, claim(ticket=4, entries_total=1)),
            ModelCard.make(3, claim(ticket=3, party=4, batch=2, entries_total=1)),
        ]
        self.in_field: ModelCard | None = None
        self.beside: ModelCard | None = None
        self.offered = self.cards[0]
        self.admissions_of_pocket = 0
        self.sensor = True
        self.boot([])

    def boot(self, unfinished: list[Unfinished]) -> None:
        books = OwedBook(self.journal.owed.values()), UnsettledBook(self.journal.unsettled.values())
        self.machine = Passage(judge(memory=self.memory), *books, unfinished)
        self.tell(i.ReaderReady())
        self.tell(i.FaultChanged(i.Fault.STARTING, False))
        self.question: a.AskFinger | None = None
        self.proven_until = 0.0
        self.sensor_there(self.sensor)

    def tell(self, what: i.Input) -> list[a.Action]:
        actions = self.machine.handle(what, later(self.seconds))
        self.memory.take(actions)
        for action in actions:
            if isinstance(action, a.RecordOutcome):
                self.take_outcome(action)
            elif isinstance(action, a.RecordSettled):
                self.take_settled(action)
            elif isinstance(action, a.AskFinger):
                assert not told(actions, a.RecordAdmission)
                self.question = action
            elif isinstance(action, a.RecordAdmission):
                proven = self.seconds < self.proven_until
                assert action.event.ticket != FINGERED or proven or not self.sensor, "admitted without its finger"
            elif isinstance(action, a.OpenLane):
                admission = self.journal.admissions[-1]
                if admission.event.ticket == FINGERED:
                    self.proven_until = 0.0
                assert admission.card_ok, "the lane opened without a confirmed card"
                assert admission.outcome is None
                assert action.persons == admission.event.n
                admission.opened += 1
        return actions

    def take_outcome(self, action: a.RecordOutcome) -> None:
        (admission,) = [one for one in self.journal.admissions if one.seq == action.event.seq]
        assert admission.outcome is None, "two outcomes of one admission"
        admission.outcome, admission.unknown = action.event.kind, action.event.unknown
        assert action.event.passed == admission.passed
        if action.owed:
            self.journal.owed[action.owed.admission] = action.owed
        if action.spent:
            self.journal.owed.pop(action.spent, None)
        if action.unsettled:
            event = admission.event
            self.journal.unsettled[admission.name] = Unsettled(
                admission.name, event.prev, EPOCH, admission.seq, event.medium, event.claim, event.reoffer_of
            )

    def take_settled(self, action: a.RecordSettled) -> None:
        (admission,) = [one for one in self.journal.admissions if one.seq == action.event.seq]
        del self.journal.unsettled[admission.name]
        assert action.event.charged == admission.card_ok
        for name in action.ended:
            self.journal.owed.pop(name, None)

    # The world

    @rule(seconds=st.sampled_from([0.1, 0.6, 30.0, 130.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.tell(i.Tick())

    @rule(number=st.integers(0, 3))
    def present(self, number: int) -> None:
        card = self.cards[number]
        if self.in_field is not card:
            self.leave()
            self.seconds += 0.6
            self.in_field = card
            self.admissions_of_pocket = 0
        self.offer(card)

    def offer(self, card: ModelCard) -> None:
        self.token += 1
        self.offered = card
        self.tell(i.CardSeen(self.token, card.uid))

    @precondition(lambda self: self.in_field is not None and self.machine.state in (State.IDLE, State.OPEN))
    @rule(number=st.integers(0, 3), seen_together=st.booleans(), read=st.booleans())
    def second_card_of_the_pocket(self, number: int, seen_together: bool, read: bool) -> None:
        """Another card comes into the field while the first one is held; it may hide it for a look."""
        card = self.cards[number]
        if card is self.in_field:
            return
        self.beside = card
        self.seconds += 0.05
        assert self.in_field is not None
        self.tell(i.FieldSeen((self.in_field.uid, card.uid) if seen_together else (card.uid,)))
        self.offer(card)
        if read and self.machine.state is State.READING:
            self.read(torn=False, durable=1)

    @rule()
    def leave(self) -> None:
        if self.in_field is not None:
            self.in_field = self.beside = None
            self.tell(i.FieldSeen())

    @precondition(lambda self: self.machine.state is State.READING)
    @rule(torn=st.booleans(), durable=st.integers(0, 9))
    def read(self, torn: bool, durable: int) -> None:
        card = self.offered
        if torn or not any(card is one for one in (self.in_field, self.beside)):
            self.tell(i.CardUnread(self.token, card.uid, i.ReadProblem.TORN))
            return
        actions = self.tell(i.CardRead(self.token, card.uid, card.usage_file, card.claim_file))
        for record in told(actions, a.RecordAdmission):
            if durable == 0:
                self.tell(i.AdmissionFailed("full"))
                continue
            self.admissions_of_pocket += 1
            seq = len(self.journal.admissions) + 2
            name = admission_name(GATE, EPOCH, seq)
            self.journal.admissions.append(ModelAdmission(record.event, name, seq, record.party, card))
            (write,) = told(self.tell(i.AdmissionRecorded(EPOCH, seq, name)), a.Write)
            self.write = write

    @precondition(lambda self: self.machine.state is State.WRITING)
    @rule(result=st.sampled_from(list(i.WriteResult)), charged=st.booleans())
    def written(self, result: i.WriteResult, charged: bool) -> None:
        admission = self.journal.admissions[-1]
        if result is i.WriteResult.OK or (result is i.WriteResult.UNCONFIRMED and charged):
            self.commit(admission)
        before = admission.opened
        self.tell(i.CardWritten(self.write.token, result))
        assert admission.opened == before + (result is i.WriteResult.OK)

    def commit(self, admission: ModelAdmission) -> None:
        """The card itself: everything written is in force."""
        assert records_name(self.write.record) == admission.name[:NAME_BYTES]
        admission.card.images.append(admission.card.usage_file)
        admission.card.usage_file = self.write.usage
        admission.card_ok = True

    @precondition(lambda self: self.machine.state is State.IDLE)
    @rule(number=st.integers(0, 3), which=st.integers(0, 5))
    def old_image_written_back(self, number: int, which: int) -> None:
        """An attack: whatever was confirmed here is known here, also after power cuts."""
        card = self.cards[number]
        medium, claim_digest = b"\x01" + card.uid, decode_usage(card.usage_file).claim
        confirmed = self.memory.confirmed(medium, claim_digest)
        images = [image for image in card.images if confirmed and confirmed.is_newer_than(decode_usage(image))]
        if not images:
            return
        self.leave()
        self.seconds += 0.6
        self.offer(card)
        if self.machine.state is not State.READING:
            return
        actions = self.tell(i.CardRead(self.token, card.uid, images[which % len(images)], card.claim_file))
        assert not told(actions, a.RecordAdmission), "an old image was admitted"
        codes = {getattr(note.event, "code", getattr(note.event, "reason", "")) for note in told(actions, a.RecordNote)}
        assert codes == {"card_rolled_back"}
        self.tell(i.FieldSeen())
        self.seconds += 0.6

    @precondition(lambda self: self.machine.state is State.OPEN)
    @rule(last=st.booleans())
    def turn(self, last: bool) -> None:
        admission = self.journal.admissions[-1]
        if not last and admission.passed < admission.event.n:
            admission.passed += 1
            admission.card.persons_passed += 1
            self.tell(i.LanePassed(admission.passed))
        if last or admission.passed == admission.event.n:
            self.tell(i.LaneClosed(admission.passed))

    @precondition(lambda self: self.machine.state is State.IDLE)
    @rule(
        number=st.integers(0, 3),
        lift=st.booleans(),
        result=st.sampled_from([i.WriteResult.OK, i.WriteResult.OK, i.WriteResult.OK, i.WriteResult.UNCONFIRMED]),
        charged=st.booleans(),
        passing=st.integers(0, 4),
    )
    def ride(self, number: int, lift: bool, result: i.WriteResult, charged: bool, passing: int) -> None:
        """A whole session in one step, so that long stories are found."""
        if lift:
            self.leave()
            self.seconds += 0.6
        self.present(number)
        if self.machine.state is State.READING:
            self.read(torn=False, durable=1)
        if self.question is not None and charged:
            self.touch(None)
            self.offer(self.cards[number])
            if self.machine.state is State.READING:
                self.read(torn=False, durable=1)
        if self.machine.state is State.WRITING:
            self.written(result, charged)
        for _ in range(passing):
            if self.machine.state is State.OPEN:
                self.turn(last=False)
        if self.machine.state is State.OPEN:
            self.turn(last=True)

    @rule(there=st.booleans())
    def sensor_there(self, there: bool) -> None:
        self.sensor = there
        self.tell(i.FingersKnown(frozenset({FINGERED}) if there else frozenset()))

    @precondition(lambda self: self.question is not None)
    @rule(problem=st.sampled_from([None, None, *FingerProblem]))
    def touch(self, problem: FingerProblem | None) -> None:
        """The sensor answers, once, in whatever state the lane is."""
        assert self.question is not None
        token, self.question = self.question.token, None
        if problem in (None, FingerProblem.SENSOR, FingerProblem.TEMPLATE):
            self.proven_until = self.seconds + PROVEN_S
        now = later(self.seconds).mono
        answer = i.FingerMatched(token, 99, now) if problem is None else i.FingerRefused(token, problem, now)
        assert not told(self.tell(answer), a.OpenLane)

    @rule()
    def reader_pulled(self) -> None:
        self.tell(i.ReaderLost("pulled"))
        self.tell(i.ReaderReady())

    @rule(drained=st.integers(0, 2), card_committed=st.booleans())
    def power_cut(self, drained: int, card_committed: bool) -> None:
        """The process dies in whatever state it is, and starts again on what its journal holds."""
        open_ones = [one for one in self.journal.admissions if one.outcome is None]
        assert len(open_ones) <= 1
        if open_ones and self.machine.state is State.WRITING and card_committed:
            self.commit(open_ones[0])
        self.seconds += 2.0
        self.boot([self.as_unfinished(one) for one in open_ones])
        assert (self.machine.state is State.RECOVERING) == bool(open_ones)
        for admission in open_ones:
            for _ in range(min(drained, admission.event.n - admission.passed) if admission.opened else 0):
                admission.passed += 1
                admission.card.persons_passed += 1
                self.tell(i.LanePassed(admission.passed))
            self.seconds += 6.0
            self.tell(i.LaneClosed(0))
        self.in_field = self.beside = None
        self.tell(i.FieldSeen())

    def as_unfinished(self, one: ModelAdmission) -> Unfinished:
        event = one.event
        return Unfinished(
            EPOCH, one.seq, one.name, event.prev, event.n, one.party, event.medium, event.claim, one.passed,
            event.reoffer_of,
        )  # fmt: skip

    # What must hold at all times

    @invariant()
    def lane_opens_at_most_once_per_admission(self) -> None:
        assert all(one.opened <= 1 for one in self.journal.admissions)

    @invariant()
    def one_pocket_gives_at_most_one_admission(self) -> None:
        assert self.admissions_of_pocket <= 1

    @invariant()
    def cards_count_what_was_charged(self) -> None:
        for card in self.cards:
            charged = sum(one.event.charged for one in self.journal.admissions if one.card is card and one.card_ok)
            assert decode_usage(card.usage_file).used_total == charged

    @invariant()
    def nobody_enters_more_often_than_sold(self) -> None:
        """But for persons whose passage a power cut left unknown, who are owed once more."""
        for card in self.cards:
            unknown = sum(one.unknown for one in self.journal.admissions if one.card is card)
            sold = (card.claim.entries_total or 0) * card.claim.party
            assert card.persons_passed <= sold + unknown

    @invariant()
    def every_admission_but_the_one_under_way_has_its_outcome(self) -> None:
        open_ones = [one for one in self.journal.admissions if one.outcome is None]
        busy = self.machine.state in (State.WRITING, State.OPEN, State.RECOVERING)
        assert len(open_ones) == (1 if busy else 0)


PassageModel.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestPassageModel = PassageModel.TestCase


def records_name(record: bytes) -> bytes:
    """The admission that a card's record names."""
    return decode_record(record).name


def test_the_model_starts() -> None:
    """The bench's clock is the model's zero."""
    assert later(0.0) == NOW
