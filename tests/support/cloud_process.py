# SPDX-License-Identifier: Apache-2.0
"""A real cloud process on SQLite with its embedded broker, an open site, and who may ask it what."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from binding_cases import ISSUER, ISSUER_ID, PUBLISHER, PUBLISHER_ID, SITE
from cloud_template import empty_cloud
from servers import free_port

from pistegate_cloud.cards.keys import new_section

COMMAND = [str(Path(sys.executable).with_name("pistegate-cloud"))]
ZONE = "Asia/Shanghai"
START_S = 60.0
PRODUCTS: dict[int, dict[str, Any]] = {
    1: {"code": "DAY", "name": {"en": "Day", "zh-CN": "全日票"}, "reentry_s": 600},
    2: {"code": "FAMILY", "name": {"en": "Family", "zh-CN": "家庭票"}, "party": 3, "batch": 2, "entries_total": 1},
}


class CloudProcess:
    """`pistegate-cloud serve`; `call` asks its API with a token that may everything."""

    def __init__(self, directory: Path, sections: str = "") -> None:
        self.directory = directory
        self.config = directory / "cloud.toml"
        self.http_port, self.broker_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        directory.mkdir(exist_ok=True)
        self.config.write_text(f"""
[database]
url = "sqlite://{directory}/cloud.sqlite3"
[http]
port = {self.http_port}
[broker]
url = "embedded://127.0.0.1:{self.broker_port}"
[issuer]
key_id = {ISSUER_ID}
private_key = "{ISSUER.private_bytes_raw().hex()}"
[documents]
key_id = {PUBLISHER_ID}
private_key = "{PUBLISHER.private_bytes_raw().hex()}"
{self.run("bindings", "new", configured=False)}
{sections}
{new_section()}""")
        empty_cloud(directory / "cloud.sqlite3")
        self.process: subprocess.Popen[bytes] | None = None
        self._token = ""

    def run(self, *arguments: str, configured: bool = True) -> str:
        """What a command prints."""
        command = [*COMMAND, *arguments, *(("--config", str(self.config)) if configured else ())]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        """Serve."""
        log = self.directory / "cloud.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen([*COMMAND, "serve", "--config", self.config], stderr=output)
        deadline = time.monotonic() + START_S
        while not self._healthy():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def __enter__(self) -> Self:
        self._token = self.token("all")
        try:
            self.start()
            self._open_site()
        except BaseException:
            self.stop()
            raise
        return self

    def _open_site(self) -> None:
        self.call("POST", "/sites", {"number": SITE, "group": 1, "name": "Snow Valley 雪谷", "zone": ZONE})
        self.call("POST", "/areas", {"site": SITE, "number": 0, "name": "Main lift"})
        self.call("POST", "/posts", {"site": SITE, "number": 1, "area": 0, "name": "Post"})
        self.call("POST", "/gates", {"site": SITE, "number": 3, "post": 1, "name": "Lane"})
        for number, product in PRODUCTS.items():
            plain = {"site": SITE, "number": number, "price": 100, "currency": "CNY", "areas": [0], "holder": "adult"}
            self.call("POST", "/products", plain | product)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def token(self, name: str, *scopes: str) -> str:
        """A fresh token; without scopes it may everything."""
        flags = [word for scope in scopes for word in ("--scope", scope)]
        return self.run("token", "create", "--name", name, *flags).splitlines()[0]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """JSON of an answer; AssertionError with the problem otherwise."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def sold(self, product: int = 1) -> int:
        """A ticket for today."""
        today = datetime.now(ZoneInfo(ZONE)).date().isoformat()
        line = {"product": product, "quantity": 1, "visit_date": today}
        payment = {"method": "cash", "tendered": 10_000_000, "currency": "CNY"}
        order = {"site": SITE, "channel": "window", "lines": [line], "payment": payment}
        return int(self.call("POST", "/orders", order)["tickets"][0]["number"])

    def bound(self, ticket: int, number: str, kind: str = "resident_id") -> int:
        """A ticket bound to a document; the binding."""
        document = {"kind": kind, "number": number}
        return int(self.call("POST", "/bindings", {"ticket": ticket, "document": document, "entered": "scanned"})["id"])

    def handle_keys(self) -> str:
        """The file for the gates of the site."""
        return self.run("bindings", "export", "--site", str(SITE))

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=5) as answer:
                return bool(json.load(answer)["broker"])
        except OSError:
            return False
