# SPDX-License-Identifier: Apache-2.0
"""What a line does to each packet: when it arrives, how often, or never. Pure, from a seed."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Weather:
    """`delay_s` one way, plus up to `jitter_s`; `loss`, `doubling`: shares of packets, in each direction."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    doubling: float = 0.0


class Fate:
    """One direction of a line. Jitter reorders, as a radio link with several paths does."""

    def __init__(self, weather: Weather, seed: int) -> None:
        self.weather = weather
        self._random = Random(seed)

    def arrivals(self, now: float) -> list[float]:
        """When a packet sent at `now` arrives: none, one or two times, in seconds of the same clock."""
        weather = self.weather
        # Drawn in any case, so that another delay gives the same losses.
        lost, doubled = self._random.random() < weather.loss, self._random.random() < weather.doubling
        copies = 0 if lost else 2 if doubled else 1
        return [now + weather.delay_s + self._random.random() * weather.jitter_s for _ in range(copies)]
