# SPDX-License-Identifier: Apache-2.0
"""From a device's configuration to its line to the broker."""

from collections.abc import Callable

from pistegate_edge.config import Config
from pistegate_edge.uplink.mqtt import LinkEvent, MqttLink
from pistegate_protocol.topics import Device


def open_link(config: Config, tell: Callable[[LinkEvent], None]) -> MqttLink:
    """Not yet connected; `tell` is called from its thread."""
    broker = config.broker
    credentials = (broker.username, broker.password) if broker.username else None
    address = Device(config.device.site, config.role, config.device.number)
    return MqttLink(address, broker.host, broker.port, broker.keepalive_s, tell, credentials)
