# SPDX-License-Identifier: Apache-2.0
"""The gate's tables with 200,000 bindings and 200,000 denials, in a fresh process: time of a lookup, memory, updates.

A presentation looks up a document's bindings and its ticket's denial. Lookups are measured alone and while another
thread applies a hundredth of both tables; memory is the peak of the resident set above what it was before the store
was opened: both wholes, lookups, updates and one stretched number included. Each figure is a share of its limit.

By itself: .venv/bin/python tests/benchmarks/bench_bindings.py --count 200000
"""

import argparse
import gc
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter, sleep
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from binding_cases import (
    HANDLES,
    NUMBER,
    PUBLISHERS,
    SITE,
    a_handle,
    denial_file,
    denials,
    many_bindings,
    table_file,
)
from figures import Figure, progress

from pistegate_edge.bindings.presenting import presented
from pistegate_edge.bindings.store import BindingStore
from pistegate_protocol.identity import DocumentKind
from pistegate_protocol.signing import Medium, MediumKind

COUNT = 200_000
ROUNDS = 7
LOOKUPS = 3000  # of one round
LOOKUP_MS, MEMORY_MB, UPDATE_S = 1.0, 24.0, 2.0  # the promises of issue 5
PAUSE_S = 0.0005  # between lookups while an update goes on: more than any lane sees
WARM_UP = 200


def measure(count: int = COUNT) -> list[Figure]:
    """The figures."""
    with TemporaryDirectory(prefix="pistegate-bench-") as name:
        directory = Path(name)
        progress(0, 3)
        _write_files(directory, count)
        progress(1, 3)
        found = _in_fresh_process(directory, count)
        progress(3, 3)
    return [
        _share(
            "bindings: lookup, p99", found["alone_ms"], LOOKUP_MS, "ms", f"median of {ROUNDS} rounds; {_what(count)}"
        ),
        _share("bindings: lookup meanwhile, p99", found["meanwhile_ms"], LOOKUP_MS, "ms", "while an update goes on"),
        _share("bindings: memory", found["memory_mb"], MEMORY_MB, "MB", "peak resident set above an empty gate's"),
        _share("bindings: a hundredth changed", found["update_s"], UPDATE_S, "s", "of both tables, durable"),
        Figure("bindings: whole", found["whole_s"], "s", note=f"{found['whole_mb']:.1f} MB for both tables"),
        Figure(
            "bindings: stretched number",
            found["stretch_ms"],
            "ms",
            note="once per presentation, in the reader's thread",
        ),
    ]


def _share(name: str, value: float, limit: float, unit: str, note: str) -> Figure:
    return Figure(
        name, value / limit, "of its limit", 1.0, note=f"{value:.3g} {unit}, {limit:g} {unit} promised; {note}"
    )


def _what(count: int) -> str:
    return f"{count:,} bindings and {count:,} denials"


def _write_files(directory: Path, count: int) -> None:
    """Wholes, and for each round a delta that takes a two-hundredth away and brings as many new ones."""
    half = max(1, count // 200)
    (directory / "bindings.1").write_bytes(table_file(many_bindings(count)))
    (directory / "denials.1").write_bytes(denial_file(denials(range(1, count + 1))))
    for version in range(2, ROUNDS + 2):
        first = 1 + (version - 2) * half
        gone = [(key, b"") for key, _ in many_bindings(half, first)]
        delta = sorted([*gone, *many_bindings(half, count + first)])
        (directory / f"bindings.{version}").write_bytes(table_file(delta, version, since=version - 1, total=count))
        lifted = [(key, b"") for key, _ in denials(range(first, first + half))]
        delta = sorted([*lifted, *denials(range(count + first, count + first + half))])
        (directory / f"denials.{version}").write_bytes(denial_file(delta, version, since=version - 1, total=count))


def _in_fresh_process(directory: Path, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--in", str(directory), "--count", str(count)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _measured(directory: Path, count: int) -> dict[str, float]:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = _status("VmRSS")
    store = BindingStore(directory, PUBLISHERS, SITE)
    whole_s = _timed(lambda: _apply(store, directory, 1))
    keys = {HANDLES.number: HANDLES}
    stretch_ms = 1e3 * median(_timed(lambda: presented(DocumentKind.RESIDENT_ID, NUMBER, keys)) for _ in range(5))
    guests = range(count // 20, count)  # none that an update takes away
    chance = random.Random(5)
    for _ in range(WARM_UP):
        _lookup(store, chance.choice(guests))
    alone = [
        _p99_ms([_timed(lambda: _lookup(store, chance.choice(guests))) for _ in range(LOOKUPS)]) for _ in range(ROUNDS)
    ]
    updates, meanwhile = _updated(store, directory, guests)
    memory = _status("VmHWM") - before
    size = sum(path.stat().st_size for path in directory.glob("*.1"))
    store.close()
    return {
        "alone_ms": median(alone),
        "meanwhile_ms": _p99_ms(meanwhile),
        "memory_mb": memory / 1024,
        "update_s": max(updates),
        "whole_s": whole_s,
        "whole_mb": size / 1e6,
        "stretch_ms": stretch_ms,
    }


def _updated(store: BindingStore, directory: Path, guests: range) -> tuple[list[float], list[float]]:
    """Seconds of each update, and of the lookups meanwhile."""
    updates, taken = [], []
    for version in range(2, ROUNDS + 2):
        done = Event()

        def work(version: int = version, done: Event = done) -> None:
            updates.append(_timed(lambda: _apply(store, directory, version)))
            done.set()

        thread = Thread(target=work)
        thread.start()
        taken += _lookups_until(done, store, guests)
        thread.join()
    return updates, taken


def _lookups_until(done: Event, store: BindingStore, guests: range) -> list[float]:
    chance, taken = random.Random(7), []
    while not done.is_set():
        taken.append(_timed(lambda: _lookup(store, chance.choice(guests))))
        sleep(PAUSE_S)
    return taken


def _lookup(store: BindingStore, guest: int) -> None:
    found = store.bindings(Medium(MediumKind.IDENTITY, a_handle(guest)))
    if [binding.ticket for binding in found] != [guest] or not store.denied_below(guest):
        raise SystemExit(f"guest {guest} was not found")


def _apply(store: BindingStore, directory: Path, version: int) -> None:
    for name in ("bindings", "denials"):
        store.apply(directory / f"{name}.{version}")


def _timed(work: Callable[[], Any]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _p99_ms(seconds: list[float]) -> float:
    return 1e3 * sorted(seconds)[int(len(seconds) * 0.99)]


def _status(name: str) -> int:
    """Kilobytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """By itself, or as the fresh process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help=f"bindings, and as many denials (default: {COUNT})")
    parser.add_argument("--in", dest="directory", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.directory:
        print(json.dumps(_measured(chosen.directory, chosen.count)))
        return
    for figure in measure(chosen.count):
        print(
            f"{figure.name:34} {figure.value:8.3f} {figure.unit:13} {'missed' if figure.missed else '':7} {figure.note}"
        )


if __name__ == "__main__":
    main()
