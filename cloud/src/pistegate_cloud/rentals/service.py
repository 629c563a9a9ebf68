# SPDX-License-Identifier: Apache-2.0
"""Equipment by card, from what tills did, in any order of upload. All in the caller's transaction.

A kind is rented once per card (protocol rental.py), and the card's rental file says when its first piece was taken.
So (card, that time, kind) names one rental; being taken and being returned are two facts about it, whichever is told
first.
"""

from collections.abc import Sequence

from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.rentals import pieces, queries
from pistegate_cloud.rentals.models import Rental
from pistegate_cloud.wallets import queries as wallets
from pistegate_cloud.wallets.models import CardUse
from pistegate_protocol.card_uses import parse_moved
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import UseKind
from pistegate_protocol.rental import RentalKind, decode_rental

_OUT = UseKind.RENTAL_OUT.name.lower()


def since_of(use: CardUse) -> int:
    """When the first piece of the card's turn was taken, seconds since 1970 UTC; 0 where the file does not say."""
    since = decode_rental(bytes.fromhex(use.rental)).since
    return int(since.timestamp()) if since else 0


async def moved(use: CardUse, now_ms: int) -> None:
    """A use that happened: its pieces were taken or returned. Told again, it changes nothing.

    One that names no pieces, or whose file cannot be read, was shown when it came.
    """
    try:
        labels, since_s = parse_moved(use.item.split()), since_of(use)
    except CodecError:
        return
    known = await queries.rows_of(use.uid, since_s, labels)
    fresh = []
    for kind, label in labels.items():
        row = known.get(kind)
        if row is None:
            row = Rental(
                site_id=use.site_id, uid=use.uid, since_s=since_s, kind=int(kind), ticket=use.ticket, item=label
            )
            fresh.append(row)
        await _note(row, use, label, now_ms)
    await queries.add(fresh)
    for row in known.values():
        await queries.save(row)
    await pieces.follow(use.site_id, {*labels.values(), *(row.item for row in known.values())}, now_ms)


async def _note(row: Rental, use: CardUse, label: str, now_ms: int) -> None:
    """One fact about one piece; the same fact from two uses is an exception, and the first one stands."""
    out = use.kind == _OUT
    other = row.taken_id if out else row.returned_id
    if other is not None and other != use.id:
        await _twice(row, use, now_ms)
        return
    if out:
        row.taken_id, row.taken_ms, row.ticket = use.id, use.at_ms, use.ticket
        row.item = label or row.item
    else:
        row.returned_id, row.returned_ms = use.id, use.at_ms
        row.item = row.item or label
    row.doubted_ms = None if row.taken_id is not None else row.doubted_ms or now_ms


async def not_moved(use: CardUse, now_ms: int) -> None:
    """A use that was thought to have happened did not."""
    rows = await queries.by_use(use.id)
    for row in rows:
        if row.taken_id == use.id:
            row.taken_id = row.taken_ms = None
        if row.returned_id == use.id:
            row.returned_id = row.returned_ms = None
        if row.taken_id is None and row.returned_id is None:
            await queries.remove(row)
            continue
        row.doubted_ms = None if row.taken_id is not None else now_ms
        await queries.save(row)
    await pieces.follow(use.site_id, {row.item for row in rows}, now_ms)


async def _twice(row: Rental, use: CardUse, now_ms: int) -> None:
    values = {"uid": row.uid, "kind": RentalKind(row.kind).name.lower(), "gate": use.gate}
    case = exceptions.Case(
        kind="rental_twice",
        key=f"{row.uid}/{row.since_s}/{row.kind}/{use.kind}",
        site=use.site_id,
        gate=use.gate,
        ticket=use.ticket or None,
        values=values,
    )
    await exceptions.record([case], now_ms)


async def show_never_taken(sites: Sequence[int], told_ms: int, now_ms: int) -> None:
    """Show what was returned and never taken at these sites, although every device has told everything up to then.

    A till that handed it out and does not know whether the card took it leaves that open until the card tells.
    """
    for row in await queries.doubted(sites, told_ms):
        if await _taking_in_doubt(row):
            continue
        values = {"uid": row.uid, "kind": RentalKind(row.kind).name.lower(), "item": row.item}
        key = f"{row.uid}/{row.since_s}/{row.kind}"
        case = exceptions.Case(
            kind="rental_never_taken", key=key, site=row.site_id, ticket=row.ticket or None, values=values
        )
        await exceptions.record([case], now_ms)
        row.doubted_ms = None
        await queries.save(row)


async def _taking_in_doubt(row: Rental) -> bool:
    uses = [use for use in await wallets.doubtful(row.uid) if use.kind == _OUT]
    return any(use.kinds >> row.kind & 1 and since_of(use) == row.since_s for use in uses)


def moved_bits(item: str) -> int:
    """The kinds named by an event's item, as bits; 0 when it names none that this release knows."""
    try:
        return sum(1 << kind for kind in parse_moved(item.split()))
    except CodecError:
        return 0
