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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import asyncpg
from card_stock import card_key_settings
from cloud_template import empty_cloud
from gate_bench import wait_for
from servers import find_tool, free_port

from pistegate_cloud.database import open_database
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings
from pistegate_cloud.sites.models import Area, Post, Site
from pistegate_simulators.link.line import Line

DOCUMENTS_KEY = "02" * 32  # the private half that it signs documents with, key id 1
_CLOUD = f"""
[database]
url = "{{database}}"
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
private_key = "{DOCUMENTS_KEY}"
[enrolment]
unsigned = true
[card_keys]
{{card_keys}}
"""
_CLOUD_PROGRAM = str(Path(sys.executable).with_name("pistegate-cloud"))
CONNECTED = "connected to the broker"  # as the cloud's log says
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


class Program:
    """A process at a place; it may be killed and started again. `ip netns exec` becomes it: the number is its own."""

    def __init__(self, place: Place, log: Path, *command: str, env: dict[str, str] | None = None) -> None:
        self.log = log
        self._command = place.command(*command)
        self._env = env or {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Its output is appended to the log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command, stdout=output, stderr=output, env=os.environ | {"PYTHONUNBUFFERED": "1"} | self._env
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def said(self, words: str) -> int:
        """How often the log says so."""
        return self.log.read_text("utf-8", "replace").count(words) if self.log.exists() else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class FarCloud:
    """Where it is, and what it stored. `database`: its address."""

    end: Place
    directory: Path
    database: str
    broker_port: int
    http_port: int
    mosquitto: Program = field(init=False)
    serving: Program = field(init=False)

    @property
    def log(self) -> Path:
        """Of the cloud."""
        return self.serving.log

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
        config = str(self.directory / "cloud.toml")
        command = [_CLOUD_PROGRAM, "token", "create", "--config", config, "--name", "test", "--json", *words]
        made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return {"Authorization": f"Bearer {json.loads(made)['token']}"}

    def stored(self) -> int:
        """Events that it has."""
        return int(self._one("SELECT count(*) FROM raw_event"))

    def applied(self) -> int:
        """Events that it has applied."""
        return int(self._one("SELECT COALESCE(sum(applied_seq), 0) FROM event_chain"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is in its database, whichever that is."""
        if not self.database.startswith("sqlite://"):
            return asyncio.run(_asked(self.database, query))
        path = self.database.removeprefix("sqlite://")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(query).fetchall()

    def serve_again(self) -> None:
        """Start the cloud's process; it is connected to its broker when this returns."""
        before = self.serving.said(CONNECTED)
        self.serving.start()
        wait_for(lambda: self.serving.said(CONNECTED) > before, START_S)

    def _one(self, query: str) -> int:
        return int(self.rows(query)[0][0])


async def _asked(database: str, query: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(database)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


@contextmanager
def far_cloud(line: Line, directory: Path, gates: int = 1) -> Iterator[FarCloud]:
    """As `cloud_at`, at the far end of a line."""
    with cloud_at(line.far, directory, gates) as cloud:
        yield cloud


@contextmanager
def cloud_at(place: Place, directory: Path, gates: int = 1, database: str | None = None) -> Iterator[FarCloud]:
    """Gates 1..`gates` of site 1 are registered; unsigned batches are taken. `database`: SQLite unless it is given."""
    database = database or f"sqlite://{directory}/cloud.sqlite3"
    asyncio.run(_open_site(DatabaseSettings(database), gates))
    far = FarCloud(place, directory, database, free_port(), free_port())
    config = directory / "cloud.toml"
    (directory / "mosquitto.conf").write_text(
        f"listener {far.broker_port} {place.address}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        "max_queued_messages 0\n"
    )
    keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items() if value is not None)
    config.write_text(
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
    far.mosquitto = Program(place, directory / "mosquitto.log", str(mosquitto), "-c", f"{directory}/mosquitto.conf")
    far.serving = Program(place, directory / "cloud.log", _CLOUD_PROGRAM, "serve", "--config", str(config))
    with far.mosquitto, contextlib.ExitStack() as running:
        running.push(far.serving)
        far.serve_again()
        yield far


@contextmanager
def near_gate(line: Line, config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pistegate-gate run` at the near end, on mock pins."""
    words = (sys.executable, "-m", "pistegate_edge", "run", "--config", str(config))
    with Program(line.near, log, *words, env={"GPIOZERO_PIN_FACTORY": "mock"}) as program:
        assert program.process is not None
        yield program.process


async def _open_site(settings: DatabaseSettings, gates: int) -> None:
    if settings.is_sqlite:
        empty_cloud(settings.sqlite_path)
    else:
        await migrate(settings)
    async with open_database(settings):
        await Site.create(number=1, group_number=1, name="Far", zone="Asia/Shanghai")
        area = await Area.create(site_id=1, number=0, name="Area")
        post = await Post.create(site_id=1, number=1, area=area, name="Post")
        for number in range(1, gates + 1):
            await Gate.create(site_id=1, number=number, post=post, name=f"Lane {number}", role="gate")
