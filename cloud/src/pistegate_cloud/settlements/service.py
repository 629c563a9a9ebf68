# SPDX-License-Identifier: Apache-2.0
"""Settling a guest in one call: read first, explained, then one order; safe to repeat until it succeeds.

With a card: what it says is kept, then it is wiped (its money is then in the account), then everything is settled in
one transaction. Whatever breaks in between, the same call again goes on from what was kept. Without a card it is that
one transaction alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.cards import queries as cards
from pistegate_cloud.cards.desk import Desk
from pistegate_cloud.cards.returning import take_back
from pistegate_cloud.days import service as days
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.rentals import counter, pieces
from pistegate_cloud.rentals import queries as rentals
from pistegate_cloud.services import Services
from pistegate_cloud.settlements import paying, queries, reading
from pistegate_cloud.settlements.answers import answer_of
from pistegate_cloud.settlements.explaining import Found, charges, consumption
from pistegate_cloud.settlements.models import Settlement
from pistegate_cloud.settlements.reading import Read
from pistegate_cloud.settlements.rules import Line, Plan, owed, plan
from pistegate_cloud.settlements.schemas import OvertimeBody, SettleBody, SettlementAnswer, SubjectBody
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.states import SETTLEMENT
from pistegate_cloud.tenders.methods import Tendered
from pistegate_cloud.uuid7 import uuid7

LOST = "lost"


@dataclass(frozen=True, slots=True)
class Worked:
    """What a settlement comes to, before anything is done."""

    lines: list[Line]
    means: paying.Means
    plan: Plan
    currency: str

    @property
    def charges(self) -> int:
        """Minor units."""
        return owed(self.lines)


async def preview(body: SettleBody, caller: Caller, services: Services) -> SettlementAnswer:
    """What a settlement would come to; nothing is written, and it may be settled while equipment is still out."""
    _, read, wiped = await _resumed(await _read(body, caller, services))
    now_ms = services.clock.wall_ms()
    worked = await _work(read, _found(body), _tendered(body), now_ms, wiped=wiped)
    return answer_of(None, read, worked.lines, worked.plan, [], worked.currency, now_ms)


async def settle(body: SettleBody, request: Repeatable, services: Services) -> SettlementAnswer:
    """Settle; the same answer again when the request is a repetition. Problem before anything is changed."""
    kept = await request.answered()
    if kept is not None:
        return SettlementAnswer.model_validate(kept)
    caller, tendered, found = request.caller, _tendered(body), _found(body)
    begun, read, wiped = await _resumed(await _read(body, caller, services))
    now_ms = services.clock.wall_ms()
    worked = await _work(read, found, tendered, now_ms, wiped=wiped)
    _check(read, worked, found)
    row = None
    if body.encoder is not None:
        row = await _begin(begun, read, worked.currency, caller, now_ms)
        if not wiped:
            desk = Desk(body.site, body.encoder, body.wait_ms, caller.name)
            await take_back(desk, services, wipe=True, accept_outstanding=any(each.code == LOST for each in found))
    try:
        return await _finish(row, read, found, tendered, request, services)
    except AnsweredMeanwhile:
        return SettlementAnswer.model_validate(await request.answered())


async def pay_overtime(body: OvertimeBody, request: Repeatable, services: Services) -> SettlementAnswer:
    """Pay the overtime of a ticket alone, as a supplementary order; the deposit stays held."""
    kept = await request.answered()
    if kept is not None:
        return SettlementAnswer.model_validate(kept)
    tendered = [payment.tender() for payment in body.payments]
    read = (await _read(body, request.caller, services)).model_copy(update={"pieces": []})
    now_ms = services.clock.wall_ms()
    try:
        async with in_transaction():
            lines = await charges(read, [], now_ms)
            currency = tendered[0].currency if tendered else await _currency(read, None)
            row = await _keep(read, currency, request.caller, now_ms)
            only = plan(owed(lines), _offered(tendered, owed(lines)), None, [])
            worked = Worked(lines, paying.Means([], [], None), only, currency)
            _check(read, worked, [])
            return await _order(row, read, worked, tendered, OrderKind.SUPPLEMENTARY, [], request, now_ms)
    except AnsweredMeanwhile:
        return SettlementAnswer.model_validate(await request.answered())


async def drop(number: UUID, caller: Caller, now_ms: int) -> SettlementAnswer:
    """Give up a settlement that was begun; what a wiped card held is in its wallet's account."""
    async with in_transaction():
        row = await queries.settlement(number)
        state = SETTLEMENT.after(row.state, "drop")
        if not await queries.end(row, state, ended_ms=now_ms):
            raise Problem("state_conflict", noun="settlement", state=row.state, event="drop")
        await audit.note(caller, "settlement.drop", row.site_id, f"settlement:{row.id}", now_ms=now_ms)
    return answer_of(row, Read.model_validate(row.read), [], None, [], row.currency, now_ms)


# Before


async def _read(body: SubjectBody, caller: Caller, services: Services) -> Read:
    if body.encoder is not None:
        return await reading.of_card(Desk(body.site, body.encoder, body.wait_ms, caller.name), services)
    holder = await counter.holder_of(body.holder(), services)
    return await reading.of_holder(body.site, holder, services.clock.wall_ms())


async def _resumed(read: Read) -> tuple[Settlement | None, Read, bool]:
    """The settlement that was begun before, what is to be settled, and whether the card's wipe is known to be done.

    A card that is blank by now is settled by what was read before the wipe, even if nobody heard that it was done.
    Problem settlement_begun when the card is with another guest by now.
    """
    begun = await queries.open_of(read.subject)
    if begun is None:
        return None, read, False
    wiped = await _is_wiped(read)
    if wiped or read.blank:
        return begun, Read.model_validate(begun.read), wiped
    if begun.ticket != read.ticket:
        raise Problem("settlement_begun", settlement=begun.id)
    return begun, read, False


async def _work(
    read: Read, found: Sequence[Found], tendered: Sequence[Tendered], now_ms: int, *, wiped: bool
) -> Worked:
    """Lines, means and plan; before a wipe, what it will move counts as in the wallet already."""
    lines = [*await charges(read, found, now_ms), *await consumption(read)]
    means = await paying.means_of(read)
    currency = await _currency(read, means)
    wallet = None
    if means.wallet is not None:
        wallet = (means.wallet.id, means.wallet.account + (0 if wiped else read.there))
    total = owed(lines)
    return Worked(lines, means, plan(total, _offered(tendered, total), wallet, means.held), currency)


def _offered(tendered: Sequence[Tendered], total: int) -> int:
    """What is handed over for the charges; a tender without an amount is for all that the others leave."""
    told = sum(tender.amount for tender in tendered if tender.amount is not None)
    if any(tender.amount is None for tender in tendered):
        told = max(told, total)
    if told > total:
        raise Problem("settlement_too_much", charges=total)
    return told


async def _currency(read: Read, means: paying.Means | None) -> str:
    """The one currency of everything; Problem settlement_currency when there are two."""
    found = {row.currency for row in (*means.plain, *means.spending)} if means else set()
    if means and means.wallet is not None:
        found.add(means.wallet.currency)
    terms = await rentals.terms_at(read.site, read.read_ms)
    if terms is not None and read.pieces:
        found.add(terms.currency)
    line = await queries.line_of_ticket(read.ticket) if read.ticket is not None else None
    if line is not None:
        found.add((await queries.order(line.order_id)).currency)
    if len(found) > 1:
        first, second = sorted(found)[:2]
        raise Problem("settlement_currency", expected=first, got=second)
    return next(iter(found), terms.currency if terms else "CNY")


def _check(read: Read, worked: Worked, found: Sequence[Found]) -> None:
    """Problem while a piece is out that is not lost, or while money is missing."""
    lost = {each.kind for each in found if each.code == LOST}
    out = [piece for piece in reading.still_out(read) if piece.kind not in lost]
    if out:
        raise Problem("settlement_equipment_out", pieces=", ".join(map(reading.name_of, out)))
    if worked.plan.missing:
        raise Problem("settlement_short", charges=worked.charges, missing=worked.plan.missing)


async def _is_wiped(read: Read) -> bool:
    card = await cards.by_uid(read.uid or "")
    return card is not None and card.status == "stock"


async def _begin(begun: Settlement | None, read: Read, currency: str, caller: Caller, now_ms: int) -> Settlement:
    """Keep what was read, before the card is wiped; one that was begun before goes on."""
    if begun is not None:
        await queries.keep_read(begun, read.model_dump(mode="json"))
        return begun
    async with in_transaction():
        return await _keep(read, currency, caller, now_ms)


async def _keep(read: Read, currency: str, caller: Caller, now_ms: int) -> Settlement:
    row = Settlement(
        id=uuid7(now_ms),
        site_id=read.site,
        subject=read.subject,
        ticket=read.ticket,
        open_key=read.subject,
        state="begun",
        read=read.model_dump(mode="json"),
        currency=currency,
        actor=caller.name,
        begun_ms=now_ms,
    )
    if not await queries.begin(row):
        raise Problem("request_in_progress")
    return row


# The transaction


async def _finish(
    row: Settlement | None,
    read: Read,
    found: Sequence[Found],
    tendered: Sequence[Tendered],
    request: Repeatable,
    services: Services,
) -> SettlementAnswer:
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        if row is None:  # without a card everything is looked at anew, behind whoever came first
            row = await _keep(read, await _currency(read, await paying.means_of(read)), request.caller, now_ms)
            if read.uid is None:
                holder = counter.Holder(ticket=read.ticket, document=read.document)
                read = await reading.of_holder(read.site, holder, now_ms)
        worked = await _work(read, found, tendered, now_ms, wiped=True)
        _check(read, worked, found)
        return await _order(row, read, worked, tendered, OrderKind.SETTLEMENT, found, request, now_ms)


async def _order(
    row: Settlement,
    read: Read,
    worked: Worked,
    tendered: Sequence[Tendered],
    kind: OrderKind,
    found: Sequence[Found],
    request: Repeatable,
    now_ms: int,
) -> SettlementAnswer:
    caller = request.caller
    day = await days.business_day(read.site, now_ms)
    order = await paying.order_of(
        read, worked.lines, worked.plan, tendered, worked.currency, day, kind=kind, caller=caller, now_ms=now_ms
    )
    backs = await paying.deposits_back(worked.means, caller, now_ms)
    backs += await paying.wallet_back(worked.means, worked.plan.wallet_back, caller, now_ms)
    lines = [*worked.lines, *_money_lines(worked, backs)]
    if kind is OrderKind.SETTLEMENT:
        await _end_turn(row, read, found, caller, now_ms)
    state = SETTLEMENT.after(row.state, "settle")
    kept = [_kept(line) for line in lines]
    back = sum(each.amount for each in backs)
    values = {"lines": kept, "charges": worked.charges, "back": back, "order_id": order.id, "ended_ms": now_ms}
    if not await queries.end(row, state, **values):
        raise Problem("state_conflict", noun="settlement", state=row.state, event="settle")
    after = {"charges": worked.charges, "back": back}
    subject = f"settlement:{row.id}"
    await audit.note(caller, f"order.{kind.value}", read.site, subject, after=after, now_ms=now_ms)
    answer = answer_of(row, read, lines, worked.plan, backs, worked.currency, now_ms)
    await request.keep(answer, now_ms)
    return answer


def _money_lines(worked: Worked, backs: Sequence[paying.Back]) -> list[Line]:
    """What paid for the charges, and what goes back."""
    lines = [
        Line(f"{use.method}_used", 0, {use.method: use.reference, "amount": use.amount}) for use in worked.plan.uses
    ]
    return lines + [Line(f"{back.of}_back", -back.amount, {back.of: back.number, "way": back.method}) for back in backs]


async def _end_turn(row: Settlement, read: Read, found: Sequence[Found], caller: Caller, now_ms: int) -> None:
    """Loans at the counter are settled; what is lost or damaged leaves the stock."""
    if read.uid is None:
        holder = counter.Holder(ticket=read.ticket, document=read.document)
        loans = await rentals.loans_of_turn(read.site, holder.columns)
        for loan in loans:
            if loan.returned_ms is None:
                await rentals.end_loan(loan, caller.name, now_ms)
        await rentals.end_turn(loans, row.id)
    for each in found:
        label = each.item or next((piece.item for piece in read.pieces if piece.kind == each.kind), "")
        await pieces.harmed(read.site, label, lost=each.code == LOST, note=f"settlement {row.id}", now_ms=now_ms)


def _kept(line: Line) -> dict[str, object]:
    return {
        "key": line.key,
        "amount": line.amount,
        "values": dict(line.values),
        "only_card": line.only_card,
        "kind": line.kind,
    }


def _found(body: SettleBody) -> list[Found]:
    return [each.found() for each in body.damages]


def _tendered(body: SettleBody) -> list[Tendered]:
    return [payment.tender() for payment in body.payments]
