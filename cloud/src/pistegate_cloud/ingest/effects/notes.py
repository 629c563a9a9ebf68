# SPDX-License-Identifier: Apache-2.0
"""Refusals and incidents of one chunk of a notes stream."""

from collections.abc import Sequence
from typing import Any

from pistegate_cloud.clock import local_day
from pistegate_cloud.ingest.effects.base import Found, Place, clean, decode, inapplicable
from pistegate_cloud.ingest.effects.clocks import Clocks
from pistegate_cloud.passages import models, queries
from pistegate_protocol.events import ClockState, Dropped, EpochOpened, Incident, Refused, Stream


class NoteEffects:
    """Read, then saved; what was found on the way is in `found`."""

    def __init__(self, place: Place, epoch: int) -> None:
        self.found: list[Found] = []
        self._place = place
        self._epoch = epoch
        self._clocks = Clocks(place, Stream.NOTES, epoch)
        self._refusals: list[models.Refusal] = []
        self._incidents: list[models.Incident] = []

    async def read(self, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Decode the events."""
        for seq, event in decode(payloads, self.found):
            match event:
                case EpochOpened():
                    pass
                case Refused():
                    self._refused(seq, event)
                case ClockState():
                    self._clocks.add(seq, event)
                case Incident(at, code, detail, times):
                    self._incident(seq, at, clean(code), clean(detail), times)
                case Dropped(at, count):
                    self._incident(seq, at, "notes_dropped", "", count)
                    self.found.append(Found("notes_dropped", seq, {"count": count}))
                case _:
                    self.found.append(inapplicable(seq, f"{type(event).__name__} in the notes stream"))

    async def save(self) -> list[Found]:
        """Store it all."""
        await queries.save_notes(self._refusals, self._incidents)
        return await self._clocks.save()

    def _refused(self, seq: int, event: Refused) -> None:
        self._refusals.append(
            models.Refusal(
                **self._where(seq, event.at),
                post=self._place.post,
                reason=clean(event.reason),
                medium=event.medium.hex() if event.medium else None,
                ticket=event.ticket,
                times=event.times,
            )
        )

    def _incident(self, seq: int, at: int, code: str, detail: str, times: int) -> None:
        self._incidents.append(models.Incident(**self._where(seq, at), code=code, detail=detail, times=times))

    def _where(self, seq: int, at: int) -> dict[str, Any]:
        place = self._place
        day = local_day(at, place.zone)
        return {"site_id": place.site, "gate": place.gate, "epoch": self._epoch, "seq": seq, "at_ms": at, "day": day}
