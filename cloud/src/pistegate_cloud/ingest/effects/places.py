# SPDX-License-Identifier: Apache-2.0
"""Where a spare says that it stands, kept when it may."""

from collections.abc import Iterable
from itertools import takewhile

from pistegate_cloud.authority import takeovers
from pistegate_cloud.authority.models import PlaceTaken as Row
from pistegate_cloud.ingest.effects.base import Found, Place
from pistegate_protocol.events import ClockState, EpochOpened, Event, PlaceTaken

OPENING_MAX = 8  # events of an epoch that are looked at for its opening
_OPENING = (EpochOpened, ClockState, PlaceTaken)


def opening(events: Iterable[Event]) -> int:
    """How many events at the beginning of an epoch only say how it stands: what happens at a place comes after them."""
    return sum(1 for _ in takewhile(lambda event: isinstance(event, _OPENING), events))


class Places:
    """Collected, then saved."""

    def __init__(self, place: Place, epoch: int, found: list[Found], opens: int) -> None:
        """The first `opens` events are the epoch's opening: a place told later is not believed."""
        self._place = place
        self._epoch = epoch
        self._found = found
        self._opens = opens
        self._told: list[tuple[int, PlaceTaken]] = []

    def add(self, seq: int, event: PlaceTaken) -> None:
        """One event."""
        self._told.append((seq, event))

    async def save(self) -> None:
        """Keep what may be; the rest is found, and the epoch stays with the device's own post."""
        site, gate = self._place.site, self._place.gate
        for seq, event in self._told:
            if seq > self._opens or not await takeovers.may_stand(site, gate, event.of, event.at):
                self._found.append(Found("place_unknown", seq, {"of": event.of}))
                continue
            await Row.create(site_id=site, gate=gate, of=event.of, epoch=self._epoch, seq=seq, at_ms=event.at)
