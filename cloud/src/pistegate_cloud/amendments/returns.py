# SPDX-License-Identifier: Apache-2.0
"""Whether persons who were admitted and did not pass can be given back: only when no gate may let them in any more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from pistegate_cloud.amendments import queries
from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.amendments.rules import Amended, Change, Given, chain, unpassed, with_return
from pistegate_cloud.clock import local_day, ms_of
from pistegate_cloud.errors import Problem
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.tickets.usage import known_usage
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import EVENTS, Outcome, OutcomeV1

OWED_MS: Final = 120_000  # how long a gate lets an unpassed person try again (DESIGN, "One passage" 5)


@dataclass(frozen=True, slots=True)
class Returned:
    """An admission whose unpassed persons are given back."""

    admission: Admission
    persons: int


async def returnable(ticket: Ticket, name: str | None, before: Sequence[TicketAmendment]) -> Returned:
    """The admission `name`, or the newest with persons to give back; Problem when there is none, or not yet."""
    rows = await queries.admissions_of(ticket.number)
    done = {row.admission for row in before if row.admission is not None}
    first = [row for row in rows if row.reoffer_of is None and row.name not in done]
    wanted = first if name is None else [row for row in first if row.name == name]
    for admission in reversed(wanted):
        taps = chain(admission, rows)
        if name is None and not _may_have_unpassed(taps):
            continue
        persons = unpassed(taps)
        if persons:
            await _check_over(ticket, taps)
            return Returned(admission, persons)
    raise Problem("nothing_to_return", ticket=ticket.number)


def _may_have_unpassed(taps: Sequence[Admission]) -> bool:
    """Whether it is worth asking: everybody of most admissions has passed."""
    return sum(int(tap.passed) for tap in taps) < int(taps[0].n)


async def given_back(ticket: Ticket, held: Amended, returned: Returned, before: Iterable[TicketAmendment]) -> Amended:
    """What holds once these persons are given back."""
    given = [
        Given(row.returns, row.admission_day)
        for row in before
        if row.change == Change.RETURN and row.admission_day is not None
    ]
    # Usage counts modulo 256; fewer than that are ever pending, so this is the total that its card has taken.
    low = (await known_usage(ticket, bytes(8))).returns
    taken = held.returns - (held.returns - low) % 256
    return with_return(held, returned.persons, returned.admission.day, given, taken)


async def _check_over(ticket: Ticket, taps: Sequence[Admission]) -> None:
    """Problem return_too_early unless every gate of the post has told everything past the time in which they are owed.

    Of a party they are owed until its day ends.
    """
    first = taps[0]
    over = max([await _ended_ms(tap) for tap in taps]) + OWED_MS
    site = await sites.site(first.site_id)
    if ticket.product.party > 1:
        zone = await sites.zone(site.number)
        # By the gate's calendar when it ended: a night's passage is of the day before, and one may go over midnight.
        ended = max(max(tap.at_ms, tap.ended_ms or 0) for tap in taps)
        day = local_day(min(ended, over), zone)
        over = max(over, ms_of(datetime.combine(day + timedelta(days=1), time(), zone)))
    told = await gates.untold(site.group_number)
    waiting = [number for number in await queries.gates_at(site.number, first.post) if told[site.number, number] < over]
    if waiting:
        until = datetime.fromtimestamp(over / 1000, UTC).isoformat(timespec="seconds")
        raise Problem("return_too_early", until=until, gates=", ".join(map(str, waiting)))


async def _ended_ms(admission: Admission) -> int:
    """When the outcome of an admission came in: by our clock not before it happened, whatever its gate's clock says."""
    for event in await queries.after(admission):
        try:
            told = EVENTS.decode(bytes(event.payload))
        except CodecError:
            continue
        if isinstance(told, Outcome | OutcomeV1) and (told.epoch, told.seq) == (admission.epoch, admission.seq):
            return int(event.received_ms)
    raise Problem("return_unknown")
