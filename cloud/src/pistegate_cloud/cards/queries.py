# SPDX-License-Identifier: Apache-2.0
"""All queries of cards."""

from collections.abc import Sequence
from typing import Any

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.cards.models import Card, CardChange, CardLoss, CardWipe
from pistegate_cloud.errors import Problem
from pistegate_cloud.states import CARD

SHUT_OUT = ("lost", "void")  # what every device refuses, whatever is on the card


async def by_uid(uid: str) -> Card | None:
    """The card with a UID in hex."""
    return await Card.get_or_none(uid=uid)


async def card(uid: str) -> Card:
    """The card with a UID in hex; Problem not_found."""
    found = await by_uid(uid)
    if found is None:
        raise Problem("not_found", what=f"card {uid}")
    return found


async def known(uids: Sequence[str]) -> set[str]:
    """Those of `uids` that are cards already."""
    return {str(uid) for uid in await Card.filter(uid__in=list(uids)).values_list("uid", flat=True)}


async def add(cards: Sequence[Card]) -> None:
    """Store new cards; those whose UID is taken meanwhile are left as they are."""
    await Card.bulk_create(list(cards), ignore_conflicts=True)


async def add_one(card: Card) -> None:
    """Store a new card; IntegrityError when its UID is taken."""
    await card.save(force_create=True)


async def ids(uids: Sequence[str]) -> dict[str, int]:
    """Row ids by UID."""
    return {str(uid): int(row) for uid, row in await Card.filter(uid__in=list(uids)).values_list("uid", "id")}


async def page(site: int | None, status: str | None, key_set: int | None, after: int, limit: int) -> list[Card]:
    """Cards in order of their coming in, after a row id."""
    query = Card.filter(id__gt=after)
    if site is not None:
        query = query.filter(site_id=site)
    if status is not None:
        query = query.filter(status=status)
    if key_set is not None:
        query = query.filter(key_set=key_set)
    return await query.order_by("id").limit(limit)


async def change(card: Card, event: str, change: CardChange, **values: Any) -> None:
    """Move a card as states.CARD says and keep why, in the caller's transaction.

    `values`: other columns of the card to set. Problem state_conflict when the table has no such move, or the card is
    no longer what it was when read.
    """
    status = CARD.after(card.status, event)
    values |= {"status": status, "changed_ms": change.at_ms}
    if not await Card.filter(id=card.id, status=card.status).update(**values):
        raise Problem("state_conflict", noun="card", state=card.status, event=event)
    for name, value in values.items():
        setattr(card, name, value)
    change.card_id, change.event, change.status = card.id, event, status
    await change.save(force_create=True)
    await note_here(f"card.{event}", change.site_id, f"card:{card.uid}", {"status": status}, now_ms=change.at_ms)


async def note(changes: Sequence[CardChange]) -> None:
    """Keep changes of cards that were just added."""
    await CardChange.bulk_create(list(changes))
    for change in changes[:1]:
        told = {"cards": len(changes)}
        await note_here(f"card.{change.event}", change.site_id, f"site:{change.site_id}", told, now_ms=change.at_ms)


async def changes_of(card_id: int) -> list[CardChange]:
    """All changes of a card, oldest first."""
    return await CardChange.filter(card_id=card_id).order_by("id")


async def replaced_by(card_id: int) -> str | None:
    """UID of the card that this one was replaced by."""
    found = await CardChange.filter(card_id=card_id, event="replace").order_by("-id").first()
    return str(found.values["by"]) if found else None


async def set_key_set(card: Card, key_set: int) -> None:
    """Which key set is active on a card."""
    await Card.filter(id=card.id).update(key_set=key_set)
    card.key_set = key_set


async def shut_out(group: int) -> list[bytes]:
    """UIDs of all cards of a group that every device refuses, in order."""
    rows = await Card.filter(group_number=group, status__in=SHUT_OUT).order_by("uid").values_list("uid", flat=True)
    return [bytes.fromhex(str(uid)) for uid in rows]


async def holding(tickets: Sequence[int]) -> list[Card]:
    """Cards that these tickets are on, or were when the card was lost."""
    return await Card.filter(ticket_id__in=list(tickets)).order_by("id")


async def by_uids(uids: Sequence[str]) -> list[Card]:
    """Cards by UID."""
    return await Card.filter(uid__in=list(uids)).order_by("id")


# Wipes


async def open_wipe(card_id: int) -> CardWipe | None:
    """A wipe of this card that was sent and not confirmed."""
    return await CardWipe.filter(card_id=card_id, done_ms=None).first()


async def keep_wipe(wipe: CardWipe) -> None:
    """Keep a wipe, new or changed."""
    await wipe.save()


# Losses


async def open_loss(card_id: int) -> CardLoss | None:
    """The report of a lost card that is neither found nor replaced."""
    return await CardLoss.filter(card_id=card_id, state="open").first()


async def add_loss(loss: CardLoss) -> None:
    """Keep a report."""
    await loss.save(force_create=True)


async def close_loss(loss: CardLoss, state: str, actor: str, now_ms: int, replaced_by: int | None = None) -> None:
    """A lost card was found or replaced."""
    values = {"state": state, "closed_by": actor, "closed_ms": now_ms, "replaced_by_id": replaced_by}
    await CardLoss.filter(id=loss.id).update(**values)
