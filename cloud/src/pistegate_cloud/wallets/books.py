# SPDX-License-Identifier: Apache-2.0
"""The one code path by which wallets change: a ledger posting and a movement together, and the balances they change.

Everything runs in the caller's transaction, which holds the card's lock (proofs.queries.lock) where a card is
concerned. What a movement adds to account, way, card and suspense is read off the ledger's own table, so that the two
cannot differ.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.events import EVENTS
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.models import CardUse, Wallet, WalletCard, WalletLoad, WalletMovement

# Ledger account -> column of a movement. They are liabilities: a credit there is the guest's gain.
COLUMNS: Final = {
    "wallets": "account",
    "wallets_underway": "underway",
    "wallet_cards": "card",
    "wallet_suspense": "suspense",
}
SYSTEM: Final = "system"  # actor of what nobody asked for: events applied, doubts settled


@dataclass(frozen=True, slots=True)
class About:
    """What a movement is about. `actor`: name of the caller. `order`: the order that recharged or was paid."""

    at_ms: int
    actor: str = SYSTEM
    wallet: int | None = None
    uid: str | None = None
    use: CardUse | None = None
    load: WalletLoad | None = None
    order: UUID | None = None


def effect(kind: str, amount: int) -> dict[str, int]:
    """What `amount` of a ledger event adds to each column of a movement."""
    return {COLUMNS[row.account]: -row.sign * amount for row in EVENTS[kind] if row.account in COLUMNS}


async def enter(
    kind: str, about: About, *, site: int, amount: int, currency: str, guarded: bool = False, of: str | None = None
) -> WalletMovement:
    """Post, keep the movement, and change the wallet's account; `guarded`: Problem when that would go below 0.

    `of`: the way of paying, or the other site, where the event's account has one.
    """
    change = effect(kind, amount)
    if about.wallet is not None and change.get("account"):
        await _change_account(about, change["account"], site, guarded=guarded)
    moneys = [ledger.Money(ledger.AMOUNT, amount, of)]
    transaction = await ledger.record(
        kind, site=site, currency=currency, at_ms=about.at_ms, moneys=moneys, order=about.order
    )
    movement = WalletMovement(
        site_id=site,
        wallet_id=about.wallet,
        uid=about.uid,
        kind=kind,
        amount=amount,
        **change,
        currency=currency,
        use_id=about.use.id if about.use else None,
        load_id=about.load.id if about.load else None,
        transaction_id=transaction,
        actor=about.actor,
        at_ms=about.at_ms,
    )
    await queries.add_movement(movement)
    return movement


async def _change_account(about: About, by: int, site: int, *, guarded: bool) -> None:
    wallet = about.wallet or 0
    if not await queries.change_account(wallet, by, guarded=guarded):
        raise Problem("wallet_too_small", wallet=wallet, amount=-by)
    if by < 0 and not guarded and (account := await queries.account_of(wallet)) < 0:
        values = {"wallet": wallet, "account": account, "uid": about.uid}
        case = exceptions.Case(kind="wallet_overdrawn", key=str(wallet), site=site, values=values)
        await exceptions.record([case], about.at_ms)


def on_card(turn: WalletCard) -> int:
    """What is on a card by the books, minor units."""
    put = turn.credited + turn.loaded - turn.loaded_before
    return int(put - turn.purse_debited - turn.loads_debited - turn.taken)


# What tills debited


async def post_debit(use: CardUse, now_ms: int) -> None:
    """Put a debit that happened into the books, whoever's the card is and was; nothing when it is there already."""
    amount = use.purse + use.loads
    if use.posted or not amount:
        return
    turn = await _turn_for(use, now_ms)
    if use.currency != turn.currency:
        values = {"gate": use.gate, "uid": use.uid, "got": use.currency, "expected": turn.currency}
        await _show("wallet_wrong_currency", f"{use.site_id}/{use.gate}", use, values, now_ms)
    about = About(now_ms, wallet=turn.wallet_id, uid=use.uid, use=use)
    late = 0
    if turn.wallet_id is None:
        await enter("wallet_debit_unknown", about, site=use.site_id, amount=amount, currency=turn.currency)
        values = {"uid": use.uid, "amount": amount, "gate": use.gate}
        await _show("wallet_unknown_card", use.uid, use, values, now_ms)
    else:
        late = _late(turn, amount)
        await _charge("wallet_debit", about, turn, use, amount - late)
        await _charge("wallet_debit_late", about, turn, use, late)
    await queries.change_card(turn, purse_debited=use.purse, loads_debited=use.loads, taken=-late)
    await queries.mark_posted(use, turn.id)


def _late(turn: WalletCard, amount: int) -> int:
    """How much of a debit was no longer on the card's books: its value was with the guest already."""
    return 0 if turn.until_ms is None else max(0, amount - max(0, on_card(turn)))


async def _charge(kind: str, about: About, turn: WalletCard, use: CardUse, amount: int) -> None:
    """The guest's side at the wallet's site, the till's side at its own."""
    if not amount:
        return
    if turn.site_id == use.site_id:
        await enter(kind, about, site=turn.site_id, amount=amount, currency=turn.currency)
        return
    theirs, ours = str(use.site_id), str(turn.site_id)
    await enter(f"{kind}_elsewhere", about, site=turn.site_id, amount=amount, currency=turn.currency, of=theirs)
    till = About(about.at_ms, uid=use.uid, use=use)
    await enter("till_sale_elsewhere", till, site=use.site_id, amount=amount, currency=turn.currency, of=ours)


async def take_back_debit(use: CardUse, now_ms: int) -> None:
    """Reverse what `post_debit` posted: later proof has shown that the card was not charged."""
    if not use.posted or use.card_id is None:
        return
    turn = await queries.turn(use.card_id)
    late = 0
    for (site, kind, wallet), amount in (await queries.posted_for(use.id)).items():
        about = About(now_ms, wallet=wallet, uid=use.uid, use=use)
        other = use.site_id if site == turn.site_id else turn.site_id
        await enter(kind, about, site=site, amount=-amount, currency=turn.currency, of=str(other))
        late += amount if kind.startswith("wallet_debit_late") else 0
    await queries.change_card(turn, purse_debited=-use.purse, loads_debited=-use.loads, taken=late)
    await queries.mark_posted(use, None)


async def _turn_for(use: CardUse, now_ms: int) -> WalletCard:
    """The turn in which a use happened; the first one, which is nobody's, of a card that is not known."""
    turns = await queries.turns_of(use.uid)
    if turns:
        return next((turn for turn in turns if _within(use, turn)), turns[-1])
    turn = WalletCard(site_id=use.site_id, wallet_id=None, uid=use.uid, currency=use.currency, from_ms=now_ms)
    await queries.add_turn(turn)
    return turn


def _within(use: CardUse, turn: WalletCard) -> bool:
    """Whether a use was before the end of a turn: by the card's counter where it was proved, else by time."""
    if turn.until_ms is None:
        return True
    if use.counter is not None and turn.until_counter is not None:
        return bool(use.counter <= turn.until_counter)
    return bool(use.at_ms <= turn.until_ms)


async def _show(kind: str, key: str, use: CardUse, values: dict[str, Any], now_ms: int) -> None:
    case = exceptions.Case(kind=kind, key=key, site=use.site_id, gate=use.gate, values=values)
    await exceptions.record([case], now_ms)


async def note_statement(use: CardUse, now_ms: int) -> None:
    """A till has written a load statement to a card; its money was booked when it was signed."""
    await queries.note_written(use.uid, use.statement)
    turns = await queries.turns_of(use.uid)
    if use.statement > max((turn.load_number for turn in turns), default=0):
        values = {"uid": use.uid, "number": use.statement, "gate": use.gate}
        await _show("wallet_statement_unknown", f"{use.uid}/{use.statement}", use, values, now_ms)


async def claim(turn: WalletCard, wallet: Wallet, about: About) -> None:
    """A card that was nobody's belongs to a wallet from now on: what it spent leaves suspense."""
    await queries.set_card(turn, wallet_id=wallet.id, site_id=wallet.site_id)
    for use in await queries.posted_uses(turn.id):
        amount = use.purse + use.loads
        mine = About(about.at_ms, about.actor, wallet.id, turn.uid, use)
        if use.site_id == wallet.site_id:
            await enter("wallet_debit_claimed", mine, site=wallet.site_id, amount=amount, currency=turn.currency)
            continue
        theirs = About(about.at_ms, about.actor, None, turn.uid, use)
        here, there = str(wallet.site_id), str(use.site_id)
        what = {"amount": amount, "currency": turn.currency}
        await enter("wallet_suspense_elsewhere", theirs, site=use.site_id, of=here, **what)
        await enter("wallet_debit_elsewhere", mine, site=wallet.site_id, of=there, **what)


# Onto cards and back


async def end_load(load: WalletLoad, state: str, proved: int | None, now_ms: int) -> None:
    """A load by relay is known to be on its card ("done") or not to be ("void"); nothing when that was known."""
    if not await queries.end_load(load, state, proved, now_ms):
        return
    about = About(now_ms, load.actor, load.wallet_id, load.uid, load=load)
    site = (await queries.wallet(load.wallet_id)).site_id
    await enter(f"wallet_load_{state}", about, site=site, amount=load.amount, currency=load.currency)
    if state == "done":
        turn = await _turn_of_load(load)
        await queries.change_card(turn, credited=load.amount)
        if turn.until_ms is not None:  # the card is gone and its value with the guest: so is this
            await _take(turn, load.amount, about)


async def _turn_of_load(load: WalletLoad) -> WalletCard:
    turns = [turn for turn in await queries.turns_of(load.uid) if turn.wallet_id == load.wallet_id]
    return next((turn for turn in turns[::-1] if turn.from_ms <= load.sent_ms), turns[-1])


async def _take(turn: WalletCard, amount: int, about: About) -> None:
    if amount:
        await enter("wallet_taken_over", about, site=turn.site_id, amount=amount, currency=turn.currency)
        await queries.change_card(turn, taken=amount)


async def end_turn(turn: WalletCard, amount: int, counter: int | None, about: About) -> None:
    """`amount` goes from the card to its wallet's account, and the card's turn is over."""
    await _take(turn, amount, about)
    await queries.set_card(turn, until_ms=about.at_ms, until_counter=counter)
