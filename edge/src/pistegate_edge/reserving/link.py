# SPDX-License-Identifier: Apache-2.0
"""The line to the site's broker by paho, of a gate or of the hub itself; its thread hands everything to a queue.

Messages go unacknowledged (QoS 0): each is answered or repeated by whoever sent it, and a lane waits for the answer.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from pistegate_edge.mqtt_client import end, new_client

log = logging.getLogger(__name__)

RECONNECT_MAX_S = 4.0  # times 1..2 at random
QOS = 0


@dataclass(frozen=True, slots=True)
class SiteBroker:
    """Where it is. `ca`: the file with whom the broker's certificate is to be signed by; None: no TLS."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class SiteUp:
    """Connected and subscribed."""


@dataclass(frozen=True, slots=True)
class SiteDown:
    """The connection is gone; it is tried again by itself."""

    detail: str


@dataclass(frozen=True, slots=True)
class SiteArrived:
    """One message."""

    topic: str
    payload: bytes


SiteTold = SiteUp | SiteDown | SiteArrived


class SiteLink:
    """One client; `tell` is called from paho's thread."""

    def __init__(self, name: str, broker: SiteBroker, reads: tuple[str, ...], tell: Callable[[SiteTold], None]) -> None:
        self._broker = broker
        self._reads = reads
        self._tell = tell
        self._client = new_client(name, RECONNECT_MAX_S)
        if broker.username:
            self._client.username_pw_set(broker.username, broker.password)
        if broker.ca:
            self._client.tls_set(ca_certs=broker.ca)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda _client, _data, _flags, reason, _props: tell(SiteDown(str(reason)))
        self._client.on_message = lambda _client, _data, told: tell(SiteArrived(told.topic, bytes(told.payload)))

    def start(self) -> None:
        """Connect in the background, now or whenever the broker can be reached."""
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=10)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send; may be lost."""
        self._client.publish(topic, payload, qos=QOS)

    def stop(self) -> None:
        """For good."""
        end(self._client)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _props: Any) -> None:
        if reason.is_failure:
            log.warning("the site's broker refuses the connection: %s; check [hub] in gate.toml", reason)
            return
        client.subscribe([(topic, QOS) for topic in self._reads])
        self._tell(SiteUp())
