# SPDX-License-Identifier: Apache-2.0
"""Issuing over a far network: a real broker, a real encoder on a paced reader, 50 ms of round trip between them."""

import asyncio
import statistics
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from card_stock import stock_cards
from servers import Mosquitto
from slow_link import SlowLink

from pistegate_cloud.app import create_app
from pistegate_cloud.serve import running_services
from pistegate_cloud.settings import BrokerSettings, Settings
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.tokens.service import create as create_token
from pistegate_edge.clock import Clock
from pistegate_edge.config import check_config
from pistegate_edge.encoder import Encoder
from pistegate_simulators.reader import SimulatedReader

ROUND_TRIP_S = 0.05
LIMIT_S = 1.5  # of the issue
AFTER_AUTHENTICATION = 3  # WAN round trips at most
BEFORE = 3  # ask for the card, select and first half, second half
CARDS = 8


@contextmanager
def running_encoder(reader: Path, port: int) -> Iterator[Encoder]:
    """Encoder 1 of the site, on a thread."""
    tree = {
        "role": "encoder",
        "device": {"site": 1, "group": 1, "number": 1},
        "reader": {"path": str(reader), "baud": 115200},
        "broker": {"host": "127.0.0.1", "port": port},
    }
    encoder = Encoder(check_config(tree), Clock())
    thread = threading.Thread(target=encoder.run, daemon=True)
    thread.start()
    try:
        yield encoder
    finally:
        encoder.stop()
        thread.join(10)


@asynccontextmanager
async def running_cloud(settings: Settings, broker: Mosquitto) -> AsyncIterator[httpx.AsyncClient]:
    """The cloud's API on that broker, with its own clock."""
    settings = msgspec.structs.replace(settings, broker=BrokerSettings(f"mqtt://{broker.host}:{broker.port}"))
    async with running_services(settings) as services:
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://cloud/api/v1", timeout=30) as http:
            token = await create_token("wan", list(Scope), services.clock.wall_ms(), None)
            http.headers["Authorization"] = f"Bearer {token.text}"
            yield http


async def seen(http: httpx.AsyncClient) -> None:
    """Until the encoder has said that it is in service."""
    async with asyncio.timeout(20):
        while True:
            rows = (await http.get("/encoders", params={"site": 1})).json()["items"]
            if rows[0]["state"] == "in_service":
                return
            await asyncio.sleep(0.1)


async def test_a_card_is_issued_within_the_limit_at_50_ms_round_trip(
    sqlite_settings: Settings,
    mosquitto_broker: Mosquitto,
    tmp_path: Path,
    record_property: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At most three round trips after authentication, and 1.5 s from the request to its answer, card time included."""
    reader_path = tmp_path / "reader"
    took = []
    with SimulatedReader(reader_path, paced=True) as reader:
        async with SlowLink(mosquitto_broker.port, ROUND_TRIP_S / 2) as link:
            with running_encoder(reader_path, link.port):
                async with running_cloud(sqlite_settings, mosquitto_broker) as http:
                    await seen(http)
                    for card in stock_cards()[:CARDS]:
                        reader.present(card)
                        took.append(await issue_once(http))
                        reader.remove()
                        await asyncio.sleep(0.6)
    median, worst = statistics.median(took), max(took)
    record_property("issue_s_median", round(median, 3))
    with capsys.disabled():
        print(f"\nissued at {ROUND_TRIP_S * 1000:.0f} ms round trip: median {median:.3f} s, worst {worst:.3f} s")
    assert worst <= LIMIT_S


async def issue_once(http: httpx.AsyncClient) -> float:
    """Sell a ticket and put it on the card; seconds that the issue took."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
    line = {"product": 1, "quantity": 1, "visit_date": day}
    payment = {"method": "cash", "tendered": 29800, "currency": "CNY"}
    order = {"site": 1, "channel": "window", "lines": [line], "payment": payment}
    ticket = (await http.post("/orders", json=order)).json()["tickets"][0]["number"]
    began = time.monotonic()
    answer = await http.post(f"/tickets/{ticket}/issue", json={"encoder": 1, "wait_ms": 5000})
    took = time.monotonic() - began
    assert answer.json()["status"] == "issued", answer.text
    assert answer.json()["round_trips"] - BEFORE <= AFTER_AUTHENTICATION
    assert took >= answer.json()["round_trips"] * ROUND_TRIP_S  # the link is as slow as it says
    return took
