# SPDX-License-Identifier: Apache-2.0
"""All queries of wallets, their cards, loads and movements; and of card uses."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from tortoise.expressions import F, Q
from tortoise.functions import Count, Max, Sum

from pistegate_cloud.errors import Problem
from pistegate_cloud.wallets.models import CardUse, Wallet, WalletCard, WalletLoad, WalletMovement, WalletTerms

Ref = tuple[int, int]
RECORD_NAME = 10  # hex digits of an event's name that a card's record carries


# Terms and wallets


async def terms(site: int, currency: str) -> WalletTerms | None:
    """What a site offers in a currency."""
    return await WalletTerms.get_or_none(site_id=site, currency=currency)


async def all_terms(site: int | None) -> list[WalletTerms]:
    """Terms of one site or of all."""
    query = WalletTerms.all() if site is None else WalletTerms.filter(site_id=site)
    return await query.order_by("site_id", "currency")


async def set_terms(row: WalletTerms) -> None:
    """Store or replace the terms of a site in a currency."""
    await WalletTerms.bulk_create(
        [row], on_conflict=("site_id", "currency"), update_fields=("offline_cap", "changed_ms")
    )


async def add(wallet: Wallet) -> None:
    """Store a new wallet."""
    await wallet.save(force_create=True)


async def wallet(number: int) -> Wallet:
    """A wallet; Problem not_found."""
    found = await Wallet.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"wallet {number}")
    return found


async def find(site: int | None, phone: str | None, uid: str | None, after: int, limit: int) -> list[Wallet]:
    """Wallets in order of number, after one: of a site, of a phone, of the holder of a card now."""
    query = Wallet.filter(id__gt=after)
    if site is not None:
        query = query.filter(site_id=site)
    if phone is not None:
        query = query.filter(phone=phone)
    if uid is not None:
        turn = await open_turn(uid)
        query = query.filter(id=turn.wallet_id if turn and turn.wallet_id else 0)
    return await query.order_by("id").limit(limit)


async def change_account(wallet_id: int, by: int, *, guarded: bool) -> bool:
    """Add to a wallet's account; `guarded`: only if it does not go below 0. Whether it was done."""
    rows = Wallet.filter(id=wallet_id)
    if guarded and by < 0:
        rows = rows.filter(account__gte=-by)
    return bool(await rows.update(account=F("account") + by))


async def account_of(wallet_id: int) -> int:
    """What is in a wallet's account now."""
    return int((await Wallet.get(id=wallet_id)).account)


# Cards


async def turn(row: int) -> WalletCard:
    """The books of a turn, as they are now."""
    return await WalletCard.get(id=row)


async def turns_of(uid: str) -> list[WalletCard]:
    """All turns of a card, oldest first."""
    return await WalletCard.filter(uid=uid).order_by("turn")


async def open_turn(uid: str) -> WalletCard | None:
    """The card's present turn."""
    return await WalletCard.filter(uid=uid, until_ms=None).order_by("-turn").first()


async def card_of(wallet_id: int) -> WalletCard | None:
    """The card that a wallet is tied to now."""
    return await WalletCard.filter(wallet_id=wallet_id, until_ms=None).order_by("-id").first()


async def add_turn(turn: WalletCard) -> None:
    """Store a new turn of a card; the caller holds the card's lock."""
    await turn.save(force_create=True)


async def change_card(turn: WalletCard, **by: int) -> None:
    """Add to totals of a card's books."""
    await WalletCard.filter(id=turn.id).update(**{name: F(name) + value for name, value in by.items()})
    for name, value in by.items():
        setattr(turn, name, getattr(turn, name) + value)


async def set_card(turn: WalletCard, **values: Any) -> None:
    """Set columns of a card's books that are no totals."""
    await WalletCard.filter(id=turn.id).update(**values)
    for name, value in values.items():
        setattr(turn, name, value)


async def note_written(uid: str, number: int) -> None:
    """A load statement is on the card."""
    await WalletCard.filter(uid=uid, until_ms=None, written_number__lt=number).update(written_number=number)


async def loaded_total(uid: str) -> int:
    """Total of the newest load statement ever signed for a card (UID in hex), minor units; 0: none.

    A wipe must leave `spent` at this, because a statement never expires.
    """
    rows = await WalletCard.filter(uid=uid).annotate(top=Max("loaded")).values_list("top", flat=True)
    return max((int(str(top)) for top in rows if top is not None), default=0)


async def unwritten(group: int) -> list[WalletCard]:
    """Cards of a group's wallets whose newest load statement is not known to be on them, by UID."""
    rows = WalletCard.filter(wallet__group_number=group, until_ms=None, load_number__gt=F("written_number"))
    return await rows.order_by("uid")


async def on_cards(site: int, currency: str) -> tuple[int, int]:
    """(cards in use, minor units on them by the books) of a site's wallets."""
    rows = (
        await WalletCard.filter(wallet__site_id=site, currency=currency, until_ms=None)
        .annotate(
            cards=Count("id"),
            put=Sum(F("credited") + F("loaded") - F("loaded_before")),
            gone=Sum(F("purse_debited") + F("loads_debited") + F("taken")),
        )
        .values_list("cards", "put", "gone")
    )
    cards, put, gone = rows[0] if rows else (0, 0, 0)
    return int(cards or 0), int(put or 0) - int(gone or 0)


# Loads by relay


async def pending_loads(uid: str) -> list[WalletLoad]:
    """Loads of a card that are neither known to be on it nor known not to be."""
    return await WalletLoad.filter(uid=uid, state="sent").order_by("id")


async def pending_of(wallet_id: int) -> list[WalletLoad]:
    """As `pending_loads`, of a wallet."""
    return await WalletLoad.filter(wallet_id=wallet_id, state="sent").order_by("id")


async def load_by_request(wallet_id: int, request: str) -> WalletLoad | None:
    """The load that was made for an Idempotency-Key."""
    return await WalletLoad.filter(wallet_id=wallet_id, request=request, state="done").first()


async def add_load(load: WalletLoad) -> None:
    """Keep a load before it is sent."""
    await load.save(force_create=True)


async def end_load(load: WalletLoad, state: str, proved: int | None, now_ms: int) -> bool:
    """Move a load's state; False when somebody else did."""
    moved = await WalletLoad.filter(id=load.id, state=load.state).update(state=state, proved=proved, ended_ms=now_ms)
    load.state, load.proved, load.ended_ms = state, proved, now_ms
    return bool(moved)


async def underway(site: int, currency: str) -> int:
    """Minor units sent to cards and not confirmed."""
    rows = (
        await WalletLoad.filter(wallet__site_id=site, currency=currency, state="sent")
        .annotate(total=Sum("amount"))
        .values_list("total", flat=True)
    )
    return int(str(rows[0] or 0)) if rows else 0


# Movements


async def add_movement(movement: WalletMovement) -> None:
    """Keep a movement."""
    await movement.save(force_create=True)


async def movements(wallet_id: int, after: int, limit: int) -> list[WalletMovement]:
    """Movements of a wallet in order, after one, with the uses behind them."""
    query = WalletMovement.filter(wallet_id=wallet_id, id__gt=after)
    return await query.order_by("id").limit(limit).prefetch_related("use")


async def posted_for(use_id: int) -> dict[tuple[int, str, int | None], int]:
    """What is posted for a use, reversals subtracted: (site, kind, wallet) -> amount."""
    net: dict[tuple[int, str, int | None], int] = {}
    for row in await WalletMovement.filter(use_id=use_id):
        key = (row.site_id, row.kind, row.wallet_id)
        net[key] = net.get(key, 0) + row.amount
    return {key: amount for key, amount in net.items() if amount}


async def recharged_by(wallet_id: int) -> list[tuple[UUID, int]]:
    """(order, what of its recharge is not given back) of a wallet, the newest order first."""
    rows = WalletMovement.filter(wallet_id=wallet_id, kind="recharge", transaction__order_id__not_isnull=True)
    net: dict[UUID, int] = {}
    for order, amount in await rows.order_by("-id").values_list("transaction__order_id", "amount"):
        key = UUID(str(order))
        net[key] = net.get(key, 0) + int(amount)
    return sorted(((order, amount) for order, amount in net.items() if amount > 0), reverse=True)


async def sums(site: int) -> dict[tuple[str, str], int]:
    """(column, currency) -> sum over all movements of a site: what the ledger's accounts must say, with its sign."""
    rows = (
        await WalletMovement.filter(site_id=site)
        .annotate(a=Sum("account"), u=Sum("underway"), c=Sum("card"), s=Sum("suspense"))
        .group_by("currency")
        .values_list("currency", "a", "u", "c", "s")
    )
    names = ("account", "underway", "card", "suspense")
    return {(name, str(row[0])): int(value or 0) for row in rows for name, value in zip(names, row[1:], strict=True)}


# Card uses


async def referred(site: int, gate: int, refs: Iterable[Ref]) -> dict[Ref, CardUse]:
    """Uses of a till by (epoch, seq)."""
    wanted = set(refs)
    if not wanted:
        return {}
    rows = await CardUse.filter(
        site_id=site, gate=gate, epoch__in={epoch for epoch, _ in wanted}, seq__in={seq for _, seq in wanted}
    )
    return {(row.epoch, row.seq): row for row in rows if (row.epoch, row.seq) in wanted}


async def save_uses(new: Sequence[CardUse], changed: Sequence[CardUse]) -> None:
    """Store new uses, and changed ends of old ones."""
    await CardUse.bulk_create(list(new))
    for row in changed:
        await row.save(update_fields=("state", "ended_ms", "settled", "settled_by", "counter"))


async def posted_uses(turn_id: int) -> list[CardUse]:
    """Uses whose money is in the books of a turn."""
    return await CardUse.filter(card_id=turn_id, posted=True).order_by("id")


async def mark_posted(use: CardUse, turn_id: int | None) -> None:
    """A use's money is in the books of a turn; None: it is taken out again."""
    use.posted, use.card_id = turn_id is not None, turn_id
    await CardUse.filter(id=use.id).update(posted=use.posted, card_id=turn_id)


async def doubtful(uid: str) -> list[CardUse]:
    """Uses of a card that are in doubt: not settled, or by its counters alone."""
    told = Q(settled=None) | Q(settled_by="proof")
    return await CardUse.filter(told, uid=uid, state__in=("unconfirmed", "interrupted")).order_by("at_ms", "id")


async def settle_use(use: CardUse, told: str, by: str) -> None:
    """A use in doubt was charged or void."""
    use.settled, use.settled_by = told, by
    await CardUse.filter(id=use.id).update(settled=told, settled_by=by)


async def known_names(uid: str, names: Sequence[str]) -> set[str]:
    """Of event names as a card's records carry them (10 hex digits): those that its uses and loads have told here."""
    wanted = {name[:RECORD_NAME] for name in names}
    uses = await CardUse.filter(uid=uid).values_list("name", flat=True)
    loads = await WalletLoad.filter(uid=uid).values_list("name", flat=True)
    return wanted & {str(name)[:RECORD_NAME] for name in [*uses, *loads]}
