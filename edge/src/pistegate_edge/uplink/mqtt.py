# SPDX-License-Identifier: Apache-2.0
"""The MQTT connection by paho: its network thread hands everything over to the loop's queue.

Nothing relies on the broker keeping messages: sessions are clean, and what matters is resent until acknowledged.
"""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from pistegate_edge.mqtt_client import end, new_client, spread_reconnects
from pistegate_protocol.topics import Device

log = logging.getLogger(__name__)

RECONNECT_MAX_S = 5.0
QOS = 1


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Connected and subscribed."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection is gone; paho tries again by itself."""

    detail: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message on the device's down topic."""

    payload: bytes


LinkEvent = LinkUp | LinkDown | Arrived


@dataclass(frozen=True, slots=True)
class Secured:
    """A line over TLS; `refresh` gives the context our newest certificate, before each connection."""

    context: ssl.SSLContext
    refresh: Callable[[ssl.SSLContext], None]


class MqttLink:
    """One client for one device; `tell` is called from paho's thread."""

    def __init__(
        self,
        device: Device,
        host: str,
        port: int,
        keepalive_s: int,
        tell: Callable[[LinkEvent], None],
        credentials: tuple[str, str | None] | None = None,
        secured: Secured | None = None,
    ) -> None:
        self._device = device
        self._secured = secured
        self._address = (host, port, keepalive_s)
        self._tell = tell
        self._client = new_client(f"pistegate-{device.role}-{device.site}-{device.number}", RECONNECT_MAX_S)
        if credentials:
            self._client.username_pw_set(*credentials)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        if secured is not None:
            self._client.tls_set_context(secured.context)
            self._client.on_pre_connect = self._on_pre_connect
            self._client.on_connect_fail = self._on_connect_fail

    def start(self) -> None:
        """Connect in the background, now or whenever the broker can be reached."""
        self._client.connect_async(*self._address)
        self._client.loop_start()

    def publish(self, payload: bytes) -> None:
        """Send on the device's up topic; lost if the connection is."""
        self._client.publish(self._device.up, payload, qos=QOS)

    def stop(self) -> None:
        """For good."""
        end(self._client)

    def _on_pre_connect(self, _client: paho.Client, _data: Any) -> None:
        if self._secured is not None:
            try:
                self._secured.refresh(self._secured.context)
            except (OSError, ValueError) as error:  # the certificate in memory may still do
                log.warning("the certificate on the disk cannot be read: %s", error)

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        log.info("no secured connection to the broker; pistegate-gate identity --test says why")

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        if reason.is_failure:
            log.warning("broker refuses the connection: %s; check [broker] in gate.toml", reason)
            return
        spread_reconnects(client, RECONNECT_MAX_S)
        client.subscribe(self._device.down, qos=QOS)
        self._tell(LinkUp())

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        self._tell(LinkDown(str(reason)))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._tell(Arrived(bytes(message.payload)))
