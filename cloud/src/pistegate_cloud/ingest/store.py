# SPDX-License-Identifier: Apache-2.0
"""All SQL of ingestion: chains locked, events stored idempotently, in the caller's transaction."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from tortoise.backends.base.client import BaseDBAsyncClient

from pistegate_cloud.database import is_postgres
from pistegate_cloud.errors import CloudError
from pistegate_cloud.ingest.core import Chain, ChainKey, Position, Refused, StoredEvent, opening_of, start_of
from pistegate_cloud.ingest.models import CloudState, EventChain, ForkEvent, Quarantine, RawEvent

QUARANTINE_MAX = 10_000  # rows; a flood beyond them is counted in the exception, not stored
QUARANTINE_EACH = 4000  # rows of one topic: a disk of 200,000 events has 1000; one bad device must not keep out others

DOUBTED = ("revoked_device", "replaced_device", "unsigned", "bad_signature")  # reasons that are about the sender

_COLUMNS: Final = ("site", "gate", "stream", "epoch", "seq", "head", "payload", "received_ms")
_NAMES: Final = ", ".join(_COLUMNS)
_SQLITE_INSERT = f"INSERT OR IGNORE INTO raw_event ({_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

# The ORM's one UPDATE per chain took half the time of storing a group of batches (measured).
_CHAIN = (
    "UPDATE event_chain SET seq = {}, head = {}, previous_epoch = COALESCE({}, previous_epoch),"
    " previous_head = COALESCE({}, previous_head) WHERE site = {} AND gate = {} AND stream = {} AND epoch = {}"
)
_SQLITE_CHAIN = _CHAIN.format(*"????????")
_POSTGRES_CHAIN = _CHAIN.format("$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8")


class StoreInconsistent(CloudError):
    """Events exist beyond their chain's recorded end: the database was changed by hand or half restored."""


async def state() -> tuple[int, int]:
    """The generation of this database, and how often what is known of devices has changed."""
    row = await CloudState.get(id=1)
    return row.generation, row.devices


async def set_generation(number: int) -> None:
    """From now on this is told in every acknowledgement."""
    await CloudState.filter(id=1).update(generation=number)


async def lock_chains(keys: Sequence[ChainKey], now_ms: int) -> dict[ChainKey, Chain]:
    """The chains, created where they are new, locked against other writers until the transaction ends."""
    found = await _select_chains(keys)
    if missing := [_blank(key, now_ms) for key in keys if key not in found]:
        await EventChain.bulk_create(missing, ignore_conflicts=True)
        found = await _select_chains(keys)
    return {key: Chain(key, position) for key, position in found.items()}


async def _select_chains(keys: Sequence[ChainKey]) -> dict[ChainKey, Position]:
    wanted = set(keys)
    query = EventChain.filter(
        site__in={key.site for key in keys}, gate__in={key.gate for key in keys}, epoch__in={key.epoch for key in keys}
    )
    rows = await query.order_by("id").select_for_update()
    found = {ChainKey(row.site, row.gate, row.stream, row.epoch): row for row in rows}
    return {key: Position(row.seq, bytes(row.head)) for key, row in found.items() if key in wanted}


def _blank(key: ChainKey, now_ms: int) -> EventChain:
    start = start_of(key)
    return EventChain(
        site=key.site,
        gate=key.gate,
        stream=key.stream,
        epoch=key.epoch,
        seq=start.seq,
        head=start.head,
        opened_ms=now_ms,
    )


async def load_heads(key: ChainKey, seqs: range) -> dict[int, bytes]:
    """Stored heads of a chain by seq."""
    rows = await RawEvent.filter(
        site=key.site, gate=key.gate, stream=key.stream, epoch=key.epoch, seq__gte=seqs.start, seq__lt=seqs.stop
    ).values_list("seq", "head")
    return {int(seq): bytes(head) for seq, head in rows}


async def save_events(connection: BaseDBAsyncClient, events: Sequence[StoredEvent], now_ms: int) -> None:
    """Store fresh events; StoreInconsistent when one of their keys is taken although the chain ends before it."""
    if not events:
        return
    rows = [(e.key.site, e.key.gate, e.key.stream, e.key.epoch, e.seq, e.head, e.payload, now_ms) for e in events]
    stored = await _copy(connection, rows) if is_postgres(connection) else await _insert(connection, rows)
    if stored != len(rows):
        raise StoreInconsistent(
            f"{len(rows) - stored} of {len(rows)} events exist beyond the recorded end of their chain"
        )


async def _copy(connection: BaseDBAsyncClient, rows: list[tuple[Any, ...]]) -> int:
    # Straight into the table: the chains are locked and these events lie beyond their ends, so nothing can collide.
    async with connection.acquire_connection() as raw:
        try:
            status: str = await raw.copy_records_to_table("raw_event", records=rows, columns=_COLUMNS)
        except asyncpg.UniqueViolationError as error:
            raise StoreInconsistent(f"an event exists beyond the recorded end of its chain: {error}") from error
    return int(status.rsplit(" ", 1)[1])


async def _insert(connection: BaseDBAsyncClient, rows: list[tuple[Any, ...]]) -> int:
    async with connection.acquire_connection() as raw:
        before = raw.total_changes
        await raw.executemany(_SQLITE_INSERT, rows)
        return int(raw.total_changes - before)


async def move_chain(key: ChainKey, position: Position) -> None:
    """The chain goes on from here though events before it are missing."""
    rows = EventChain.filter(site=key.site, gate=key.gate, stream=key.stream, epoch=key.epoch)
    await rows.update(seq=position.seq, head=position.head)


async def save_chains(connection: BaseDBAsyncClient, chains: Sequence[Chain]) -> None:
    """Store the new ends of chains, and what their first events say where those are new; one statement for all."""
    rows = []
    for chain in chains:
        opening = opening_of(chain.fresh[0].payload) if chain.fresh[0].seq == 1 else None
        before = (opening.previous_epoch, opening.previous_head) if opening else (None, None)
        key = chain.key
        rows.append((chain.position.seq, chain.position.head, *before, key.site, key.gate, key.stream, key.epoch))
    statement = _POSTGRES_CHAIN if is_postgres(connection) else _SQLITE_CHAIN
    async with connection.acquire_connection() as raw:
        await raw.executemany(statement, rows)


async def save_forks(events: Sequence[StoredEvent], now_ms: int) -> None:
    """Keep events whose key is taken by another; once each."""
    rows = [
        ForkEvent(
            site=event.key.site,
            gate=event.key.gate,
            stream=event.key.stream,
            epoch=event.key.epoch,
            seq=event.seq,
            head=event.head.hex(),
            payload=event.payload,
            received_ms=now_ms,
        )
        for event in events
    ]
    await ForkEvent.bulk_create(rows, ignore_conflicts=True)


async def save_quarantined(refused: Sequence[Refused], now_ms: int) -> None:
    """Keep refused messages, once per content, up to QUARANTINE_MAX and QUARANTINE_EACH."""
    if await Quarantine.all().count() >= QUARANTINE_MAX:
        return
    topics = {message.topic[:200] for message in refused}
    full = {topic for topic in topics if await Quarantine.filter(topic=topic).count() >= QUARANTINE_EACH}
    rows = [
        Quarantine(
            digest=sha256(message.topic.encode() + b"\x00" + (message.name or message.payload)).hexdigest(),
            site=message.device.site if message.device else None,
            topic=message.topic[:200],
            reason=message.reason,
            payload=message.payload,
            first_ms=now_ms,
        )
        for message in refused
        if message.topic[:200] not in full
    ]
    await Quarantine.bulk_create(rows, ignore_conflicts=True)


async def positions_of(site: int, gate: int, epoch: int) -> dict[ChainKey, Position]:
    """Ends of the chains of one epoch of a gate."""
    rows = await EventChain.filter(site=site, gate=gate, epoch=epoch)
    return {ChainKey(row.site, row.gate, row.stream, row.epoch): Position(row.seq, bytes(row.head)) for row in rows}


async def quarantined_by_topic() -> dict[str, int]:
    """How many messages of each topic nobody has accepted."""
    rows = await Quarantine.filter(accepted_ms=None).values_list("topic", flat=True)
    return Counter(str(topic) for topic in rows)


async def doubted(topic: str) -> list[Quarantine]:
    """Batches of a topic that are kept whole and that nobody has accepted, oldest first."""
    return await Quarantine.filter(topic=topic, reason__in=DOUBTED, accepted_ms=None).order_by("id")


async def accept(ids: Sequence[int], actor: str, now_ms: int) -> None:
    """Note who accepted messages, in the caller's transaction."""
    await Quarantine.filter(id__in=list(ids), accepted_ms=None).update(accepted_ms=now_ms, accepted_by=actor)
