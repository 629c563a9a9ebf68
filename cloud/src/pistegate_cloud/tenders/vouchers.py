# SPDX-License-Identifier: Apache-2.0
"""Vouchers 代金券: made in batches with random codes, redeemed once each, whoever comes at once."""

import secrets
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.clock import Clock, from_ms, local_day
from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.states import VOUCHER
from pistegate_cloud.tenders import queries
from pistegate_cloud.tenders.methods import Tendered
from pistegate_cloud.tenders.models import Voucher, VoucherBatch

LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without 0 O 1 I L, which people confuse
LENGTH: Final = 16  # 79 bits: nobody guesses one of a million
AT_ONCE: Final = 1000  # of a transaction
FORFEITED: Final = "vouchers"  # the department whose revenue a rest is that may not be spent


def new_code() -> str:
    """In groups of four, for people."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, LENGTH, 4))


def digest(code: str) -> str:
    """What of a code is stored; case and dashes don't matter."""
    return sha256(code.upper().replace("-", "").encode()).hexdigest()


async def make(batch: VoucherBatch, now_ms: int) -> list[str]:
    """Store a batch with its vouchers, in the caller's transaction; their codes, which cannot be told again.

    What they are worth beyond their price is given away, in the books from now on.
    """
    codes = [new_code() for _ in range(batch.quantity)]
    await queries.add_batch(batch)
    await queries.add_vouchers(
        [
            Voucher(site_id=batch.site_id, batch_id=batch.id, digest=digest(code), left=batch.value, state="good")
            for code in codes
        ]
    )
    await _post("voucher_given", batch, (batch.value - batch.price) * batch.quantity, now_ms)
    return codes


async def worth(order: Order, tender: Tendered, site: int, now_ms: int) -> tuple[Voucher, VoucherBatch]:
    """A voucher that may be used for an order now; Problem voucher_unknown, voucher_used, voucher_not_valid."""
    voucher = await queries.voucher(site, digest(tender.of or ""))
    if voucher is None:
        raise Problem("voucher_unknown")
    batch = await queries.batch(voucher.batch_id)
    if voucher.state != "good":
        raise Problem("voucher_used")
    today = local_day(now_ms, await sites.zone(site))
    if not batch.valid_from <= today <= batch.valid_until:
        raise Problem("voucher_not_valid", since=batch.valid_from, until=batch.valid_until)
    if batch.currency != order.currency and order.currency:
        raise Problem("wrong_currency", expected=batch.currency, got=order.currency)
    return voucher, batch


async def use(order: Order, row: Payment, tender: Tendered, now_ms: int) -> None:
    """Redeem a voucher for a payment's amount, in the caller's transaction; Problem voucher_too_small and `worth`'s."""
    voucher, batch = await worth(order, tender, row.site_id, now_ms)
    rest = voucher.left - row.amount
    if rest < 0:
        raise Problem("voucher_too_small", left=voucher.left, amount=row.amount)
    spent = not batch.keeps_rest or rest == 0
    state = VOUCHER.after(voucher.state, "use") if spent else voucher.state
    if not await queries.redeem(voucher, rest, state):
        raise Problem("voucher_used")
    row.voucher_id = voucher.id
    await _post("voucher_used", batch, row.amount, now_ms, order)
    if spent and rest:
        await _forfeit(batch, order, rest, now_ms)


async def unuse(order: Order, row: Payment, amount: int, now_ms: int) -> None:
    """A part of what a voucher paid is on it again; what was forfeited with it stays so, if anything was bought."""
    voucher = await queries.voucher_by_id(row.voucher_id or 0)
    batch = await queries.batch(voucher.batch_id)
    if voucher.state == "void":
        raise Problem("state_conflict", noun="voucher", state=voucher.state, event="undo")
    bought = order.paid_ms is not None
    rest = batch.value - row.amount if voucher.state != "good" and not batch.keeps_rest and not bought else 0
    left = amount + rest + (voucher.left if voucher.state == "good" else 0)
    if not await queries.redeem(voucher, left, "good"):
        raise Problem("state_conflict", noun="voucher", state=voucher.state, event="undo")
    await _post("voucher_used", batch, -amount, now_ms, order)
    if rest:
        await _forfeit(batch, order, -rest, now_ms)


async def end(batch: VoucherBatch, event: str, now_ms: int) -> int:
    """End, "void" or "expire", the good vouchers of a batch, some at a time, in the caller's transaction; how many.

    Expired, what they were worth is ours. Voided, what was given away is not owed any more; what was sold still is.
    """
    rows = await queries.good_of(batch.id, AT_ONCE)
    ended = [row for row in rows if await queries.redeem(row, 0, VOUCHER.after(row.state, event))]
    worth_together = sum(row.left for row in ended)
    if event == "expire" and worth_together:
        moneys = [Money("voucher", worth_together), Money("revenue", worth_together, FORFEITED)]
        site, currency = batch.site_id, batch.currency
        await ledger.record("voucher_expired", site=site, currency=currency, at_ms=now_ms, moneys=moneys)
    elif batch.price == 0:
        await _post("voucher_given", batch, -worth_together, now_ms)
    return len(ended)


async def expire_due(clock: Clock) -> int:
    """Vouchers whose last day is over everywhere are redeemed by nobody any more; how many. By a job of `serve`."""
    day = from_ms(clock.wall_ms()).date() - timedelta(days=1)  # whatever a site's zone
    done = 0
    for number in await queries.ended_batches(day, AT_ONCE):
        async with in_transaction():
            done += await end(await queries.batch(number), "expire", clock.wall_ms())
    return done


async def _post(event: str, batch: VoucherBatch, amount: int, now_ms: int, order: Order | None = None) -> None:
    if amount:
        order_id = None if order is None else order.id
        currency, site = batch.currency, batch.site_id
        await ledger.record(event, site=site, order=order_id, amount=amount, currency=currency, at_ms=now_ms)


async def _forfeit(batch: VoucherBatch, order: Order, rest: int, now_ms: int) -> None:
    await ledger.record(
        "voucher_expired",
        site=batch.site_id,
        order=order.id,
        currency=batch.currency,
        at_ms=now_ms,
        moneys=[Money("voucher", rest), Money("revenue", rest, FORFEITED)],
    )


def check_days(since: date, until: date) -> None:
    """Problem voucher_not_valid for a batch that would never be valid."""
    if until < since:
        raise Problem("voucher_not_valid", since=since, until=until)
