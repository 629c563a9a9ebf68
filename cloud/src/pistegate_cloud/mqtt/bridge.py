# SPDX-License-Identifier: Apache-2.0
"""The cloud's MQTT client: reconnects for ever, takes messages in groups, publishes what follows from them.

Incoming messages are acknowledged to the broker at once, by paho, before they are stored. That loses nothing: a
gate keeps every event and resends it until the cloud's own Ack, sent after the database commit, has reached it.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import aiomqtt

from pistegate_cloud.errors import Problem
from pistegate_cloud.ingest.core import Accepted, Refused, open_message
from pistegate_cloud.settings import BrokerSettings
from pistegate_protocol.messages import RelayResponse
from pistegate_protocol.topics import ALL_UP, Device

GROUP_MAX = 200  # messages stored in one transaction
QUEUE_MAX = 5000  # messages; more are dropped, and resent by their gates
RETRY_S = (0.2, 5.0)  # first and longest wait between connection attempts
KEEPALIVE_S = 30  # 5 s was too short on a bad link (facts)
_NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)  # QoS 1 took 44 ms without, 0.5 ms with (facts)
_log = logging.getLogger(__name__)

Take = Callable[[Sequence[Accepted | Refused]], Awaitable[list[tuple[str, bytes]]]]
OnRelay = Callable[[Device, RelayResponse], None]


class Bridge:
    """`connected` tells /health whether the broker is reached now."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._client: aiomqtt.Client | None = None
        self._queue: asyncio.Queue[Accepted | Refused] = asyncio.Queue(QUEUE_MAX)
        self.connected = False
        self.dropped = 0

    async def run(self, take: Take, on_relay: OnRelay, after: Callable[[], None]) -> None:
        """Serve until cancelled; `after` is called when messages were taken in."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._connect_for_ever(on_relay))
            tasks.create_task(self._take_for_ever(take, after))

    async def send(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1; Problem broker_unreachable."""
        if self._client is None:
            raise Problem("broker_unreachable")
        try:
            await self._client.publish(topic, payload, qos=1)
        except aiomqtt.MqttError as error:
            raise Problem("broker_unreachable") from error

    async def send_to(self, devices: Sequence[Device], payload: bytes) -> None:
        """Publish to devices; those out of reach hear it after their next Hello."""
        await self._send_all([(device.down, payload) for device in devices])

    async def _send_all(self, messages: Sequence[tuple[str, bytes]]) -> None:
        results = await asyncio.gather(*(self.send(*message) for message in messages), return_exceptions=True)
        failed = [result for result in results if isinstance(result, Exception)]
        for error in failed:
            if not isinstance(error, Problem):
                raise error
        if failed:
            _log.warning("%d of %d messages not sent: the broker cannot be reached", len(failed), len(messages))

    async def _connect_for_ever(self, on_relay: OnRelay) -> None:
        wait = RETRY_S[0]
        while True:
            try:
                async with aiomqtt.Client(
                    self._settings.host,
                    self._settings.port,
                    keepalive=KEEPALIVE_S,
                    socket_options=_NODELAY,
                    timeout=10,
                    tls_context=_tls(self._settings),
                ) as client:
                    await client.subscribe(ALL_UP, qos=1)
                    self._client, self.connected, wait = client, True, RETRY_S[0]
                    _log.info("connected to the broker at %s:%d", self._settings.host, self._settings.port)
                    await self._receive(client, on_relay)
            except aiomqtt.MqttError as error:
                _log.warning("broker at %s:%d: %s; retrying", self._settings.host, self._settings.port, error)
            finally:
                self._client, self.connected = None, False
            await asyncio.sleep(wait)
            wait = min(wait * 2, RETRY_S[1])

    async def _receive(self, client: aiomqtt.Client, on_relay: OnRelay) -> None:
        async for message in client.messages:
            opened = open_message(str(message.topic), bytes(message.payload))
            if isinstance(opened, Accepted) and isinstance(opened.message, RelayResponse):
                on_relay(opened.device, opened.message)  # at once: a person waits at a window
                continue
            try:
                self._queue.put_nowait(opened)
            except asyncio.QueueFull:
                self.dropped += 1
                if self.dropped % 1000 == 1:
                    _log.warning("falling behind: %d messages dropped, their gates will resend them", self.dropped)

    async def _take_for_ever(self, take: Take, after: Callable[[], None]) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < GROUP_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
            try:
                outgoing = await take(group)
            except Exception:  # noqa: BLE001 - logged; the next group must be taken in any case
                _log.exception("%d messages not stored; their gates will resend them", len(group))
                await asyncio.sleep(RETRY_S[0])
                continue
            after()
            await self._send_all(outgoing)


def _tls(settings: BrokerSettings) -> ssl.SSLContext | None:
    """Shows this cloud's certificate, and believes the authority's broker only; None on a plain line."""
    if not settings.tls or settings.certificate is None:
        return None
    context = ssl.create_default_context(cafile=settings.authority)
    context.load_cert_chain(settings.certificate, settings.key)
    return context
