# SPDX-License-Identifier: Apache-2.0
"""All queries of the tables that gates are told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from tortoise.functions import Max

from pistegate_cloud.bindings.models import TableChunk, TableEntry, TableFile, TableState
from pistegate_protocol.tables import WHOLE, Entry

_AT_ONCE: Final = 2000  # keys of one query; SQLite takes 32,766 values


async def state(site: int, name: str) -> TableState | None:
    """Where a table stands; None before its first version."""
    return await TableState.get_or_none(site_id=site, name=name)


async def states(site: int) -> list[TableState]:
    """Where a site's tables stand."""
    return await TableState.filter(site_id=site).order_by("name")


async def leave_room(first_after: Callable[[int], int]) -> None:
    """Go on after versions that others may have, and tell every table whole: of a restored database."""
    for row in await TableState.all():
        row.version = first_after(row.version)
        row.oldest = row.version
        await row.save()


async def save_state(row: TableState) -> None:
    """Store it, new or changed."""
    await row.save()


async def differing(site: int, name: str, changes: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Those of `changes` that differ from what is there; what is taken away already differs no more."""
    known: dict[str, bytes] = {}
    keys = [key.hex() for key in changes]
    for at in range(0, len(keys), _AT_ONCE):
        rows = TableEntry.filter(site_id=site, name=name, key__in=keys[at : at + _AT_ONCE])
        known.update({str(key): bytes(value or b"") for key, value in await rows.values_list("key", "value")})
    return {key: value for key, value in changes.items() if known.get(key.hex(), b"") != value}


async def present(site: int, name: str) -> dict[bytes, bytes]:
    """The entries that are in the table now."""
    return dict(await entries(site, name, WHOLE))


async def put(site: int, name: str, changes: Mapping[bytes, bytes], version: int, now_ms: int) -> None:
    """Store these entries as of `version`."""
    rows = [
        TableEntry(site_id=site, name=name, key=key.hex(), value=value or None, version=version, changed_ms=now_ms)
        for key, value in changes.items()
    ]
    columns = ("value", "version", "changed_ms")
    await TableEntry.bulk_create(
        rows, batch_size=_AT_ONCE, on_conflict=("site_id", "name", "key"), update_fields=columns
    )


async def entries(site: int, name: str, since: int) -> list[Entry]:
    """In order of key: everything that changed after `since`; since 0, everything that is there."""
    rows = TableEntry.filter(site_id=site, name=name, version__gt=since)
    if since == WHOLE:
        rows = rows.filter(value__isnull=False)
    found = [(bytes.fromhex(str(key)), bytes(value or b"")) for key, value in await rows.values_list("key", "value")]
    return sorted(found)  # not by the database, whose order of text may follow a language


async def total(site: int, name: str) -> int:
    """How many entries the table has."""
    return await TableEntry.filter(site_id=site, name=name, value__isnull=False).count()


async def forget(site: int, name: str, before_ms: int) -> int | None:
    """Drop what was taken away before; the newest version that it was taken away in, None: there was nothing."""
    rows = TableEntry.filter(site_id=site, name=name, value__isnull=True, changed_ms__lt=before_ms)
    found = await rows.annotate(newest=Max("version")).values_list("newest", flat=True)
    newest = found[0] if found else None
    if newest is None:
        return None
    await TableEntry.filter(site_id=site, name=name, value__isnull=True, version__lte=int(str(newest))).delete()
    return int(str(newest))


async def newest_file(site: int, name: str) -> TableFile | None:
    """The newest whole."""
    return await TableFile.filter(site_id=site, name=name).order_by("-version").first()


async def file(site: int, name: str, version: int) -> TableFile | None:
    """One whole."""
    return await TableFile.get_or_none(site_id=site, name=name, version=version)


async def add_file(row: TableFile, body: Iterable[bytes], keep: int) -> None:
    """Store a whole, and drop all but the newest `keep`."""
    await row.save(force_create=True)
    pieces = [
        TableChunk(site_id=row.site_id, file_id=row.id, number=number, data=data) for number, data in enumerate(body)
    ]
    if pieces:
        await TableChunk.bulk_create(pieces, batch_size=64)
    files = await TableFile.filter(site_id=row.site_id, name=row.name).order_by("-version").offset(keep)
    await TableChunk.filter(file_id__in=[old.id for old in files]).delete()
    await TableFile.filter(id__in=[old.id for old in files]).delete()


async def chunks(file_id: int, first: int, last: int) -> Sequence[bytes]:
    """Pieces first..last of a whole's body."""
    rows = TableChunk.filter(file_id=file_id, number__gte=first, number__lte=last).order_by("number")
    return [bytes(data) for data in await rows.values_list("data", flat=True)]
