# SPDX-License-Identifier: Apache-2.0
"""The MQTT connection by paho: its network thread hands everything over to the loop's queue.

Nothing relies on the broker keeping messages: sessions are clean, and what matters is resent until acknowledged.
"""

import logging
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from pistegate_protocol.topics import Device

log = logging.getLogger(__name__)

RECONNECT_MIN_S = 0.5  # doubles up to RECONNECT_MAX_S; each times 1..2 at random, so that a site does not come in step
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
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"pistegate-{device.role}-{device.site}-{device.number}",
            clean_session=True,
        )
        if credentials:
            self._client.username_pw_set(*credentials)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_socket_open = _no_delay
        if secured is not None:
            self._client.tls_set_context(secured.context)
            self._client.on_pre_connect = self._on_pre_connect
            self._client.on_connect_fail = self._on_connect_fail
        self._jitter()

    def start(self) -> None:
        """Connect in the background, now or whenever the broker can be reached."""
        self._client.connect_async(*self._address)
        self._client.loop_start()

    def publish(self, payload: bytes) -> None:
        """Send on the device's up topic; lost if the connection is."""
        self._client.publish(self._device.up, payload, qos=QOS)

    def stop(self) -> None:
        """Disconnect and end paho's thread; one that waits to reconnect is a daemon and is not waited for."""
        connected = self._client.is_connected()
        self._client.disconnect()
        if connected:
            self._client.loop_stop()

    def _jitter(self) -> None:
        # Spreading reconnects is no rule of passage and needs no reproducible randomness.
        factor = 1 + random.random()
        self._client.reconnect_delay_set(RECONNECT_MIN_S * factor, RECONNECT_MAX_S * factor)  # type: ignore[arg-type]

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
        self._jitter()
        client.subscribe(self._device.down, qos=QOS)
        self._tell(LinkUp())

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        self._tell(LinkDown(str(reason)))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._tell(Arrived(bytes(message.payload)))


def _no_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    """Without it each acknowledged message costs a delayed-ACK period (44 -> 0.5 ms, measured)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
