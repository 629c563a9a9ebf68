# SPDX-License-Identifier: Apache-2.0
"""Receipts of erased fingers in one chunk of a ledger stream."""

from pistegate_cloud.fingers import queries
from pistegate_cloud.fingers.models import FingerReceipt
from pistegate_cloud.ingest.effects.base import Place, clean
from pistegate_protocol.events import FingerErased


class Fingers:
    """Collected, then saved."""

    def __init__(self, place: Place, now_ms: int) -> None:
        self._place = place
        self._now_ms = now_ms
        self._rows: dict[bytes, FingerReceipt] = {}

    def add(self, event: FingerErased) -> None:
        """One event; the first of a holder counts."""
        row = FingerReceipt(
            site_id=self._place.site,
            gate=self._place.gate,
            holder=event.holder.hex(),
            why=clean(event.why),
            slot=event.slot,
            at_ms=event.at,
            told_ms=self._now_ms,
        )
        self._rows.setdefault(event.holder, row)

    async def save(self) -> None:
        """Store them all."""
        if self._rows:
            await queries.save_receipts(list(self._rows.values()))
