# SPDX-License-Identifier: Apache-2.0
"""Where a spare says that it stands, kept when it may."""

from pistegate_cloud.authority import takeovers
from pistegate_cloud.authority.models import PlaceTaken as Row
from pistegate_cloud.ingest.effects.base import Found, Place
from pistegate_protocol.events import PlaceTaken

OPENING = 4  # events of an epoch among which it tells its place; what happens there comes after


class Places:
    """Collected, then saved."""

    def __init__(self, place: Place, epoch: int, found: list[Found]) -> None:
        self._place = place
        self._epoch = epoch
        self._found = found
        self._told: list[tuple[int, PlaceTaken]] = []

    def add(self, seq: int, event: PlaceTaken) -> None:
        """One event."""
        self._told.append((seq, event))

    async def save(self) -> None:
        """Keep what may be; the rest is found, and the epoch stays with the device's own post."""
        site, gate = self._place.site, self._place.gate
        for seq, event in self._told:
            if seq > OPENING or not await takeovers.may_stand(site, gate, event.of, event.at):
                self._found.append(Found("place_unknown", seq, {"of": event.of}))
                continue
            await Row.create(site_id=site, gate=gate, of=event.of, epoch=self._epoch, seq=seq, at_ms=event.at)
