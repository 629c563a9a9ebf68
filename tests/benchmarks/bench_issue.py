# SPDX-License-Identifier: Apache-2.0
"""A group of 300: how long it takes to give its tickets out as codes, of a cloud on SQLite and as real processes.

Each round is an order of its own. Repeating the request is measured too: after a failure nothing is done twice.
"""

import asyncio
import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from far_cloud import Here, cloud_at
from figures import Figure, progress

from pistegate_cloud.database import open_database
from pistegate_cloud.settings import DatabaseSettings
from pistegate_cloud.tokens.service import Scope, create

TICKETS, ROUNDS = 300, 5
LIMIT_S = 2.0  # issue 7


def measure() -> list[Figure]:
    """Seconds from the request to the last code."""
    with TemporaryDirectory(prefix="bench-issue-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # Mosquitto, started by root, reads as its own user
        with cloud_at(Here(), directory) as cloud:
            desk = _Desk(cloud.url, asyncio.run(_token(cloud.database)))
            desk.post("/products", _product())
            first, again = _rounds(desk)
    return [
        Figure(f"codes for a group of {TICKETS}", median(first), "s", LIMIT_S, "at most", "median of 5 orders, SQLite"),
        Figure("the same, asked again", median(again), "s", LIMIT_S, "at most", "what was given out stays as it is"),
    ]


def _rounds(desk: "_Desk") -> tuple[list[float], list[float]]:
    first, again = [], []
    for done in range(ROUNDS):
        order = desk.post("/orders", _order())
        for found in (first, again):
            began = perf_counter()
            given = desk.post(f"/orders/{order['id']}/codes", {})
            found.append(perf_counter() - began)
            assert len({one["text"] for one in given["tickets"]}) == TICKETS
        progress(done + 1, ROUNDS)
    return first, again


class _Desk:
    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What it answers."""
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


async def _token(database: str) -> str:
    async with open_database(DatabaseSettings(database)):
        return (await create("bench", list(Scope), 0, None)).text


def _product() -> dict[str, Any]:
    named = {"number": 1, "code": "DAY", "name": {"en": "Day", "zh-CN": "全日票"}}
    return named | {"site": 1, "price": 29800, "currency": "CNY", "areas": [0]}


def _order() -> dict[str, Any]:
    day = (datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=1)).isoformat()
    lines = [{"product": 1, "quantity": TICKETS, "visit_date": day}]
    payment = {"method": "cash", "currency": "CNY"}
    return {"site": 1, "channel": "window", "kind": "group", "lines": lines, "payment": payment}
