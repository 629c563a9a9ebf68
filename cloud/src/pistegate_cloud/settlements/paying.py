# SPDX-License-Identifier: Apache-2.0
"""A settlement's money: one order of its charges, paid from what the guest has here; the rest goes back.

All in the caller's transaction, through orders.making and tenders.service. Money back goes by the way that it came:
a deposit by its order, a wallet by the orders that recharged it, the newest first; what came to a wallet without an
order was cash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pistegate_cloud.deposits import queries as deposits
from pistegate_cloud.deposits import service as holding
from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.kinds import LineKind, OrderKind
from pistegate_cloud.orders.making import make
from pistegate_cloud.orders.models import Order, Refund
from pistegate_cloud.pricing.rules import tax_of
from pistegate_cloud.pricing.shapes import Priced
from pistegate_cloud.settlements import queries
from pistegate_cloud.settlements.reading import Read
from pistegate_cloud.settlements.rules import Held, Line, Plan
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders import service as tenders
from pistegate_cloud.tenders.methods import Method, Tendered
from pistegate_cloud.uuid7 import uuid7
from pistegate_cloud.wallets import queries as wallets
from pistegate_cloud.wallets import recharging
from pistegate_cloud.wallets import service as walleting
from pistegate_cloud.wallets.books import About, enter
from pistegate_cloud.wallets.models import Wallet

_KINDS = {"overtime": LineKind.OVERTIME, "damage": LineKind.DAMAGE, "lost": LineKind.DAMAGE}


@dataclass(frozen=True, slots=True)
class Back:
    """Money that went back: `of` deposit or wallet, its number, and by which way; `waits`: through a provider."""

    of: str
    number: int
    method: str
    amount: int
    waits: bool


@dataclass(frozen=True, slots=True)
class Means:
    """What a guest has here: deposits that can be used, those in the wallet, and the wallet."""

    plain: Sequence[Deposit]
    spending: Sequence[Deposit]
    wallet: Wallet | None

    @property
    def held(self) -> list[Held]:
        """As the rules take it."""
        return [Held(each.id, each.held) for each in self.plain]


async def means_of(read: Read) -> Means:
    """What is held for the card, ticket or document that was read, at this site."""
    found: dict[int, Deposit] = {}
    for column, value in (("uid", read.uid), ("ticket_id", read.ticket), ("document", read.document)):
        if value is not None:
            found |= {row.id: row for row in await deposits.held(site_id=read.site, **{column: value})}
    rows = [found[number] for number in sorted(found)]
    number = read.wallet or next((row.wallet_id for row in rows if row.wallet_id is not None), None)
    return Means(
        plain=[row for row in rows if row.wallet_id is None],
        spending=[row for row in rows if row.wallet_id is not None and row.wallet_id == number],
        wallet=await wallets.wallet(number) if number is not None else None,
    )


async def order_of(
    read: Read,
    lines: Sequence[Line],
    plan: Plan,
    tendered: Sequence[Tendered],
    currency: str,
    day: date,
    *,
    kind: OrderKind,
    caller: Caller,
    now_ms: int,
) -> Order:
    """Make the order of the charges and take what pays for them."""
    order = Order(
        id=uuid7(now_ms),
        site_id=read.site,
        channel="window",
        status="new",
        total=0,
        currency=currency,
        created_ms=now_ms,
        day=day,
        kind=kind.value,
        window=caller.window,
        operator=caller.name,
    )
    mine = [
        Tendered(method=Method(use.method), currency=currency, amount=use.amount, of=str(use.reference))
        for use in plan.uses
    ]
    charged = [_priced(line, day) for line in lines if line.is_charge and line.amount]
    await make(order, charged, [*tendered, *mine], now_ms=now_ms, caller=caller)
    return order


def _priced(line: Line, day: date) -> Priced:
    tax_bp = int(line.values.get("tax_bp", 0))
    return Priced(
        product=None,
        kind=_KINDS.get(line.kind, LineKind.FEE).value,
        quantity=1,
        visit_date=day,
        list_price=line.amount,
        unit_price=line.amount,
        amount=line.amount,
        tax_bp=tax_bp,
        tax=tax_of(line.amount, tax_bp),
        department=str(line.values.get("department") or "rental"),
        terms={"values": dict(line.values)},
        words=f"settlement.{line.key}",
    )


async def deposits_back(means: Means, caller: Caller, now_ms: int) -> list[Back]:
    """What is left of the plain deposits goes back, and they are over."""
    found = []
    for row in means.plain:
        amount = await holding.leave(row.id, now_ms)
        found += await _deposit_back(row, amount, caller, now_ms)
    return found


async def _deposit_back(row: Deposit, amount: int, caller: Caller, now_ms: int) -> list[Back]:
    if not amount:
        return []
    order = await queries.order(row.order_id)
    given = await tenders.give_back(order, amount, reason="deposit back", caller=caller, now_ms=now_ms)
    moneys = [Money("deposit", amount), *tenders.moneys_of(order, given)]
    await _post("deposit_returned", order, moneys, now_ms)
    return _backs("deposit", row.id, given)


async def wallet_back(means: Means, amount: int, caller: Caller, now_ms: int) -> list[Back]:
    """`amount` leaves the wallet: by its recharges, then as deposits that were in it, then in cash."""
    wallet, found, left = means.wallet, [], amount
    if wallet is None:
        return []
    for source in await recharging.sources(wallet):
        part = min(left, source.amount)
        if not part:
            continue
        await recharging.take_out(wallet, source, part, now_ms=now_ms, actor=caller.name)
        order = await queries.order(source.order_id)
        given = await tenders.give_back(order, part, reason="wallet back", caller=caller, now_ms=now_ms)
        await _post("refund", order, [Money("recharge", part), *tenders.moneys_of(order, given)], now_ms)
        found += _backs("wallet", wallet.id, given)
        left -= part
    about = About(now_ms, caller.name, wallet.id)
    for row in reversed(means.spending):
        part = min(left, row.held)
        if part:
            await enter("deposit_to_wallet", about, site=row.site_id, amount=-part, currency=row.currency, guarded=True)
        await holding.leave_wallet(row.id, part, now_ms)
        found += await _deposit_back(row, part, caller, now_ms)
        left -= part
    if left:
        await walleting.refund(wallet, left, about)
        found.append(Back("wallet", wallet.id, Method.CASH.value, left, waits=False))
    return found


async def _post(event: str, order: Order, moneys: Sequence[Money], now_ms: int) -> None:
    site = tenders.site_of(order)
    await ledger.record(event, site=site, order=order.id, currency=order.currency, at_ms=now_ms, moneys=moneys)


def _backs(of: str, number: int, given: Sequence[Refund]) -> list[Back]:
    return [Back(of, number, row.method, row.amount, row.state != "done") for row in given]
