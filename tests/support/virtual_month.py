# SPDX-License-Identifier: Apache-2.0
"""A gate that is alone for days in virtual time: real loop, journal and ingest core.

Guests come all day; once amid them it is killed or its power goes, and at night it has none.

The world of the storms with one gate, no line to the cloud, and tickets for the whole season.
"""

from random import Random

from pistegate_edge.core.actions import RecordOutcome
from pistegate_protocol.events import Outcome
from pistegate_simulators.storm import settled
from pistegate_simulators.storm.guests import TRIES, Guests, Visit
from pistegate_simulators.storm.tickets import StormTicket, _ticket
from pistegate_simulators.storm.trace import Trace
from pistegate_simulators.storm.truth import Admission, Truth
from pistegate_simulators.storm.world import LOOK_S, World

HOURS_OPEN = 8
DAY_S, HOUR_S = 86_400.0, 3_600.0
SEASON_TICKETS = 300
CLOSED_S = (HOURS_OPEN + 0.5) * HOUR_S  # the lift is switched off, and the gate with it
NIGHT_S = DAY_S - CLOSED_S - 300.0
OFF_S = (20.0, 600.0)  # seconds that a reboot keeps it dark
TOLD_S = 6 * HOUR_S  # virtual seconds in which it must have told all


class IndexedTruth(Truth):
    """Finds an admission of a hundred thousand at once."""

    def __init__(self, tickets: list[StormTicket], trace: Trace) -> None:
        super().__init__(tickets, trace)
        self._by_seq: dict[tuple[int, int, int], Admission] = {}

    def admitted(self, admission: Admission, off_ms: int | None) -> None:
        """See Truth."""
        super().admitted(admission, off_ms)
        self._by_seq[admission.gate, admission.epoch, admission.seq] = admission

    def outcome(self, gate: int, epoch: int, seq: int, outcome: Outcome) -> None:
        """See Truth."""
        every, found = self.admissions, self._by_seq.get((gate, epoch, seq))
        self.admissions = {} if found is None else {found.name: found}
        try:
            super().outcome(gate, epoch, seq, outcome)
        finally:
            self.admissions = every


class Month(World):
    """`days` alone with `visits` a day, then the line is there; `live`, then `tell`, then look at the fields."""

    def __init__(self, seed: int, days: int, visits: int) -> None:
        super().__init__(seed - seed % 4)  # of four storms one has a hub: not this one
        chance = Random(f"month {seed}")
        self.tickets = [_ticket(number, 1, 0, {}) for number in range(1, SEASON_TICKETS + 1)]
        self.truth = IndexedTruth(self.tickets, self.trace)
        self.node = self._gate(3, type(self.gates[0]))
        self.gates = [self.node]
        self.guests = Guests(self.timeline, self._fork("guests"), self.trace, self.gates, self.tickets)
        self.days = days
        self.reboots = 0
        self.told_s = 0.0
        for day in range(days):
            opens = day * DAY_S
            for _ in range(visits):
                visit = Visit(ticket := chance.choice(self.tickets), ticket.cards[0])
                at = opens + chance.uniform(0.0, HOURS_OPEN * HOUR_S)
                self.timeline.at(at, lambda visit=visit: self.guests.show(self.node, visit, TRIES))  # type: ignore[misc]
            self.timeline.at(opens + CLOSED_S, lambda: self._reboot(True, NIGHT_S))
            self._plan_reboot(opens + chance.uniform(60.0, HOURS_OPEN * HOUR_S), chance)

    def live(self) -> None:
        """All days."""
        self.cloud.crash()
        self.node.boot(power=True)
        self.timeline.run(self.days * DAY_S)
        assert not self.cloud.tables.events

    def tell(self) -> None:
        """The cloud is there; until it has all of it."""
        self.cloud.start()
        began = self.timeline.now
        while not self._quiet():
            assert self.timeline.now - began < TOLD_S, self._unquiet()
            self.timeline.run(self.timeline.now + LOOK_S)
        self.told_s = self.timeline.now - began

    def check(self) -> int:
        """Red with the first promise that is broken; how many events the cloud has."""
        tables = self.cloud.tables
        events = settled.decoded(tables)
        settled.chains_hold(tables)
        settled.passages(self.truth, events)
        settled.charges(self.truth)
        settled.forks(self.truth, tables)
        assert not tables.quarantine
        return len(tables.events)

    def _plan_reboot(self, at: float, chance: Random) -> None:
        power, dark = chance.random() < 0.5, chance.uniform(*OFF_S)
        self.timeline.at(at, lambda: self._reboot(power, dark))

    def _reboot(self, power: bool, dark: float) -> None:
        """In the middle of whatever it does."""
        self.reboots += 1
        if power:
            self.node.power_cut()
        else:
            self.node.kill()
        self.boots(self.node, dark, power=power)


def forgetful(month: Month) -> None:
    """A planted bug: an outcome is now and then told to be durable and is not written."""
    node = month.node
    opened = node.open_journal

    def open_journal(*words: object) -> object:
        journal = opened(*words)  # type: ignore[arg-type]
        write = journal.outcome

        def outcome(action: RecordOutcome) -> None:
            if action.event.seq % 97:
                write(action)

        journal.outcome = outcome  # type: ignore[method-assign]
        return journal

    node.open_journal = open_journal  # type: ignore[method-assign, assignment]
