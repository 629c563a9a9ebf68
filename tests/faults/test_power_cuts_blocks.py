# SPDX-License-Identifier: Apache-2.0
"""The power goes under a real ext4: what lies between two flushes of the block device is lost, kept in part or torn.

The simulated disk of test_power_cuts.py draws more cuts; this one has the kernel's file system, page cache and SQLite's
shared memory as a gate has them.
"""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from block_cuts import OnDisk, Recording, cut, exposed, lost_after, recorded, why_not
from power_cut import Workplace, day

from pistegate_edge.journal.files import Files

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no cuts at block level here: {why_not()}")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Starts after a power cut have a lot to say."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def two_days(bench: Workplace) -> None:
    """The second has something to forget."""
    day(bench)
    day(bench)


def cuts(recording: Recording, directory: Path, times: int, seed: int) -> list[tuple[int, list[str]]]:
    """Those of `times` cuts that lost something."""
    random, red = Random(seed), []
    for _ in range(times):
        # Not in the first mount: there is no journal yet.
        at = random.randrange(len(recording.tape) // 20, len(recording.tape) + 1)
        lost = lost_after(directory, *cut(recording, at, random))
        if lost:
            red.append((at, lost))
    return red


def test_nothing_promised_is_lost_on_ext4(tmp_path: Path) -> None:
    """A few cuts; the slow target has more."""
    recording = recorded(tmp_path, two_days)
    assert len(recording.tape) > 300
    assert cuts(recording, tmp_path, 16, seed=1) == []


@pytest.mark.slow
def test_nothing_promised_is_lost_on_ext4_in_many_cuts(tmp_path: Path) -> None:
    """Three recordings, each cut a hundred times."""
    for number in range(3):
        directory = tmp_path / str(number)
        directory.mkdir()
        assert cuts(recorded(directory, two_days), directory, 100, seed=number) == []


class _Lax(sqlite3.Connection):
    """Says that it syncs as it was told to, and does less."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """PRAGMA synchronous is answered with 2, FULL."""
        if sql == "PRAGMA synchronous = FULL":
            sql = "PRAGMA synchronous = NORMAL"
        return super().execute("SELECT 2" if sql == "PRAGMA synchronous" else sql, *values)


class _LaxFiles(Files):
    def connect(self, name: str, *, read_only: bool = False) -> sqlite3.Connection:
        """See Files."""
        if read_only:
            return super().connect(name, read_only=True)
        return sqlite3.connect(self.directory / name, isolation_level=None, factory=_Lax)


def lax_days(bench: Workplace) -> None:
    """The first in order, the second on a journal that does not sync its commits."""
    day(bench)
    assert isinstance(bench, OnDisk)
    bench.files = lambda: _LaxFiles(bench._directory)  # type: ignore[method-assign]
    day(bench)


def test_rig_finds_commits_that_were_not_synced(tmp_path: Path) -> None:
    """A journal with synchronous NORMAL promises what is not flushed: cut right behind a promise, it is lost."""
    recording = recorded(tmp_path, lax_days)
    places = [at for at in exposed(recording) if at > len(recording.tape) // 2]
    assert places
    random = Random(1)
    found = [
        lost_after(tmp_path, *cut(recording, at, random, "none")) for at in random.sample(places, min(6, len(places)))
    ]
    assert all(any(each.startswith("lost") for each in wrong) for wrong in found)
