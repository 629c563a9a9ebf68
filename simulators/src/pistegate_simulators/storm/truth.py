# SPDX-License-Identifier: Apache-2.0
"""What really happened, as only the world knows it, and the promises that are looked at while it happens."""

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256

from pistegate_protocol.events import Admitted, Outcome, OutcomeKind, Stream
from pistegate_protocol.messages import Batch
from pistegate_simulators.storm.tickets import StormTicket
from pistegate_simulators.storm.trace import Trace
from pistegate_simulators.storm.violation import Red

SURE_MS = 10_000  # ms; nobody who is told a time within this would call it wrong


@dataclass(slots=True)
class Admission:
    """A durable admission. `root`: the one that charged the persons whom this one offers their way again.

    `granted`: by the hub. `killed`: it was open when its gate died. `erased`: it may be missing, as its gate's SD card
    was written anew.
    """

    gate: int
    epoch: int
    seq: int
    name: bytes
    event: Admitted
    root: bytes
    granted: bool = False
    opened: bool = False
    turned: int = 0
    killed: bool = False
    erased: bool = False
    outcome: Outcome | None = None


class Truth:
    """Told by the watched parts of every gate."""

    def __init__(self, tickets: list[StormTicket], trace: Trace) -> None:
        self._trace = trace
        self.tickets = {ticket.number: ticket for ticket in tickets}
        self.admissions: dict[bytes, Admission] = {}
        self.at_lane: dict[int, Admission] = {}
        """By gate, the admission for which its lane was opened last."""
        self.versions: dict[tuple[int, str], int] = {}
        """(gate, document) -> the newest version that the gate ever stored."""
        self.denied: dict[int, frozenset[int]] = defaultdict(frozenset)
        """By gate, the tickets that any deny list denied which it ever stored."""
        self.restores: dict[int, int] = defaultdict(int)
        self.lying_hub = False
        """A hub that lies may spend more than there is."""
        self._passed_of: dict[bytes, int] = defaultdict(int)
        self._slack: dict[bytes, int] = defaultdict(int)
        self._sent: dict[tuple[int, int, int, int], bytes] = {}

    # What a journal made durable

    def admitted(self, admission: Admission, off_ms: int | None) -> None:
        """A gate gave permission; its clock, where it is sure of it, is `off_ms` from the true time."""
        gate, event = admission.gate, admission.event
        if off_ms is not None and abs(off_ms) > SURE_MS:
            raise Red("misdated", f"gate {gate} is sure of its clock, which is off by {off_ms / 1000:.1f} s")
        before = self.admissions.get(event.reoffer_of or b"")
        admission.root = before.root if before is not None else admission.name
        if admission.name in self.admissions:
            raise Red("seq_reused", f"gate {gate} names two admissions {admission.epoch}/{admission.seq}")
        self.admissions[admission.name] = admission
        if event.ticket in self.denied[gate] and not event.exit:
            raise Red("revoked_admitted", f"gate {gate} was told that ticket {event.ticket} is denied, and admitted it")
        if event.reoffer_of is not None and event.charged:
            raise Red("reoffer_charged", f"gate {gate} charged {event.charged} for a re-offer")

    def outcome(self, gate: int, epoch: int, seq: int, outcome: Outcome) -> None:
        """How an admission ended, by its gate's journal."""
        kind = OutcomeKind(outcome.kind).name.lower()
        unknown = f", {outcome.unknown} unknown" if outcome.unknown else ""
        self._trace(f"gate {gate}", f"records {kind} {outcome.passed}{unknown} of seq {seq}")
        for admission in self.admissions.values():
            if (admission.gate, admission.epoch, admission.seq) == (gate, epoch, seq):
                if admission.outcome is not None and not admission.erased:
                    raise Red("two_outcomes", f"gate {gate} told two outcomes of {epoch}/{seq}")
                admission.outcome = outcome

    def denies(self, gate: int, tickets: frozenset[int]) -> None:
        """A gate stored a deny list with these tickets."""
        self.denied[gate] |= tickets

    def document(self, gate: int, name: str, version: int) -> None:
        """A gate stored a document."""
        known = self.versions.get((gate, name), 0)
        if version < known:
            raise Red("document_older", f"gate {gate} went from {name} {known} back to {version}")
        self.versions[gate, name] = version

    def started(self, gate: int, versions: dict[str, int], unfinished: list[bytes]) -> None:
        """A gate started with these documents and open admissions."""
        for name, version in versions.items():
            self.document(gate, name, version)
        for (other, name), version in self.versions.items():
            if other == gate and version > versions.get(name, 0):
                raise Red("document_lost", f"gate {gate} stored {name} {version} and starts with {versions.get(name)}")
        for open_one in unfinished:
            if (admission := self.admissions.get(open_one)) is not None and not admission.killed:
                admission.killed = True
                self._slack[admission.root] += admission.event.n

    # What happened at a lane

    def opened(self, gate: int, name: bytes, persons: int, *, durable: bool, card_names: bytes | None) -> Admission:
        """A lane opens. `card_names`: the admission that the card itself names now; None: no card."""
        admission = self.admissions.get(name)
        if admission is None or not durable:
            raise Red("opened_undurable", f"gate {gate} opened its lane before the admission was durable")
        if admission.opened:
            raise Red("opened_twice", f"gate {gate} opened twice for {admission.epoch}/{admission.seq}")
        if card_names is not None and card_names != name:
            raise Red(
                "opened_before_card", f"gate {gate} opened before the card took {admission.epoch}/{admission.seq}"
            )
        if persons != admission.event.n:
            raise Red("opened_for_others", f"gate {gate} opened for {persons} of {admission.event.n}")
        admission.opened = True
        self.at_lane[gate] = admission
        return admission

    def turned(self, gate: int) -> None:
        """The arms let one person through."""
        admission = self.at_lane.get(gate)
        if admission is None:
            raise Red("passed_unadmitted", f"somebody passed gate {gate} without any admission")
        admission.turned += 1
        self._trace(f"gate {gate}", f"arm turns, {admission.turned} of {admission.event.n}")
        if admission.turned > admission.event.n:
            raise Red("passed_beyond", f"{admission.turned} passed gate {gate} of {admission.event.n}")
        root = admission.root
        self._passed_of[root] += 1
        first = self.admissions.get(root)
        if first is not None and not self.lying_hub and self._passed_of[root] > first.event.n + self._slack[root]:
            raise Red(
                "owed_twice",
                f"{self._passed_of[root]} passed on admission {first.epoch}/{first.seq} of gate {first.gate} "
                f"and its re-offers, {first.event.n} were admitted",
            )

    # What the world did

    def image_taken(self, gate: int) -> tuple[dict[str, int], frozenset[int], set[bytes]]:
        """What an SD image knows: versions of documents, denied tickets, admissions that have ended."""
        versions = {name: version for (other, name), version in self.versions.items() if other == gate}
        known = {a.name for a in self.admissions.values() if a.gate == gate and a.outcome is not None}
        return versions, self.denied[gate], known

    def restored(self, gate: int, versions: dict[str, int], denied: frozenset[int], known: set[bytes]) -> None:
        """A gate's SD card was written anew from an image that knows these."""
        self.restores[gate] += 1
        self.denied[gate] = denied
        for key in [key for key in self.versions if key[0] == gate]:
            self.versions[key] = versions.get(key[1], 0)
        for admission in self.admissions.values():
            if admission.gate == gate:
                self._slack[admission.root] += admission.event.n  # what it owes is owed again
                if admission.name not in known:
                    admission.erased = True

    def sent(self, gate: int, batch: Batch) -> None:
        """A gate sent events: a key never carries two."""
        for offset, payload in enumerate(batch.payloads):
            key = (gate, int(batch.stream), batch.epoch, batch.first_seq + offset)
            digest = sha256(payload).digest()
            if self._sent.setdefault(key, digest) != digest:
                raise Red("seq_reused", f"gate {gate} used {Stream(batch.stream).name} {key[2]}/{key[3]} twice")
