# SPDX-License-Identifier: Apache-2.0
"""What one chunk of a stream tells of the gate's clock; what was recorded in doubt is dated anew when that is known."""

from pistegate_cloud.clocks import models, queries
from pistegate_cloud.ingest.effects.base import Found, Place, clean
from pistegate_cloud.passages import redating
from pistegate_protocol.events import ClockState, Stream

DOUBTS = ("never_synchronised", "ran_back", "jumped", "too_long", "contradicts_signed")
SYSTEM_OFF = "system_off"
CORRECTED_MS = 60_000  # less changes nobody's day but around midnight, and no person's decision


class Clocks:
    """Collected, then saved."""

    def __init__(self, place: Place, stream: Stream, epoch: int, found: list[Found]) -> None:
        self._place = place
        self._stream = stream
        self._epoch = epoch
        self._found = found
        self._rows: list[models.ClockState] = []

    def add(self, seq: int, event: ClockState) -> None:
        """One event."""
        place = self._place
        self._rows.append(
            models.ClockState(
                site_id=place.site,
                gate=place.gate,
                stream=self._stream,
                epoch=self._epoch,
                seq=seq,
                at_ms=event.at,
                trusted=event.trusted,
                reason=clean(event.reason),
                moved_ms=event.moved,
            )
        )
        if self._stream is Stream.LEDGER:
            self._show(seq, event)

    async def save(self) -> list[Found]:
        """Store them all; the chunk's passages are stored already."""
        await queries.save(self._rows)
        corrected = []
        for row in self._rows:
            if row.trusted and abs(row.moved_ms) >= CORRECTED_MS and self._stream is Stream.LEDGER:
                corrected += await self._correct(row)
        return corrected

    async def _correct(self, row: models.ClockState) -> list[Found]:
        """Within a run the time in doubt ran on steadily: by what it was moved, all that was recorded then was off."""
        place, since = self._place, None
        for earlier in reversed(await queries.before(place.site, place.gate, row.stream, row.epoch, row.seq)):
            if earlier.trusted:
                break
            since = earlier.seq
            if earlier.moved_ms:
                break  # what was before was off by another amount
        if since is None:
            return []
        count = await redating.redate(place.site, place.gate, row.epoch, (since, row.seq), row.moved_ms, place.zone)
        return [Found("clock_corrected", row.seq, {"minutes": round(row.moved_ms / 60_000), "count": count})]

    def _show(self, seq: int, event: ClockState) -> None:
        reason = event.reason if event.reason in DOUBTS else "suspect"
        kind = f"clock_{reason}" if not event.trusted else "clock_system_off" if event.reason == SYSTEM_OFF else None
        if kind is not None:
            place = self._place
            key = f"{place.site}/{place.gate}/{self._epoch}/{kind}"  # once a run, however often it comes and goes
            self._found.append(Found(kind, seq, {"reason": clean(event.reason)}, key=key))
