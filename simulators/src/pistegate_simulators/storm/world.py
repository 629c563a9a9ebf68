# SPDX-License-Identifier: Apache-2.0
"""One storm: gates, cloud, network, guests and faults of one seed, from calm to calm."""

from collections.abc import Callable
from functools import cache, partial
from random import Random

from pistegate_edge.config import Config
from pistegate_simulators.storm import faults, settled
from pistegate_simulators.storm.cloud_node import CloudNode
from pistegate_simulators.storm.cloud_tables import Tables
from pistegate_simulators.storm.gate_node import GateNode, batch_in, gate_config
from pistegate_simulators.storm.guests import Guests
from pistegate_simulators.storm.hub_node import HubNode
from pistegate_simulators.storm.liar import LIAR, Liar
from pistegate_simulators.storm.network import CALM
from pistegate_simulators.storm.tickets import StormTicket, sold
from pistegate_simulators.storm.timeline import Timeline
from pistegate_simulators.storm.trace import Trace
from pistegate_simulators.storm.truth import Admission, Truth
from pistegate_simulators.storm.violation import Red

GATES = (3, 4, 5)
TICKETS = 20
TWINS = 16  # pairs of people with one code at two lanes within moments
VISITS = 66  # of which some find every lane dark; 50 and more are presented
STORM_S = 400.0  # virtual seconds; a longer one is mostly idle
HUB_S = 230.0  # of a site with a hub, whose every second is a sign of life of each gate
HUB_EVERY = 4  # one storm of so many is at a site with a hub
FAULTS = (6, 10)
REVOCATIONS = (2, 5)
HEALED_S = 900.0  # virtual seconds after which everything must have come through
LOOK_S = 5.0


@cache
def _config(number: int, hub: bool) -> Config:
    return gate_config(number, GATES, hub=hub)


class World:
    """Everything of one seed. `gates` may be made by another class, for planted bugs."""

    def __init__(
        self,
        seed: int,
        tell: Callable[[str], None] | None = None,
        node: type[GateNode] = GateNode,
        cloud: type[CloudNode] = CloudNode,
    ) -> None:
        self.seed = seed
        self.timeline = Timeline()
        self.trace = Trace(lambda: self.timeline.now, tell)
        self._rng = Random(f"storm {seed}")
        self.tickets = sold(self._rng, TICKETS)
        self.truth = Truth(self.tickets, self.trace)
        self.cloud = cloud(self.timeline, self._fork("cloud"), self.trace, self._stored)
        self.liar = Liar(self._fork("liar"), lambda: self.timeline.wall_ms, partial(self.cloud.receive, LIAR), GATES)
        self.cloud.lines[LIAR] = lambda payload: None
        self.struck = 0
        self.hub = HubNode(self.timeline, self._fork("hub"), self.trace) if seed % HUB_EVERY == HUB_EVERY - 1 else None
        self.storm_s = STORM_S if self.hub is None else HUB_S
        self.healed = False
        self.gates = [self._gate(number, node) for number in GATES]
        self.guests = Guests(self.timeline, self._fork("guests"), self.trace, self.gates, self.tickets)
        self._faults = self._fork("faults")

    def _fork(self, name: str) -> Random:
        """Chance of one kind: what one draws changes nothing for the others."""
        return Random(f"storm {self.seed} {name}")

    def _gate(self, number: int, node: type[GateNode]) -> GateNode:
        made = node(
            _config(number, self.hub is not None),
            self.timeline,
            self._fork(f"gate {number}"),
            self.trace,
            self.truth,
            self._up,
            lambda: self.cloud.up,
            self._opened,
            board=self._rng.random() < 0.5,
            hub=self.hub,
        )
        self.cloud.lines[number] = made.line.down
        return made

    # The course of a storm

    def run(self) -> None:
        """All of it; Red when a promise is broken."""
        storm_s = self.storm_s
        if self.hub is not None:
            self.hub.boot()
        for node in self.gates:
            node.boot(power=True)
        self.guests.plan(VISITS, 3.0, storm_s, twins=0 if self.hub is None else TWINS)
        faults.plan(self, self._faults, self._faults.randint(*FAULTS), 10.0, storm_s - 60.0)
        for _ in range(self._rng.randint(*REVOCATIONS)):
            self.timeline.at(self._rng.uniform(5.0, storm_s), self.revoke)
        self.timeline.run(storm_s)
        self._heal()
        self.timeline.run(storm_s + LOOK_S)
        while not self._quiet():
            if self.timeline.now > storm_s + HEALED_S:
                raise Red("does_not_drain", "; ".join(self._unquiet()))
            self.timeline.run(self.timeline.now + LOOK_S)
        settled.check(self)

    def close(self) -> None:
        """Nothing of it is used any more."""
        for node in self.gates:
            node.disk.cut()
        if self.hub is not None:
            self.hub.disk.cut()

    def _heal(self) -> None:
        self.trace("world", "everything is repaired")
        self.healed = True
        self.cloud.start()
        self.liar.insist()
        if self.hub is not None:
            self.hub.disk.cut_at = None
            self.hub.boot()
        for node in self.gates:
            node.disk.capacity = node.disk.cut_at = node.cut_after_opening = None
            node.line.weather = CALM
            node.line.mend()
            if node.site_line is not None:
                node.site_line.weather = node.site_line.calm
                node.site_line.mend()
            self.boots(node, 1.0, power=node.disk.off)

    def _quiet(self) -> bool:
        return all(node.drained for node in self.gates) and not settled.untold(self)

    def _unquiet(self) -> list[str]:
        return [
            f"gate {node.number}: {'down' if node.gate is None else node.gate._passage.service()}"
            f", {'connected' if node.line.connected else 'alone'}"
            f", {'' if node.gate is None else node.gate._uplink._core.backlog()} to send"
            for node in self.gates
            if not node.drained
        ] + settled.untold(self)

    # What happens in it

    def gate(self, number: int) -> GateNode:
        """By its number."""
        return next(node for node in self.gates if node.number == number)

    def strike(self, name: str) -> None:
        """A fault."""
        if self.healed:
            return
        self.struck += 1
        self.trace("fault", name)
        faults.EVERY[name][0](self, self._faults)

    def boots(self, node: GateNode, seconds: float, *, power: bool) -> None:
        """A gate is started in so many seconds, unless it runs by then."""

        def boot() -> None:
            if node.gate is None:
                node.boot(power=power or node.disk.off)

        self.timeline.after(seconds, boot)

    def revoke(self) -> None:
        """The cloud denies a ticket, if it is up."""
        ticket: StormTicket = self._rng.choice(self.tickets)
        if self.cloud.up and not self.healed:
            self.trace("cloud", f"revokes ticket {ticket.number}")
            self.cloud.deny({ticket.number: ticket.claim.revision + 1})

    def _up(self, gate: int, payload: bytes) -> None:
        batch = batch_in(payload)
        if batch is not None:
            self.truth.sent(gate, batch)
        self.cloud.receive(gate, payload)

    def _stored(self, tables: Tables) -> None:
        """After each commit of the cloud."""

    def _opened(self, node: GateNode, admission: Admission) -> None:
        if node.cut_after_opening is not None:
            after, node.cut_after_opening = node.cut_after_opening, None
            self.timeline.after(after, lambda: self._cut(node))
        self.guests.opened(node, admission)

    def _cut(self, node: GateNode) -> None:
        if node.gate is not None and not self.healed:
            node.power_cut()
            self.boots(node, self._faults.uniform(*faults.DOWN_S), power=True)
