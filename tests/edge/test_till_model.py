# SPDX-License-Identifier: Apache-2.0
"""The till protocol against a model of cards, tills, tears and power cuts, with whatever order hypothesis finds."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from till_bench import ModelCard, ModelJournal, debit, later, statement, told

from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.codes import Event
from pistegate_edge.till.core.machine import State, TillCore
from pistegate_edge.till.core.requests import parse_request
from pistegate_protocol.events import UseKind
from pistegate_protocol.records import passage_record

PURSE, LOADED = 10_000, 5_000
IDS = ["r1", "r2", "r3", "r4"]  # each one names one request: its amount goes with it
TILLS = st.integers(0, 1)
CARDS = st.integers(0, 1)


class _Station:
    """A till, its journal, and what its operator was told last of each request."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.journal = ModelJournal(device=21 + number, epoch=70 + number)
        self.machine = self.journal.boot()
        self.finals: dict[str, Event] = {}
        self.write: a.Write | None = None
        self.held: ModelCard | None = None
        self.token = 0

    def id(self, number: int) -> str:
        """Ids are chosen by the operator's program, which is another one at each till."""
        return f"{self.number}.{IDS[number]}"


class TillModel(RuleBasedStateMachine):
    """Rules do to the tills what operators, guests and electricity can do to them."""

    @initialize()
    def start(self) -> None:
        self.seconds = 0.0
        self.stations = [_Station(0), _Station(1)]
        self.cards = [ModelCard(number, PURSE) for number in (1, 2)]
        self.passages = 0
        for station in self.stations:
            self.begin(station)

    def begin(self, station: _Station) -> None:
        for action in station.machine.start(later(self.seconds)):
            station.journal.take(action)
        self.tell(station, i.ReaderReady())
        loads = {card.uid: statement(card.uid, 1, LOADED) for card in self.cards}
        self.tell(station, i.DocumentsArrived(frozenset(), loads))

    def tell(self, station: _Station, what: i.Input) -> list[a.Action]:
        actions = station.machine.handle(what, later(self.seconds))
        for action in actions:
            station.journal.take(action)
            if isinstance(action, a.Want):
                station.token = action.token
            elif isinstance(action, a.Write):
                station.write = action
            elif isinstance(action, a.Tell) and action.answer.final:
                self.check_final(station, action.answer)
        return actions

    def check_final(self, station: _Station, answer: a.Answer) -> None:
        """What the operator is told is the truth."""
        changed = [one for one in self.uses(station, answer.id) if one.truth]
        if answer.event is Event.DONE and answer.values.get("kind") != "show":
            assert len(changed) == 1, "told done, and the card says otherwise"
        if answer.event in (Event.ENDED, Event.REFUSED) and answer.id in self.started:
            assert not changed, "told that nothing was changed, and it was"
        station.finals[answer.id] = answer.event

    def uses(self, station: _Station, id: str) -> list:  # type: ignore[type-arg]
        return [one for one in station.journal.uses.values() if one.use.request == id]

    @property
    def started(self) -> set[str]:
        """Requests of which no busy till and no reused id can be the end."""
        return {one.use.request for station in self.stations for one in station.journal.uses.values()}

    # The operators

    @rule(till=TILLS, number=st.integers(0, 3), load=st.booleans())
    def ask(self, till: int, number: int, load: bool) -> None:
        station = self.stations[till]
        if station.machine.state is not State.IDLE:
            return
        id = station.id(number)
        if load and number == 3:
            request = parse_request(f'{{"do":"load","id":"{id}.load"}}'.encode())
            self.tell(station, i.Asked(1, request))  # type: ignore[arg-type]
        else:
            self.tell(station, debit(id, 700 * (number + 1)))

    @rule(till=TILLS, number=st.integers(0, 3))
    def cancel(self, till: int, number: int) -> None:
        station = self.stations[till]
        self.tell(station, i.Cancelled(1, station.id(number)))

    @rule(till=TILLS)
    def program_gone(self, till: int) -> None:
        self.tell(self.stations[till], i.Gone(1))

    # The guests

    @rule(till=TILLS, card=CARDS, full=st.integers(0, 9))
    def hold(self, till: int, card: int, full: int) -> None:
        """A card is read; where the till wants to change it, the change becomes durable, or the disk is full."""
        station = self.stations[till]
        if station.machine.state is not State.WAITING:
            return
        station.held = self.cards[card]
        actions = self.tell(station, i.CardRead(station.token, station.held.files()))
        for record in told(actions, a.RecordUse):
            if full == 0:
                self.tell(station, i.UseFailed("full"))
                continue
            use = station.journal.begin(record).use
            self.tell(station, i.UseRecorded(use.epoch, use.seq, use.name))

    @precondition(lambda self: any(one.machine.state is State.WRITING for one in self.stations))
    @rule(result=st.sampled_from(list(i.WriteResult)), changed=st.booleans())
    def written(self, result: i.WriteResult, changed: bool) -> None:
        station = next(one for one in self.stations if one.machine.state is State.WRITING)
        write, proof = station.write, None
        assert write is not None
        if result is i.WriteResult.OK or (result is i.WriteResult.UNCONFIRMED and changed):
            proof = self.change(station)
        self.tell(station, i.CardWritten(write.token, result, proof if result is i.WriteResult.OK else None))

    def change(self, station: _Station):  # type: ignore[no-untyped-def]
        (use,) = [one for one in station.journal.uses.values() if one.ended is None]
        use.truth = True
        assert station.held is not None
        assert station.write is not None
        return station.held.commit(station.write)

    @rule(till=TILLS, card=CARDS, number=st.integers(0, 3), torn=st.booleans(), changed=st.booleans())
    def buy(self, till: int, card: int, number: int, torn: bool, changed: bool) -> None:
        """A whole sale in one step, so that long stories are found."""
        self.ask(till, number, load=changed)
        self.hold(till, card, full=1)
        if self.stations[till].machine.state is State.WRITING:
            self.written(i.WriteResult.UNCONFIRMED if torn else i.WriteResult.OK, changed)

    @rule(card=CARDS, times=st.sampled_from([1, 2, 15, 16, 17]))
    def pass_gates(self, card: int, times: int) -> None:
        """Each passage pushes the card's records on."""
        for _ in range(times):
            self.passages += 1  # every event has a name of its own
            name = self.passages.to_bytes(8, "little")
            self.cards[card].record(passage_record(1_800_000_000_000, False, 3, 1, name))

    # The world

    @rule(seconds=st.sampled_from([0.1, 31.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        for station in self.stations:
            if station.machine.state is not State.WRITING:
                self.tell(station, i.Tick())

    @rule(till=TILLS, committed=st.booleans())
    def power_cut(self, till: int, committed: bool) -> None:
        """The process dies in whatever state it is; the card may have committed just then."""
        station = self.stations[till]
        if station.machine.state is State.WRITING and committed:
            self.change(station)
        station.machine = station.journal.boot()
        station.held = station.write = None
        self.begin(station)

    # What must hold at all times

    @invariant()
    def value_is_conserved(self) -> None:
        """What is on the cards, and what the journals say was taken, is what there was; but for what nobody knows."""
        if not hasattr(self, "cards"):
            return
        every = [one for station in self.stations for one in station.journal.uses.values()]
        debits = [one for one in every if one.use.event.kind is UseKind.DEBIT]
        taken = sum(_amount(one) for one in debits if one.told)
        unknown = sum(_amount(one) for one in debits if one.told is None and one.truth)
        loaded = sum(LOADED for card in self.cards if card.loads)
        assert sum(card.balance for card in self.cards) + taken + unknown == len(self.cards) * PURSE + loaded

    @invariant()
    def journals_tell_the_truth(self) -> None:
        """A use is told as done only if the card was changed, as void only if it was not."""
        for station in getattr(self, "stations", []):
            for one in station.journal.uses.values():
                assert one.told is None or one.told == one.truth

    @invariant()
    def a_request_changes_a_card_at_most_once(self) -> None:
        """However often it was asked, torn or killed."""
        for station in getattr(self, "stations", []):
            for id in {one.use.request for one in station.journal.uses.values()}:
                assert sum(one.truth for one in self.uses(station, id)) <= 1

    @invariant()
    def every_use_but_the_one_under_way_has_its_end(self) -> None:
        """Exactly one."""
        for station in getattr(self, "stations", []):
            under_way = sum(one.ended is None for one in station.journal.uses.values())
            assert under_way == (station.machine.state is State.WRITING)

    def teardown(self) -> None:
        """Both cards come back to both tills: everything is known then, and a request asked again is not done again."""
        for station in getattr(self, "stations", []):
            self.power_cut(station.number, committed=False)
            for card in self.cards:
                self.tell(station, i.Asked(1, parse_request(b'{"do":"show","id":"look"}')))  # type: ignore[arg-type]
                self.tell(station, i.CardRead(station.token, card.files()))
            self.wait(0.1)
            for one in station.journal.uses.values():
                assert one.told == one.truth or self.forgotten(one)
            for number, id in enumerate(IDS):
                before = sum(one.truth for one in self.uses(station, f"{station.number}.{id}"))
                self.tell(station, debit(f"{station.number}.{id}", 700 * (number + 1)))
                self.tell(station, i.Cancelled(1, f"{station.number}.{id}"))
                assert sum(one.truth for one in self.uses(station, f"{station.number}.{id}")) == before

    def forgotten(self, one) -> bool:  # type: ignore[no-untyped-def]
        """Whether the card has had so many transactions since that it cannot tell: the cloud's proofs will."""
        card = next(card for card in self.cards if card.uid == one.use.event.medium[1:])
        return one.told is None and card.counter - one.use.counter >= 16


def _amount(one) -> int:  # type: ignore[no-untyped-def]
    return one.use.event.purse + one.use.event.loads


TillModel.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestTillModel = TillModel.TestCase


def test_a_machine_of_the_model_is_the_product_s() -> None:
    """The model drives the till's own core."""
    assert isinstance(ModelJournal().boot(), TillCore)
