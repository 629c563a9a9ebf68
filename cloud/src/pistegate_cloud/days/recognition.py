# SPDX-License-Identifier: Apache-2.0
"""Revenue recognised 收入确认: what is owed for tickets becomes revenue by their passages, and the rest on expiry.

A job reads what was sold and who passed, each with a mark of its own, so that neither has to wait for this and the
order in which they come does not matter: a passage may be older than the sale of its ticket (contingency tickets), or
weeks late. Whatever is done again changes nothing: days.earning says what is earned in all, and only what is missing
is posted, under a guard on the part's own figures.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.days import earning, rules
from pistegate_cloud.days import part_queries as queries
from pistegate_cloud.days.models import BookMark, Recognition, RevenuePart
from pistegate_cloud.days.queries import clock_of
from pistegate_cloud.errors import CloudError, LedgerError
from pistegate_cloud.ledger import landing
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.pricing.rules import split
from pistegate_cloud.products.terms import terms_of
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tickets.models import Ticket

SURE_MS: Final = 120_000  # no transaction of ours is open so long: a number given before then is committed or never is
_PAGE: Final = 2000  # rows read at once
_AT_ONCE: Final = 300  # tickets looked at together
_ATTEMPTS: Final = 5
_MINUTES: Final = 24 * 60
_log = logging.getLogger(__name__)


class _Taken(CloudError):
    """Somebody else moved a part: roll back and look again."""


class GivenBack(NamedTuple):
    """Net of what goes back: what was still owed, and what was earned already and is taken back."""

    deferred: int
    revenue: int


async def run(now_ms: int) -> int:
    """Everything that is due now, at all sites: new sales, new passages, what has expired; how many steps."""
    done = await _read_sales(now_ms)
    done += await _read_passages(now_ms)
    for site in await sites.all_sites():
        today = rules.business_day(now_ms, *await clock_of(site.number))
        done += await expire(site.number, today, now_ms)
    return done


async def _read_sales(now_ms: int) -> int:
    mark = await queries.mark("sales")
    at, done = mark.sure, 0
    while page := await queries.sold_after(at, _PAGE):
        done += await recognise(await expect({order for _, order in page}), now_ms)
        at = page[-1][0]
        if len(page) < _PAGE:
            break
    await _move(mark, at, now_ms)
    return done


async def _read_passages(now_ms: int) -> int:
    mark = await queries.mark("passages")
    at, done = mark.sure, 0
    while page := await queries.passages_after(at, _PAGE):
        done += await recognise({ticket for _, ticket in page}, now_ms)
        at = page[-1][0]
        if len(page) < _PAGE:
            break
    await _move(mark, at, now_ms)
    return done


async def _move(mark: BookMark, at: int, now_ms: int) -> None:
    """What was the newest number SURE_MS ago is sure now: nothing below it can still come."""
    if now_ms - mark.at_ms >= SURE_MS:
        mark.sure, mark.newest, mark.at_ms = mark.newest, max(at, mark.newest), now_ms
        await queries.save_mark(mark)


# What is owed


async def expect(orders: Iterable[UUID]) -> list[int]:
    """Keep what is owed for some orders that were sold; again: nothing. Their tickets."""
    wanted, found = sorted(set(orders)), []
    for start in range(0, len(wanted), _AT_ONCE):
        lines = [line for line in await queries.lines_of(wanted[start : start + _AT_ONCE]) if _is_owed(line)]
        by_line: dict[int, list[Ticket]] = defaultdict(list)
        for ticket in await queries.tickets_of([line.id for line in lines]):
            by_line[int(ticket.line_id)].append(ticket)
        parts = [part for line in lines for part in _parts(line, by_line[line.id])]
        await queries.add_parts(parts)
        found += [part.ticket for part in parts if part.ticket]
    return found


def _is_owed(line: OrderLine) -> bool:
    return not line.passthrough and landing.LANDS.get(line.kind) == "deferred"


def _parts(line: OrderLine, tickets: Sequence[Ticket]) -> list[RevenuePart]:
    """One for each ticket, net of tax and to the fen; the line itself where it has none."""
    nets = split(line.amount - line.tax, [1] * max(1, len(tickets)))
    whose = [(ticket.number, ticket.last_day) for ticket in tickets] or [(0, line.visit_date)]
    return [
        RevenuePart(
            site_id=line.site_id,
            order_id=line.order_id,
            line_id=line.id,
            ticket=number,
            currency=line.order.currency,
            department=line.department or landing.NOBODYS,
            shares=(line.terms or {}).get("shares") or None,
            net=net,
            until=until,
        )
        for (number, until), net in zip(whose, nets, strict=True)
        if net > 0
    ]


async def unrecognised(lines: Sequence[int]) -> dict[int, int]:
    """Line -> what of it, net, is neither earned nor given back; lines that nothing is owed for are left out."""
    return await queries.owed(lines)


async def give_back(order: UUID, line: int, nets: Mapping[int, int]) -> GivenBack:
    """`nets` (ticket, or 0 for a line without, -> amount net of tax) go back to the guest, in the caller's transaction.

    The caller posts what this returns: `deferred` and `revenue` of the event "refund".
    """
    await expect([order])
    deferred = 0
    for ticket, net in nets.items():
        deferred += await _give_back(line, ticket, net)
    return GivenBack(deferred, sum(nets.values()) - deferred)


async def _give_back(line: int, ticket: int, net: int) -> int:
    for _ in range(_ATTEMPTS):
        part = next((each for each in await queries.parts_of_line(line) if each.ticket == ticket), None)
        if part is None:
            return 0
        amount = min(net, int(part.net - part.recognised - part.given_back))
        if amount <= 0 or await queries.move_part(part, given_back=amount):
            return max(amount, 0)
    raise CloudError(f"ticket {ticket} of line {line} is being recognised again and again")


# What is earned


async def recognise(tickets: Iterable[int], now_ms: int) -> int:
    """Post what the passages of some tickets have earned and is not posted; how many steps."""
    wanted, done = sorted(set(tickets)), 0
    for start in range(0, len(wanted), _AT_ONCE):
        parts = await queries.open_parts(wanted[start : start + _AT_ONCE])
        if parts:
            done += await _post_all(await _due(parts), "use", now_ms)
    return done


async def expire(site: int, today: date, now_ms: int) -> int:
    """Post what is left of parts whose last day is over; how many steps."""
    done, after = 0, 0
    while parts := await queries.overdue(site, today, after, _AT_ONCE):
        after = parts[-1].id
        over = await _over(parts, today)
        done += await _post_all(await _due([part for part in over if part.ticket]), "use", now_ms)
        rest = [part for part in over if part.open]
        for kind, ticketed in (("expiry", True), ("use", False)):
            left = [part for part in rest if bool(part.ticket) == ticketed]
            steps = {part.id: (part, {part.until: part.net - part.recognised - part.given_back}) for part in left}
            done += await _post_all(steps, kind, now_ms)
    return done


async def _over(parts: Sequence[RevenuePart], today: date) -> list[RevenuePart]:
    """Those whose last day is over, amendments of their tickets included."""
    sold = await queries.sold_tickets([part.ticket for part in parts])
    found = []
    for part in parts:
        last = sold[part.ticket].last_day if part.ticket in sold else part.until
        if last >= today:
            await queries.set_until(part, last)
        else:
            part.until = last
            found.append(part)
    return found


Steps = Mapping[int, tuple[RevenuePart, Mapping[date, int]]]


async def _due(parts: Sequence[RevenuePart]) -> Steps:
    """Part -> what is to be recognised of it for each operating day, by its passages."""
    numbers = [part.ticket for part in parts]
    sold, posted = await queries.sold_tickets(numbers), await queries.recognised([part.id for part in parts])
    uses = await _uses(numbers)
    found = {}
    for part in parts:
        target = earning.earned(part.net, _terms(sold[part.ticket]), uses.get(part.ticket, []))
        room = part.net - part.recognised - part.given_back
        found[part.id] = (part, earning.due(target, posted.get(part.id, {}), room))
    return found


async def _uses(numbers: Sequence[int]) -> dict[int, list[tuple[date, int]]]:
    """Ticket -> (business day of the gate's site, entries charged) of each passage that counts."""
    clocks = {}
    found: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for ticket, site, at_ms, charged in await queries.uses(numbers):
        if site not in clocks:
            clocks[site] = await clock_of(site)
        found[ticket].append((rules.business_day(at_ms, *clocks[site]), charged))
    return found


def _terms(ticket: Ticket) -> earning.Terms:
    product = ticket.product
    terms = terms_of(product)
    clock = terms.clock
    session = clock is not None and clock.start != "each_day" and clock.minutes <= _MINUTES and terms.days is None
    entries = None if product.entries_total is None else product.entries_total * product.party
    return earning.way_of(
        first=ticket.valid_from, last=ticket.last_day, days=terms.days, entries=entries, session=session
    )


async def _post_all(steps: Steps, kind: str, now_ms: int) -> int:
    """Post steps, one database transaction for each order; what somebody else moved meanwhile waits for the next run.

    What the books refuse is logged and left as it is, so that it keeps nobody else's revenue waiting.
    """
    by_order: dict[UUID, list[tuple[RevenuePart, Mapping[date, int]]]] = defaultdict(list)
    for part, days in steps.values():
        if any(days.values()):
            by_order[part.order_id].append((part, days))
    done = 0
    for order, found in by_order.items():
        before = [(part.recognised, part.open) for part, _ in found]
        try:
            async with in_transaction():
                done += await _post(order, found, kind, now_ms)
        except (_Taken, LedgerError) as error:
            if isinstance(error, LedgerError):
                _log.exception("order %s could not be recognised", order)
            for (part, _), (was, still) in zip(found, before, strict=True):
                part.recognised, part.open = was, still
    return done


async def _post(order: UUID, found: Sequence[tuple[RevenuePart, Mapping[date, int]]], kind: str, now_ms: int) -> int:
    rows = []
    by_place: dict[tuple[date, int, str], list[tuple[RevenuePart, int, int]]] = defaultdict(list)
    for part, days in found:
        for day, amount in sorted(days.items()):
            before = part.recognised
            if not await queries.move_part(part, recognised=amount):
                raise _Taken
            by_place[day, part.site_id, part.currency].append((part, before, amount))
    for (day, site, currency), steps in sorted(by_place.items(), key=lambda item: item[0]):
        transaction = await _record(order, kind, site, currency, day, steps, now_ms)
        rows += [
            Recognition(
                site_id=site,
                part_id=part.id,
                transaction_id=transaction,
                kind=kind,
                operating_day=day,
                amount=amount,
            )
            for part, _, amount in steps
        ]
    await queries.add_recognitions(rows)
    return len(rows)


async def _record(
    order: UUID,
    kind: str,
    site: int,
    currency: str,
    day: date,
    steps: Sequence[tuple[RevenuePart, int, int]],
    now_ms: int,
) -> UUID:
    """One transaction at the site that sold, and one at each site that has a share."""
    ours: list[Money] = []
    theirs: dict[int, list[Money]] = defaultdict(list)
    for part, before, amount in steps:
        ours.append(Money("deferred", amount, part.department))
        for whose, department, share in earning.shared(part.shares, before, before + amount):
            of = department or part.department
            if whose is None or whose == site:
                ours.append(Money("revenue", share, of))
            else:
                ours.append(Money("site_share", share, str(whose)))
                theirs[whose] += [Money("site", share, str(site)), Money("revenue", share, of)]
    transaction = await ledger.record(
        kind, site=site, currency=currency, at_ms=now_ms, day=day, order=order, moneys=ours
    )
    for whose, moneys in theirs.items():
        await ledger.record(
            "share_of_site",
            site=whose,
            currency=currency,
            at_ms=now_ms,
            day=day,
            order=order,
            moneys=moneys,
            partner=site,
        )
    return transaction
