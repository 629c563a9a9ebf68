# SPDX-License-Identifier: Apache-2.0
"""People with media: they hold them up, wait, walk through, turn back, come in smaller parties, and come again."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pistegate_edge.core.inputs import CodeSeen
from pistegate_simulators.storm.card import StormCard
from pistegate_simulators.storm.gate_node import GateNode
from pistegate_simulators.storm.tickets import StormTicket
from pistegate_simulators.storm.timeline import Timeline
from pistegate_simulators.storm.trace import Trace
from pistegate_simulators.storm.truth import Admission

WAIT_S = 2.5  # seconds until somebody tries again whose lane was taken or dark; less than a code's 3 s would be none
TRIES = 6
HOLD_S = (0.35, 4.0)  # seconds that a card is held to the reader
WALK_S = (0.6, 2.5)  # seconds to the arm, and between two persons
COMES_BACK = 0.75  # chance that somebody who did not get through tries again at the same gate


@dataclass(frozen=True, slots=True)
class Visit:
    """A ticket's medium at a gate: a card, or the text of a code."""

    ticket: StormTicket
    medium: StormCard | str


class Guests:
    """`presented` counts media that were really held before a lane that saw them."""

    def __init__(
        self,
        timeline: Timeline,
        rng: Random,
        trace: Trace,
        gates: Sequence[GateNode],
        tickets: Sequence[StormTicket],
    ) -> None:
        self.presented = 0
        self._trace = trace
        self._timeline = timeline
        self._rng = rng
        self._gates = gates
        self._tickets = tickets
        self._at: dict[int, Visit] = {}

    def plan(self, visits: int, first_s: float, last_s: float, twins: int = 0) -> None:
        """So many visits, at any time between; and `twins`: one code at two gates at once."""
        for _ in range(twins):
            self._timeline.at(self._rng.uniform(first_s, last_s), self._come_twice)
        for _ in range(visits):
            at = self._rng.uniform(first_s, last_s)
            self._timeline.at(at, self._come)

    def _come(self) -> None:
        ticket = self._rng.choice(self._tickets)
        media: list[StormCard | str] = [*ticket.cards, *ticket.codes]
        medium = self._rng.choice(media)
        self.show(self._rng.choice(self._gates), Visit(ticket, medium), TRIES)

    def _come_twice(self) -> None:
        coded = [ticket for ticket in self._tickets if ticket.codes]
        if not coded:
            return
        visit = Visit(ticket := self._rng.choice(coded), ticket.codes[0])
        for node in self._rng.sample(self._gates, 2):
            self._timeline.after(self._rng.uniform(0.0, 0.05), lambda node=node: self.show(node, visit, TRIES))  # type: ignore[misc]

    def show(self, node: GateNode, visit: Visit, tries: int) -> None:
        """Hold a medium before a lane, or wait for it."""
        if tries < 1:
            return
        elsewhere = isinstance(visit.medium, StormCard) and visit.medium.held
        if elsewhere or not node.idle or node.reader is None or not node.reader.free():
            self._timeline.after(WAIT_S + self._rng.random(), lambda: self.show(node, visit, tries - 1))
            return
        self.presented += 1
        what = "code" if isinstance(visit.medium, str) else f"card {visit.medium.uid.hex()}"
        self._trace("guest", f"shows {what} of ticket {visit.ticket.number} at gate {node.number}")
        self._at[node.number] = visit
        if isinstance(visit.medium, str):
            node.take(CodeSeen(visit.medium))
        else:
            node.reader.hold(visit.medium, self._rng.uniform(*HOLD_S))

    def opened(self, node: GateNode, admission: Admission) -> None:
        """The lane is open for whoever showed a medium there last: some, all or none go through."""
        rng, n = self._rng, admission.event.n
        going = n if rng.random() < 0.8 else rng.randrange(n)
        at = 0.0
        for _ in range(going):
            at += rng.uniform(*WALK_S)
            self._timeline.after(at, lambda: self._push(node, admission))
        if going < n and rng.random() < COMES_BACK and (visit := self._at.get(node.number)) is not None:
            self._timeline.after(at + rng.uniform(12.0, 110.0), lambda: self.show(node, visit, TRIES))

    def _push(self, node: GateNode, admission: Admission) -> None:
        """Who was to go with an admission that is over does not push for another one's."""
        if node.at_lane is admission:
            node.arms.push()
