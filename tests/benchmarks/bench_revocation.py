# SPDX-License-Identifier: Apache-2.0
"""From a seller's revocation to the refusal at every gate, with 200 connected gates on this machine.

Real cloud, Mosquitto and uplinks, these in four processes; each gate also tells its own events. The time runs from the
HTTP request to the moment at which a gate, asked to decide, refuses the ticket.
"""

import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from far_cloud import FarCloud, Here, cloud_at
from figures import Figure, progress
from gate_bench import wait_for

GATES, PROCESSES = 200, 4
REVOCATIONS = 30
PAUSE_S = 1.0  # between revocations; a site has a few a day
LIMIT_S = 2.0
SUPPORT = Path(__file__).resolve().parent.parent / "support"
PRODUCT = {"site": 1, "number": 1, "code": "DAY", "name": {"en": "Day", "zh-CN": "全日票"}, "price": 100} | {
    "currency": "CNY",
    "areas": [0],
    "holder": "adult",
}


def measure() -> list[Figure]:
    """One run."""
    with TemporaryDirectory(prefix="bench-revocation-") as name, ExitStack() as running:
        directory = Path(name)
        directory.chmod(0o755)
        cloud = running.enter_context(cloud_at(Here(), directory, gates=GATES))
        heard: dict[int, list[float]] = {}
        workers = [_worker(cloud, number, heard) for number in range(PROCESSES)]
        for worker in workers:
            running.callback(_end, worker)
        wait_for(lambda: len(heard.get(-1, [])) == PROCESSES, 120)
        took = _revoke(cloud, heard)
    whole = [seconds for each in took for seconds in each]
    return [
        Figure(
            "revocation to refusal, 200 gates, 99 of 100",
            quantiles(whole, n=100)[-1],
            "s",
            LIMIT_S,
            note=f"{len(whole)} refusals",
        ),
        Figure("revocation to refusal, median", median(whole), "s"),
        Figure("revocation to refusal, the last of all gates", median(max(each) for each in took), "s", note="median"),
    ]


def _worker(cloud: FarCloud, number: int, heard: dict[int, list[float]]) -> subprocess.Popen[str]:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("02" * 32)).public_key().public_bytes_raw()
    each = GATES // PROCESSES
    words = (str(number * each + 1), str(each), cloud.end.address, str(cloud.broker_port), key.hex())
    process = subprocess.Popen(
        [sys.executable, str(SUPPORT / "many_uplinks.py"), *words], stdout=subprocess.PIPE, text=True
    )

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ready\n":
                heard.setdefault(-1, []).append(time.monotonic())
                continue
            told = json.loads(line)
            heard.setdefault(told["ticket"], []).append(told["at"])

    threading.Thread(target=listen, daemon=True).start()
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def _revoke(cloud: FarCloud, heard: dict[int, list[float]]) -> list[list[float]]:
    took = []
    with httpx.Client(base_url=cloud.url, headers=cloud.token(), timeout=30) as http:
        _posted(http, "/products", PRODUCT)
        for number in range(REVOCATIONS):
            ticket = _sold(http)
            time.sleep(PAUSE_S)
            began = time.monotonic()
            _posted(http, f"/tickets/{ticket}/revoke", {"reason": "bench"})
            wait_for(lambda ticket=ticket: len(heard.get(ticket, [])) == GATES, 60)  # type: ignore[misc]
            took.append([at - began for at in heard[ticket]])
            progress(number + 1, REVOCATIONS)
    return took


def _site_day() -> str:
    """Today at the site, whatever day it is in UTC."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()


def _sold(http: httpx.Client) -> int:
    lines = [{"product": 1, "quantity": 1, "visit_date": _site_day()}]
    payment = {"method": "cash", "tendered": 1000, "currency": "CNY"}
    order = _posted(http, "/orders", {"site": 1, "channel": "window", "lines": lines, "payment": payment})
    return int(order["tickets"][0]["number"])


def _posted(http: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = http.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()
