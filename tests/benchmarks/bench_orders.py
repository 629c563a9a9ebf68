# SPDX-License-Identifier: Apache-2.0
"""Orders on PostgreSQL: POST /orders against the same statements by hand on asyncpg; and a Saturday's fifty windows.

Three lines of a counted stock, a payment, three tickets, postings, audit, kept answer. Both servers are processes with
one worker on one durable cluster, asked in turn over kept connections; a figure is the median of the pairs' ratios.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from far_cloud import Here, cloud_at
from figures import Figure, progress
from gate_bench import wait_for
from servers import Postgres, free_port

from pistegate_cloud.database import open_database
from pistegate_cloud.settings import DatabaseSettings
from pistegate_cloud.tokens.service import Scope, create

PAIRS, SALES, CLIENTS = 5, 240, 8
AT_LEAST = 0.6
WINDOWS, EVERY_S, SECONDS = 50, 5.0, 40.0
AT_MOST = 5.0
ALONE = 40  # sales of one window by itself
BY_HAND = Path(__file__).with_name("orders_by_hand.py")
PRODUCTS = (1, 2, 3)
_keys = count()


def measure() -> list[Figure]:
    """Throughput in pairs, then fifty windows against one."""
    try:
        server = Postgres(durable=True)
    except pytest.skip.Exception as error:
        raise SystemExit(f"the benchmark of orders needs PostgreSQL's server programs: {error}") from error
    with server, TemporaryDirectory(prefix="bench-orders-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # Mosquitto, started by root, reads as its own user
        dsn = server.create_database()
        with cloud_at(Here(), directory, database=dsn) as cloud, _by_hand(dsn, directory / "peer.log") as peer:
            token, body = asyncio.run(_stocked(dsn, cloud.http_port))
            ours, theirs = Desk(cloud.http_port, token, body), Desk(peer, token, body)
            return asyncio.run(_measure(ours, theirs))


@contextmanager
def _by_hand(dsn: str, log: Path) -> Iterator[int]:
    port = free_port()
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, BY_HAND, dsn, str(port)], stdout=output, stderr=output)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


class Desk:
    """Sells at one server. Spoken by hand: a client library would cost as much as the server."""

    def __init__(self, port: int, token: str, body: bytes) -> None:
        self.port, self._token, self._body = port, token, body

    def request(self) -> bytes:
        """A sale under a key of its own."""
        head = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n"
            f"Idempotency-Key: k{next(_keys)}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self._body)}\r\n\r\n"
        )
        return head.encode() + self._body

    async def sell(self, times: int) -> list[float]:
        """Sales one after the other on one connection; seconds of each."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        found = []
        for _ in range(times):
            began = perf_counter()
            writer.write(self.request())
            await _answered(reader)
            found.append(perf_counter() - began)
        writer.close()
        await writer.wait_closed()
        return found


async def _answered(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.partition(b":")[2]))
    assert head.startswith(b"HTTP/1.1 201"), head + body
    return json.loads(body)  # type: ignore[no-any-return]


async def _stocked(dsn: str, port: int) -> tuple[str, bytes]:
    """Three products with a counter for all of them; a token, and the order that everyone sends."""
    async with open_database(DatabaseSettings(dsn)):
        token = (await create("bench", list(Scope), 0, None)).text
    tomorrow = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=1)
    day = tomorrow.isoformat()  # at any time of day: today may end while it runs
    for number in PRODUCTS:
        named = {"number": number, "code": f"P{number}", "name": {"en": "Day", "zh-CN": "全日票"}}
        await _post(port, token, "/products", named | {"site": 1, "price": 29800, "currency": "CNY", "areas": [0]})
    counter = {"site": 1, "code": "ALL", "products": list(PRODUCTS), "from": day, "to": day, "capacity": 1_000_000}
    await _post(port, token, "/stock", counter)
    lines = [{"product": number, "quantity": 1, "visit_date": day} for number in PRODUCTS]
    payment = {"method": "cash", "tendered": 10_000_000, "currency": "CNY"}
    order = json.dumps({"site": 1, "channel": "window", "lines": lines, "payment": payment}).encode()
    await Desk(port, token, order).sell(3)  # the ledger's accounts are opened by the first
    return token, order


async def _post(port: int, token: str, path: str, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
    await _answered(reader)
    writer.close()
    await writer.wait_closed()


async def _measure(ours: Desk, theirs: Desk) -> list[Figure]:
    steps = PAIRS + 2
    wait_for(lambda: _listens(theirs.port))
    for desk in (ours, theirs):
        await _rate(desk, SALES // 4)
    pairs = []
    for number in range(PAIRS):
        progress(number, steps)
        pairs.append((await _rate(ours, SALES), await _rate(theirs, SALES)))
    ratio = median(own / other for own, other in pairs)
    shown = ", ".join(f"{own:.0f}/{other:.0f}" for own, other in pairs) + " sales/s"
    progress(PAIRS, steps)
    alone = median([seconds for _ in range(ALONE) for seconds in await ours.sell(1)])
    progress(PAIRS + 1, steps)
    late = quantiles(await _saturday(ours), n=20)[-1]
    progress(steps, steps)
    windows = f"one alone {alone * 1000:.0f} ms, p95 {late * 1000:.0f} ms"
    return [
        Figure("orders: sales / by hand on asyncpg", ratio, "", AT_LEAST, "at least", note=shown),
        Figure(f"orders: p95 of {WINDOWS} windows / median of one", late / alone, "", AT_MOST, note=windows),
    ]


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


async def _rate(desk: Desk, sales: int) -> float:
    """Sales a second of several clients at once."""
    began = perf_counter()
    await asyncio.gather(*(desk.sell(sales // CLIENTS) for _ in range(CLIENTS)))
    return sales / (perf_counter() - began)


async def _saturday(desk: Desk) -> list[float]:
    """Each window sells once in five seconds, at its own time; seconds of each sale, from when the seller pressed."""
    rng = random.Random(17)

    async def window() -> list[float]:
        found: list[float] = []
        end = perf_counter() + SECONDS
        await asyncio.sleep(rng.uniform(0, EVERY_S))
        while perf_counter() < end:
            found += await desk.sell(1)
            await asyncio.sleep(max(0.0, EVERY_S * rng.uniform(0.8, 1.2) - found[-1]))
        return found

    return [seconds for sales in await asyncio.gather(*(window() for _ in range(WINDOWS))) for seconds in sales]


if __name__ == "__main__":
    for figure in measure():
        print(figure)
