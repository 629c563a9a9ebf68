# SPDX-License-Identifier: Apache-2.0
"""A gate process that was alone for a month: how soon it serves, how much memory it takes, how long it then tells.

First a journal of 200,000 events that nobody acknowledged, and 200,000 denied tickets in its tables. Then a process
that lives through 10,000 events and 30 restarts by itself, on a clock from outside that makes a month of it: people
hold codes to its scanner, four of five are refused (one event), one walks through (admission and outcome).

By itself: .venv/bin/python tests/benchmarks/bench_alone.py --events 10000 --restarts 30
"""

import argparse
import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from binding_cases import PUBLISHER, PUBLISHER_ID, PUBLISHERS, denial_file, denials
from code_crowd import CodeCrowd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from far_cloud import DOCUMENTS_KEY, FarCloud, Here, cloud_at
from figures import Figure, progress
from gate_bench import public, wait_for
from long_alone import fill
from ridden_gate import GATE, RiddenGate
from two_books import compared

from pistegate_edge.bindings.store import BindingStore
from pistegate_simulators.timesource import TimeSource

FILLED, DENIED = 200_000, 200_000
EVENTS, RESTARTS = 10_000, 30
STARTS = 3
READY_S, MEMORY_MB = 3.0, 80.0  # the promises of issue 6
GIVE_UP_S = 3600.0
LOOK_S = 0.5  # between looks at journal and database
DAYS = 30
PASSAGE_S = 0.15  # estimate of one event in the run with restarts, for the rate of the outside clock
SITE = 1


def measure(events: int = EVENTS, restarts: int = RESTARTS) -> list[Figure]:
    """Both runs."""
    steps = STARTS + 1 + restarts
    with TemporaryDirectory(prefix="bench-alone-") as name:
        found = _after_a_month(_home(name), steps)
    with TemporaryDirectory(prefix="bench-alone-") as name:
        return found + _through_a_month(_home(name), events, restarts, steps)


def _home(name: str) -> Path:
    directory = Path(name)
    directory.chmod(0o755)  # Mosquitto, started by root, reads as its own user
    return directory


# A journal that is full


def _after_a_month(directory: Path, steps: int) -> list[Figure]:
    storage = directory / "gate"
    fill(storage, SITE, GATE, FILLED)
    _deny(directory, storage)
    with cloud_at(Here(), directory, gates=GATE) as cloud:
        cloud.mosquitto.kill()
        gate = RiddenGate(Here(), directory, cloud.broker, 1, riding=False, **_sections(directory))
        ready, memory = [], []
        with gate:
            for number in range(STARTS):
                progress(number, steps)
                if number:
                    gate.kill()
                    gate.start()
                ready.append(gate.ready_s)
                memory.append(_resident_mb(gate, "VmHWM"))
            alone_mb = _resident_mb(gate, "VmRSS")
            cloud.mosquitto.start()
            drain_s, applied_s = _drained(gate, cloud)
            told_mb = _resident_mb(gate, "VmHWM")
        stored = cloud.stored()
    what = f"{FILLED:,} events waiting, {DENIED:,} denied"
    return [
        Figure("alone: ready after start", median(ready), "s", READY_S, note=f"median of {STARTS} starts; {what}"),
        Figure("alone: resident memory", alone_mb, "MB", MEMORY_MB, note=what),
        Figure("alone: its peak, start included", max(memory), "MB", MEMORY_MB, note="VmHWM"),
        Figure("alone: its peak, after telling all", told_mb, "MB", MEMORY_MB, note="VmHWM"),
        Figure("alone: drain on this machine", drain_s, "s", note=f"{stored:,} events, all acknowledged; no bad line"),
        Figure("alone: until all is applied", applied_s, "s", note="from the same moment, on SQLite"),
    ]


def _deny(directory: Path, storage: Path) -> None:
    """The table of denials, as fetched."""
    file = directory / "denials.1"
    file.write_bytes(denial_file(denials(range(1, DENIED + 1)), site=SITE))
    store = BindingStore(storage, PUBLISHERS, SITE)
    store.apply(file)
    store.close()


def _sections(directory: Path) -> dict[str, object]:
    """The gate asks a cloud for tables that nobody serves here, and believes two publishers."""
    token = directory / "token"
    token.touch(0o600)
    token.write_text("nobody")
    own = public(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(DOCUMENTS_KEY)))
    tables = public(PUBLISHER)
    return {
        "cloud": {"url": "http://127.0.0.1:1", "token": str(token)},
        "document_keys": {"1": own.hex(), str(PUBLISHER_ID): tables.hex()},
    }


def _drained(gate: RiddenGate, cloud: FarCloud) -> tuple[float, float]:
    """Seconds until every event is acknowledged, and until all is applied."""
    began = time.monotonic()
    _wait(lambda: gate.waiting() == 0)
    acknowledged = time.monotonic() - began
    _wait(lambda: cloud.applied() == cloud.stored())
    return acknowledged, time.monotonic() - began


def _wait(what: Callable[[], bool]) -> None:
    """As wait_for, looking seldom: each look takes a while on a large database."""

    def looked() -> bool:
        time.sleep(LOOK_S)
        return what()

    wait_for(looked, GIVE_UP_S)


def _resident_mb(gate: RiddenGate, field: str) -> float:
    assert gate.program.process is not None
    status = Path(f"/proc/{gate.program.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


# A process that lives through it


def _through_a_month(directory: Path, events: int, restarts: int, steps: int) -> list[Figure]:
    page = directory / "time"
    source = TimeSource(page, datetime.now(UTC), rate=DAYS * 86_400 / (events * PASSAGE_S))
    ready: list[float] = []
    with contextlib.closing(source), cloud_at(Here(), directory, gates=GATE) as cloud:
        cloud.mosquitto.kill()
        began = time.monotonic()
        crowd = CodeCrowd(Here(), directory, cloud.broker, 1, clock={"source": str(page)})
        with crowd:
            for number in range(restarts):
                progress(STARTS + 1 + number, steps)
                _until(crowd, events * (number + 1) // (restarts + 1))
                _restart(crowd, killed=number % 2 == 0)
                ready.append(crowd.ready_s)
            _until(crowd, events)
            crowd.stop_riding()
            lived_s = time.monotonic() - began
            days = (source.now() - datetime.now(UTC)).days
            memory = _resident_mb(crowd, "VmHWM")
            source.slow_down(1.0)
            cloud.mosquitto.start()
            drain_s, _ = _drained(crowd, cloud)
            books = compared(crowd, cloud)
        note = f"{crowd.written():,} events in {lived_s:.0f} s, {days} days of its clock; {crowd.kills} kills"
    name = f"alone, {restarts} restarts"
    return [
        Figure(f"{name}: persons lost or counted twice", books.lost + books.duplicated, "", 0.0, note=note),
        Figure(f"{name}: events missing, foreign or twice", books.missing + books.foreign + books.twice, "", 0.0),
        Figure(f"{name}: ready after start", median(ready), "s", READY_S, note="beside a crowd"),
        Figure(f"{name}: peak memory", memory, "MB", MEMORY_MB),
        Figure(f"{name}: drain on this machine", drain_s, "s"),
    ]


def _until(crowd: CodeCrowd, written: int) -> None:
    _wait(lambda: crowd.written() >= written)


def _restart(crowd: CodeCrowd, *, killed: bool) -> None:
    if killed:
        crowd.kill()
    else:
        process = crowd.program.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    crowd.start()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--restarts", type=int, default=RESTARTS)
    chosen = parser.parse_args()
    for figure in measure(chosen.events, chosen.restarts):
        print(figure)
