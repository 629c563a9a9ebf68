# SPDX-License-Identifier: Apache-2.0
"""One reading of both clocks, as the cores are given it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Now:
    """`mono` in seconds (CLOCK_MONOTONIC), `wall` aware UTC, `wall_ms` since 1970."""

    mono: float
    wall: datetime
    wall_ms: int
