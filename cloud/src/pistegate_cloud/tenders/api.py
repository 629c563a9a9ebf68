# SPDX-License-Identifier: Apache-2.0
"""HTTP API of accounts that sign bills 签单, and of vouchers 代金券."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter, iso
from pistegate_cloud.services import IdempotencyKey, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import accounts, queries, vouchers
from pistegate_cloud.tenders.models import AccountEntry, CustomerAccount, VoucherBatch
from pistegate_cloud.tenders.schemas import (
    AccountAnswer,
    AccountBody,
    AccountPaymentBody,
    AccountTerms,
    EntryAnswer,
    VoucherBatchAnswer,
    VoucherBatchBody,
)
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["tenders"])
Answer = TypeVar("Answer", bound=BaseModel)

Reader = Annotated[Caller, Depends(require(Scope.ACCOUNTS_READ))]
Writer = Annotated[Caller, Depends(require(Scope.ACCOUNTS_WRITE))]
Number = Annotated[int, Path(ge=1, le=2**62)]
_REPEATED = ("idempotency_key_reused", "request_in_progress", "site_not_allowed", "day_closed")


@router.post("/accounts", status_code=201, responses=documented("already_exists", "unknown_reference"))
async def add_account(body: AccountBody, services: WithServices, caller: Writer) -> AccountAnswer:
    """Open an account."""
    await sites.site(body.site)
    now_ms = services.clock.wall_ms()
    values = body.model_dump(exclude={"site"})
    async with in_transaction():
        row = CustomerAccount(site_id=body.site, created_ms=now_ms, **values)
        if not await queries.add_account(row):
            raise Problem("already_exists", what=f"account {body.code}")
        terms = body.model_dump(include={"credit_limit", "approval_over", "open"})
        await audit.note(caller, "account.open", body.site, f"account:{body.code}", after=terms, now_ms=now_ms)
    return _account(row)


@router.get("/accounts", dependencies=[Depends(require(Scope.ACCOUNTS_READ))], responses=documented())
async def list_accounts(site: SiteFilter = None, after: After = 0, limit: Limit = 100) -> Page[AccountAnswer]:
    """Accounts, in order of number."""
    items = [_account(row) for row in await queries.accounts(site, after, limit)]
    return Page(items=items, next=items[-1].number if len(items) == limit else None)


@router.post("/accounts/{account}/terms", responses=documented("not_found"))
async def set_terms(account: Number, body: AccountTerms, services: WithServices, caller: Writer) -> AccountAnswer:
    """Change what an account may sign; what is signed stays owed."""
    row = await queries.account(account)
    caller.at(row.site_id)
    now_ms = services.clock.wall_ms()
    before = {"credit_limit": row.credit_limit, "approval_over": row.approval_over, "open": row.open}
    async with in_transaction():
        await queries.change_account(account, **body.model_dump())
        subject = f"account:{row.code}"
        after = body.model_dump()
        await audit.note(caller, "account.terms", row.site_id, subject, before, after, now_ms=now_ms)
    return _account(await queries.account(account))


@router.post(
    "/accounts/{account}/payments",
    status_code=201,
    responses=documented(
        "not_found", "account_overpaid", "reference_missing", "tenders_unclear", "shift_needed", *_REPEATED
    ),
)
async def pay_account(
    account: Number,
    body: AccountPaymentBody,
    services: WithServices,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> AccountAnswer:
    """The account pays what it owes, or a part."""
    caller.at((await queries.account(account)).site_id)
    request = Repeatable.of(caller, f"pay account {account}", idempotency_key, body)
    now_ms = services.clock.wall_ms()

    async def work() -> AccountAnswer:
        row = await accounts.settle(account, body.amount, body.method, body.reference, caller=caller, now_ms=now_ms)
        told = {"amount": body.amount, "method": body.method.value}
        await audit.note(caller, "account.pay", row.site_id, f"account:{row.code}", after=told, now_ms=now_ms)
        return _account(row)

    return await _once(request, AccountAnswer, work, now_ms)


@router.get("/accounts/{account}/statement", responses=documented("not_found"))
async def statement(account: Number, caller: Reader, after: After = 0, limit: Limit = 100) -> Page[EntryAnswer]:
    """What was signed, returned and settled, oldest first."""
    row = await queries.account(account)
    caller.at(row.site_id)
    items = [_entry(entry) for entry in await queries.entries(account, after, limit)]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


@router.post(
    "/voucher-batches",
    status_code=201,
    responses=documented("unknown_reference", "voucher_not_valid", *_REPEATED),
)
async def make_vouchers(
    body: VoucherBatchBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> VoucherBatchAnswer:
    """Make a batch. Its codes are told now and never again: a repetition tells the batch without them."""
    await sites.site(body.site)
    vouchers.check_days(body.valid_from, body.valid_until)
    request = Repeatable.of(caller, "make vouchers", idempotency_key, body)
    now_ms = services.clock.wall_ms()
    codes: list[str] = []

    async def work() -> VoucherBatchAnswer:
        batch = VoucherBatch(
            site_id=body.site, operator=caller.name, created_ms=now_ms, **body.model_dump(exclude={"site"})
        )
        codes[:] = await vouchers.make(batch, now_ms)
        told = body.model_dump(mode="json", exclude={"site"})
        await audit.note(caller, "vouchers.make", body.site, f"voucher-batch:{batch.id}", after=told, now_ms=now_ms)
        return await _batch(batch)

    answer = await _once(request, VoucherBatchAnswer, work, now_ms)
    return answer.model_copy(update={"codes": codes})


@router.get("/voucher-batches", dependencies=[Depends(require(Scope.ACCOUNTS_READ))], responses=documented())
async def list_vouchers(site: SiteFilter = None, after: After = 0, limit: Limit = 100) -> Page[VoucherBatchAnswer]:
    """Batches of vouchers, in order of number."""
    items = [await _batch(row) for row in await queries.batches(site, after, limit)]
    return Page(items=items, next=items[-1].number if len(items) == limit else None)


@router.post("/voucher-batches/{batch}/void", responses=documented("not_found"))
async def void_vouchers(batch: Number, services: WithServices, caller: Writer) -> VoucherBatchAnswer:
    """No voucher of a batch is good any more, where its codes were lost or stolen; again changes nothing."""
    row = await queries.batch(batch)
    caller.at(row.site_id)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        voided = 0
        while ended := await vouchers.end(row, "void", now_ms):
            voided += ended
        told = {"voided": voided}
        await audit.note(caller, "vouchers.void", row.site_id, f"voucher-batch:{batch}", after=told, now_ms=now_ms)
    return await _batch(row)


async def _once(request: Repeatable, kind: type[Answer], work: Callable[[], Awaitable[Answer]], now_ms: int) -> Answer:
    """Do it in one transaction with its kept answer; the answer given before, when it was done."""
    kept = await request.answered()
    if kept is None:
        try:
            async with in_transaction():
                answer = await work()
                await request.keep(answer, now_ms)
            return answer
        except AnsweredMeanwhile:
            kept = await request.answered()
    return kind.model_validate(kept)


def _account(row: CustomerAccount) -> AccountAnswer:
    return AccountAnswer(
        number=row.id,
        site=row.site_id,
        code=row.code,
        name=row.name,
        currency=row.currency,
        credit_limit=row.credit_limit,
        approval_over=row.approval_over,
        used=row.used,
        open=row.open,
    )


def _entry(row: AccountEntry) -> EntryAnswer:
    return EntryAnswer(
        id=row.id,
        kind=row.kind,
        amount=row.amount,
        currency=row.currency,
        order=row.order_id,
        method=row.method,
        reference=row.reference,
        operator=row.operator,
        approver=row.approver,
        at=iso(row.at_ms),
    )


async def _batch(row: VoucherBatch) -> VoucherBatchAnswer:
    return VoucherBatchAnswer(
        number=row.id,
        site=row.site_id,
        name=row.name,
        value=row.value,
        price=row.price,
        currency=row.currency,
        quantity=row.quantity,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        keeps_rest=row.keeps_rest,
        left=await queries.left_of(row.id),
    )
