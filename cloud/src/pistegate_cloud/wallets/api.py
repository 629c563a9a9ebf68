# SPDX-License-Identifier: Apache-2.0
"""HTTP API of wallets."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as auditing
from pistegate_cloud.cards.desk import DESK_PROBLEMS, USABLE_PROBLEMS, Desk
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Currency, Limit, Page, Phone, SiteFilter, SiteNumber
from pistegate_cloud.services import IdempotencyKey, Services, WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.wallets import loading, queries, service, statements
from pistegate_cloud.wallets.books import About
from pistegate_cloud.wallets.invariants import disagreements
from pistegate_cloud.wallets.models import Wallet
from pistegate_cloud.wallets.schemas import (
    AuditAnswer,
    CashBody,
    ExposureAnswer,
    LoadAnswer,
    LoadBody,
    MovementAnswer,
    StatementBody,
    TermsAnswer,
    TermsBody,
    TieBody,
    Uid,
    WalletAnswer,
    WalletBody,
    movement_answer,
    terms_answer,
    wallet_answer,
)
from pistegate_protocol.topics import Role

router = APIRouter(tags=["wallets"])
Number = Annotated[int, Path(ge=1, le=2**62, description="Number of the wallet.")]
Writer = Annotated[Caller, Depends(require(Scope.WALLETS_WRITE))]
_READ = [Depends(require(Scope.WALLETS_READ))]
_LOAD = ("not_found", "wallet_has_no_card", "wallets_not_offered", "wallet_above_cap", "wallet_too_small")


@router.put("/wallets/terms", responses=documented("unknown_reference"))
async def set_terms(
    body: TermsBody, services: WithServices, caller: Annotated[Caller, Depends(require(Scope.WALLETS_TERMS))]
) -> TermsAnswer:
    """Offer wallets at a site, with the most that may be on one card; cards that hold more are left as they are."""
    now_ms, after = services.clock.wall_ms(), {"currency": body.currency, "offline_cap": body.offline_cap}
    async with in_transaction():
        await service.set_terms(body.site, body.currency, body.offline_cap, now_ms)
        await auditing.note(caller, "wallet.terms", body.site, f"site:{body.site}", after=after, now_ms=now_ms)
    return TermsAnswer(**body.model_dump())


@router.get("/wallets/terms", dependencies=_READ, responses=documented())
async def list_terms(site: SiteFilter = None) -> Page[TermsAnswer]:
    """What sites offer."""
    return Page(items=[terms_answer(row) for row in await queries.all_terms(site)])


@router.get("/wallets/exposure", dependencies=_READ, responses=documented("unknown_reference"))
async def exposure(site: Annotated[SiteNumber, Query()], currency: Annotated[Currency, Query()]) -> ExposureAnswer:
    """How much can be spent at tills without asking the cloud: `most` is the promise, `on_cards` what there is."""
    await sites.site(site)
    cards, there = await queries.on_cards(site, currency)
    terms = await queries.terms(site, currency)
    cap = terms.offline_cap if terms else 0
    underway = await queries.underway(site, currency)
    return ExposureAnswer(
        site=site, currency=currency, cards=cards, on_cards=there, underway=underway, cap=cap, most=cards * cap
    )


@router.get("/wallets/audit", dependencies=_READ, responses=documented("unknown_reference"))
async def audit(site: Annotated[SiteNumber, Query()]) -> AuditAnswer:
    """Compare ledger, movements, wallets and cards of a site: anything that is found needs a person at once."""
    await sites.site(site)
    return AuditAnswer(site=site, disagreements=await disagreements(site))


@router.post(
    "/wallets",
    status_code=201,
    responses=documented("unknown_reference", "wallets_not_offered", "card_has_wallet", "idempotency_key_reused"),
)
async def create_wallet(
    body: WalletBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> WalletAnswer:
    """Open a wallet, and tie it to a card if one is named."""
    request = Repeatable.of(caller, "wallet", idempotency_key, body)

    async def work(now_ms: int) -> WalletAnswer:
        wallet = await service.create(body.site, body.currency, body.holder, body.phone, body.uid, caller.name, now_ms)
        await _note(caller, "wallet.open", wallet, {"uid": body.uid}, now_ms)
        return await _answer(wallet)

    return await _once(request, services, work)


@router.get("/wallets", dependencies=_READ, responses=documented())
async def list_wallets(
    site: SiteFilter = None,
    phone: Annotated[Phone | None, Query()] = None,
    uid: Annotated[Uid | None, Query(description="UID of the wallet's card in hex.")] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[WalletAnswer]:
    """Wallets by card, phone or site."""
    rows = await queries.find(site, phone, uid, after, limit)
    return Page(items=[await _answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.get("/wallets/{number}", dependencies=_READ, responses=documented("not_found"))
async def read_wallet(number: Number) -> WalletAnswer:
    """One wallet."""
    return await _answer(await queries.wallet(number))


@router.post("/wallets/{number}/card", responses=documented("not_found", "wallet_has_card", "card_has_wallet"))
async def tie_card(number: Number, body: TieBody, services: WithServices, caller: Writer) -> WalletAnswer:
    """Tie a wallet without a card to one; what that card spent before follows."""
    wallet = await queries.wallet(number)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await service.tie(wallet, body.uid, About(now_ms, caller.name))
        await _note(caller, "wallet.tie", wallet, {"uid": body.uid}, now_ms)
    return await _answer(await queries.wallet(number))


@router.post("/wallets/{number}/top-up", responses=documented("not_found", "wrong_currency", "idempotency_key_reused"))
async def top_up(
    number: Number, body: CashBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> WalletAnswer:
    """Cash into the account."""
    return await _cash("top-up", number, body, services, caller, idempotency_key)


@router.post(
    "/wallets/{number}/refund",
    responses=documented("not_found", "wrong_currency", "wallet_too_small", "idempotency_key_reused"),
)
async def refund(
    number: Number, body: CashBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> WalletAnswer:
    """Cash out of the account. What is on the card comes back first, when the card is taken back."""
    return await _cash("refund", number, body, services, caller, idempotency_key)


@router.post(
    "/wallets/{number}/load",
    responses=documented(
        *_LOAD,
        "wallet_wrong_card",
        "wallet_load_in_doubt",
        "request_in_progress",
        "idempotency_key_reused",
        *DESK_PROBLEMS,
        *USABLE_PROBLEMS,
    ),
)
async def load(
    number: Number, body: LoadBody, services: WithServices, caller: Writer, idempotency_key: IdempotencyKey = None
) -> LoadAnswer:
    """Money from the account into the purse of the card on a reader. Repeat it after any failure: it is done once."""
    request = Repeatable.of(caller, f"load {number}", idempotency_key, body)
    kept = await request.answered()
    if kept is not None:
        return LoadAnswer.model_validate(kept)
    device, role = (body.encoder, Role.ENCODER) if body.encoder is not None else (body.till or 0, Role.TILL)
    ask = loading.Ask(body.amount, Desk(body.site, device, body.wait_ms, caller.name), idempotency_key, role)
    done = await loading.load(await queries.wallet(number), ask, services)
    wallet = await _answer(await queries.wallet(number))
    answer = LoadAnswer(wallet=wallet, amount=done.load.amount, earlier_attempt=done.before)
    try:
        async with in_transaction():
            now_ms = services.clock.wall_ms()
            row = await queries.wallet(number)
            await _note(caller, "wallet.load", row, {"amount": done.load.amount, "uid": done.load.uid}, now_ms)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return LoadAnswer.model_validate(await request.answered())
    return answer


@router.post(
    "/wallets/{number}/load-statement", responses=documented(*_LOAD, "document_full", "idempotency_key_reused")
)
async def load_statement(
    number: Number,
    body: StatementBody,
    services: WithServices,
    caller: Writer,
    idempotency_key: IdempotencyKey = None,
) -> WalletAnswer:
    """Money from the account to the card without having it at hand: any till of the group writes it to the card."""
    request = Repeatable.of(caller, f"load statement {number}", idempotency_key, body)
    messages: dict[int, bytes] = {}

    async def work(now_ms: int) -> WalletAnswer:
        wallet = await queries.wallet(number)
        _, found = await statements.load(wallet, body.amount, About(now_ms, caller.name), services)
        messages.update(found)
        await _note(caller, "wallet.load_statement", wallet, {"amount": body.amount}, now_ms)
        return await _answer(await queries.wallet(number))

    answer = await _once(request, services, work)
    await statements.push(messages, services)
    return answer


@router.get("/wallets/{number}/movements", dependencies=_READ, responses=documented("not_found"))
async def list_movements(number: Number, after: After = 0, limit: Limit = 100) -> Page[MovementAnswer]:
    """What moved in a wallet, in the order in which it was booked; a till's debit comes when the till has told it."""
    await queries.wallet(number)
    rows = await queries.movements(number, after, limit)
    return Page(items=[movement_answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


async def _cash(
    what: str, number: int, body: CashBody, services: Services, caller: Caller, key: str | None
) -> WalletAnswer:
    request = Repeatable.of(caller, f"{what} {number}", key, body)
    move = service.top_up if what == "top-up" else service.refund

    async def work(now_ms: int) -> WalletAnswer:
        wallet = await queries.wallet(number)
        if wallet.currency != body.currency:
            raise Problem("wrong_currency", expected=wallet.currency, got=body.currency)
        await move(wallet, body.amount, About(now_ms, caller.name))
        await _note(caller, f"wallet.{what}", wallet, {"amount": body.amount}, now_ms)
        return await _answer(await queries.wallet(number))

    return await _once(request, services, work)


async def _note(caller: Caller, action: str, wallet: Wallet, after: dict[str, Any], now_ms: int) -> None:
    await auditing.note(caller, action, wallet.site_id, f"wallet:{wallet.id}", after=after, now_ms=now_ms)


async def _once(
    request: Repeatable, services: Services, work: Callable[[int], Awaitable[WalletAnswer]]
) -> WalletAnswer:
    """Do the work and keep its answer in one transaction, or give the answer of the first time."""
    kept = await request.answered()
    if kept is not None:
        return WalletAnswer.model_validate(kept)
    now_ms = services.clock.wall_ms()
    try:
        async with in_transaction():
            answer = await work(now_ms)
            await request.keep(answer, now_ms)
    except AnsweredMeanwhile:
        return WalletAnswer.model_validate(await request.answered())
    return answer


async def _answer(wallet: Wallet) -> WalletAnswer:
    turn = await queries.card_of(wallet.id)
    pending = await queries.pending_of(wallet.id)
    return wallet_answer(wallet, turn, sum(load.amount for load in pending))
