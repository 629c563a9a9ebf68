# SPDX-License-Identifier: Apache-2.0
"""What a simulated day is asked to be, and the numbers and names of its site."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

SITE, GROUP = 1, 1
LOCALE = "zh-CN"  # of the gates' displays
ZONE = ZoneInfo("Asia/Shanghai")
OPENS = datetime(2026, 1, 17, 8, 30, tzinfo=ZONE).astimezone(UTC)  # a Saturday of the season
EVE = OPENS - timedelta(hours=17)  # yesterday afternoon, when the tickets that are expired today were sold
HOURS = 7.0  # wall hours from first lift to last arrival
LANE_SECONDS = 0.55  # estimate of one skier at one lane, queue included: sets how long the day takes
ENCODERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySettings:
    """Arguments of `pistegate-sim day`. `cut_s`: how long the gates' network is cut (None: a fifth of the day)."""

    skiers: int = 300
    gates: int = 4
    seed: int = 7
    lane_timeout_ms: int = 2000
    cut_s: float | None = None
    kill: bool = True
    broker: Literal["auto", "mosquitto", "embedded"] = "auto"
    keep: Path | None = None
    http_port: int = 0
    least_s: float = 6.0
    """Real seconds from first to last arrival, at least: a demo should last long enough to watch."""

    @property
    def seconds(self) -> float:
        """Real seconds from first to last arrival."""
        return max(self.least_s, self.skiers / self.gates * LANE_SECONDS * 0.8)

    @property
    def rate(self) -> float:
        """Wall seconds per real second."""
        return HOURS * 3600 / self.seconds

    @property
    def cut_seconds(self) -> float:
        """Real seconds that the gates are without network."""
        return self.seconds / 5 if self.cut_s is None else self.cut_s

    @property
    def gate_areas(self) -> list[int]:
        """Area of each gate: the first half stands at the main lift (0), the rest at the beginners' (1)."""
        return [0 if index < (self.gates + 1) // 2 else 1 for index in range(self.gates)]

    def post_of(self, index: int) -> int:
        """Post number of a gate: one post per area."""
        return self.gate_areas[index] + 1
