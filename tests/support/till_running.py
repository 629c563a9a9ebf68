# SPDX-License-Identifier: Apache-2.0
"""A whole till in this process on a simulated reader, and an operator's program at its socket."""

import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate_bench import WAIT_S, gate_tree, wait_for
from journal_reading import events

from pistegate_edge.clock import Clock
from pistegate_edge.config import check_config
from pistegate_edge.till.process import Till
from pistegate_protocol.events import CardUse, CardUseEnded, Settled, Stream, UseResult
from pistegate_simulators.reader import SimulatedReader

TILL_NUMBER = 21


def till_tree(directory: Path, reader: str = "/dev/ttyAMA0", /, **changes: Any) -> dict[str, Any]:
    """A till's gate.toml as parsed; `changes` replace whole sections."""
    keys = {name: changes[name] for name in ("key_store",) if name in changes}
    tree = gate_tree(directory, reader, **keys)
    for section in ("place", "lane", "signals"):
        del tree[section]
    tree |= {
        "role": "till",
        "device": {"site": 1, "group": 1, "number": TILL_NUMBER},
        "till": {"currency": "CNY", "zone": "Asia/Shanghai", "socket": str(directory / "till.sock")},
    }
    return tree | changes


class Operator:
    """One connection of an operator's program; every line it is told is kept with the time it came."""

    def __init__(self, path: Path, patience_s: float = WAIT_S) -> None:
        self._patience_s = patience_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self.lines: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.closed = False
        self._thread = threading.Thread(target=self._read, name="operator", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        received = b""
        while True:
            try:
                more = self._socket.recv(65_536)
            except OSError:
                more = b""
            if not more:
                self.closed = True
                return
            *lines, received = (received + more).split(b"\n")
            for line in lines:
                self.times.append(time.monotonic())
                self.lines.append(json.loads(line))

    def send(self, **request: Any) -> None:
        """Ask."""
        self.write(json.dumps(request).encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Send whatever."""
        self._socket.sendall(data)

    def codes(self) -> list[str]:
        """What it was told so far."""
        return [line["code"] for line in self.lines]

    def told(self, code: str, times: int = 1) -> dict[str, Any]:
        """Wait for the line of this code, the last of so many."""
        found = wait_for(lambda: [line for line in self.lines if line["code"] == code][times - 1 :], self._patience_s)
        return dict(found[0])

    def ask(self, **request: Any) -> dict[str, Any]:
        """Ask and wait for the end of it."""
        before = sum(line["id"] == request["id"] and line["final"] for line in self.lines)
        self.send(**request)
        return self.end(request["id"], before + 1)

    def end(self, id: str, times: int = 1) -> dict[str, Any]:
        """Wait for the line that ends a request, the last of so many."""
        ended = wait_for(
            lambda: [line for line in self.lines if line["id"] == id and line["final"]][times - 1 :], self._patience_s
        )
        return dict(ended[0])

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):  # the till has hung up already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_S)
        self._socket.close()


@dataclass
class TillBench:
    """A running till."""

    till: Till
    directory: Path
    operator: Operator

    def uses(self) -> list[CardUse]:
        """Card uses recorded so far."""
        return uses(self.directory)

    def results(self) -> list[UseResult]:
        """How they ended."""
        return results(self.directory)


def uses(directory: Path) -> list[CardUse]:
    """Card uses in a journal."""
    return [event for event in events(directory, Stream.LEDGER) if isinstance(event, CardUse)]


def results(directory: Path) -> list[UseResult]:
    """How card uses ended."""
    return [event.result for event in events(directory, Stream.LEDGER) if isinstance(event, CardUseEnded)]


def charged(directory: Path) -> list[bool | None]:
    """Of each use whether it is known to have changed its card, as the journal tells: the end, then the settlement."""
    found: dict[int, bool | None] = {}
    uses_seen = 0
    for event in events(directory, Stream.LEDGER):
        if isinstance(event, CardUse):
            uses_seen += 1
        elif isinstance(event, CardUseEnded):
            found[event.seq] = {UseResult.DONE: True, UseResult.VOID: False}.get(event.result)
        elif isinstance(event, Settled):
            assert found[event.seq] is None, "settled though it was known"
            found[event.seq] = event.charged
    assert len(found) == uses_seen, "a use without its end"
    return list(found.values())


@contextmanager
def running_till(directory: Path, reader: SimulatedReader, /, **changes: Any) -> Iterator[TillBench]:
    """A whole till on threads of this process with an operator connected; stopped in order at the end."""
    directory.mkdir(exist_ok=True)
    link = reader.link
    assert link is not None
    config = check_config(till_tree(directory, str(link), **changes))
    started: queue.SimpleQueue[Till | BaseException] = queue.SimpleQueue()
    failed: list[BaseException] = []

    def run() -> None:
        # Built here, as SQLite's connections belong to the thread that made them.
        try:
            with ExitStack() as parts:
                till = Till(config, Clock(), parts)
                started.put(till)
                till.run()
        except BaseException as error:  # noqa: BLE001 - shown by the test that owns the bench
            failed.append(error)
            started.put(error)

    thread = threading.Thread(target=run, name="till loop", daemon=True)
    thread.start()
    till = started.get(timeout=WAIT_S)
    if isinstance(till, BaseException):
        raise till
    assert config.till is not None
    operator = Operator(Path(config.till.socket))
    try:
        wait_for(lambda: till._core.service() == "in_service")
        yield TillBench(till, directory, operator)
    finally:
        operator.close()
        till.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive(), "the till did not stop"
        if failed:
            raise failed[0]
