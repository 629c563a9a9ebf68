# SPDX-License-Identifier: Apache-2.0
"""The cloud on a real broker: Mosquitto, and the one inside the process."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import msgspec
import pytest
from amqtt.broker import Broker
from servers import Mosquitto, free_port

from pistegate_cloud.errors import SettingsError
from pistegate_cloud.mqtt.embedded import SHUTDOWN_S, embedded_broker
from pistegate_cloud.serve import running_services
from pistegate_cloud.services import Services
from pistegate_cloud.settings import BrokerSettings, Settings
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import DOWN, UP, Ack, RelayRequest, RelayResponse
from pistegate_protocol.topics import Device, Role

WITHIN_S = 20.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - the product has no event for it
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(settings: Settings, broker: str) -> AsyncIterator[Services]:
    """Running services on a database with an open site."""
    settings = msgspec.structs.replace(settings, broker=BrokerSettings(broker))
    async with running_services(settings) as services:
        yield services


@asynccontextmanager
async def device(host: str, port: int, address: Device) -> AsyncIterator[aiomqtt.Client]:
    """A device's connection, subscribed to its topic."""
    options = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
    async with aiomqtt.Client(host, port, socket_options=options) as client:
        await client.subscribe(address.down, qos=1)
        yield client


async def answer(client: aiomqtt.Client, kind: type) -> Any:
    async with asyncio.timeout(WITHIN_S):
        async for message in client.messages:
            decoded = DOWN.decode(bytes(message.payload))
            if isinstance(decoded, kind):
                return decoded
    raise AssertionError("no answer")


async def a_gate_and_an_encoder_are_served(services: Services, host: str, port: int, new_gate: Any) -> None:
    """A batch is acknowledged, a Hello answered, a relayed request gets through to an encoder and back."""
    await until(lambda: services.bridge.connected)
    gate = new_gate()
    async with device(host, port, gate.device) as client:
        topic, payload = gate.batch()
        await client.publish(topic, payload, qos=1)
        assert await answer(client, Ack) == Ack(Stream.LEDGER, gate.epoch, 1, gate.head(), 1)
        topic, payload = gate.hello()
        await client.publish(topic, payload, qos=1)
        assert (await answer(client, Ack)).epoch == gate.epoch
    encoder = Device(1, Role.ENCODER, 1)

    async def encode(client: aiomqtt.Client) -> None:
        request = await answer(client, RelayRequest)
        response = RelayResponse(1, request.session, request.number, b"\x04abc", [])
        await client.publish(encoder.up, UP.encode(response), qos=1)

    async with device(host, port, encoder) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(encode(client))
        async with services.relay.session(encoder) as link:
            assert await link.ask_card(1000) == b"\x04abc"


async def test_on_mosquitto(settings: Settings, mosquitto_broker: Any, new_gate: Any) -> None:
    """Round trips over a real broker, on both databases."""
    host, port = mosquitto_broker.host, mosquitto_broker.port
    async with served(settings, f"mqtt://{host}:{port}") as services:
        await a_gate_and_an_encoder_are_served(services, host, port, new_gate)


@pytest.fixture
def amqtt_leaves_its_writers() -> Iterator[None]:
    """A session of amqtt 0.12 leaves its StreamWriter to the garbage collector: collected here, not in another test."""
    yield
    gc.collect()


AMQTT_LEAKS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@AMQTT_LEAKS
@pytest.mark.usefixtures("amqtt_leaves_its_writers")
async def test_on_the_embedded_broker(sqlite_settings: Settings, new_gate: Any) -> None:
    """The same round trips with nothing but this process."""
    broker = f"embedded://127.0.0.1:{free_port()}"
    async with embedded_broker(BrokerSettings(broker)), served(sqlite_settings, broker) as services:
        port = BrokerSettings(broker).port
        await a_gate_and_an_encoder_are_served(services, "127.0.0.1", port, new_gate)


async def test_a_broker_that_comes_late_and_goes_is_found_again(sqlite_settings: Settings, new_gate: Any) -> None:
    """Starting without a broker works; it is tried for ever; a restart of the broker is survived."""
    broker = Mosquitto()
    try:
        async with served(sqlite_settings, f"mqtt://{broker.host}:{broker.port}") as services:
            await asyncio.sleep(0.3)
            assert not services.bridge.connected
            for _ in range(2):
                await asyncio.to_thread(broker.start)
                await until(lambda: services.bridge.connected)
                await asyncio.to_thread(broker.kill)
                await until(lambda: not services.bridge.connected)
            await asyncio.to_thread(broker.start)
            await a_gate_and_an_encoder_are_served(services, broker.host, broker.port, new_gate)
    finally:
        await asyncio.to_thread(broker.close)


@AMQTT_LEAKS
@pytest.mark.usefixtures("amqtt_leaves_its_writers")
async def test_an_embedded_broker_that_waits_for_its_clients_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gates never hang up by themselves; on Python 3.12 the library then waited for them for ever."""
    shut_down = Broker.shutdown

    async def shut_down_and_wait(self: Any) -> None:
        await shut_down(self)
        await asyncio.Event().wait()

    monkeypatch.setattr(Broker, "shutdown", shut_down_and_wait)
    async with asyncio.timeout(SHUTDOWN_S + 10):
        async with embedded_broker(BrokerSettings(f"embedded://127.0.0.1:{free_port()}")):
            pass


async def test_the_embedded_broker_keeps_to_loopback() -> None:
    """It takes anyone, so it must not listen for others."""
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1 only"):
        async with embedded_broker(BrokerSettings("embedded://0.0.0.0:1883")):
            pass
