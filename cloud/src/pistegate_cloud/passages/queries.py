# SPDX-License-Identifier: Apache-2.0
"""All queries of admissions, refusals and incidents."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date

from tortoise.expressions import Q
from tortoise.functions import Sum

from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.database import is_postgres
from pistegate_cloud.passages.models import Admission, Incident, Override, Refusal
from pistegate_cloud.passages.rules import UNSETTLED, Allowance
from pistegate_cloud.tickets.models import Ticket

Ref = tuple[int, int]
State = tuple[str, str]  # of a card: its medium, and the admission that it names
STATES_MAX = 5000  # in one statement; SQLite takes 32,766 values


async def referred(site: int, gate: int, refs: Iterable[Ref]) -> dict[Ref, Admission]:
    """Admissions of a gate by (epoch, seq)."""
    wanted = set(refs)
    if not wanted:
        return {}
    rows = await Admission.filter(
        site_id=site, gate=gate, epoch__in={epoch for epoch, _ in wanted}, seq__in={seq for _, seq in wanted}
    )
    return {(row.epoch, row.seq): row for row in rows if (row.epoch, row.seq) in wanted}


@dataclass(slots=True)
class Taken:
    """A stored admission, as far as what it says of its ticket goes. Models of a season's rides took most of the time
    of applying a month (measured).
    """

    id: int
    site_id: int
    gate: int
    seq: int
    name: str
    prev: str
    ticket: int
    claim: str
    medium: str
    at_ms: int
    day: date
    charged: int
    state: str
    settled: str | None


_TAKEN = tuple(field.name for field in fields(Taken))


async def in_doubt(here: Sequence[int], tickets: Iterable[int]) -> list[Taken]:
    """Admissions of some tickets at some sites whose commit is in doubt and not settled."""
    rows = Admission.filter(state__in=UNSETTLED, ticket__in=set(tickets), site_id__in=here, settled=None)
    return [Taken(*row) for row in await rows.order_by("at_ms", "id").values_list(*_TAKEN)]


async def following(here: Sequence[int], states: Iterable[State]) -> list[Taken]:
    """Admissions at some sites that followed one of these states of a medium."""
    wanted, found = list(set(states)), []
    for at in range(0, len(wanted), STATES_MAX):
        found += await _following(here, wanted[at : at + STATES_MAX])
    return sorted(found, key=lambda row: (row.at_ms, row.id))


async def _following(here: Sequence[int], states: Sequence[State]) -> list[Taken]:
    connection = Admission._meta.db
    # Pairs, which the ORM cannot say: two lists would ask for every medium with every name.
    marks = iter(range(1, 2 * len(states) + 1))
    pair = "(${}, ${})" if is_postgres(connection) else "(?, ?)"
    pairs = ", ".join(pair.format(next(marks), next(marks)) for _ in states)
    rows = await connection.execute_query_dict(
        f"SELECT id FROM admission WHERE (medium, prev) IN (VALUES {pairs})",
        [text for state in states for text in state],
    )
    found = Admission.filter(id__in=[row["id"] for row in rows], site_id__in=here)
    return [Taken(*row) for row in await found.values_list(*_TAKEN)]


async def charged_by_day(here: Sequence[int], tickets: Collection[int]) -> dict[int, list[tuple[date, int]]]:
    """(day, persons) of the admissions of some tickets at some sites that count, by ticket."""
    found: dict[int, list[tuple[date, int]]] = {}
    if tickets:
        kept = Q(settled=None) | Q(settled__not="void")  # as rules.counts says
        rows = Admission.filter(kept, state__not="card_void", site_id__in=here, ticket__in=list(tickets))
        sums = rows.annotate(persons=Sum("charged")).group_by("ticket", "day")
        for ticket, day, persons in await sums.values_list("ticket", "day", "persons"):
            found.setdefault(int(ticket), []).append((day, int(persons)))
    return found


async def newest(here: Sequence[int], tickets: Collection[int]) -> dict[int, tuple[int, int]]:
    """(site, seq) of the last admission of each of some tickets at some sites."""
    if not tickets:
        return {}
    # One look into the index for each ticket, however many rides it has.
    sites, numbers = ", ".join(map(str, here)), ", ".join(f"({ticket})" for ticket in tickets)
    last = f"SELECT id FROM admission WHERE ticket = wanted.column1 AND site_id IN ({sites})"
    rows = await Admission._meta.db.execute_query_dict(
        f"SELECT ({last} ORDER BY at_ms DESC, id DESC LIMIT 1) AS id FROM (VALUES {numbers}) AS wanted"
    )
    found = Admission.filter(id__in=[row["id"] for row in rows])
    return {int(row[0]): (int(row[1]), int(row[2])) for row in await found.values_list("ticket", "site_id", "seq")}


async def save_settled(rows: Iterable[Taken], by: str) -> None:
    """What admissions in doubt turned out to be, and who said so."""
    for row in rows:
        await Admission.filter(id=row.id).update(settled=row.settled, settled_by=by)


async def allowances(site: int, group: int, tickets: Iterable[int]) -> dict[int, Allowance]:
    """What was sold, by ticket, of tickets that hold at a site of a group; others are left out."""
    holds = Q(site_id=site) | Q(product__scope="group", site__group_number=group)
    rows = Ticket.filter(holds, number__in=set(tickets))
    terms = rows.values_list("number", "product__party", "product__entries_per_day", "product__entries_total")
    return {
        int(number): Allowance(_times(per_day, int(party)), _times(total, int(party)))
        for number, party, per_day, total in await terms
    }


async def given_back(ticket: int) -> list[tuple[date, int]]:
    """(day of the admission, persons) that amendments gave back to a ticket."""
    rows = TicketAmendment.filter(ticket_id=ticket, persons__gt=0, admission_day__not_isnull=True)
    return [(day, int(persons)) for day, persons in await rows.values_list("admission_day", "persons")]


def _times(entries: int | None, party: int) -> int | None:
    return None if entries is None else entries * party


async def save_ledger(new: Sequence[Admission], changed: Sequence[Admission]) -> None:
    """Store new admissions, and changed outcomes of old ones."""
    await Admission.bulk_create(list(new))
    for row in changed:
        await row.save(update_fields=("state", "passed", "unknown", "ended_ms", "settled", "settled_by"))


async def save_notes(refusals: Sequence[Refusal], incidents: Sequence[Incident]) -> None:
    """Store refusals and incidents."""
    await Refusal.bulk_create(list(refusals))
    await Incident.bulk_create(list(incidents))


async def save_overrides(rows: Sequence[Override]) -> None:
    """Store what was counted without tickets."""
    await Override.bulk_create(list(rows))


async def overrides(site: int | None, day: date | None, gate: int | None, after: int, limit: int) -> list[Override]:
    """Overrides in order of id, after one."""
    given = {"site_id": site, "day": day, "gate": gate}
    wanted = {name: value for name, value in given.items() if value is not None}
    return await Override.filter(id__gt=after, **wanted).order_by("id").limit(limit)


async def between(site: int, gate: int, epoch: int, after: int, before: int) -> tuple[list[Admission], list[Override]]:
    """What was recorded between two events of a ledger."""
    where = {"site_id": site, "gate": gate, "epoch": epoch, "seq__gt": after, "seq__lt": before}
    return await Admission.filter(**where).order_by("seq"), await Override.filter(**where).order_by("seq")


async def save_dates(admissions: Sequence[Admission], overrides: Sequence[Override]) -> None:
    """Store when they were."""
    if admissions:
        await Admission.bulk_update(admissions, fields=["at_ms", "day", "hour", "ended_ms"], batch_size=500)
    if overrides:
        await Override.bulk_update(overrides, fields=["at_ms", "day"], batch_size=500)


async def page(
    site: int | None, day: date | None, gate: int | None, ticket: int | None, after: int, limit: int
) -> list[Admission]:
    """Admissions through which at least one person passed or may have passed, in order of id, after one."""
    query = Admission.filter(Q(passed__gt=0) | Q(unknown__gt=0), id__gt=after)
    for name, value in (("site_id", site), ("day", day), ("gate", gate), ("ticket", ticket)):
        if value is not None:
            query = query.filter(**{name: value})
    return await query.order_by("id").limit(limit)
