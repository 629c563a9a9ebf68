# SPDX-License-Identifier: Apache-2.0
"""Beams -> persons: how many people went through a flap or swing lane, and which way.

The hip row sees each body as a run of neighbouring blocked beams; `counter_bodies` follows the runs. The low row sees
who crawls under it; `counter_crawl`. What rime, glare or a glove covers is found and left out; `counter_beams`.
Pure, in the subset that MicroPython also runs. Times are milliseconds of one monotonic clock.
"""

from pistegate_edge.lane.core.contacts import sooner
from pistegate_edge.lane.core.counter_beams import Beams
from pistegate_edge.lane.core.counter_bodies import LOST_MS, Bodies
from pistegate_edge.lane.core.counter_crawl import QUIET_MS, Crawl

HIP_MM = 500  # beams at least this high are the hip row; lower ones see legs, crawlers and the leaf's sweep

THROUGH = "through"  # (THROUGH, direction): a person's body has left the leaf behind
BACK = "back"  # (BACK, direction it came in by): a person left where it came in
CRAWL = "crawl"  # (CRAWL, direction): a person went through under the hip row; instead of THROUGH


class Counter:
    """One lane's counter. `profile` needs beams, beam_debounce_ms, weather_ms (0: never covered) and clear_ms.

    It may have lost_ms: how long a body is believed to be there that vanished between the ends of the lane; and
    crawl_ms: how long the low row is clear until a crawler is gone.
    """

    def __init__(self, profile: dict) -> None:  # type: ignore[type-arg]
        places = profile["beams"]
        hip = _row(places, True)
        low = _row(places, False)
        if len(hip) < 2:
            raise ValueError("a counter needs two beams or more at hip height")
        low_mask = sum(1 << beam for beam in low)
        times = (profile["beam_debounce_ms"], profile["weather_ms"], profile["clear_ms"])
        self._beams = Beams(len(places), low_mask, times[0], times[1], times[2])
        self._bodies = Bodies(len(places), hip, [places[beam][0] for beam in hip], profile.get("lost_ms", LOST_MS))
        self._crawl = Crawl(low, [places[beam][0] for beam in low], profile.get("crawl_ms", QUIET_MS))

    def step(self, now: int, blocked: int) -> list[tuple[str, str]]:
        """The beams as they are now, also without change; what that tells, in order."""
        beams = self._beams
        bodies = self._bodies
        changed = beams.step(now, blocked, bodies)
        events = []
        if changed or (bodies.deadline is not None and now >= bodies.deadline):
            events = bodies.step(now, beams.seen, beams.aside)
        return events + self._crawl.step(now, beams.seen & ~beams.aside, self._bodies)

    @property
    def occupied(self) -> bool:
        """Something is in the lane: a body, or what may become known as weather."""
        return self._beams.seen & ~self._beams.weather != 0 or self._bodies.deadline is not None

    @property
    def bodies(self) -> int:
        """Beams that persons are known to be in, as far as counting can tell them from weather and things."""
        return self._bodies.held

    @property
    def weather(self) -> int:
        """Beams believed covered by weather and left out of counting."""
        return self._beams.weather

    @property
    def deadline(self) -> int | None:
        """When `step` is due although no beam changes."""
        return sooner(self._bodies.deadline, sooner(self._beams.deadline, self._crawl.deadline))

    def snapshot(self, now: int) -> tuple:  # type: ignore[type-arg]
        """All that this counter remembers: hashable, times relative to `now` and capped."""
        return (self._beams.snapshot(now), self._bodies.snapshot(now), self._crawl.snapshot(now))

    def restore(self, now: int, kept: tuple) -> None:  # type: ignore[type-arg]
        """Become what `snapshot` told."""
        self._beams.restore(now, kept[0])
        self._bodies.restore(now, kept[1])
        self._crawl.restore(now, kept[2])


def _row(places: list[list[int]], hip: bool) -> list[int]:
    """Beam numbers of a row, in order along the lane."""
    found = [beam for beam in range(len(places)) if (places[beam][1] >= HIP_MM) == hip]
    return sorted(found, key=lambda beam: places[beam][0])
