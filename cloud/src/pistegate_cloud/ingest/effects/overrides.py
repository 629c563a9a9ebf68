# SPDX-License-Identifier: Apache-2.0
"""Overrides of one chunk of a ledger stream: people who went through on an attendant's word."""

from pistegate_cloud.clock import local_day
from pistegate_cloud.ingest.effects.base import Place, clean
from pistegate_cloud.passages import models, queries
from pistegate_protocol.events import Override


class Overrides:
    """Collected, then saved."""

    def __init__(self, place: Place, epoch: int) -> None:
        self._place = place
        self._epoch = epoch
        self._rows: list[models.Override] = []

    def add(self, seq: int, event: Override) -> None:
        """One event."""
        place = self._place
        self._rows.append(
            models.Override(
                site_id=place.site,
                gate=place.gate,
                post=place.post,
                epoch=self._epoch,
                seq=seq,
                number=event.number,
                kind=event.kind.name.lower(),
                entries=event.entries,
                exits=event.exits,
                medium=event.medium.hex() if event.medium else None,
                ticket=event.ticket,
                why=clean(event.why),
                at_ms=event.at,
                day=local_day(event.at, place.zone),
            )
        )

    async def save(self) -> None:
        """Store them all."""
        await queries.save_overrides(self._rows)
