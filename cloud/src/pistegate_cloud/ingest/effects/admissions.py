# SPDX-License-Identifier: Apache-2.0
"""Admissions of one chunk of a gate's ledger: begun, ended, settled, and what is odd about their tickets."""

from datetime import date, timedelta
from typing import Any

from pistegate_cloud.clock import from_ms, local_day
from pistegate_cloud.contingency import queries as contingency
from pistegate_cloud.ingest.effects.base import Found, Place, Ref, inapplicable
from pistegate_cloud.passages import models, queries
from pistegate_cloud.passages.rules import (
    UNSETTLED,
    by_ticket,
    is_written,
    of_card,
    overuse,
    settlement,
    state_of,
    twins,
)
from pistegate_cloud.proofs.service import uid_of
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import ADMISSION
from pistegate_cloud.tickets import queries as sold
from pistegate_protocol.claims import day_number
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import Admitted, AdmittedV1, Outcome, OutcomeKind, OutcomeV1, Settled, admission_name
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import decode_counters

_NOON = 12
_CONFIRMED = (OutcomeKind.PASSED, OutcomeKind.NOT_PASSED)  # the lane opened, so the card had answered its commit


class Admissions:
    """New admissions, and stored ones that this chunk is about."""

    def __init__(self, place: Place, epoch: int, found: list[Found]) -> None:
        self._place = place
        self._epoch = epoch
        self._found = found
        self.new: dict[Ref, models.Admission] = {}
        self.old: dict[Ref, models.Admission] = {}
        self.changed: dict[int, models.Admission] = {}
        self._ended: set[int] = set()

    async def load(self, refs: set[Ref]) -> None:
        """Find the stored admissions among `refs`."""
        self.old |= await queries.referred(self._place.site, self._place.gate, refs)

    def find(self, ref: Ref) -> models.Admission | None:
        """The admission, marked as changed if it is a stored one."""
        row = self.new.get(ref) or self.old.get(ref)
        if row is not None and ref in self.old:
            self.changed[row.id] = row
        return row

    def begin(self, seq: int, event: Admitted | AdmittedV1) -> bool:
        """An admission; False (and found inapplicable) when its time is absurd."""
        place = self._place
        try:
            day = local_day(event.at, place.zone)
            hour = from_ms(event.at).astimezone(place.zone).hour
            day = _day_counted(event, day, hour)
        except (ValueError, OverflowError, OSError):
            self._found.append(inapplicable(seq, f"time {event.at} ms"))
            return False
        self.new[self._epoch, seq] = models.Admission(
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
            exit=isinstance(event, Admitted) and event.exit,
            overtime=isinstance(event, Admitted) and event.overtime,
        )
        return True

    def end(self, row: models.Admission, seq: int, event: Outcome | OutcomeV1) -> None:
        """How an admission ended."""
        kind = OutcomeKind(event.kind).name.lower()
        if kind not in ADMISSION.moves[row.state]:
            problem = f"second outcome of admission {event.epoch}/{event.seq}: {row.state}, then {kind}"
            self._found.append(inapplicable(seq, problem))
            return
        row.state = ADMISSION.after(row.state, kind)
        row.passed, row.unknown, row.ended_ms = event.passed, event.unknown, event.at
        self._ended.add(row.ticket)
        if event.passed + event.unknown > row.n:
            values = {"passed": event.passed, "unknown": event.unknown, "n": row.n}
            self._found.append(Found("over_passed", seq, values, row.ticket))
        if self._lacks_proof(row, event):
            self._found.append(Found("proof_lacking", seq, {"ticket": row.ticket, "uid": row.medium[2:]}, row.ticket))

    def _lacks_proof(self, row: models.Admission, event: Outcome | OutcomeV1) -> bool:
        """A lane opened for a card that is said to have answered, but not what; releases before proofs say nothing."""
        card = row.medium.startswith(f"{MediumKind.CARD:02x}")
        return isinstance(event, Outcome) and card and event.kind in _CONFIRMED and event.proof is None

    def settle(self, row: models.Admission, seq: int, event: Settled) -> None:
        """What a card told when it came back."""
        told = "charged" if event.charged else "void"
        if row.settled not in (None, told) and row.settled_by != "proof":
            problem = f"admission {event.epoch}/{event.seq} settled as {row.settled}, then as {told}"
            self._found.append(inapplicable(seq, problem))
            return
        row.settled, row.settled_by = told, "gate"

    @property
    def torn(self) -> set[str]:
        """Cards (UIDs in hex) of which a transaction is in doubt since this chunk."""
        rows = [*self.new.values(), *self.changed.values()]
        return {uid for row in rows if row.state in UNSETTLED and (uid := uid_of(bytes.fromhex(row.medium)))}

    async def save(self) -> set[int]:
        """Store them; the tickets that they are about."""
        await queries.save_ledger(list(self.new.values()), list(self.changed.values()))
        return {row.ticket for row in [*self.new.values(), *self.changed.values()]} | self._ended

    async def about_tickets(self, tickets: set[int]) -> list[Found]:
        """Settle what is in doubt, and look for use beyond what was sold, over all sites where a ticket may hold.

        Only what this chunk may have changed is asked for: a season's rides of each ticket, read for each chunk, made
        a long backlog take hours (measured).
        """
        if not tickets:
            return []
        await sold.lock(tickets)  # two appliers, each with one half of a double use, would both see nothing
        here = await sites.of_group(self._place.group)
        doubts = await queries.in_doubt(here, tickets)
        written = {state_of(row) for row in [*self.new.values(), *self.changed.values()] if is_written(row)}
        told = {(row.medium, name) for row in doubts if of_card(row) for name in (row.prev, row.name)}
        rows = by_ticket(await queries.following(here, written | told))
        await queries.save_settled(_settled_by_next(doubts, rows), "cloud")
        found = await self._misused(here, tickets)
        for group in rows.values():
            pairs = twins([row for row in group if state_of(row) in written])
            found += [
                _of_ticket("turned_back", later.ticket, (later.site_id, later.seq), {"other": first.gate})
                for first, later in pairs
            ]
        return found

    async def _misused(self, here: list[int], tickets: set[int]) -> list[Found]:
        """Tickets that nobody sold, and those used more often than was sold."""
        allowances = await queries.allowances(self._place.site, self._place.group, tickets)
        wrong = await _never_sold(tickets - allowances.keys())
        limited = {ticket: allowance for ticket, allowance in allowances.items() if allowance.limited}
        for ticket, charges in (await queries.charged_by_day(here, limited)).items():
            allowance = limited[ticket]
            if overuse(charges, allowance) and (limit := overuse([*charges, *await _given_back(ticket)], allowance)):
                wrong[ticket] = ("double_admission", {"limit": limit})
        newest = await queries.newest(here, wrong)
        return [_of_ticket(kind, ticket, newest[ticket], values) for ticket, (kind, values) in wrong.items()]


def _settled_by_next(doubts: list[queries.Taken], rows: dict[int, list[queries.Taken]]) -> list[queries.Taken]:
    settled = []
    for row in doubts:
        if told := settlement(row, rows.get(row.ticket, [])):
            row.settled = told
            settled.append(row)
    return settled


async def _never_sold(tickets: set[int]) -> dict[int, tuple[str, dict[str, Any]]]:
    """Of tickets that are not sold here: what to tell. A contingency ticket 应急票's sale may not be told yet."""
    states = await contingency.states_of(tickets)
    kinds = {ticket: "unsold_admitted" if ticket in states else "unknown_ticket" for ticket in tickets}
    return {ticket: (kind, {}) for ticket, kind in kinds.items() if states.get(ticket) != "held"}


async def _given_back(ticket: int) -> list[tuple[date, int]]:
    """Persons given back by amendments, as negative charges of their day."""
    return [(day, -persons) for day, persons in await queries.given_back(ticket)]


def _of_ticket(kind: str, ticket: int, newest: tuple[int, int], values: dict[str, Any]) -> Found:
    """`newest`: (site, seq) of the admission that shows it."""
    site, seq = newest
    return Found(kind, seq, values | {"ticket": ticket}, ticket, f"{site}/{ticket}")


def _day_counted(event: Admitted | AdmittedV1, day: date, hour: int) -> date:
    """A night's session belongs to the day on which it began, as the gate counted it; it ends by noon."""
    if not isinstance(event, Admitted) or event.exit or hour >= _NOON:
        return day
    try:
        counted = decode_counters(event.counters, event.claim, event.prev).day
    except CodecError:
        return day
    return day - timedelta(days=1) if counted == day_number(day) - 1 else day
