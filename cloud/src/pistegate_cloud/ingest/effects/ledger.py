# SPDX-License-Identifier: Apache-2.0
"""One chunk of a ledger stream: admissions and card uses, their ends, what cards told, and the proofs of it all."""

from collections.abc import Iterable

from pistegate_cloud.ingest.effects import loose
from pistegate_cloud.ingest.effects.admissions import Admissions
from pistegate_cloud.ingest.effects.base import Found, Place, Read, Ref, decode, inapplicable
from pistegate_cloud.ingest.effects.clocks import Clocks
from pistegate_cloud.ingest.effects.fingers import Fingers
from pistegate_cloud.ingest.effects.overrides import Overrides
from pistegate_cloud.ingest.effects.places import Places
from pistegate_cloud.ingest.effects.uses import Uses
from pistegate_cloud.proofs import queries as proofs
from pistegate_cloud.proofs import service
from pistegate_cloud.proofs.models import CardProof
from pistegate_cloud.proofs.reckoning import Reckoner
from pistegate_cloud.proofs.service import Checker, Told, uid_of
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    AdmittedV1,
    CardUse,
    CardUseEnded,
    ClockState,
    EpochOpened,
    Event,
    FingerErased,
    Outcome,
    OutcomeV1,
    Override,
    PlaceTaken,
    Proof,
    Settled,
    Stream,
)

End = Outcome | OutcomeV1 | CardUseEnded | Settled


class LedgerEffects:
    """Read, then saved in the applier's transaction; what was found on the way is in `found`."""

    def __init__(self, place: Place, epoch: int, checker: Checker, now_ms: int, opens: int = 0) -> None:
        """`opens`: how many events are the epoch's opening (places.opening)."""
        self.found: list[Found] = []
        self.to_weigh: set[str] = set()
        """Cards that may be weighed after the backlog (proofs.service.may_wait)."""
        self._place = place
        self._epoch = epoch
        self._checker = checker
        self._now_ms = now_ms
        self._admissions = Admissions(place, epoch, self.found)
        self._uses = Uses(place, epoch, self.found)
        self._overrides = Overrides(place, epoch)
        self._fingers = Fingers(place, now_ms)
        self._places_told: list[Found] = []
        self._places = Places(place, epoch, self._places_told, opens)
        self._clocks = Clocks(place, Stream.LEDGER, epoch)
        self._events: dict[Ref, Admitted | CardUse] = {}
        self._proofs: list[tuple[Ref, Proof]] = []
        self._unresolved: list[tuple[int, End]] = []

    async def read(self, payloads: Iterable[tuple[int, bytes]]) -> None:
        """Decode the events and work out what they change."""
        events = decode(payloads, self.found)
        await self._load(events)
        for seq, event in events:
            match event:
                case EpochOpened():
                    pass
                case Admitted() | AdmittedV1():
                    self._clocks.passed(seq)
                    if self._admissions.begin(seq, event) and isinstance(event, Admitted):
                        self._events[self._epoch, seq] = event
                case CardUse():
                    if self._uses.begin(seq, event):
                        self._events[self._epoch, seq] = event
                case Override():
                    self._overrides.add(seq, event)
                case PlaceTaken():
                    self._places.add(seq, event)
                case FingerErased():
                    self._fingers.add(event)
                case ClockState():
                    self._clocks.add(seq, event)
                case Outcome() | OutcomeV1() | CardUseEnded() | Settled():
                    if not self._end(seq, event):
                        self._unresolved.append((seq, event))
                case _:
                    self.found.append(inapplicable(seq, f"{type(event).__name__} in the ledger stream"))

    async def save(self) -> list[Found]:
        """Store it all; exceptions found about tickets and cards."""
        await self._tie_loose_ends()
        tickets = await self._admissions.save()
        await self._overrides.save()
        await self._fingers.save()
        await self._places.save()
        corrected = await self._clocks.save()
        told = await self._told()
        torn = self._admissions.torn | self._uses.torn
        uids = self._uses.uids | torn | {each.uid for each in told}
        counters = await proofs.lock(uids, self._place.site, self._place.group)
        await self._uses.save(self._now_ms)
        more = await self._admissions.about_tickets(tickets)
        rows = await service.keep(told, self._checker, self._now_ms)
        by_card: dict[str, list[CardProof]] = {}
        for row in rows:
            by_card.setdefault(row.uid, []).append(row)
        ahead = {uid for uid, its in by_card.items() if not service.in_turn(counters[uid], its)}
        self.to_weigh = {uid for uid in ahead - torn if service.may_wait(counters[uid])}
        weigh = torn | ahead - self.to_weigh
        if weigh:
            reckoner = await Reckoner.of(self._place.group, self._checker, self._now_ms)
            for uid in sorted(weigh):
                await reckoner.weigh(counters[uid])
        await proofs.save_counters(list(counters.values()))
        return self._places_told + corrected + more

    async def _load(self, events: Read) -> None:
        refs = {(e.epoch, e.seq) for _, e in events if isinstance(e, End)}
        begun = {(self._epoch, seq) for seq, e in events if isinstance(e, Admitted | AdmittedV1 | CardUse)}
        await self._find(refs - begun)

    async def _find(self, refs: set[Ref]) -> None:
        await self._admissions.load(refs)
        await self._uses.load(refs - self._admissions.old.keys())

    def _end(self, seq: int, event: End) -> bool:
        """Apply what is about an admission or a use; False when neither is known."""
        ref = (event.epoch, event.seq)
        admission, use = self._admissions.find(ref), self._uses.find(ref)
        if admission is not None and isinstance(event, Outcome | OutcomeV1):
            self._admissions.end(admission, seq, event)
        elif admission is not None and isinstance(event, Settled):
            self._admissions.settle(admission, seq, event)
        elif use is not None and isinstance(event, CardUseEnded):
            self._uses.end(use, seq, event)
        elif use is not None and isinstance(event, Settled):
            self._uses.settle(use, seq, event)
        elif admission is None and use is None:
            return False
        else:
            self.found.append(
                inapplicable(seq, f"{type(event).__name__} of {event.epoch}/{event.seq}, which is no such")
            )
        if isinstance(event, Outcome | CardUseEnded) and event.proof is not None:
            self._proofs.append((ref, event.proof))
        return True

    async def _tie_loose_ends(self) -> None:
        """Ends whose beginning came in between, or comes with this chunk; the others wait, and are shown."""
        place = self._place
        await loose.lock_device(place.site, place.gate)
        if self._unresolved:
            await self._find({(event.epoch, event.seq) for _, event in self._unresolved})
            waiting = [(seq, event) for seq, event in self._unresolved if not self._end(seq, event)]
            for seq, event in waiting:
                self.found.append(inapplicable(seq, f"it is about {event.epoch}/{event.seq}, which is not known"))
            await loose.keep(place.site, place.gate, self._epoch, waiting)
        begun = self._admissions.new.keys() | self._uses.new.keys()
        for seq, payload in await loose.take(place.site, place.gate, begun):
            self._end(seq, EVENTS.decode(payload))

    async def _told(self) -> list[Told]:
        """Proofs of this chunk with the events that they are of."""
        place = self._place
        missing = [ref for ref, _ in self._proofs if ref not in self._events]
        payloads = await proofs.payloads((place.site, place.gate, *ref) for ref in missing) if missing else {}
        for (_, _, epoch, seq), payload in payloads.items():
            event: Event = EVENTS.decode(payload)
            if isinstance(event, Admitted | CardUse):
                self._events[epoch, seq] = event
        return [
            Told(place.site, place.gate, *ref, self._events[ref], proof)
            for ref, proof in self._proofs
            if ref in self._events and uid_of(self._events[ref].medium)
        ]
