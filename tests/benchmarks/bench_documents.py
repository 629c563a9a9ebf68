# SPDX-License-Identifier: Apache-2.0
"""A whole gate that admits by documents while a hundredth of 200,000 bindings and denials is fetched and applied.

The whole gate of the product runs; the cloud is a real HTTP server in the same process, so its work counts against the
gate. A document begins where its reader's thread has hashed it (bench_bindings has that figure), and ends with the
lane-open command. An update's time is that of a round: ask, fetch, verify, apply, both tables.

By itself: .venv/bin/python tests/benchmarks/run.py documents
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from time import perf_counter, sleep
from typing import Any

from binding_cases import HANDLES, a_binding, a_handle, denial_file, denials, many_bindings, table_file
from document_bench import ALWAYS, document_sections
from figures import Figure, progress
from gate_bench import wait_for
from gate_rig import Rig, running_rig
from table_cloud import TableCloud

from pistegate_edge.bindings.told import DocumentSeen
from pistegate_edge.parts.tables import TableKeeping
from pistegate_protocol.signing import Medium, MediumKind

COUNT = 200_000
ROUNDS = 8
GUESTS = 400  # with claims that an issuer signed; the others' signatures only look like some
ALONE = 60  # documents while nothing is fetched
PAUSE_S = 0.12  # between documents: the unlock pulse of the one before is over (100 ms)
UPDATE_S = 2.0  # the promise of issue 5
FIRST_GUEST = 10_000_000


def measure(count: int = COUNT) -> list[Figure]:
    """The figures."""
    with TemporaryDirectory(prefix="bench-documents-") as name, TableCloud() as cloud:
        bound = [a_binding(FIRST_GUEST + guest, **ALWAYS | {"reentry_s": None}) for guest in range(GUESTS)]
        total = count + GUESTS
        cloud.put(table_file(sorted([*many_bindings(count), *bound])))
        cloud.put(denial_file(denials(range(1, count + 1))))
        sections = document_sections(Path(name) / "journal", cloud.url)
        sections["cloud"]["every_s"] = 3600
        with running_rig(**sections) as rig:
            wait_for(lambda: rig.gate._versions() == {"bindings": 1, "denials": 1}, 120)
            guests = iter(range(FIRST_GUEST, FIRST_GUEST + GUESTS))
            alone = [_one(rig, next(guests)) for _ in range(ALONE)]
            updates, meanwhile = [], []
            for version in range(2, ROUNDS + 2):
                progress(version - 2, ROUNDS)
                _publish(cloud, version, count, total)
                took, opened = _updated(rig, guests)
                updates.append(took)
                meanwhile += opened
                assert {"bindings": version, "denials": version}.items() <= rig.gate._versions().items()
    return [
        Figure(
            "documents: a hundredth changed",
            max(updates) / UPDATE_S,
            "of its limit",
            1.0,
            note=f"{max(updates):.2f} s with {UPDATE_S:g} s promised, worst of {ROUNDS}; fetched, while passages go on",
        ),
        Figure("documents: to lane open", 1e3 * median(alone), "ms", note=f"median of {len(alone)}; after the hash"),
        Figure("documents: to lane open meanwhile", 1e3 * median(meanwhile), "ms", note=f"median of {len(meanwhile)}"),
        Figure("documents: to lane open meanwhile, worst", 1e3 * max(meanwhile), "ms"),
    ]


def _publish(cloud: TableCloud, version: int, count: int, total: int) -> None:
    """A two-hundredth goes, as many come: in both tables."""
    half = max(1, count // 200)
    first = 1 + (version - 2) * half
    gone = [(key, b"") for key, _ in many_bindings(half, first)]
    come = many_bindings(half, count + first)
    lifted = [(key, b"") for key, _ in denials(range(first, first + half))]
    denied = denials(range(count + first, count + first + half))
    cloud.put(denial_file(sorted([*lifted, *denied]), version, since=version - 1, total=count))
    cloud.put(table_file(sorted([*gone, *come]), version, since=version - 1, total=total))


def _updated(rig: Rig, guests: Iterator[int]) -> tuple[float, list[float]]:
    """Seconds of a round of fetching, and of documents meanwhile."""
    keeping = next(part for part in rig.gate._parts if isinstance(part, TableKeeping))
    fetching: Any = keeping._fetch._fetching
    began, ended, took = Event(), Event(), [0.0]
    plain = fetching.round

    def timed(stop: Any) -> bool:
        start = perf_counter()
        began.set()
        good = bool(plain(stop))
        took[0] = perf_counter() - start
        ended.set()
        return good

    fetching.round = timed
    keeping.told()
    assert began.wait(30)
    opened = []
    while not ended.is_set():
        opened.append(_one(rig, next(guests)))
    fetching.round = plain
    return took[0], opened


def _one(rig: Rig, guest: int) -> float:
    medium = Medium(MediumKind.IDENTITY, a_handle(guest))
    sleep(PAUSE_S)
    began = perf_counter()
    return rig.until_open(lambda: rig.gate._queue.put(DocumentSeen({HANDLES.number: medium}))) - began
