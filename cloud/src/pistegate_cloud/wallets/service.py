# SPDX-License-Identifier: Apache-2.0
"""What is done with a wallet without its card at hand: opened, tied, topped up, refunded; what a wipe moves."""

from pistegate_cloud.cards.models import Card, CardWipe
from pistegate_cloud.errors import Problem
from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.proofs import queries as proofs
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import About, claim, end_load, end_turn, enter, on_card
from pistegate_cloud.wallets.models import Wallet, WalletCard, WalletTerms


async def create(
    site: int, currency: str, holder: str | None, phone: str | None, uid: str | None, actor: str, now_ms: int
) -> Wallet:
    """Open a wallet, tied to a card (UID in hex) if there is one, in the caller's transaction.

    Problem wallets_not_offered when the site offers none in this currency.
    """
    place = await sites.site(site)
    if await queries.terms(site, currency) is None:
        raise Problem("wallets_not_offered", site=site, currency=currency)
    wallet = Wallet(
        site_id=site, group_number=place.group_number, currency=currency, holder=holder, phone=phone, created_ms=now_ms
    )
    await queries.add(wallet)
    if uid is not None:
        await tie(wallet, uid, About(now_ms, actor))
    return wallet


async def tie(wallet: Wallet, uid: str, about: About) -> WalletCard:
    """Tie a wallet to a card, in the caller's transaction; nothing when it is. Problem when either has another."""
    await proofs.lock([uid], wallet.site_id, wallet.group_number)
    turns = await queries.turns_of(uid)
    last = turns[-1] if turns else None
    mine = await queries.card_of(wallet.id)
    if mine is not None and mine.uid == uid:
        return mine
    if mine is not None:
        raise Problem("wallet_has_card", wallet=wallet.id, uid=mine.uid)
    if last is not None and last.until_ms is None:
        if last.wallet_id is not None:
            raise Problem("card_has_wallet", uid=uid, wallet=last.wallet_id)
        await claim(last, wallet, About(about.at_ms, about.actor))
        return last
    loaded, number = (last.loaded, last.load_number) if last else (0, 0)
    turn = WalletCard(
        site_id=wallet.site_id,
        wallet_id=wallet.id,
        uid=uid,
        turn=last.turn + 1 if last else 1,
        currency=wallet.currency,
        loaded=loaded,
        loaded_before=loaded,
        load_number=number,
        written_number=number,
        from_ms=about.at_ms,
    )
    await queries.add_turn(turn)
    return turn


async def set_terms(site: int, currency: str, offline_cap: int, now_ms: int) -> None:
    """What a site offers: the most that is put on one card."""
    await sites.site(site)
    await queries.set_terms(WalletTerms(site_id=site, currency=currency, offline_cap=offline_cap, changed_ms=now_ms))


async def top_up(wallet: Wallet, amount: int, about: About, method: str = "cash") -> None:
    """Money into the account, in the caller's transaction."""
    site, currency = wallet.site_id, wallet.currency
    await enter("wallet_top_up", _of(wallet, about), site=site, amount=amount, currency=currency, of=method)


async def refund(wallet: Wallet, amount: int, about: About, method: str = "cash") -> None:
    """Money out of the account, in the caller's transaction; Problem wallet_too_small."""
    await enter(
        "wallet_refund",
        _of(wallet, about),
        site=wallet.site_id,
        amount=amount,
        currency=wallet.currency,
        guarded=True,
        of=method,
    )


def _of(wallet: Wallet, about: About) -> About:
    return About(about.at_ms, about.actor, wallet.id, about.uid, about.use, about.load)


# For whoever wipes and replaces cards. All in the caller's transaction.


async def held(card: Card) -> int | None:
    """What the books believe to be on a card, minor units; None: it has no wallet."""
    turn = await queries.open_turn(card.uid)
    return None if turn is None or turn.wallet_id is None else on_card(turn)


async def unloaded(card: Card, purse: int, loaded: int, spent: int, *, wipe: int, actor: str, now_ms: int) -> None:
    """A wipe has taken the card's whole value, as read before it (minor units): it goes to the guest's account.

    `wipe`: id of the CardWipe; the same one twice does nothing. A signed load that was not written counts as on the
    card: the wipe leaves `spent` at the total of all (queries.loaded_total). What the books hold beyond what was read
    stays there for debits that are not told yet; what was read beyond the books is shown, and not given.
    """
    await proofs.lock([card.uid], card.site_id, card.group_number)
    row = await CardWipe.get(id=wipe)
    turns = await queries.turns_of(card.uid)
    if not turns or any(turn.until_counter == row.counter for turn in turns):
        return
    turn = turns[-1]
    if turn.wallet_id is None or turn.until_ms is not None:
        return
    there = purse + max(0, max(loaded, turn.loaded) - spent)
    if there > on_card(turn):
        turn = await _explained_by_loads(turn, purse, now_ms)
    about = About(now_ms, actor, turn.wallet_id, turn.uid)
    if there > on_card(turn):
        await show_beyond_books(turn, there, now_ms)
    await end_turn(turn, min(there, on_card(turn)), row.counter, about)


async def _explained_by_loads(turn: WalletCard, purse: int, now_ms: int) -> WalletCard:
    """A purse that holds more than the books say has got the load that was not confirmed."""
    for load in await queries.pending_loads(turn.uid):
        if purse > turn.credited - turn.purse_debited:
            await end_load(load, "done", None, now_ms)
            turn = await queries.turn(turn.id)
    return turn


async def show_beyond_books(turn: WalletCard, there: int, now_ms: int) -> None:
    """More is on a card than was ever put there: an exception."""
    values = {"uid": turn.uid, "there": there, "books": on_card(turn), "wallet": turn.wallet_id}
    case = exceptions.Case(kind="wallet_beyond_books", key=turn.uid, site=turn.site_id, values=values)
    await exceptions.record([case], now_ms)


async def replaced(old: Card, new: Card, *, actor: str, now_ms: int) -> int:
    """A lost card's value, as the books know it (minor units), goes to its wallet's account, and the wallet to `new`.

    What the lost card spent and nobody told yet is taken from the account when it comes. 0 the second time.
    """
    await proofs.lock([old.uid, new.uid], old.site_id, old.group_number)
    turn = await queries.open_turn(old.uid)
    if turn is None or turn.wallet_id is None:
        return 0
    amount = on_card(turn)
    about = About(now_ms, actor, turn.wallet_id, turn.uid)
    await end_turn(turn, amount, None, about)
    await tie(await queries.wallet(turn.wallet_id), new.uid, about)
    return amount
