# SPDX-License-Identifier: Apache-2.0
"""What a board's reports say beyond what was told already: persons, faults, events. Nothing twice, nothing lost."""

from typing import Any

from pistegate_edge.lane.board import codes
from pistegate_edge.lane.core import messages, words
from pistegate_edge.lane.host import Event


class Told:
    """Of one boot of the board; `new_boot` begins another."""

    def __init__(self) -> None:
        self.next_event: int | None = None  # None: the next report says where to begin
        self._beyond: dict[str, int] | None = None
        self._faults: set[str] = set()

    def new_boot(self) -> None:
        """The board began anew, while this host was there: its counts begin at nothing."""
        self.next_event = 1
        self._beyond = {words.ENTRY: 0, words.EXIT: 0}

    def report(self, report: dict[str, Any]) -> list[Event]:
        """What is new in a report, but for openings."""
        return self._gap(report) + self._counted(report) + self._faulty(set(messages.fault_codes(report["faults"])))

    def event(self, event: dict[str, Any]) -> list[Event]:
        """An event of the board, if it is the next one; it comes again until acknowledged."""
        number = int(event["number"])
        if number != self.next_event:
            return []
        self.next_event = number + 1
        return [(event["name"], event["text"] or event["count"])]

    def caught_up(self, report: dict[str, Any]) -> bool:
        """Whether every event before this report was told."""
        return self.next_event is not None and self.next_event > report["last"]

    def _gap(self, report: dict[str, Any]) -> list[Event]:
        if self.next_event is None:
            self.next_event = report["first"]
        elif self.next_event < report["first"]:
            self.next_event = report["first"]
            return [(words.INCIDENT, codes.EVENTS_LOST)]
        return []

    def _counted(self, report: dict[str, Any]) -> list[Event]:
        now = {words.ENTRY: report["beyond_in"], words.EXIT: report["beyond_out"]}
        before = now if self._beyond is None else self._beyond
        # An older report that comes late counts nobody back.
        self._beyond = {direction: max(before[direction], now[direction]) for direction in now}
        return [(words.COUNTED, way) for way in now for _ in range(self._beyond[way] - before[way])]

    def _faulty(self, faults: set[str]) -> list[Event]:
        begun = [(words.FAULT, code) for code in messages.FAULTS if code in faults - self._faults]
        ended = [(words.CLEAR, code) for code in messages.FAULTS if code in self._faults - faults]
        self._faults = faults
        return [*begun, *ended]
