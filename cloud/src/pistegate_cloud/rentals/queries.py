# SPDX-License-Identifier: Apache-2.0
"""All queries of rentals."""

from collections.abc import Iterable, Sequence
from typing import Any

from tortoise.expressions import Q

from pistegate_cloud.rentals.models import Rental


async def rows_of(uid: str, since_s: int, kinds: Iterable[int]) -> dict[int, Rental]:
    """Rows of a card's turn by kind."""
    rows = await Rental.filter(uid=uid, since_s=since_s, kind__in=list(kinds))
    return {row.kind: row for row in rows}


async def by_use(use_id: int) -> list[Rental]:
    """Rows that a use has a part in."""
    return await Rental.filter(Q(taken_id=use_id) | Q(returned_id=use_id))


async def add(rows: Sequence[Rental]) -> None:
    """Store new rows."""
    await Rental.bulk_create(list(rows))


async def save(row: Rental) -> None:
    """Store a changed row."""
    await row.save(update_fields=("ticket", "item", "taken_id", "taken_ms", "returned_id", "returned_ms", "doubted_ms"))


async def remove(row: Rental) -> None:
    """Nothing is known of this piece any more."""
    await row.delete()


async def of_card(uid: str) -> list[Rental]:
    """All rentals of a card, the newest turn first."""
    return await Rental.filter(uid=uid).order_by("-since_s", "kind")


async def page(
    site: int | None,
    uid: str | None,
    ticket: int | None,
    item: str | None,
    *,
    out: bool | None,
    after: int,
    limit: int,
) -> list[Rental]:
    """Rentals in order of id, after one; `item`: label of a piece; `out`: taken and not returned."""
    query = Rental.filter(id__gt=after)
    values: tuple[tuple[str, Any], ...] = (("site_id", site), ("uid", uid), ("ticket", ticket), ("item", item))
    for name, value in values:
        if value is not None:
            query = query.filter(**{name: value})
    if out is True:
        query = query.filter(taken_ms__not_isnull=True, returned_ms=None)
    if out is False:
        query = query.filter(Q(taken_ms=None) | Q(returned_ms__not_isnull=True))
    return await query.order_by("id").limit(limit)


async def cards_of_record(text: str) -> list[str]:
    """Cards (UIDs in hex) on which a piece with this label is or was, what is out first; or whose UID this is."""
    rows = await Rental.filter(Q(item=text) | Q(uid=text.lower())).order_by("id")
    ordered = sorted(rows, key=lambda row: (row.returned_ms is not None, -row.id))
    return list(dict.fromkeys(row.uid for row in ordered))


async def doubted(sites: Sequence[int], before_ms: int) -> list[Rental]:
    """Returned at these sites without having been taken, seen before a time."""
    return await Rental.filter(doubted_ms__lt=before_ms, site_id__in=list(sites)).order_by("id")


async def doubted_groups() -> set[int]:
    """Groups in which something was returned that was not taken."""
    rows = await Rental.filter(doubted_ms__not_isnull=True).distinct().values_list("site__group_number", flat=True)
    return {int(str(group)) for group in rows}
