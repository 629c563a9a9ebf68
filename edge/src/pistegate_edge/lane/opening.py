# SPDX-License-Identifier: Apache-2.0
"""From the lane section of gate.toml to the host that drives the lane."""

from collections.abc import Callable

from pistegate_edge.lane.host import LaneHost
from pistegate_edge.lane.settings import LaneSettings


def open_lane_host(settings: LaneSettings, tell: Callable[[object], None], monotonic: Callable[[], float]) -> LaneHost:
    """Shut; `tell` is called from its threads. GPIOZeroError where pins cannot be driven."""
    from pistegate_edge.lane.wired import WiredLane

    return WiredLane(settings.profile, settings.pins, tell, monotonic)
