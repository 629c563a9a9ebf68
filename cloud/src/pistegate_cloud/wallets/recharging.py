# SPDX-License-Identifier: Apache-2.0
"""Money of orders and wallets 储值: recharged 充值 by an order, spent on one, given back. In the caller's transaction.

An order with a line of kind "recharge" posts what came to the account "recharges"; from there it goes to the wallet
that the line's terms name. Giving back goes the other way, order by order, so that each part finds its way of paying.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import About, enter
from pistegate_cloud.wallets.models import Wallet

KIND = "recharge"  # of an order's line, and of a ledger event
TERM = "wallet"  # which of a line's terms names the wallet


@dataclass(frozen=True, slots=True)
class Source:
    """What of a wallet came by an order and was not given back, minor units."""

    order_id: UUID
    amount: int


async def recharged(order: Order, lines: Sequence[OrderLine], *, now_ms: int, actor: str) -> None:
    """Put what an order's recharge lines brought into their wallets; Problem when a wallet is not of its kind."""
    for line in lines:
        if line.kind == KIND:
            wallet = await fitting((line.terms or {}).get(TERM, 0), order.site_id, order.currency)
            about = About(now_ms, actor, wallet.id, order=order.id)
            await enter(KIND, about, site=wallet.site_id, amount=line.amount, currency=wallet.currency)


async def fitting(number: int, site: int, currency: str) -> Wallet:
    """A wallet of a site in a currency; Problem."""
    wallet = await queries.wallet(number)
    if wallet.site_id != site:
        raise Problem("unknown_reference", what=f"wallet {number} of site {site}")
    if wallet.currency != currency:
        raise Problem("wrong_currency", expected=wallet.currency, got=currency)
    return wallet


async def pay(number: int, amount: int, *, order: Order, now_ms: int, actor: str) -> None:
    """Pay `amount` of an order from a wallet's account; Problem wallet_too_small."""
    wallet = await fitting(number, order.site_id, order.currency)
    about = About(now_ms, actor, wallet.id, order=order.id)
    site, currency = wallet.site_id, wallet.currency
    await enter("wallet_spent", about, site=site, amount=amount, currency=currency, guarded=True)


async def paid_back(number: int, amount: int, *, order_id: UUID, now_ms: int, actor: str) -> None:
    """What an order was paid with from a wallet goes back into it."""
    wallet = await queries.wallet(number)
    about = About(now_ms, actor, wallet.id, order=order_id)
    await enter("wallet_spent", about, site=wallet.site_id, amount=-amount, currency=wallet.currency)


async def sources(wallet: Wallet) -> list[Source]:
    """By which orders a wallet was recharged, the newest first; what was given back is taken off."""
    return [Source(order, amount) for order, amount in await queries.recharged_by(wallet.id)]


async def take_out(wallet: Wallet, source: Source, amount: int, *, now_ms: int, actor: str) -> None:
    """Part of a recharge leaves the wallet to be given back by its order; Problem wallet_too_small."""
    about = About(now_ms, actor, wallet.id, order=source.order_id)
    await enter(KIND, about, site=wallet.site_id, amount=-amount, currency=wallet.currency, guarded=True)
