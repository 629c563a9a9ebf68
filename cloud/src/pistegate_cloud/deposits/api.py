# SPDX-License-Identifier: Apache-2.0
"""HTTP API of deposits. They are taken by orders and given back by settlements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.bindings import numbers
from pistegate_cloud.deposits import queries, service, taking
from pistegate_cloud.deposits.schemas import (
    BindDepositBody,
    DepositAnswer,
    SpendableBody,
    TakeBody,
    TakenAnswer,
    deposit_answer,
)
from pistegate_cloud.orders.idempotency import Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter, TicketNumber
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets import queries as tickets
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.wallets.books import About
from pistegate_cloud.wallets.recharging import fitting
from pistegate_cloud.wallets.schemas import Uid

router = APIRouter(tags=["deposits"])
Number = Annotated[int, Path(ge=1, lt=2**62, description="Number of the deposit.")]
Reader = Annotated[Caller, Depends(require(Scope.RENTALS_READ))]
Writer = Annotated[Caller, Depends(require(Scope.DEPOSITS_WRITE))]


@router.post(
    "/deposits",
    status_code=201,
    responses=documented(
        "not_found",
        "unknown_reference",
        "ticket_revoked",
        "deposit_none",
        "deposit_held",
        "deposit_method",
        "deposit_bound",
        "wrong_currency",
        "payment_too_small",
        "tenders_unclear",
        "tenders_too_much",
        "reference_missing",
        "shift_needed",
        "day_closed",
        "idempotency_key_reused",
        "request_in_progress",
        "payments_off",
        "amount_too_large",
    ),
)
async def take(
    body: TakeBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> TakenAnswer:
    """Take the deposits that tickets were sold with, as agreed at the sale. Any other is sold by POST /orders."""
    return await taking.take(body, Repeatable.of(caller, "deposit", idempotency_key, body), services)


@router.get("/deposits", responses=documented())
async def list_deposits(
    caller: Reader,
    site: SiteFilter = None,
    state: Annotated[str | None, Query(pattern="^(held|returned|part_kept|kept)$")] = None,
    uid: Annotated[Uid | None, Query()] = None,
    ticket: Annotated[TicketNumber | None, Query()] = None,
    order: Annotated[UUID | None, Query()] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[DepositAnswer]:
    """Deposits by card, ticket or the order that took them."""
    rows = await queries.page(site, state, uid, ticket, order, after, limit)
    return Page(items=[deposit_answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.get("/deposits/{number}", responses=documented("not_found"))
async def read_deposit(number: Number, caller: Reader) -> DepositAnswer:
    """One deposit."""
    return deposit_answer(await queries.deposit(number))


@router.post(
    "/deposits/{number}/bind",
    responses=documented("not_found", "deposit_bound", "state_conflict", "identity_wrong", "bindings_off"),
)
async def bind(number: Number, body: BindDepositBody, services: WithServices, caller: Writer) -> DepositAnswer:
    """Say whose a deposit is, so that a settlement finds it. Repeating changes nothing."""
    document = None
    if body.document is not None:
        identity = body.document.identity()
        document = (await numbers.stretched(identity, numbers.of(services.settings))).hex()
    if body.ticket is not None:
        await tickets.ticket(body.ticket)
    async with in_transaction():
        row = await service.bind(number, ticket=body.ticket, uid=body.uid, document=document)
        after = {"uid": body.uid, "ticket": body.ticket}
        now_ms = services.clock.wall_ms()
        await audit.note(caller, "deposit.bind", row.site_id, f"deposit:{number}", after=after, now_ms=now_ms)
    return deposit_answer(row)


@router.post(
    "/deposits/{number}/spendable",
    responses=documented(
        "not_found", "unknown_reference", "wrong_currency", "deposit_bound", "state_conflict", "day_closed"
    ),
)
async def make_spendable(number: Number, body: SpendableBody, services: WithServices, caller: Writer) -> DepositAnswer:
    """Let a deposit double as spending money: it moves into a wallet, whose card can then be loaded with it."""
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        row = await queries.deposit(number)
        await fitting(body.wallet, row.site_id, row.currency)
        row = await service.move_to_wallet(number, About(now_ms, caller.name, body.wallet, order=row.order_id))
        after = {"wallet": body.wallet}
        await audit.note(caller, "deposit.spendable", row.site_id, f"deposit:{number}", after=after, now_ms=now_ms)
    return deposit_answer(row)
