# SPDX-License-Identifier: Apache-2.0
"""A window with the WAN down: cloud and box as real processes, a gate; an outside clock that runs fast; a line cut.

The seller is a browser at the box's page, the gate has a scanner. The cut is a proxy that goes away.
"""

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from binding_cases import ISSUER, ISSUER_ID, PUBLISHER, PUBLISHER_ID, SITE
from box_browser import Browser
from cloud_process import CloudProcess
from gate_bench import public, running_gate, toml_of, wait_for
from journal_reading import admissions, refusals
from servers import free_port

from pistegate_edge.clock import open_clock
from pistegate_edge.contingency.cli import summary
from pistegate_edge.contingency.store import FILE_NAME
from pistegate_edge.errors import ConfigError
from pistegate_protocol.documents import DENY_LIST
from pistegate_protocol.texts import text
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner.scanner import SimulatedScanner
from pistegate_simulators.timesource import TimeSource

pytestmark = pytest.mark.timeout(900)  # real processes, on a loaded machine
PIN, WINDOW, BOX = "402817", 3, 1
MORNING = datetime(2026, 1, 17, 2, 0, tzinfo=UTC)  # 10:00 at the site
FAST = 30.0  # a minute in two seconds; the box asks every second
WITHIN_S = 90.0


class Line:
    """The WAN between box and cloud: a proxy that can go away and come back."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._up = True
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing goes through, and what was under way breaks off."""
        with self._lock:
            self._up = False
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """It is there again."""
        with self._lock:
            self._up = True

    def close(self) -> None:
        """The end."""
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                if not self._up:
                    here.close()
                    continue
                there = socket.create_connection(("127.0.0.1", self._to))
                with self._lock:
                    self._open |= {here, there}
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        one.close()
        with self._lock:
            self._open.discard(one)


@dataclass
class Site:
    """A site with one window and its box. `directory`: of the box."""

    cloud: CloudProcess
    line: Line
    time: TimeSource
    directory: Path
    config: Path
    port: int

    @contextmanager
    def box(self) -> Iterator[None]:
        """`pistegate-gate run`, until it is killed."""
        with self.config.with_suffix(".log").open("ab") as log:
            command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(self.config)]
            process = subprocess.Popen(command, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def gate_command(self, *words: str) -> str:
        """What pistegate-gate prints."""
        command = [sys.executable, "-m", "pistegate_edge", *words, "--config", str(self.config)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def status(self) -> Any:
        """How the windows stand, as the cloud says."""
        return self.cloud.call("GET", f"/contingency?site={SITE}&since={MORNING.date()}")

    def codes(self, state: str) -> list[str]:
        """Codes of the box's tickets that were `sold` or are `left`."""
        where = "NOT NULL" if state == "sold" else "NULL"
        with contextlib.closing(sqlite3.connect(f"{(self.directory / FILE_NAME).as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(f"SELECT code FROM ticket WHERE receipt IS {where} ORDER BY serial").fetchall()
        return [str(row[0]) for row in rows]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Set up as docs/operator.md says, the box enrolled; its tickets are not there yet."""
    time = TimeSource(tmp_path / "time", MORNING)
    authority = tmp_path / "authority"
    sections = f'[enrolment]\nauthority = "{authority}"\n[clock]\nsource = "{time.path}"\n'
    cloud = CloudProcess(tmp_path / "cloud", sections)
    cloud.run("authority", "init", "--directory", str(authority), "--name", "Snow Valley", configured=False)
    with cloud:
        line, port = Line(cloud.http_port), free_port()
        config = tmp_path / "encoder.toml"
        tree = {
            "role": "encoder",
            "device": {"site": SITE, "group": 1, "number": BOX},
            "reader": {"path": str(tmp_path / "no-reader")},
            "broker": {"host": "127.0.0.1", "port": cloud.broker_port},
            "clock": {"source": str(time.path)},
            "identity": {"directory": str(tmp_path / "identity")},
            "contingency": {"directory": str(tmp_path / "box"), "port": port, "every_s": 1, "locale": "en"},
        }
        config.write_text(toml_of(tree))
        cloud.call("POST", "/encoders", {"site": SITE, "number": BOX, "name": "Window 3"})
        made = json.loads(cloud.run("gate", "enrol", "--site", str(SITE), str(BOX), "--role", "encoder", "--json"))
        found = Site(cloud, line, time, tmp_path / "box", config, port)
        found.gate_command("enrol", "--cloud", line.url, "--code", made["code"])
        yield found
        line.close()
        time.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A gate's card reader."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedScanner]:
    """A gate's scanner."""
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        yield scanner


def gate_sections(site: Site, tmp_path: Path) -> dict[str, Any]:
    """A gate of the site that hears the cloud's documents."""
    return {
        "device": {"site": SITE, "group": 1, "number": 3},
        "place": {"area": 0, "post_gates": [3], "zone": "Asia/Shanghai"},
        "issuer_keys": {str(ISSUER_ID): public(ISSUER).hex()},
        "document_keys": {str(PUBLISHER_ID): public(PUBLISHER).hex()},
        "broker": {"host": "127.0.0.1", "port": site.cloud.broker_port, "keepalive_s": 30},
        "scanner": {"path": str(tmp_path / "scanner"), "profile": "lines-9600"},
    }


def soon(what: Callable[[], Any]) -> Any:
    """As wait_for, on a loaded machine."""
    return wait_for(what, WITHIN_S)


def outage(site: Site, receipts: int) -> None:
    """The WAN goes; the seller logs in and sells so many receipts of two, every third by the terminal."""
    site.line.cut()
    browser = Browser(site.port, WINDOW)
    soon(lambda: text("contingency.may_sell") in browser.log_in(PIN))
    browser.post("/drawer", amount="500")
    for number in range(receipts):
        way = {"method": "terminal", "reference": f"T{number}"} if number % 3 == 0 else {"tendered": "10"}
        browser.sell(browser.get("/"), count_1="2", **way)
        place = browser.path.removeprefix("/receipt")
        assert browser.post(f"/give{place}").count("<svg") == 2


def check_books(site: Site, receipts: int) -> None:
    """The cloud knows of every receipt once, by way of paying; the box says the same."""
    terminal = -(-receipts // 3)
    (batch,) = [each for each in site.status()["batches"] if each["receipts"]]
    assert (batch["state"], batch["receipts"], batch["heard"], batch["missing"]) == ("done", receipts, receipts, [])
    assert batch["booked"] == {"terminal": terminal * 200, "cash": (receipts - terminal) * 200}
    assert batch["told"] == {"drawer": 50_000, **batch["booked"]}
    orders = site.cloud.call("GET", f"/orders?site={SITE}&limit=1000")["items"]
    assert len(orders) == receipts
    assert {(order["status"], order["total"]) for order in orders} == {("paid", 200)}
    assert json.loads(site.cloud.run("contingency", "status", "--site", str(SITE), "--json"))["troubles"] == 0


def set_up_window(site: Site, count: int) -> None:
    """The manager's part; the night's batch comes by itself."""
    body = {"role": "encoder", "device": BOX, "pin": PIN, "offers": [{"product": 1, "count": count}]}
    site.cloud.call("PUT", f"/contingency/windows/{WINDOW}?site={SITE}", body)


def ready(site: Site) -> bool:
    """Whether the box has its tickets."""
    with contextlib.suppress(ConfigError):
        return any(batch["state"] == "ready" for batch in summary(site.directory)["batches"])
    return False


def run_outage(
    site: Site,
    tmp_path: Path,
    reader: SimulatedReader,
    scanner: SimulatedScanner,
    receipts: int,
    count: int,
    lasts: timedelta = timedelta(0),
) -> None:
    """Cut, sold, one code shown at a real gate; killed and started; healed: books and gates agree."""
    set_up_window(site, count)
    with site.box():
        soon(lambda: ready(site))
        assert f"batch 1: ready; {count} left" in site.gate_command("contingency", "status")
        site.time.slow_down(FAST)
        back = site.time.now() + lasts
        outage(site, receipts)
        site.time.slow_down(4 * FAST)
        wait_for(lambda: site.time.now() >= back, 4 * WITHIN_S)
        site.time.slow_down(FAST)
    sold = site.codes("sold")
    assert len(sold) == len(set(sold)) == 2 * receipts
    journal = tmp_path / "journal"
    clock = open_clock(str(site.time.path))
    with running_gate(journal, reader, clock=clock, **gate_sections(site, tmp_path)) as bench:
        scanner.show(sold[0])
        soon(lambda: bench.unlocks() == 1)
        bench.turn()
        with site.box():  # killed above, as by a power cut; the WAN is back
            site.line.heal()
            soon(lambda: any(batch["state"] == "done" for batch in site.status()["batches"]))
        check_books(site, receipts)
        soon(lambda: DENY_LIST in bench.gate._versions())
        scanner.show(site.codes("left")[0])
        soon(lambda: refusals(journal) == ["revoked"])
    assert len(admissions(journal)) == 1
    (batch,) = [each for each in site.status()["batches"] if each["receipts"]]
    assert batch["tickets"] == {"sold": 2 * receipts, "unsold_denied": count - 2 * receipts}


def test_a_short_cut_sold_admitted_and_healed(
    site: Site, tmp_path: Path, reader: SimulatedReader, scanner: SimulatedScanner
) -> None:
    """Six receipts; the box is killed in between."""
    run_outage(site, tmp_path, reader, scanner, receipts=6, count=20)


@pytest.mark.slow
def test_two_hours_cut_three_hundred_sold(
    site: Site, tmp_path: Path, reader: SimulatedReader, scanner: SimulatedScanner
) -> None:
    """Two hours by the site's clock, 150 receipts of two tickets each."""
    run_outage(site, tmp_path, reader, scanner, receipts=150, count=320, lasts=timedelta(hours=2))
