# SPDX-License-Identifier: Apache-2.0
"""Ends that came before their beginnings: an epoch that was waited for in vain arrived after all."""

from collections.abc import Collection, Sequence

from pistegate_cloud.gates.models import Gate
from pistegate_cloud.ingest.models import LooseEnd, RawEvent
from pistegate_protocol.events import CardUseEnded, Outcome, OutcomeV1, Settled, Stream

Ref = tuple[int, int]
End = Outcome | OutcomeV1 | CardUseEnded | Settled


async def lock_device(site: int, gate: int) -> None:
    """Keep other appliers away from a device's ledger: two of its epochs must not miss each other's events."""
    # A whole row: with values_list() tortoise 1.1.9 leaves FOR UPDATE out, and nobody waits.
    await Gate.filter(site_id=site, number=gate).select_for_update(no_key=True)


async def keep(site: int, gate: int, epoch: int, ends: Sequence[tuple[int, End]]) -> None:
    """Remember what (seq, event) of an epoch are about, until it comes."""
    rows = [
        LooseEnd(site=site, gate=gate, epoch=epoch, seq=seq, of_epoch=event.epoch, of_seq=event.seq)
        for seq, event in ends
    ]
    await LooseEnd.bulk_create(rows, ignore_conflicts=True)


async def take(site: int, gate: int, begun: Collection[Ref]) -> list[tuple[int, bytes]]:
    """(seq, payload) of ends that waited for these beginnings, in order; they wait no more."""
    rows = await LooseEnd.filter(site=site, gate=gate).order_by("epoch", "seq") if begun else []
    found = []
    for row in rows:
        if (row.of_epoch, row.of_seq) in begun:
            raw = await RawEvent.get(site=site, gate=gate, stream=Stream.LEDGER, epoch=row.epoch, seq=row.seq)
            found.append((row.seq, bytes(raw.payload)))
            await row.delete()
    return found
