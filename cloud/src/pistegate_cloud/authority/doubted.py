# SPDX-License-Identifier: Apache-2.0
"""What of a device lies in quarantine because its sender was doubted, so that a person can look before accepting it."""

from collections import Counter
from datetime import datetime

from pydantic import BaseModel

from pistegate_cloud.ingest import store
from pistegate_cloud.ingest.core import Accepted, open_message
from pistegate_cloud.ingest.models import Quarantine
from pistegate_cloud.schemas import iso
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import EVENTS
from pistegate_protocol.messages import Batch
from pistegate_protocol.topics import Device


class DoubtedAnswer(BaseModel):
    """One batch: events `first`..`last` of an epoch of a stream (1 ledger, 2 notes), what they are and from when."""

    id: int
    reason: str
    received: datetime
    stream: int
    epoch: int
    first: int
    last: int
    kinds: dict[str, int]
    since: datetime | None
    until: datetime | None


async def of_device(device: Device) -> list[DoubtedAnswer]:
    """Its batches, in the order in which they came."""
    answers = [_answer(row) for row in await store.doubted(device.up)]
    return [answer for answer in answers if answer is not None]


def _answer(row: Quarantine) -> DoubtedAnswer | None:
    item = open_message(row.topic, bytes(row.payload))
    if not isinstance(item, Accepted) or not isinstance(item.message, Batch):
        return None  # that it said hello
    batch = item.message
    kinds, times = Counter[str](), []
    for payload in batch.payloads:
        try:
            event = EVENTS.decode(payload)
        except CodecError:
            kinds["unreadable"] += 1
            continue
        kinds[type(event).__name__] += 1
        times.append(event.at)
    return DoubtedAnswer(
        id=row.id,
        reason=row.reason,
        received=iso(row.first_ms),
        stream=batch.stream,
        epoch=batch.epoch,
        first=batch.first_seq,
        last=batch.first_seq + len(batch.payloads) - 1,
        kinds=dict(kinds),
        since=iso(min(times)) if times else None,
        until=iso(max(times)) if times else None,
    )
