# SPDX-License-Identifier: Apache-2.0
"""The private servers that other tests stand on."""

import asyncpg
import paho.mqtt.client as mqtt
import pytest
from servers import Mosquitto, Postgres


@pytest.mark.system
def test_broker_carries_a_message(mosquitto_broker: Mosquitto) -> None:
    """A retained message published by one client reaches the next."""
    received: list[bytes] = []
    for payload in (b"up", None):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.on_message = lambda client, _data, message: (
            received.append(message.payload),
            client.disconnect(),
        )
        client.connect(mosquitto_broker.host, mosquitto_broker.port)
        if payload is None:
            client.subscribe("test/servers")
            client.loop_forever()
        else:
            client.loop_start()
            client.publish("test/servers", payload, qos=1, retain=True).wait_for_publish(5)
            client.disconnect()
            client.loop_stop()
    assert received == [b"up"]


@pytest.mark.system
def test_broker_keeps_its_port_over_a_kill() -> None:
    """Outage tests need the broker to come back where its clients look for it."""
    with Mosquitto() as broker:
        port = broker.port
        broker.kill()
        with pytest.raises(ConnectionRefusedError):
            mqtt.Client(mqtt.CallbackAPIVersion.VERSION2).connect(broker.host, port)
        broker.start()
        assert mqtt.Client(mqtt.CallbackAPIVersion.VERSION2).connect(broker.host, port) == mqtt.MQTT_ERR_SUCCESS


@pytest.mark.postgres
async def test_each_test_gets_an_empty_database(postgres_server: Postgres) -> None:
    """What one test writes, the next never sees."""
    first, second = postgres_server.create_database(), postgres_server.create_database()
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE passage (id int)")
    await connection.close()
    connection = await asyncpg.connect(second)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


@pytest.mark.postgres
async def test_dsn_fixture_is_ready_to_use(postgres_dsn: str) -> None:
    """The address alone is enough, and text is UTF-8."""
    connection = await asyncpg.connect(postgres_dsn)
    assert await connection.fetchval("SELECT '雪场'::text") == "雪场"
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    await connection.close()
