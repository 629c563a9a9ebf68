# SPDX-License-Identifier: Apache-2.0
"""From the lane section of gate.toml to the host that drives the lane."""

from collections.abc import Callable

from pistegate_edge.lane.host import LaneHost
from pistegate_edge.lane.settings import LaneSettings


def open_lane_host(
    settings: LaneSettings, tell: Callable[[object], None], monotonic: Callable[[], float], config: str
) -> LaneHost:
    """Shut; `tell` is called from its threads. GPIOZeroError where pins of this computer cannot be driven.

    `config`: the path of gate.toml, which remedies name.
    """
    if settings.port is not None:
        from pistegate_edge.lane.board.board_host import BoardLane

        return BoardLane(settings, tell, config=config)
    from pistegate_edge.lane.wired import WiredLane

    return WiredLane(settings.profile, settings.pins, tell, monotonic)
