# SPDX-License-Identifier: Apache-2.0
"""Many gates' uplinks in one process: real journals, documents and MQTT lines, without lanes and readers.

Run as a program: prints "ready", then a line of JSON for each ticket that a gate begins to refuse, with the time on
the machine's monotonic clock, which all its processes share.
"""

import json
import queue
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from pistegate_edge.clock import Clock
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.journal.journal import Journal
from pistegate_edge.uplink.link import Uplink
from pistegate_edge.uplink.mqtt import LinkEvent, LinkUp, MqttLink
from pistegate_protocol.claims import Claim, Scope
from pistegate_protocol.decide import GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.events import Incident, Stream
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import Usage

NOTE_EVERY_S = 5.0  # of each gate: refusals and incidents of an ordinary morning
Told = tuple[int, LinkEvent]


class LonelyGate:
    """One gate's uplink."""

    def __init__(self, number: int, directory: Path, address: tuple[str, int], key: bytes, told: "queue.Queue[Told]"):
        self.number = number
        self.clock = Clock()
        directory.mkdir()
        self.journal = Journal(directory, 1, number, 131_072, self.clock, number, "bench")
        self.documents = DocumentStore(self.journal, KeyRing({1: key}), 1)
        self.link = MqttLink(Device(1, Role.GATE, number), *address, 60, lambda event: told.put((number, event)))
        self.uplink = Uplink(
            number, self.journal, self.documents, self.link, lambda: "in_service", self._note, self._told
        )
        self.up = False
        self._refused: set[int] = set()
        self._note_at = self.clock.monotonic() + NOTE_EVERY_S * (number % 50) / 50

    def event(self, event: LinkEvent) -> None:
        """From its line."""
        self.up = self.up or isinstance(event, LinkUp)
        self.uplink.event(event, self.clock.now())

    def tick(self) -> None:
        """What is due."""
        now = self.clock.now()
        if now.mono >= self._note_at:
            self._note_at += NOTE_EVERY_S
            self._note(Incident(now.wall_ms, "reader_lost", "bench"))
        due = self.uplink.deadline()
        if due is not None and now.mono >= due:
            self.uplink.tick(now)

    def _note(self, incident: Incident) -> None:
        self.journal.note(incident)
        self.uplink.grown(Stream.NOTES, self.journal.last_seq(Stream.NOTES))

    def _told(self) -> None:
        for ticket in self.documents.facts.deny.keys() - self._refused:
            if _refuses(self.number, ticket, self.documents):
                self._refused.add(ticket)
                print(json.dumps({"gate": self.number, "ticket": ticket, "at": time.monotonic()}), flush=True)


def _refuses(gate: int, ticket: int, documents: DocumentStore) -> bool:
    """What a gate decides of a card with this ticket now."""
    clock = Clock()
    today = clock.wall().date()
    claim = Claim(
        key_id=1,
        ticket=ticket,
        scope=Scope(1),
        product=1,
        areas=frozenset({0}),
        valid_from=today - timedelta(days=1),
        valid_until=date(2099, 12, 31),
    )
    here = GateProfile(site=1, group=1, gate=gate, post_gates=frozenset({gate}), area=0, zone=ZoneInfo("Asia/Shanghai"))
    found = decide(claim, Usage(claim=bytes(8)), here, clock.wall(), Knowledge(deny=documents.facts.deny))
    return isinstance(found, Refuse) and found.reason is Reason.REVOKED


def main() -> None:
    """FIRST COUNT HOST PORT KEY: until the standard input ends."""
    first, count, host, port, key = sys.argv[1:]
    told: queue.Queue[Told] = queue.Queue()
    with TemporaryDirectory(prefix="uplinks-") as name:
        gates = {
            number: LonelyGate(number, Path(name) / str(number), (host, int(port)), bytes.fromhex(key), told)
            for number in range(int(first), int(first) + int(count))
        }
        for gate in gates.values():
            gate.link.start()
        said = False
        while True:
            try:
                number, event = told.get(timeout=0.02)
                gates[number].event(event)
            except queue.Empty:
                pass
            for gate in gates.values():
                gate.tick()
            if not said and all(gate.up for gate in gates.values()):
                said = True
                print("ready", flush=True)


if __name__ == "__main__":
    main()
