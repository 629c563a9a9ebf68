# SPDX-License-Identifier: Apache-2.0
"""Gates and their hub against whatever hypothesis does to the network, to their power and to the hub's journal.

The planted hubs at the end are the test of this test: each is found.
"""

from typing import Any

import pytest
from hub_bench import Site
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from pistegate_edge.core.handlers import reserving
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.core.passage import State
from pistegate_edge.hub.core import Answer, Hub
from pistegate_edge.hub.store import HubStore
from pistegate_protocol.elsewhere import NOTHING, Elsewhere, encode_elsewhere, gate_source, of_usage
from pistegate_protocol.hub_messages import Grant, Offer, Reserve, ToHub
from pistegate_protocol.usage import Usage

KINDS = {1: {"entries_total": 1}, 2: {"entries_total": 1, "party": 3}, 3: {"entries_total": 2}}
GATES = 3


class HubModel(RuleBasedStateMachine):
    """Rules do to gates, hub and network what the world can do to them."""

    hub_type: type[Hub] = Hub
    store_type: type[HubStore] = HubStore

    @initialize()
    def start(self) -> None:
        self.site = Site(GATES, KINDS, hub_type=self.hub_type, store_type=self.store_type)
        self.site.calm()

    @rule(gate=st.integers(1, GATES), ticket=st.sampled_from(sorted(KINDS)))
    def show(self, gate: int, ticket: int) -> None:
        """A guest, if the lane is free."""
        if self.site.gates[gate].state is State.IDLE:
            self.site.gates[gate].show(self.site.texts[ticket])

    @rule(gate=st.integers(1, GATES), passed=st.integers(0, 3))
    def lane_closes(self, gate: int, passed: int) -> None:
        """Somebody, everybody or nobody went through."""
        if self.site.gates[gate].state is State.OPEN:
            self.site.gates[gate].close(passed)

    @rule(gate=st.integers(1, GATES), ticket=st.sampled_from(sorted(KINDS)), passed=st.integers(0, 3))
    def ride(self, gate: int, ticket: int, passed: int) -> None:
        """All of it without a fault, so that long stories are found."""
        self.site.settle()
        self.show(gate, ticket)
        self.site.settle()
        self.lane_closes(gate, passed)
        self.site.wait(0.05)
        self.site.settle()

    @rule(one=st.integers(1, GATES), ticket=st.sampled_from(sorted(KINDS)), passed=st.integers(0, 3))
    def two_lanes_at_once(self, one: int, ticket: int, passed: int) -> None:
        """Two guests with one code."""
        self.site.settle()
        two = one % GATES + 1
        for gate in (one, two):
            self.show(gate, ticket)
        self.site.settle()
        for gate in (one, two):
            self.lane_closes(gate, passed)

    @rule(gate=st.integers(1, GATES), ticket=st.sampled_from(sorted(KINDS)))
    def hub_dies_of_its_grant(self, gate: int, ticket: int) -> None:
        """It is killed as soon as it has answered; what it answered arrives, then nothing of that gate for a while."""
        if self.site.hub is None:
            return
        self.site.settle()
        self.show(gate, ticket)
        self.only(up=True)
        self.site.kill_hub()
        self.only(up=False)
        self.site.cut.add(gate)
        self.site.start_hub()
        self.site.wait(3.1)
        self.site.settle()

    @rule(gate=st.integers(1, GATES), ticket=st.sampled_from(sorted(KINDS)))
    def turned_back_and_cut_off(self, gate: int, ticket: int) -> None:
        """The hub stores what is owed, its answer does not arrive; the guest tries once more where he was."""
        self.ride(gate, ticket, 0)
        self.show(gate, ticket)
        self.site.settle()
        self.lane_closes(gate, 0)
        self.site.wait(0.05)
        self.only(up=True)
        self.site.cut.add(gate)
        self.site.wire.clear()
        self.show(gate, ticket)
        self.site.wait(0.16)
        self.lane_closes(gate, 3)

    @rule(gate=st.integers(1, GATES))
    def cut_off(self, gate: int) -> None:
        """Nothing reaches that gate any more."""
        self.site.cut.add(gate)

    @rule()
    def healed(self) -> None:
        """All the network is there again."""
        self.site.cut.clear()

    def only(self, *, up: bool) -> None:
        """What goes that way now arrives, nothing else."""
        for message in [each for each in self.site.wire if each.up is up]:
            self.site.wire.remove(message)
            self.site.deliver(message)

    @precondition(lambda self: self.site.wire)
    @rule(which=st.integers(0, 50), twice=st.booleans())
    def arrives(self, which: int, twice: bool) -> None:
        """Any message, in any order, perhaps once more later."""
        wire = self.site.wire
        message = wire[which % len(wire)]
        if not twice:
            wire.remove(message)
        self.site.deliver(message)

    @precondition(lambda self: self.site.wire)
    @rule(which=st.integers(0, 50))
    def lost(self, which: int) -> None:
        """Any message never arrives."""
        self.site.wire.pop(which % len(self.site.wire))

    @rule(seconds=st.sampled_from([0.01, 0.16, 1.1, 6.0, 130.0]))
    def wait(self, seconds: float) -> None:
        """Time goes on."""
        self.site.wait(seconds)

    @rule()
    def all_arrives(self) -> None:
        """The network is well for a moment."""
        self.site.settle()

    @rule(gate=st.integers(1, GATES))
    def power_cut(self, gate: int) -> None:
        """A gate starts again on what its journal holds."""
        self.site.gates[gate].boot()

    @rule()
    def hub_killed(self) -> None:
        """The hub is gone, and what was on its way to it is lost with it or not."""
        self.site.kill_hub()

    @precondition(lambda self: self.site.hub is None)
    @rule()
    def hub_back(self) -> None:
        """It starts on what its journal holds."""
        self.site.start_hub()

    @precondition(lambda self: self.site.hub is not None)
    @rule()
    def saved(self) -> None:
        """A backup of its journal."""
        self.site.save()

    @precondition(lambda self: self.site.image is not None)
    @rule(tell=st.booleans())
    def restored(self, tell: bool) -> None:
        """The backup takes its place; the gates have mostly time to tell it all."""
        self.site.restore()
        if tell:
            self.site.wire = [each for each in self.site.wire if not each.up]
            self.site.settle()

    @invariant()
    def through_the_hub_nobody_is_let_in_more_often_than_sold(self) -> None:
        for ticket in KINDS:
            if not self.site.weak:
                assert self.site.charged(ticket, granted=True) <= self.site.allowance(ticket)

    @invariant()
    def a_gate_alone_is_one_group(self) -> None:
        for ticket in KINDS:
            for gate in self.site.gates:
                assert self.site.charged(ticket, gate=gate) <= self.site.allowance(ticket)

    @invariant()
    def what_is_owed_is_honoured_once(self) -> None:
        names = [made.reoffer_of for made in self.site.made if made.reoffer_of is not None]
        if not self.site.weak:
            assert len(names) == len(set(names))
        persons = {made.name: made.n for made in self.site.made}
        assert all(made.n <= persons[made.reoffer_of] for made in self.site.made if made.reoffer_of is not None)

    def teardown(self) -> None:
        """Once everybody is well nothing is reserved any more, and the hub serves all."""
        try:
            self.site.calm()
            for gate in self.site.gates.values():
                if gate.state is State.OPEN:
                    gate.close(9)
            self.site.calm()
            assert all(gate.state is State.IDLE for gate in self.site.gates.values())
            assert all(gate.core.serves for gate in self.site.gates.values())
            assert self.site.store is not None
            assert [self.site.store.reservations(ticket) for ticket in KINDS] == [[]] * len(KINDS)
        finally:
            self.site.close()


class Liar(Hub):
    """Every grant is a lie: nothing was used, everything was used, somebody is owed whom nobody ever admitted."""

    lies = 0

    def take(self, gate: int, message: ToHub, now: Now) -> list[Answer]:
        """Honest in everything but grants."""
        answers = super().take(gate, message, now)
        return [(to, self._lie(gate, said) if isinstance(said, Grant) else said) for to, said in answers]

    def _lie(self, gate: int, said: Grant) -> Grant:
        self.lies += 1
        used = Usage(claim=b"", used_total=self.lies % 3, returns=self.lies % 5)
        known = of_usage(gate_source((gate + self.lies % 2) % GATES + 1), used) if self.lies % 3 else NOTHING
        offer = Offer(self.lies.to_bytes(8, "big"), gate % GATES + 1, self.lies % 4 + 1) if self.lies % 4 else None
        return replace(said, elsewhere=encode_elsewhere(known), offer=offer)


class LyingModel(HubModel):
    """Whatever the hub says, no gate lets in whom it alone would refuse, but for whom it handed over itself."""

    hub_type = Liar

    @invariant()
    def through_the_hub_nobody_is_let_in_more_often_than_sold(self) -> None:
        """It cannot promise that."""

    @invariant()
    def what_is_owed_is_honoured_once(self) -> None:
        """Nor that."""

    @invariant()
    def no_lie_creates_a_ticket(self) -> None:
        assert [made for gate in self.site.gates.values() for made in gate.beyond] == []


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
HubModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=35, deadline=None, suppress_health_check=QUIET
)
TestHubModel = HubModel.TestCase
LyingModel.TestCase.settings = HubModel.TestCase.settings
TestLyingModel = LyingModel.TestCase
SEARCH = settings(
    max_examples=400,
    stateful_step_count=35,
    deadline=None,
    database=None,
    suppress_health_check=QUIET,
    report_multiple_bugs=False,
    phases=[phase for phase in settings.default.phases if phase.name not in ("shrink", "explain")],
)


class GossipHub(Hub):
    """Planted: it tells what was used, and not what others are about to use."""

    def _known(self, gate: int, asked: Reserve) -> Elsewhere:
        return self._book.elsewhere(asked.ticket)


class TwiceStore(HubStore):
    """Planted: an owed entry that was let in is let in again."""

    def spend(self, admission: bytes, at: int) -> None:
        """Nothing."""


class NeverReleased(HubStore):
    """Planted: what was granted too late stays reserved."""

    def decide(self, gate: int, epoch: int, number: int) -> None:
        """Nothing of it is over."""


class ForgetfulStore(HubStore):
    """Planted: reservations are kept in memory alone."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._db.execute("DELETE FROM reservation")


class TooEager(HubStore):
    """Planted: the hub gives away what the gate has not let go of."""

    def owed(self, ticket: int, now: int) -> list[Any]:
        """As if nothing were held."""
        rows = super().owed(ticket, now)
        return [type(row)(*(getattr(row, name) for name in row.__slots__[:-1]), False) for row in rows]


@pytest.mark.parametrize(
    ("hub", "store"),
    [(GossipHub, HubStore), (Hub, TwiceStore), (Hub, NeverReleased), (Hub, ForgetfulStore), (Hub, TooEager)],
)
def test_planted_hubs_are_found(hub: type[Hub], store: type[HubStore]) -> None:
    """The model goes red on each."""

    class Planted(HubModel):
        hub_type = hub
        store_type = store

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Planted, settings=SEARCH)


def test_gate_that_believes_every_offer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted in the gate: it lets in whomever the hub says is owed."""
    monkeypatch.setattr(reserving, "_handed", lambda p, ticket: OwedEntry(b"anything", 255, None))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(LyingModel, settings=SEARCH)
