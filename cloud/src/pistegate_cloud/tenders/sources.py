# SPDX-License-Identifier: Apache-2.0
"""Where a tender that is no money comes from: an account, a wallet, a voucher, a deposit; drawn on and put back.

All in the caller's transaction. The sale debits tenders:wallet and the like; what is posted here settles that.
"""

from collections.abc import Sequence
from dataclasses import replace

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import accounts, vouchers
from pistegate_cloud.tenders.methods import Method, Tendered


async def measured(order: Order, tenders: Sequence[Tendered], now_ms: int) -> list[Tendered]:
    """The same, with the amounts that only their sources know: a voucher without one pays what it is worth."""
    left = order.total - sum(tender.amount or 0 for tender in tenders)
    found = []
    for tender in tenders:
        if tender.method is Method.VOUCHER and tender.amount is None:
            voucher, _ = await vouchers.worth(order, tender, _books(order), now_ms)
            tender = replace(tender, amount=min(voucher.left, max(left, 0)))
            left -= tender.amount or 0
        found.append(tender)
    return found


def _books(order: Order) -> int:
    return order.site_id if order.selling_site is None else order.selling_site


async def draw(order: Order, row: Payment, tender: Tendered, caller: Caller, now_ms: int) -> None:
    """Take a payment's amount from its source and note it in `row`, which is not stored yet; Problem when it lacks."""
    if tender.method in (Method.WALLET, Method.DEPOSIT) and row.site_id != order.site_id:
        raise Problem("tenders_unclear", what=f"{tender.method} of one site at an outlet of another")
    if tender.method is Method.WALLET:
        from pistegate_cloud.wallets import recharging  # its tables refer to orders, as the next one's

        row.wallet_id = _number(tender)
        await recharging.pay(row.wallet_id, row.amount, order=order, now_ms=now_ms, actor=caller.name)
    elif tender.method is Method.DEPOSIT:
        from pistegate_cloud.deposits import service as deposits

        row.reference = tender.of
        await deposits.spend(_number(tender), row.amount, order_id=order.id, now_ms=now_ms)
    elif tender.method is Method.ACCOUNT:
        await accounts.sign(order, row, tender, caller, now_ms)
    elif tender.method is Method.VOUCHER:
        await vouchers.use(order, row, tender, now_ms)


async def put_back(order: Order, row: Payment, amount: int, caller: Caller, now_ms: int) -> None:
    """A part of a payment goes back to its source; Problem state_conflict for one that takes nothing back."""
    if row.method == Method.WALLET and row.wallet_id is not None:
        from pistegate_cloud.wallets import recharging

        await recharging.paid_back(row.wallet_id, amount, order_id=order.id, now_ms=now_ms, actor=caller.name)
    elif row.method == Method.DEPOSIT:  # a settlement is corrected by a new order
        raise Problem("state_conflict", noun="deposit", state="spent", event="give_back")
    elif row.method == Method.ACCOUNT:
        await accounts.unsign(order, row, amount, caller, now_ms)
    elif row.method == Method.VOUCHER:
        await vouchers.unuse(order, row, amount, now_ms)


def _number(tender: Tendered) -> int:
    if tender.of is None or not tender.of.isdecimal():
        raise Problem("unknown_reference", what=f"{tender.method} {tender.of}")
    return int(tender.of)
