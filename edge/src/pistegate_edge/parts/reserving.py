# SPDX-License-Identifier: Apache-2.0
"""A gate's part of the site's hub: between the passage protocol, the journal and the line to the site's broker."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from pistegate_edge.core import actions as a
from pistegate_edge.core.inputs import Alone, Granted, OwedTaken
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.journal import Journal
from pistegate_edge.parts.part import Part, Performer, Ports
from pistegate_edge.reserving.core import Kept, Ledger, Reserving
from pistegate_edge.reserving.link import SiteArrived, SiteDown, SiteTold, SiteUp
from pistegate_edge.reserving.told import HubTold, NotReserved, Reserved, Taken
from pistegate_protocol.decide import GateProfile, Owed
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import Stream
from pistegate_protocol.hub_messages import FROM_HUB, TO_HUB, OwedTold

log = logging.getLogger(__name__)


class HubLine(Protocol):
    """What carries messages to the hub and back."""

    def start(self) -> None:
        """Connect, now or whenever that is possible."""

    def publish(self, payload: bytes) -> None:
        """Send to the hub; may be lost."""

    def stop(self) -> None:
        """Disconnect."""


class HubPart(Part):
    """`line`: told whom to tell, gives the line."""

    takes = (SiteUp, SiteDown, SiteArrived)

    def __init__(self, gate: GateProfile, ports: Ports, line: Callable[[Callable[[SiteTold], None]], HubLine]) -> None:
        self._gate = gate
        self._ports = ports
        journal = ports.journal
        ledger = Ledger(
            kept=lambda: kept(journal),
            events=lambda epoch, first, most: events(journal, epoch, first, most),
            owed=self._owed,
        )
        post = gate.post_gates
        self._core = Reserving(journal.epoch, journal.last_seq(Stream.LEDGER), ledger, post, leads_out=gate.exit)
        self._line = line(ports.put)
        self._now = ports.clock.now()
        self.granted = 0
        """Reservations that came in time, in this run."""

    @property
    def serves(self) -> bool:
        """Whether there is a hub that answers in time."""
        return self._core.serves

    @property
    def group(self) -> int:
        """How many gates share what they know by the hub; a gate without one is a group by itself."""
        return max(1, self._core.gates) if self._core.serves else 1

    @property
    def performs(self) -> Mapping[type, Performer]:
        """See Part."""
        return {a.Reserve: self._reserve, a.Decided: self._decided, a.LetGo: self._let_go}

    @property
    def service(self) -> str:
        """For the log; the cloud reads it from the rung and its group (parts/rungs.py)."""
        if not self._core.serves:
            return "no hub"
        return f"hub of {self.group} gate{'' if self.group == 1 else 's'}"

    @property
    def deadline(self) -> float | None:
        """See Part."""
        return self._core.deadline(busy=self._ports.held())

    def start(self) -> None:
        """See Part."""
        self._line.start()

    def stop(self) -> None:
        """See Part."""
        self._line.stop()

    def take(self, told: SiteTold, now: Now) -> None:
        """See Part."""
        self._now = now
        if isinstance(told, SiteUp):
            self._core.connected(now.mono)
        elif isinstance(told, SiteDown):
            log.info("no line to the site's hub: %s", told.detail)
            self._tell(self._core.disconnected())
        else:
            try:
                message = FROM_HUB.decode(told.payload)
            except CodecError as error:
                log.warning("the hub says what this release does not understand: %s", error)
                return
            self._tell(self._core.take(message, now.mono))
        self._send()

    def tick(self, now: Now) -> None:
        """See Part."""
        self._now = now
        self._tell(self._core.tick(now.mono, busy=self._ports.held()))
        self._send()

    def grown(self, stream: Stream, last: int) -> None:
        """See Part."""
        if stream is Stream.LEDGER:
            self._core.grown(last, self._ports.clock.monotonic())

    def _reserve(self, action: a.Reserve, now: Now) -> None:
        self._now = now
        if self._core.reserve(action.number, action.ticket, action.n, action.counters, now.mono):
            self._send()
        else:
            self._ports.feed(Alone(action.number, "no hub"))

    def _decided(self, action: a.Decided, now: Now) -> None:
        self._core.decided(action.number, now.mono)

    def _let_go(self, action: a.LetGo, now: Now) -> None:
        gone = set(action.names)
        try:
            self._ports.journal.forget_owed(lambda entry: entry.admission not in gone)
        except JournalFull:
            log.warning("no room to hand over whom this gate owes: nobody lets them in again")
            return
        self._core.let_go(action.names)
        log.info("whom %d admissions owe is handed over to the site's hub", len(gone))

    def _tell(self, told: list[HubTold]) -> None:
        for each in told:
            if isinstance(each, Reserved):
                offer = each.offer
                owed = None
                if offer is not None and offer.gate in self._gate.post_gates:
                    owed = Owed(offer.admission, offer.persons)
                self.granted += 1
                self._ports.feed(Granted(each.number, each.elsewhere, owed))
            elif isinstance(each, NotReserved):
                self._ports.feed(Alone(each.number, each.why))
            elif isinstance(each, Taken):
                self._ports.feed(OwedTaken(each.names))
            else:
                log.info("site's hub: %s", self.service)
                self._ports.state_changed()

    def _send(self) -> None:
        sent, self._core.out = self._core.out, []
        for message in sent:
            self._line.publish(TO_HUB.encode(message))

    def _owed(self) -> list[OwedTold]:
        return owed_told(self._ports.owed(), self._now, self._gate.zone, leads_out=self._gate.exit)


def kept(journal: Journal) -> list[Kept]:
    """The epochs of the ledger of which something is kept, and the current one."""
    return [Kept(each.epoch, each.first_seq, each.last_seq) for each in journal.kept(Stream.LEDGER)]


def events(journal: Journal, epoch: int, first: int, most: int) -> list[bytes]:
    """Payloads from event `first` on; none where it is gone."""
    if journal.head_at(Stream.LEDGER, epoch, first - 1) is None:
        return []
    return journal.fetch(Stream.LEDGER, epoch, first, most)[1]


def owed_told(entries: list[OwedEntry], now: Now, zone: tzinfo, *, leads_out: bool) -> list[OwedTold]:
    """Owed entries as the hub is told of them; one of a whole day ends with the day at the site."""
    here = now.wall.astimezone(zone)
    found = []
    for entry in entries:
        if entry.ticket is None or not entry.holds(now.mono, here.date()):
            continue
        left = (entry.until or now.mono) - now.mono
        if entry.day is not None:
            midnight = datetime.combine(entry.day + timedelta(days=1), datetime.min.time(), zone)
            left = (midnight - now.wall).total_seconds()
        told = (entry.admission, entry.ticket, entry.persons, max(0, int(left * 1000)), leads_out)
        found.append(OwedTold(*told))
    return found
