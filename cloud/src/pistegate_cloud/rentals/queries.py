# SPDX-License-Identifier: Apache-2.0
"""All queries of rentals."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q

from pistegate_cloud.errors import Problem
from pistegate_cloud.rentals.models import Loan, Piece, Rental, RentalTerms


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


# What it costs


async def terms_at(site: int, at_ms: int) -> RentalTerms | None:
    """The terms that held at a time."""
    return await RentalTerms.filter(site_id=site, from_ms__lte=at_ms).order_by("-from_ms").first()


async def add_terms(row: RentalTerms) -> bool:
    """Store new terms; False when others began at the same millisecond."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def all_terms(site: int | None) -> list[RentalTerms]:
    """Terms of a site or of all, the newest first."""
    query = RentalTerms.all() if site is None else RentalTerms.filter(site_id=site)
    return await query.order_by("site_id", "-from_ms")


# Stock


async def pieces_by_label(site: int, labels: Sequence[str]) -> dict[str, Piece]:
    """Pieces of a site's stock by label."""
    return {row.label: row for row in await Piece.filter(site_id=site, label__in=list(labels))}


async def add_pieces(rows: Sequence[Piece]) -> None:
    """Store new pieces."""
    await Piece.bulk_create(list(rows))


async def move_piece(piece: Piece, state: str, note: str | None, now_ms: int) -> None:
    """Move a piece's state; Problem state_conflict when somebody else did."""
    values: dict[str, Any] = {"state": state, "changed_ms": now_ms} | ({"note": note} if note else {})
    if not await Piece.filter(id=piece.id, state=piece.state).update(**values):
        raise Problem("state_conflict", noun="piece", state=piece.state, event=state)
    piece.state, piece.changed_ms, piece.note = state, now_ms, note or piece.note


async def stock(
    site: int | None, kind: int | None, state: str | None, label: str | None, after: int, limit: int
) -> list[Piece]:
    """Pieces in order of id, after one."""
    given = {"site_id": site, "kind": kind, "state": state, "label": label}
    wanted = {name: value for name, value in given.items() if value is not None}
    return await Piece.filter(id__gt=after, **wanted).order_by("id").limit(limit)


async def is_out(site: int, label: str) -> bool:
    """Whether a card or a loan of a site has this piece."""
    if await Loan.filter(out_key=f"{site}/{label}").exists():
        return True
    return await Rental.filter(site_id=site, item=label, taken_ms__not_isnull=True, returned_ms=None).exists()


# Loans at a counter


async def add_loan(row: Loan) -> bool:
    """Store a new loan; False when the piece is out, and the caller's transaction must be given up."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def loan_out(site: int, label: str) -> Loan | None:
    """The loan that has a piece now."""
    return await Loan.get_or_none(out_key=f"{site}/{label}")


async def end_loan(loan: Loan, actor: str, now_ms: int) -> bool:
    """A piece is back; False when it was already."""
    row = Loan.filter(id=loan.id, returned_ms=None)
    done = await row.update(returned_ms=now_ms, returned_by=actor, out_key=None)
    loan.returned_ms, loan.returned_by, loan.out_key = now_ms, actor, None
    return bool(done)


async def loans_of_turn(site: int, holder: dict[str, Any]) -> list[Loan]:
    """What a guest took at a site since the last settlement."""
    return await Loan.filter(site_id=site, turn=None, **holder).order_by("id")


async def end_turn(loans: Sequence[Loan], settlement: UUID) -> None:
    """These loans are settled, and whose document it was is forgotten."""
    await Loan.filter(id__in=[loan.id for loan in loans]).update(turn=settlement, document=None, last4=None)


async def loans(
    site: int | None, ticket: int | None, document: str | None, label: str | None, *, out: bool, after: int, limit: int
) -> list[Loan]:
    """Loans in order of id, after one."""
    given = {"site_id": site, "ticket_id": ticket, "document": document, "label": label}
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if out:
        wanted["returned_ms"] = None
    return await Loan.filter(id__gt=after, **wanted).order_by("id").limit(limit)
