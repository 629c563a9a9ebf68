# SPDX-License-Identifier: Apache-2.0
"""The power goes in every single operation of a gate's journal: nothing that was promised is lost.

On a simulated disk that keeps, drops, reorders and tears what was not synced (pistegate_simulators.disk). What it
cannot show: SQLite's shared memory (the block-level rig has it), and cards that lie about their flushes.
"""

import logging
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from power_cut import Bench, Found, cut_everywhere, cut_twice, day

from pistegate_simulators.disk import CrashingConnection, Disk, DiskFiles


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A thousand starts after a power cut have a lot to say."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def made(wrap: Callable[[DiskFiles], DiskFiles] = lambda files: files) -> Callable[[object], Bench]:
    """Benches with an empty disk."""
    return lambda seed: Bench(Disk(Random(str(seed))), wrap=wrap)


def second_day(bench: Bench) -> None:
    """Another day on a journal that has one behind it."""
    day(bench)


def aged(seed: object) -> Bench:
    """A disk with two days in order on it: the third one's cuts meet old epochs, and things to forget."""
    bench = Bench(Disk(Random(str(seed))))
    day(bench)
    day(bench)
    return bench


def none_lost(found: Found) -> None:
    """No violation, of many cuts."""
    assert found.red == [], f"{len(found.red)} of {found.cuts} cuts lost something"
    assert found.operations > 100
    assert found.missed < found.cuts / 5


def test_no_promise_is_lost_whenever_the_power_goes() -> None:
    """From the first start on: admissions, outcomes, owed persons, documents, epochs, forgetting, tidying."""
    none_lost(cut_everywhere(made(), day))


def test_no_promise_is_lost_on_a_journal_that_has_days_behind_it() -> None:
    """The same work when there is something to forget."""
    none_lost(cut_everywhere(aged, second_day, every=2))


def test_power_that_flickers_during_the_start_loses_nothing() -> None:
    """Cut in the work, then up to three times in the start after it."""
    found = cut_twice(made(), day, 250, seed=1)
    assert found.red == []
    assert found.cuts > 400


@pytest.mark.slow
def test_no_promise_is_lost_in_many_draws() -> None:
    """Each operation again, with other draws of what is kept and torn."""
    for number in range(20):
        none_lost(cut_everywhere(lambda seed, n=number: made()(f"{n} {seed}"), day))  # type: ignore[misc]
        none_lost(cut_everywhere(lambda seed, n=number: aged(f"{n} {seed}"), second_day))  # type: ignore[misc]


class _Lax(CrashingConnection):
    """Says that it syncs as it was told to, and does not."""

    level = "NORMAL"

    def execute(self, sql: str, values: Any = ()) -> Any:
        """PRAGMA synchronous is answered with 2, FULL."""
        if sql == "PRAGMA synchronous = FULL":
            return super().execute(f"PRAGMA synchronous = {self.level}")
        return super().execute("SELECT 2" if sql == "PRAGMA synchronous" else sql, values)


class _Laxer(_Lax):
    level = "OFF"


def lax(kind: type[CrashingConnection]) -> Callable[[DiskFiles], DiskFiles]:
    """Files whose databases are of this kind."""

    def wrap(files: DiskFiles) -> DiskFiles:
        files.connect = lambda name, *, read_only=False: kind(files._disk, name, read_only=read_only)  # type: ignore[method-assign]
        return files

    return wrap


def lazy(kind: type[CrashingConnection]) -> Callable[[object], Bench]:
    """Benches with days in order behind them; from now on their databases are of this kind."""

    def made(seed: object) -> Bench:
        bench = aged(seed)
        bench.wrap = lax(kind)
        return bench

    return made


@pytest.mark.parametrize("kind", [_Lax, _Laxer])
def test_rig_finds_what_a_journal_that_does_not_sync_loses(kind: type[CrashingConnection]) -> None:
    """With synchronous NORMAL commits are lost, with OFF more than that: the rig can see it."""
    found = cut_everywhere(lazy(kind), second_day, every=5)
    lost = [wrong for _, _, wrong in found.red if any(each.startswith("lost") for each in wrong)]
    assert len(lost) > found.cuts / 20
