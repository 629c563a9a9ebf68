# SPDX-License-Identifier: Apache-2.0
"""The tables of a gate: fetched beside the passages, their denials in every decision, their age told."""

import logging
from dataclasses import replace
from typing import Final

from pistegate_edge.bindings.fetching import FetchThread
from pistegate_edge.bindings.tables import Denied, Tables
from pistegate_edge.bindings.told import TableApplied, TablesCurrent, TableTrouble
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.now import Now
from pistegate_edge.parts.part import Part, Ports

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
LOOK_S: Final = 600.0  # between two looks how old they are


class TableKeeping(Part):
    """`stale_days`: after so many without word from the cloud they are old; `refuse`: nobody is looked up then.

    Tables that never came are told when somebody asks for them.
    """

    takes = (TableApplied, TablesCurrent, TableTrouble)

    def __init__(self, tables: Tables, fetch: FetchThread, ports: Ports, stale_days: int, *, refuse: bool) -> None:
        self._tables = tables
        self._fetch = fetch
        self._ports = ports
        self._stale_days = stale_days
        self._refuse = refuse
        self._days = 0
        self._look_at = ports.clock.monotonic()

    @property
    def words(self) -> str:
        """See Part."""
        return f"tables {self._days} days old" if self._days else ""

    @property
    def documents(self) -> dict[str, int]:
        """See Part."""
        return self._tables.versions()

    @property
    def deadline(self) -> float | None:
        """See Part."""
        return self._look_at

    def start(self) -> None:
        """See Part."""
        self._fetch.start()

    def stop(self) -> None:
        """See Part."""
        self._fetch.stop()
        self._tables.close()

    def take(self, told: TableApplied | TablesCurrent | TableTrouble, now: Now) -> None:
        """See Part."""
        if isinstance(told, TableApplied):
            head = told.head
            log.info("table %s version %d applied, %d entries in all", head.table, head.version, head.total)
            self._ports.state_changed()
        elif isinstance(told, TableTrouble):
            self._ports.note(told.code, told.detail)
            if told.code is IncidentCode.TABLES_DAMAGED:
                self._fetch.hint()
        self._look(now)

    def tick(self, now: Now) -> None:
        """See Part."""
        self._look_at = now.mono + LOOK_S
        self._look(now)

    def told(self) -> None:
        """The cloud sent a document: there may be news of the tables too."""
        self._fetch.hint()

    def knows(self, facts: Facts) -> Facts:
        """See Part."""
        return replace(facts, deny=Denied(facts.deny, self._tables.denied_below))

    def _look(self, now: Now) -> None:
        """How old they are, in whole days beyond which they are old; younger, or never there: 0."""
        since = self._tables.current_ms
        days = (now.wall_ms - since) // DAY_MS if since else 0
        days = days if days >= self._stale_days else 0
        if days == self._days:
            return
        first, self._days = not self._days, days
        self._tables.refusing = f"the tables are {days} days old" if days and self._refuse else ""
        if days and first:
            self._ports.note(IncidentCode.TABLES_STALE, f"no word from the cloud for {days} days")
        self._ports.state_changed()
