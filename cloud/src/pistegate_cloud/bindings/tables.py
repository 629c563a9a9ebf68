# SPDX-License-Identifier: Apache-2.0
"""A site's tables as its gates get them: entries with the version that changed them, deltas and wholes made of them.

A delta is made when it is asked for: everything changed since the version that the gate tells. What was taken away is
remembered for 35 days, and so long a gate may have been alone. A whole is made once a day at most and kept, so that a
slow line can fetch it in pieces while versions go on; the delta since then follows it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tortoise.transactions import in_transaction

from pistegate_cloud.bindings import table_queries as queries
from pistegate_cloud.bindings.models import TableFile, TableState
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import SigningKey
from pistegate_protocol.tables import CHUNK, WHOLE, Edition, chunks_of, read_head, write_table

DAY_MS: Final = 86_400_000
DELTAS_MS: Final = 35 * DAY_MS  # a gate works 30 days alone
WHOLE_EVERY_MS: Final = DAY_MS
KEPT_WHOLES: Final = 2  # the newest, and the one that somebody may still be fetching


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that a device may fetch: `since` 0 is a whole; `size` in bytes, its head included."""

    name: str
    since: int
    version: int
    size: int


async def change(
    site: int, name: str, changes: Mapping[bytes, bytes], keys: int, now_ms: int, source: int = 0
) -> TableState:
    """Make the site's next version with these entries (empty: taken away), in the caller's transaction.

    The caller has locked the site (documents.lock). Changes that change nothing make no version.
    """
    state = await queries.state(site, name)
    news = await queries.differing(site, name, changes)
    if state is None:
        state = TableState(
            site_id=site, name=name, version=0, oldest=0, keys=keys, source=source, issued_ms=now_ms, filling=False
        )
    if news or state.version == 0 or state.keys != keys:
        state.version += 1
        state.issued_ms = now_ms
        if state.keys != keys:
            state.keys, state.oldest = keys, state.version  # nothing of before leads to it
        await queries.put(site, name, news, state.version, now_ms)
    state.source, state.checked_ms = source, now_ms
    await queries.save_state(state)
    return state


async def replace(
    site: int, name: str, wanted: Mapping[bytes, bytes], keys: int, now_ms: int, source: int
) -> TableState:
    """As `change`, to exactly these entries."""
    present = await queries.present(site, name)
    news = {key: value for key, value in wanted.items() if present.get(key) != value}
    gone = dict.fromkeys(present.keys() - wanted.keys(), b"")
    return await change(site, name, news | gone, keys, now_ms, source)


async def empty(site: int, name: str, keys: int, now_ms: int) -> None:
    """Begin anew under other keys; devices go on with what they have until `settle`."""
    state = await replace(site, name, {}, keys, now_ms, 0)
    state.filling = True
    await queries.save_state(state)


async def settle(site: int, name: str, key: SigningKey, now_ms: int) -> None:
    """Everything is in it: it is offered, the day's whole is made, and what went long ago is forgotten."""
    async with in_transaction():
        await documents.lock([site])
        state = await queries.state(site, name)
        if state is None:
            return
        state.filling = False
        newest = await queries.forget(site, name, now_ms - DELTAS_MS)
        if newest is not None:
            state.oldest = max(state.oldest, newest)  # who has not heard of what went then gets a whole
        await queries.save_state(state)
        await _whole(state, key, now_ms)


async def offer(site: int, name: str, have: int, keys: int, key: SigningKey, now_ms: int) -> Offer | None:
    """What leads a device on that has version `have` under handle keys `keys`; None: nothing newer."""
    async with in_transaction():
        await documents.lock([site])
        state = await queries.state(site, name)
        if state is None or state.filling or (state.version == have and state.keys == keys):
            return None
        if have and state.oldest <= have < state.version and state.keys == keys:
            data = await _delta(state, have, key)
            return Offer(name, have, state.version, len(data))
        whole = await _whole(state, key, now_ms)
        return Offer(name, WHOLE, whole.version, len(bytes(whole.head)) + whole.size)


async def piece(site: int, name: str, since: int, version: int, start: int, count: int, key: SigningKey) -> bytes:
    """Bytes of a file that was offered; Problem table_not_there when another is offered by now."""
    if since != WHOLE:
        async with in_transaction():
            await documents.lock([site])
            state = await queries.state(site, name)
            if state is None or state.version != version or not state.oldest <= since < version:
                raise Problem("table_not_there", name=name, version=version)
            data = await _delta(state, since, key)
        return data[start : start + count]
    whole = await queries.file(site, name, version)
    if whole is None:
        raise Problem("table_not_there", name=name, version=version)
    return await _piece_of(whole, start, count)


async def _whole(state: TableState, key: SigningKey, now_ms: int) -> TableFile:
    """The newest whole that a delta leads on from; made anew when it is a day old and there are changes since."""
    newest = await queries.newest_file(state.site_id, state.name)
    if newest is not None and _leads_on(newest, state, now_ms):
        return newest
    data = await _written(state, WHOLE, key)
    signed = read_head(data)
    assert signed is not None
    body = data[signed.body_at :]
    row = TableFile(
        site_id=state.site_id,
        name=state.name,
        version=state.version,
        keys=state.keys,
        head=data[: signed.body_at],
        size=len(body),
        made_ms=now_ms,
    )
    await queries.add_file(row, chunks_of(body), KEPT_WHOLES)
    return row


def _leads_on(whole: TableFile, state: TableState, now_ms: int) -> bool:
    good = whole.keys == state.keys and whole.version >= state.oldest
    return good and (whole.version == state.version or now_ms - whole.made_ms < WHOLE_EVERY_MS)


async def _delta(state: TableState, since: int, key: SigningKey) -> bytes:
    """Made anew for each piece of it: most are one piece, and every process makes the same bytes."""
    return await _written(state, since, key)


async def _written(state: TableState, since: int, key: SigningKey) -> bytes:
    """In a thread: 200,000 entries take a second."""
    entries = await queries.entries(state.site_id, state.name, since)
    return await asyncio.to_thread(write_table, await _edition(state, since), entries, key.key_id, key.load())


async def _piece_of(whole: TableFile, start: int, count: int) -> bytes:
    head = bytes(whole.head)
    body_start = max(0, start - len(head))
    body_end = min(whole.size, start + count - len(head))
    if body_end <= body_start:
        return head[start : start + count]
    first = body_start // CHUNK
    body = b"".join(await queries.chunks(whole.id, first, (body_end - 1) // CHUNK))
    return head[start : start + count] + body[body_start - first * CHUNK : body_end - first * CHUNK]


async def _edition(state: TableState, since: int) -> Edition:
    return Edition(
        table=state.name,
        site=state.site_id,
        version=state.version,
        since=since,
        issued_at=state.issued_ms,
        keys=state.keys,
        total=await queries.total(state.site_id, state.name),
    )
