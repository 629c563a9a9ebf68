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
    """Collected, then saved. Doubt is shown once somebody passed in it: many a gate has its first seconds in doubt."""

    def __init__(self, place: Place, stream: Stream, epoch: int) -> None:
        self._place = place
        self._stream = stream
        self._epoch = epoch
        self._rows: list[models.ClockState] = []
        self._passed: list[int] = []

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

    def passed(self, seq: int) -> None:
        """An admission."""
        self._passed.append(seq)

    async def save(self) -> list[Found]:
        """Store them all; the chunk's passages are stored already."""
        found = await self._doubts()
        await queries.save(self._rows)
        for row in self._rows:
            if row.trusted and abs(row.moved_ms) >= CORRECTED_MS and self._stream is Stream.LEDGER:
                found += await self._correct(row)
        return found

    async def _doubts(self) -> list[Found]:
        """Why the clock was in doubt when somebody passed."""
        if not self._passed:
            return []
        place = self._place
        earlier = await queries.last_before(place.site, place.gate, self._stream, self._epoch, self._passed[0])
        rows = ([] if earlier is None else [earlier]) + self._rows
        kinds: dict[str, Found] = {}
        for seq in self._passed:
            row = next((row for row in reversed(rows) if row.seq < seq), None)
            if row is not None and (kind := _kind(row)) is not None:
                # Once a run, however often it comes and goes.
                key = f"{place.site}/{place.gate}/{self._epoch}/{kind}"
                kinds.setdefault(kind, Found(kind, seq, {"reason": row.reason}, key=key))
        return list(kinds.values())

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


def _kind(row: models.ClockState) -> str | None:
    """The exception that it is, if any."""
    if row.trusted:
        return "clock_system_off" if row.reason == SYSTEM_OFF else None
    return f"clock_{row.reason if row.reason in DOUBTS else 'suspect'}"
