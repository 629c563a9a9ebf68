# SPDX-License-Identifier: Apache-2.0
"""An area is closed for a time (wind, a lift that stands still), and clocks of tickets may stand still with it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suspension:
    """`area` admits nobody from `start` to `end` (aware; None: until further notice).

    `clocks_paused`: meanwhile no time runs for tickets that hold in that area.
    """

    area: int
    start: datetime
    end: datetime | None = None
    clocks_paused: bool = False

    def closes(self, area: int, now: datetime) -> bool:
        """Whether `area` is closed at `now`."""
        return self.area == area and self.start <= now and (self.end is None or now < self.end)
