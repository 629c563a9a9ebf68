# SPDX-License-Identifier: Apache-2.0
"""From a gate's configuration to its line to the hub of its site."""

from collections.abc import Callable

from pistegate_edge.config import Config, SiteHub
from pistegate_edge.reserving.link import SiteBroker, SiteLink, SiteTold
from pistegate_protocol.topics import Hub


class GateLine:
    """What one gate says to the hub, and hears from it."""

    def __init__(self, config: Config, hub: SiteHub, tell: Callable[[SiteTold], None]) -> None:
        gate = config.device.number
        topics = Hub(config.device.site, hub.number)
        broker = SiteBroker(hub.host, hub.port, hub.username, hub.password, hub.ca)
        self._up = topics.up(gate)
        name = f"pistegate-at-hub-{config.device.site}-{gate}"  # not the name of its line to the cloud
        self._link = SiteLink(name, broker, (topics.down(gate), topics.hail), tell)
        self.start, self.stop = self._link.start, self._link.stop

    def publish(self, payload: bytes) -> None:
        """Send to the hub; may be lost."""
        self._link.publish(self._up, payload)
