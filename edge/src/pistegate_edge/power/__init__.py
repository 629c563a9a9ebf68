# SPDX-License-Identifier: Apache-2.0
"""Power: what the UPS says, and what the gate makes of it. No network is needed for any of it."""

from collections.abc import Callable
from functools import partial

from pistegate_edge.power.ending import EXIT_BATTERY, shut_down
from pistegate_edge.power.gpio import GpioPower
from pistegate_edge.power.nut import NutPower
from pistegate_edge.power.policy import PowerPolicy
from pistegate_edge.power.settings import Power
from pistegate_edge.power.source import PowerSource, Reader
from pistegate_edge.power.told import PowerTold

GPIO_POLL_S = 0.5  # pins cost nothing to read; the policy waits for seconds
NUT_POLL_S = 2.0  # NUT's drivers ask their UPS every 2 s (pollinterval's default): more often tells nothing new

__all__ = ["EXIT_BATTERY", "Power", "PowerPolicy", "PowerSource", "open_policy", "open_power", "shut_down"]


def open_power(power: Power, tell: Callable[[PowerTold], None]) -> PowerSource:
    """The configured source; its thread calls `tell` once it is started."""
    opener: Callable[[], Reader] = partial(GpioPower if power.source == "gpio" else NutPower, power)
    return PowerSource(opener, GPIO_POLL_S if power.source == "gpio" else NUT_POLL_S, tell)


def open_policy(power: Power, busy: Callable[[], bool]) -> PowerPolicy:
    """The policy as configured; `busy` says whether a passage is under way."""
    battery_s = None if power.battery_minutes is None else power.battery_minutes * 60.0
    return PowerPolicy(tuple(power.shutdown), battery_s, busy)
