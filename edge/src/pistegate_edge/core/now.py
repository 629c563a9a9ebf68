# SPDX-License-Identifier: Apache-2.0
"""One reading of both clocks, as the cores are given it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Now:
    """`mono` in seconds (CLOCK_MONOTONIC), `wall` aware UTC, `wall_ms` since 1970.

    `trusted`: the gate is sure of `wall`, to some seconds; where it is not, `wall` is never earlier than what was sure.
    `latest`: the latest that it may be, in doubt.
    """

    mono: float
    wall: datetime
    wall_ms: int
    trusted: bool = True
    latest: datetime | None = None
