# SPDX-License-Identifier: Apache-2.0
"""What a chunk of events does: read first, then saved in the applier's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from pistegate_cloud.clock import from_ms, local_day
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.passages import models, queries
from pistegate_cloud.passages.rules import counts, overuse, settlement, twins
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import ADMISSION
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    Dropped,
    EpochOpened,
    Event,
    Incident,
    Outcome,
    OutcomeKind,
    Refused,
    Settled,
    admission_name,
)

Read = list[tuple[int, Event]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gate stands."""

    site: int
    gate: int
    post: int
    area: int
    zone: ZoneInfo

    @classmethod
    async def of(cls, gate: Gate) -> "Place":
        """From a gate with its post and area."""
        zone = await sites.zone(gate.site_id)
        return cls(gate.site_id, gate.number, gate.post.number, gate.post.area.number, zone)


@dataclass(frozen=True, slots=True)
class Found:
    """An exception found at an event; `key` where it is about something else than the event."""

    kind: str
    seq: int
    values: dict[str, Any] = field(default_factory=dict)
    ticket: int | None = None
    key: str | None = None


def _decode(payloads: Iterable[tuple[int, bytes]], found: list[Found]) -> Read:
    events: Read = []
    for seq, payload in payloads:
        try:
            events.append((seq, EVENTS.decode(payload)))
        except CodecError as error:
            found.append(Found("inapplicable", seq, {"problem": str(error)[:100].replace("\x00", "")}))
    return events


def _clean(text: str) -> str:
    """Without NUL, which PostgreSQL's text cannot hold."""
    return text.replace("\x00", "\ufffd")


class LedgerEffects:
    """Admissions, outcomes and settlements of one chunk of a ledger stream."""

    def __init__(self, place: Place, epoch: int) -> None:
        self.found: list[Found] = []
        self._place = place
        self._epoch = epoch
        self._new: dict[queries.Ref, models.Admission] = {}
        self._old: dict[queries.Ref, models.Admission] = {}
        self._changed: dict[int, models.Admission] = {}
        self._ended: set[int] = set()

    async def read(self, payloads: Iterable[tuple[int, bytes]]) -> None:
        """Decode the events and work out what they change."""
        events = _decode(payloads, self.found)
        refs = {(e.epoch, e.seq) for _, e in events if isinstance(e, Outcome | Settled)}
        self._old = await queries.referred(self._place.site, self._place.gate, refs)
        for seq, event in events:
            match event:
                case EpochOpened():
                    pass
                case Admitted():
                    self._admitted(seq, event)
                case Outcome():
                    self._outcome(seq, event)
                case Settled():
                    self._settled(seq, event)
                case _:
                    self._inapplicable(seq, f"{type(event).__name__} in the ledger stream")

    async def save(self) -> list[Found]:
        """Store it all; exceptions found about tickets."""
        await queries.save_ledger(list(self._new.values()), list(self._changed.values()))
        touched = {row.ticket for row in [*self._new.values(), *self._changed.values()]} | self._ended
        return await self._about_tickets(touched)

    def _inapplicable(self, seq: int, problem: str) -> None:
        self.found.append(Found("inapplicable", seq, {"problem": problem}))

    def _admitted(self, seq: int, event: Admitted) -> None:
        place = self._place
        try:
            day = local_day(event.at, place.zone)
            hour = from_ms(event.at).astimezone(place.zone).hour
        except (ValueError, OverflowError, OSError):
            self._inapplicable(seq, f"time {event.at} ms")
            return
        self._new[self._epoch, seq] = models.Admission(
            site_id=place.site,
            gate=place.gate,
            post=place.post,
            area=place.area,
            epoch=self._epoch,
            seq=seq,
            name=admission_name(place.gate, self._epoch, seq).hex(),
            ticket=event.ticket,
            medium=event.medium.hex(),
            claim=event.claim.hex(),
            n=event.n,
            charged=event.charged,
            prev=event.prev.hex(),
            reoffer_of=event.reoffer_of.hex() if event.reoffer_of else None,
            at_ms=event.at,
            day=day,
            hour=hour,
            state="open",
        )

    def _outcome(self, seq: int, event: Outcome) -> None:
        row = self._find(seq, event.epoch, event.seq)
        if row is None:
            return
        kind = OutcomeKind(event.kind).name.lower()
        if kind not in ADMISSION.moves[row.state]:
            self._inapplicable(seq, f"second outcome of admission {event.epoch}/{event.seq}: {row.state}, then {kind}")
            return
        row.state = ADMISSION.after(row.state, kind)
        row.passed, row.unknown, row.ended_ms = event.passed, event.unknown, event.at
        self._ended.add(row.ticket)
        if event.passed + event.unknown > row.n:
            values = {"passed": event.passed, "unknown": event.unknown, "n": row.n}
            self.found.append(Found("over_passed", seq, values, row.ticket))

    def _settled(self, seq: int, event: Settled) -> None:
        row = self._find(seq, event.epoch, event.seq)
        if row is None:
            return
        told = "charged" if event.charged else "void"
        if row.settled not in (None, told):
            self._inapplicable(seq, f"admission {event.epoch}/{event.seq} settled as {row.settled}, then as {told}")
            return
        row.settled, row.settled_by = told, "gate"

    def _find(self, seq: int, epoch: int, of: int) -> models.Admission | None:
        ref = (epoch, of)
        row = self._new.get(ref) or self._old.get(ref)
        if row is None:
            self._inapplicable(seq, f"it is about admission {epoch}/{of}, which is not known")
        elif ref in self._old:
            self._changed[row.id] = row
        return row

    async def _about_tickets(self, tickets: set[int]) -> list[Found]:
        """Settle what is in doubt, and look for use beyond what was sold, over all gates of the site."""
        rows = await queries.of_tickets(self._place.site, tickets)
        by_ticket: dict[int, list[models.Admission]] = {}
        for row in rows:
            by_ticket.setdefault(row.ticket, []).append(row)
        settled = []
        for group in by_ticket.values():
            for row in group:
                if told := settlement(row, group):
                    row.settled, row.settled_by = told, "cloud"
                    settled.append(row)
        await queries.save_ledger([], settled)
        allowances = await queries.allowances(self._place.site, tickets)
        found: list[Found] = []
        for ticket, group in by_ticket.items():
            allowance = allowances.get(ticket)
            charges = [(row.day, row.charged) for row in group if counts(row)]
            if allowance is None:
                found.append(_of_ticket("unknown_ticket", group[-1], {}))
            elif limit := overuse(charges, allowance):
                found.append(_of_ticket("double_admission", group[-1], {"limit": limit}))
            found += [_of_ticket("turned_back", later, {"other": first.gate}) for first, later in twins(group)]
        return found


def _of_ticket(kind: str, row: models.Admission, values: dict[str, Any]) -> Found:
    return Found(kind, row.seq, values | {"ticket": row.ticket}, row.ticket, f"{row.site_id}/{row.ticket}")


class NoteEffects:
    """Refusals and incidents of one chunk of a notes stream."""

    def __init__(self, place: Place, epoch: int) -> None:
        self.found: list[Found] = []
        self._place = place
        self._epoch = epoch
        self._refusals: list[models.Refusal] = []
        self._incidents: list[models.Incident] = []

    async def read(self, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Decode the events."""
        for seq, event in _decode(payloads, self.found):
            match event:
                case EpochOpened():
                    pass
                case Refused():
                    self._refused(seq, event)
                case Incident(at, code, detail, times):
                    self._incident(seq, at, _clean(code), _clean(detail), times)
                case Dropped(at, count):
                    self._incident(seq, at, "notes_dropped", "", count)
                    self.found.append(Found("notes_dropped", seq, {"count": count}))
                case _:
                    problem = f"{type(event).__name__} in the notes stream"
                    self.found.append(Found("inapplicable", seq, {"problem": problem}))

    async def save(self) -> list[Found]:
        """Store it all."""
        await queries.save_notes(self._refusals, self._incidents)
        return []

    def _refused(self, seq: int, event: Refused) -> None:
        self._refusals.append(
            models.Refusal(
                **self._where(seq, event.at),
                post=self._place.post,
                reason=_clean(event.reason),
                medium=event.medium.hex() if event.medium else None,
                ticket=event.ticket,
                times=event.times,
            )
        )

    def _incident(self, seq: int, at: int, code: str, detail: str, times: int) -> None:
        self._incidents.append(models.Incident(**self._where(seq, at), code=code, detail=detail, times=times))

    def _where(self, seq: int, at: int) -> dict[str, Any]:
        place = self._place
        day = local_day(at, place.zone)
        return {"site_id": place.site, "gate": place.gate, "epoch": self._epoch, "seq": seq, "at_ms": at, "day": day}
