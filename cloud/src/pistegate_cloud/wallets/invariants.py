# SPDX-License-Identifier: Apache-2.0
"""What must always hold between a site's ledger, its movements, its wallets and the books of its cards."""

from collections import Counter

from tortoise.functions import Sum

from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.wallets import queries
from pistegate_cloud.wallets.books import COLUMNS, on_card
from pistegate_cloud.wallets.models import Wallet, WalletCard, WalletLoad, WalletMovement


async def disagreements(site: int) -> list[str]:
    """Every place where the books of a site disagree, as sentences for an operator; empty when they are right."""
    found = []
    if out := await ledger.imbalance(site):
        found.append(f"ledger transactions do not sum to zero: {out} minor units")
    found += await _ledger_against_movements(site)
    found += await _wallets_against_movements(site)
    return found + await _loads_against_movements(site)


async def _ledger_against_movements(site: int) -> list[str]:
    balances, sums = await ledger.balances(site), await queries.sums(site)
    currencies = {currency for _, currency in [*balances, *sums]}
    found = []
    for account, column in COLUMNS.items():
        for currency in sorted(currencies):
            booked, moved = -balances.get((account, currency), 0), sums.get((column, currency), 0)
            if booked != moved:
                found.append(f"account {account} holds {booked} {currency}, movements say {moved}")
    return found


async def _wallets_against_movements(site: int) -> list[str]:
    rows = (
        await WalletMovement.filter(site_id=site, wallet_id__not_isnull=True)
        .annotate(account_sum=Sum("account"), card_sum=Sum("card"))
        .group_by("wallet_id")
        .values_list("wallet_id", "account_sum", "card_sum")
    )
    accounts = {int(wallet): int(account or 0) for wallet, account, _ in rows}
    on_cards = {int(wallet): int(card or 0) for wallet, _, card in rows}
    books: Counter[int] = Counter()
    for turn in await WalletCard.filter(site_id=site, wallet_id__not_isnull=True):
        books[turn.wallet_id or 0] += on_card(turn)
    found = []
    for wallet in await Wallet.filter(site_id=site):
        if wallet.account != accounts.get(wallet.id, 0):
            found.append(f"wallet {wallet.id} has {wallet.account}, its movements say {accounts.get(wallet.id, 0)}")
        if books[wallet.id] != on_cards.get(wallet.id, 0):
            said = on_cards.get(wallet.id, 0)
            found.append(f"cards of wallet {wallet.id} hold {books[wallet.id]}, its movements say {said}")
    return found


async def _loads_against_movements(site: int) -> list[str]:
    pending = sum(load.amount for load in await WalletLoad.filter(wallet__site_id=site, state="sent"))
    moved = sum(amount for (column, _), amount in (await queries.sums(site)).items() if column == "underway")
    return [] if pending == moved else [f"{pending} is under way to cards, movements say {moved}"]
