# SPDX-License-Identifier: Apache-2.0
"""A window whose line fails for up to a minute: no sale is lost, none is made twice. Real HTTP through a bad proxy."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from window_client import Undecided, became_of, sell

from pistegate_cloud.app import create_app
from pistegate_cloud.orders.models import Order, Payment

ORDER = {
    "site": 1,
    "channel": "window",
    "lines": [{"product": 1, "quantity": 2, "visit_date": "2026-01-17"}],
    "payment": {"method": "cash", "tendered": 60_000, "currency": "CNY"},
}


class Proxy:
    """Passes connections on, but for the next ones, of which it does with each what `faults` says in turn.

    request: it never reaches the cloud. answer: it does, and the answer is lost. half: half of the answer comes.
    late: it reaches the cloud after the client has given up and asked again.
    """

    def __init__(self, port: int, faults: Sequence[str] = ()) -> None:
        self.faults = list(faults)
        self.seen = 0
        self.late: list[asyncio.Task[bytes]] = []
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.seen += 1
        fault = self.faults.pop(0) if self.faults else ""
        try:
            request = await self._request(reader)
            if fault == "late":
                self.late.append(asyncio.create_task(self._passed_on(request)))
            elif fault != "request":
                answer = await self._passed_on(request)
                writer.write({"answer": b"", "half": answer[: len(answer) // 2]}.get(fault, answer))
                await writer.drain()
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1) + await reader.readexactly(length)

    async def _passed_on(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@asynccontextmanager
async def line(cloud: Any, faults: Sequence[str]) -> AsyncIterator[tuple[httpx.AsyncClient, Proxy]]:
    """A client of a real server behind a proxy."""
    config = uvicorn.Config(create_app(cloud.services), log_config=None, lifespan="off", access_log=False)
    server, at = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([at]))
    proxy = Proxy(at.getsockname()[1], faults)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    headers = dict(cloud.http.headers) | {"connection": "close"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers) as http:
            yield http, proxy
    finally:
        await asyncio.gather(*proxy.late)
        listening.close()
        await listening.wait_closed()
        server.should_exit = True
        await serving


@pytest.mark.parametrize("fault", ["request", "answer", "half", "late"])
async def test_a_sale_is_made_once_whatever_is_lost_on_the_way(cloud: Any, fault: str) -> None:
    """Five times in a row; the client has its order and its tickets, the cloud has one."""
    async with line(cloud, [fault] * 5) as (http, proxy):
        time = Time()
        order = await sell(http, ORDER, "window 3 1".replace(" ", "-"), time.now, time.sleep)
        assert (proxy.seen, len(order["tickets"])) == (6, 2)
        assert time.now_s < 60
    assert [str(row.id) for row in await Order.all()] == [order["id"]]
    assert await Payment.all().count() == 1


async def test_two_sales_are_two_though_both_lines_fail(sqlite_cloud: Any) -> None:
    """Each guest's sale has a key of its own."""
    cloud = sqlite_cloud
    async with line(cloud, ["answer", "late", "request", "half"]) as (http, _):
        time = Time()
        both = [await sell(http, ORDER, f"w3-{number}", time.now, time.sleep) for number in (1, 2)]
    assert len({order["id"] for order in both}) == await Order.all().count() == 2


async def test_a_refusal_is_not_asked_for_again(sqlite_cloud: Any) -> None:
    """Too little money is too little the second time."""
    cloud = sqlite_cloud
    async with line(cloud, []) as (http, proxy):
        time = Time()
        short = ORDER | {"payment": {"method": "cash", "tendered": 1, "currency": "CNY"}}
        with pytest.raises(httpx.HTTPStatusError):
            await sell(http, short, "w3-9", time.now, time.sleep)
        assert proxy.seen == 1


@pytest.mark.parametrize(("fault", "made"), [("request", False), ("answer", True)])
async def test_after_a_minute_the_window_goes_to_its_box_and_learns_later_what_became(
    sqlite_cloud: Any, fault: str, made: bool
) -> None:
    """The order that was made although nobody heard of it is found by its key, to be taken back."""
    cloud = sqlite_cloud
    async with line(cloud, [fault] * 100) as (http, proxy):
        time = Time()
        with pytest.raises(Undecided):
            await sell(http, ORDER, "w3-7", time.now, time.sleep)
        assert 55 < time.now_s <= 60
        proxy.faults.clear()
        order = await became_of(http, 1, "w3-7")
        assert (order is not None) is made
        assert await Order.all().count() == int(made)
        if made:
            assert str((await Order.all())[0].id) == order
