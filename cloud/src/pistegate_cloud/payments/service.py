# SPDX-License-Identifier: Apache-2.0
"""Payments through a provider: kept before anything is sent, moved only by what the provider is known to have said."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock
from pistegate_cloud.errors import Problem
from pistegate_cloud.orders import settling as orders
from pistegate_cloud.payments import queries
from pistegate_cloud.payments.models import ProviderPayment
from pistegate_cloud.payments.provider import Asked, Declined, Fact, Provider, Told, Unclear, Way
from pistegate_cloud.payments.rules import (
    LEASE_MS,
    PAYABLE_MS,
    UNSENT,
    check_money,
    check_payable,
    event_of,
    next_ask_ms,
)
from pistegate_cloud.states import PAYMENT

ENDED: Final = ("closed", "failed", "reversed")
_TRIES: Final = 5  # of moving a row that others move at the same time


@dataclass(frozen=True, slots=True)
class Wish:
    """A payment to be. `id`: made by the caller: a repetition is the same payment; `words`: on the guest's bill.

    `means`: the payment code 付款码, the openid or the guest's address, as `way` needs; it is not stored.
    """

    id: UUID
    site: int
    way: Way
    amount: int
    currency: str
    words: str
    actor: str
    means: str | None = None
    window: str = "1"


async def begin(wish: Wish, provider: Provider, clock: Clock) -> tuple[ProviderPayment, str | None]:
    """Ask for money: the payment as it stands, and what the guest's device needs (None for a payment by code).

    It may be pending or in doubt: then it is asked for until it is known, and a payment by code reversed at its time.
    """
    check_payable(wish.amount, wish.currency)
    row = _row(wish, provider.name, clock.wall_ms())
    if not await queries.add_payment(row):
        known = await _same(wish)
        if not await queries.is_first(known):
            return await _again(known, wish, provider, clock)
        row = known
    asked = Asked(row.number, row.amount, row.currency, row.words, row.until_ms, wish.window)
    if wish.way is Way.CODE:
        return await _send_code(row, asked, wish.means or "", provider, clock), None
    return await _send_order(row, asked, wish, provider, clock)


def _row(wish: Wish, provider: str, now_ms: int) -> ProviderPayment:
    return ProviderPayment(
        id=wish.id,
        site_id=wish.site,
        provider=provider,
        number=wish.id.hex,
        way=wish.way.value,
        amount=wish.amount,
        currency=wish.currency,
        words=wish.words[:127],
        state="created",
        created_ms=now_ms,
        until_ms=now_ms + PAYABLE_MS,
        ask_ms=now_ms + LEASE_MS,
        actor=wish.actor,
    )


async def keep(wish: Wish, provider: str, now_ms: int) -> None:
    """Store a payment that `begin` will send, in the caller's transaction. Unsent, it ends when its time is over."""
    check_payable(wish.amount, wish.currency)
    row = _row(wish, provider, now_ms)
    row.asked_times = UNSENT
    if not await queries.add_payment(row):
        raise Problem("idempotency_key_reused", idempotency_key=str(wish.id))


async def _same(wish: Wish) -> ProviderPayment:
    """The payment of this id; Problem when it is another."""
    row = await queries.payment(wish.id)
    if (row.site_id, row.way, row.amount, row.currency) != (wish.site, wish.way, wish.amount, wish.currency):
        raise Problem("idempotency_key_reused", idempotency_key=str(wish.id))
    return row


async def _again(
    row: ProviderPayment, wish: Wish, provider: Provider, clock: Clock
) -> tuple[ProviderPayment, str | None]:
    """A repetition: a payment by code is never sent twice; an order is, because only the answer has its link."""
    if wish.way is Way.CODE or row.state not in ("created", "pending", "in_doubt"):
        return row, None
    asked = Asked(row.number, row.amount, row.currency, row.words, row.until_ms)
    return await _send_order(row, asked, wish, provider, clock)


async def _send_code(
    row: ProviderPayment, asked: Asked, code: str, provider: Provider, clock: Clock
) -> ProviderPayment:
    try:
        told = await provider.pay_by_code(asked, code)
    except Unclear as error:
        return await happen(row.id, "doubt", clock, trouble=str(error))
    except Declined as error:
        return await happen(row.id, "declined", clock, trouble=str(error))
    return await hear(told, provider, clock)


async def _send_order(
    row: ProviderPayment, asked: Asked, wish: Wish, provider: Provider, clock: Clock
) -> tuple[ProviderPayment, str | None]:
    try:
        link = await provider.create(asked, wish.way, wish.means)
    except Unclear as error:
        return await happen(row.id, "doubt", clock, trouble=str(error)), None
    except Declined as error:
        # A repetition may be declined because the guest has paid meanwhile: only a query ends such a one.
        event = "declined" if row.state == "created" else "waiting"
        return await happen(row.id, event, clock, trouble=str(error)), None
    return await hear(Told(row.number, Fact.WAITING), provider, clock), link


async def happen(payment_id: UUID, event: str, clock: Clock, *, trouble: str | None = None) -> ProviderPayment:
    """Move a payment by an event of ours; an event that has no place there moves nothing. The payment after it."""
    for _ in range(_TRIES):
        row = await queries.payment(payment_id)
        try:
            state = PAYMENT.after(row.state, event)
        except Problem:
            return row
        now_ms = clock.wall_ms()
        ask_ms = next_ask_ms(row.asked_times, now_ms)
        async with in_transaction():
            moved = await queries.move(row, state, ask_ms=ask_ms, trouble=trouble[:200] if trouble else None)
            if moved and state in ENDED:
                await orders.settle_ended(row.id, now_ms)
        if moved:
            return await queries.payment(payment_id)
    return await queries.payment(payment_id)


async def hear(told: Told, provider: Provider, clock: Clock) -> ProviderPayment:
    """Take a provider's word; Problem payment_mismatch or payment_unknown. The payment after it."""
    try:
        async with in_transaction():
            return await take(told, provider.name, clock.wall_ms())
    except Problem as problem:
        await keep_strange(told, provider.name, problem)
        raise


async def take(told: Told, provider: str, now_ms: int) -> ProviderPayment:
    """As `hear`, in the caller's transaction."""
    row = await queries.by_number(provider, told.number)
    check_money(row.amount, row.currency, told)
    values: dict[str, object] = {"ask_ms": next_ask_ms(row.asked_times, now_ms), "trouble": None}
    came_late = False
    if told.fact is Fact.PAID and told.transaction != row.transaction:
        if row.transaction is not None or await queries.of_transaction(provider, told.transaction or "") is not None:
            raise _mismatch(row, told)
        values |= {"transaction": told.transaction, "paid_ms": told.paid_ms}
    try:
        state = PAYMENT.after(row.state, event_of(told, row.state, came=row.transaction is not None))
    except Problem:
        # Money that came after we had ended the payment, or the like: shown to a person, nothing moves.
        values |= {"strange": True, "trouble": f"told {told.fact} when {row.state}"}
        state = row.state
        came_late = told.fact is Fact.PAID and row.transaction is None and state in ("closed", "failed")
    try:
        moved = await queries.move(row, state, **values)
    except IntegrityError as error:  # another payment took this transaction number a moment ago
        raise _mismatch(row, told) from error
    if not moved:
        raise Problem("state_conflict", noun="payment", state=row.state, event=told.fact.value)
    if came_late or (told.fact is Fact.PAID and row.transaction is None and state == "paid"):
        await orders.settle_paid(row.id, now_ms)
    elif state in ENDED:
        await orders.settle_ended(row.id, now_ms)
    return await queries.payment(row.id)


def _mismatch(row: ProviderPayment, told: Told) -> Problem:
    values = {"payment": row.number, "asked": row.amount, "told": told.amount, "currency": told.currency}
    return Problem("payment_mismatch", **values)


async def keep_strange(told: Told, provider: str, problem: Problem) -> None:
    """Mark a payment of whose money the provider told something that does not fit."""
    if problem.code == "payment_mismatch":
        row = await queries.by_number(provider, told.number)
        words = f"told {told.amount} {told.currency}, transaction {told.transaction}"
        await queries.note(row, strange=True, trouble=words)


async def accept(payment_id: UUID) -> None:
    """A person has looked at money that came when we had given it up; in the caller's transaction."""
    row = await queries.payment(payment_id)
    if row.strange and row.transaction is not None and row.state in ("closed", "failed"):
        await queries.move(row, PAYMENT.after(row.state, "accept"), strange=False, trouble=None)
