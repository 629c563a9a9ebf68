# SPDX-License-Identifier: Apache-2.0
"""Stock coming in."""

from dataclasses import dataclass

from tortoise.transactions import in_transaction

from pistegate_cloud.cards import queries
from pistegate_cloud.cards.models import Card, CardChange
from pistegate_cloud.sites import queries as sites


@dataclass(frozen=True, slots=True)
class Imported:
    """How many cards came in, and which were known before."""

    added: int
    known: list[str]


async def import_stock(site: int, uids: list[str], actor: str, now_ms: int) -> Imported:
    """Take cards into stock that a vendor has personalised with our keys, by their UIDs in hex.

    Nothing of a card is believed: it proves our keys when it is first used. Known cards are left as they are.
    """
    group = (await sites.site(site)).group_number
    async with in_transaction():
        known = await queries.known(uids)
        fresh = [uid for uid in dict.fromkeys(uids) if uid not in known]
        cards = [
            Card(
                site_id=site,
                group_number=group,
                uid=uid,
                status="stock",
                origin="vendor",
                created_ms=now_ms,
                changed_ms=now_ms,
            )
            for uid in fresh
        ]
        await queries.add(cards)
        rows = await queries.ids(fresh)
        changes = [
            CardChange(site_id=site, card_id=rows[uid], event="import", status="stock", actor=actor, at_ms=now_ms)
            for uid in fresh
        ]
        await queries.note(changes)
    return Imported(len(fresh), sorted(known))
