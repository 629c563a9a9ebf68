# SPDX-License-Identifier: Apache-2.0
"""A cloud as real processes, Mosquitto and `pistegate-cloud serve`: at the far end of a bad line, or just here."""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from card_stock import card_key_settings
from gate_bench import wait_for
from servers import find_tool, free_port

from pistegate_cloud.database import open_database
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings
from pistegate_cloud.sites.models import Area, Post, Site
from pistegate_simulators.link.line import Line

_CLOUD = f"""
[database]
url = "sqlite://{{database}}"
[http]
host = "{{address}}"
port = {{http}}
[broker]
url = "mqtt://{{address}}:{{broker}}"
[issuer]
key_id = 1
private_key = "{"01" * 32}"
[documents]
key_id = 1
private_key = "{"02" * 32}"
[enrolment]
unsigned = true
[card_keys]
{{card_keys}}
"""
_CLOUD_PROGRAM = str(Path(sys.executable).with_name("pistegate-cloud"))
START_S = 60.0  # on a loaded machine


class Place(Protocol):
    """Where processes run: a namespace at an end of a line, or this machine itself."""

    address: str

    def command(self, *words: str) -> list[str]:
        """A command line that runs there."""


class Here:
    """Loopback of the machine."""

    address = "127.0.0.1"

    def command(self, *words: str) -> list[str]:
        """As it is."""
        return [*words]


@dataclass
class FarCloud:
    """Where it is, and what it stored."""

    end: Place
    database: Path
    log: Path
    broker_port: int
    http_port: int

    @property
    def url(self) -> str:
        """Of its API."""
        return f"http://{self.end.address}:{self.http_port}/api/v1"

    @property
    def broker(self) -> dict[str, object]:
        """A gate's [broker]."""
        return {"host": self.end.address, "port": self.broker_port, "keepalive_s": 60}

    def token(self, *scopes: str) -> dict[str, str]:
        """Headers of a fresh token of the API."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        config = str(self.database.with_name("cloud.toml"))
        command = [_CLOUD_PROGRAM, "token", "create", "--config", config, "--name", "test", "--json", *words]
        made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return {"Authorization": f"Bearer {json.loads(made)['token']}"}

    def stored(self) -> int:
        """Events that it has."""
        return int(self._one("SELECT count(*) FROM raw_event"))

    def applied(self) -> int:
        """Events that it has applied."""
        return int(self._one("SELECT COALESCE(sum(applied_seq), 0) FROM event_chain"))

    def _one(self, query: str) -> int:
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as db:
            found: int = db.execute(query).fetchone()[0]
            return found


@contextmanager
def far_cloud(line: Line, directory: Path, gates: int = 1) -> Iterator[FarCloud]:
    """As `cloud_at`, at the far end of a line."""
    with cloud_at(line.far, directory, gates) as cloud:
        yield cloud


@contextmanager
def cloud_at(place: Place, directory: Path, gates: int = 1) -> Iterator[FarCloud]:
    """Gates 1..`gates` of site 1 are registered; unsigned batches are taken."""
    database = directory / "cloud.sqlite3"
    asyncio.run(_open_site(DatabaseSettings(f"sqlite://{database}"), gates))
    far = FarCloud(place, database, directory / "cloud.log", free_port(), free_port())
    (directory / "mosquitto.conf").write_text(
        f"listener {far.broker_port} {place.address}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        "max_queued_messages 0\n"
    )
    keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items() if value is not None)
    (directory / "cloud.toml").write_text(
        _CLOUD.format(
            database=database,
            address=place.address,
            card_keys=keys,
            http=far.http_port,
            broker=far.broker_port,
        )
    )
    mosquitto = find_tool("mosquitto")
    assert mosquitto is not None
    with contextlib.ExitStack() as running:
        running.enter_context(
            _process(place, directory / "mosquitto.log", mosquitto, "-c", f"{directory}/mosquitto.conf")
        )
        running.enter_context(_process(place, far.log, _CLOUD_PROGRAM, "serve", "--config", f"{directory}/cloud.toml"))
        wait_for(lambda: "connected to the broker" in far.log.read_text(), START_S)
        yield far


@contextmanager
def near_gate(line: Line, config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pistegate-gate run` at the near end, on mock pins."""
    words = (sys.executable, "-m", "pistegate_edge", "run", "--config", str(config))
    with _process(line.near, log, *words) as process:
        yield process


@contextmanager
def _process(end: Place, log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a namespace until the end of the block. `ip netns exec` becomes it: the number is its own."""
    with log.open("ab") as output:
        environment = os.environ | {"GPIOZERO_PIN_FACTORY": "mock", "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(end.command(*command), stdout=output, stderr=output, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _open_site(settings: DatabaseSettings, gates: int) -> None:
    await migrate(settings)
    async with open_database(settings):
        await Site.create(number=1, group_number=1, name="Far", zone="Asia/Shanghai")
        area = await Area.create(site_id=1, number=0, name="Area")
        post = await Post.create(site_id=1, number=1, area=area, name="Post")
        for number in range(1, gates + 1):
            await Gate.create(site_id=1, number=number, post=post, name=f"Lane {number}", role="gate")
