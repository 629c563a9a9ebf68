# SPDX-License-Identifier: Apache-2.0
"""A cloud at the far end of a bad line: Mosquitto and `pistegate-cloud serve` in one namespace, gates in the other."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from card_stock import card_key_settings
from gate_bench import wait_for
from servers import find_tool

from pistegate_cloud.database import open_database
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings
from pistegate_cloud.sites.models import Area, Post, Site
from pistegate_simulators.link.line import End, Line

BROKER_PORT, HTTP_PORT = 1883, 8000
_CLOUD = f"""
[database]
url = "sqlite://{{database}}"
[http]
host = "{{address}}"
port = {HTTP_PORT}
[broker]
url = "mqtt://{{address}}:{BROKER_PORT}"
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
START_S = 60.0  # on a loaded machine


@dataclass
class FarCloud:
    """Where it is, and what it stored."""

    end: End
    database: Path
    log: Path

    @property
    def broker(self) -> dict[str, object]:
        """A gate's [broker]."""
        return {"host": self.end.address, "port": BROKER_PORT, "keepalive_s": 60}

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
    """Gates 1..`gates` of site 1 are registered; unsigned batches are taken."""
    database = directory / "cloud.sqlite3"
    asyncio.run(_open_site(DatabaseSettings(f"sqlite://{database}"), gates))
    far = FarCloud(line.far, database, directory / "cloud.log")
    (directory / "mosquitto.conf").write_text(
        f"listener {BROKER_PORT} {line.far.address}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        "max_queued_messages 0\n"
    )
    keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items() if value is not None)
    (directory / "cloud.toml").write_text(_CLOUD.format(database=database, address=line.far.address, card_keys=keys))
    mosquitto = find_tool("mosquitto")
    assert mosquitto is not None
    with contextlib.ExitStack() as running:
        running.enter_context(
            _process(line.far, directory / "mosquitto.log", mosquitto, "-c", f"{directory}/mosquitto.conf")
        )
        program = str(Path(sys.executable).with_name("pistegate-cloud"))
        running.enter_context(_process(line.far, far.log, program, "serve", "--config", f"{directory}/cloud.toml"))
        wait_for(lambda: "connected to the broker" in far.log.read_text(), START_S)
        yield far


@contextmanager
def near_gate(line: Line, config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pistegate-gate run` at the near end, on mock pins."""
    words = (sys.executable, "-m", "pistegate_edge", "run", "--config", str(config))
    with _process(line.near, log, *words) as process:
        yield process


@contextmanager
def _process(end: End, log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
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
