# SPDX-License-Identifier: Apache-2.0
"""How long a guest stayed beyond the end of the ticket's time 超时: by the clock of the protocol itself.

Its start is what the card keeps, or the first passage that was charged. Whoever left is judged by the last way out,
who is still inside by now. A ticket that is not tracked in and out is judged by its last passage.
"""

from dataclasses import dataclass

from pistegate_cloud.amendments import queries as amendments
from pistegate_cloud.clock import from_ms
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.passages.rules import counts
from pistegate_cloud.settlements.reading import Read
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.suspensions import queries as suspensions
from pistegate_cloud.suspensions.service import PAUSED_TOLD_MS
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tickets.service import claim_of
from pistegate_protocol.clocks import clock_at
from pistegate_protocol.instants import at_minute, minute_from
from pistegate_protocol.suspensions import Suspension, pauses


@dataclass(frozen=True, slots=True)
class Overtime:
    """`minutes` beyond the clock's end; times in ms. `only_card`: the last passage is known from the card alone."""

    ticket: int
    minutes: int
    ended_ms: int
    left_ms: int
    only_card: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage of the ticket."""

    at_ms: int
    exit: bool
    charged: bool = False
    only_card: bool = False


async def overtime(read: Read, now_ms: int) -> Overtime | None:
    """The overtime of the ticket at hand; None: it has no clock, never began, or was left in time."""
    if read.ticket is None:
        return None
    ticket = await tickets.ticket(read.ticket)
    claim = await claim_of(ticket, 0, ticket.revision, now_ms)
    if claim.clock is None:
        return None
    rows = [row for row in await amendments.admissions_of(ticket.number) if counts(row)]
    passages = sorted([*map(_passage, rows), *_told_by_card(read)], key=lambda each: each.at_ms)
    last = _last(passages, now_ms, read.inside, tracked=claim.tracked)
    if last is None:
        return None
    amendment = await amendments.newest(ticket.number)
    started = _started(read, passages)
    paused = pauses(await _suspensions(ticket.site_id, now_ms), claim.areas)
    clock = clock_at(
        claim.clock,
        claim.valid_from,
        from_ms(started) if started is not None else None,
        from_ms(last.at_ms),
        await sites.zone(ticket.site_id),
        amendment.extra_minutes if amendment else 0,
        paused,
    )
    if not clock.beyond or clock.end is None:
        return None
    ended_ms = int(at_minute(clock.end).timestamp() * 1000)
    return Overtime(ticket.number, clock.beyond, ended_ms, last.at_ms, last.only_card)


async def _suspensions(site: int, now_ms: int) -> list[Suspension]:
    rows = await suspensions.told(site, now_ms - PAUSED_TOLD_MS, now_ms)
    return [
        Suspension(
            row.area, from_ms(row.start_ms), None if row.end_ms is None else from_ms(row.end_ms), row.clocks_paused
        )
        for row in rows
    ]


def _passage(row: Admission) -> Passage:
    return Passage(row.at_ms, row.exit, row.charged > 0)


def _told_by_card(read: Read) -> list[Passage]:
    return [Passage(at_ms, out, charged=not out, only_card=True) for at_ms, out in read.passages]


def _last(passages: list[Passage], now_ms: int, inside: int | None, *, tracked: bool) -> Passage | None:
    """The passage at which the guest's time is looked at; now, for one who is tracked and still inside.

    Where the card says that nobody is inside, and when they left is forgotten, what is known last counts.
    """
    if not passages:
        return None
    last = passages[-1]
    if tracked and not last.exit:
        if inside == 0:
            return Passage(last.at_ms, exit=True, only_card=True)
        return Passage(max(now_ms, last.at_ms), exit=True, only_card=last.only_card)
    return last


def _started(read: Read, passages: list[Passage]) -> int | None:
    """The whole minute at which the clock began."""
    if read.started_ms is not None:
        return read.started_ms
    first = next((each.at_ms for each in passages if each.charged), None)
    return None if first is None else int(at_minute(minute_from(from_ms(first))).timestamp() * 1000)
