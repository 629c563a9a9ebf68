# SPDX-License-Identifier: Apache-2.0
"""Money in any order of deeds, with a death between any two steps: nothing is lost, doubled or half done.

The second proof of issue 7. The tests after the first plant a bug each, and want it found.
"""

import asyncio
import json
import logging
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import msgspec
import pytest
from crash_points import AFTER_COMMIT, STATEMENT, CrashPoints
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from money_machine import MoneyMachine
from money_world import World, furnish
from tortoise.backends.sqlite.client import SqliteTransactionWrapper
from tortoise.transactions import in_transaction

from pistegate_cloud.aftersales import leaving
from pistegate_cloud.audit import queries as audit
from pistegate_cloud.documents import service as documents
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.orders import ending
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.settings import DatabaseSettings, Settings
from pistegate_cloud.stock import service as stock
from pistegate_cloud.tenders import queries as tenders

Running = Callable[[Settings], AbstractAsyncContextManager[Any]]
PLAYED: Final = (30, 60)  # examples, deeds of each at most
BEAN_CHECK = Path(sys.executable).with_name("bean-check")


class Table:
    """Makes worlds, each on a copy of one furnished database, in a loop of its own."""

    def __init__(self, furnished: Path, codes: list[str], settings: Settings, running: Running, runner: Any) -> None:
        self.furnished, self.codes, self.settings, self.running = furnished, codes, settings, running
        self.runner, self.points, self.books = runner, CrashPoints(), []
        self.deaths: dict[str, int] = {}
        self.done: Counter[str] = Counter()
        self._numbers = count()

    async def opened(self) -> tuple[World, Callable[[], Awaitable[Any]]]:
        path = self.furnished.with_name(f"world{next(self._numbers)}.sqlite3")
        shutil.copy(self.furnished, path)
        context = self.running(at(self.settings, path))
        world = World(await context.__aenter__(), path, self.points, self.codes)

        async def close() -> None:
            await context.__aexit__(None, None, None)
            for left in path.parent.glob(f"{path.name}*"):
                left.unlink()

        return world, close

    def machine(self) -> type[MoneyMachine]:
        plain = {"opened": staticmethod(self.opened), "runner": self.runner, "books": self.books, "deaths": self.deaths}
        plain["done"] = self.done
        return type("MoneyMachine", (MoneyMachine,), plain)

    def plays(self, examples: int, steps: int, *, shrinks: bool = False) -> None:
        """AssertionError: something went wrong, and the deeds that led to it."""
        phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]
        how = settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            deadline=None,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(self.machine(), settings=how)


def at(settings: Settings, path: Path) -> Settings:
    """The same settings with another database."""
    return msgspec.structs.replace(settings, database=DatabaseSettings(f"sqlite://{path}"))


@pytest.fixture
def table(
    sqlite_settings: Settings, running_cloud: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Table]:
    """Everything is watched from here on."""

    async def prepare() -> list[str]:
        async with running_cloud(sqlite_settings) as cloud:
            return await furnish(cloud)

    with asyncio.Runner() as runner:
        codes = runner.run(prepare())
        furnished = sqlite_settings.database.sqlite_path
        table = Table(furnished, codes, sqlite_settings, running_cloud, runner)
        table.points.install(monkeypatch)
        logging.disable(logging.CRITICAL)  # each death would be told at length
        yield table
        logging.disable(logging.NOTSET)


def test_money_survives_any_order_of_deeds_and_deaths(table: Table, tmp_path: Path) -> None:
    """Sold, paid, refunded, lent, settled, closed, with deaths in between; an independent program accepts the books."""
    table.plays(*PLAYED)
    longest = max(table.books, key=len)
    book = tmp_path / "book.beancount"
    book.write_text(longest, "utf-8")
    checked = subprocess.run([BEAN_CHECK, book], capture_output=True, text=True, check=False, timeout=60)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert {STATEMENT, AFTER_COMMIT} <= set(table.deaths), table.deaths


# Bugs, planted


Plant = Callable[[pytest.MonkeyPatch], None]


def refunds_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    """What was given back of a payment is not taken off what is left of it."""

    async def draw(*_: Any) -> bool:
        return True

    patch.setattr(tenders, "draw", draw)


def answers_are_kept_later(patch: pytest.MonkeyPatch) -> None:
    """The answer of a request is kept after the transaction that did the work."""
    late: list[tuple[Any, ...]] = []
    commit = SqliteTransactionWrapper.commit

    async def keep_reply(*row: Any) -> bool:
        late.append((*row[:4], json.dumps(row[4]), row[5]))
        return True

    async def commit_and_keep(connection: Any) -> None:
        rows, late[:] = list(late), []
        await commit(connection)
        for row in rows:
            columns = '(caller, operation, "key", request_digest, answer, at_ms)'
            await connection._connection.execute(f"INSERT INTO kept_reply {columns} VALUES (?, ?, ?, ?, ?, ?)", row)

    patch.setattr(audit, "keep_reply", keep_reply)
    patch.setattr(SqliteTransactionWrapper, "commit", commit_and_keep)


def a_posting_is_lost(patch: pytest.MonkeyPatch) -> None:
    """Of postings of three sides one is not written."""
    add = ledger.add

    async def add_some(transaction: Any, postings: Any) -> None:
        await add(transaction, postings[:2])

    patch.setattr(ledger, "add", add_some)


def expired_orders_keep_their_stock(patch: pytest.MonkeyPatch) -> None:
    """Cancelled ones give it back."""

    async def release(order: Any) -> None:
        if (await orders.found(order)).status != "expired":
            await stock.release(order)

    patch.setattr(ending, "stock", SimpleNamespace(release=release))


def denials_come_later(patch: pytest.MonkeyPatch) -> None:
    """The deny list is signed after the refund's transaction, when it is sent."""
    publish, push_all = leaving.publish_denials, documents.push_all
    late: list[tuple[Any, ...]] = []

    async def publish_later(*what: Any) -> dict[int, bytes]:
        late[:] = [what]
        return {}

    async def publish_and_push(messages: Any, services: Any) -> None:
        async with in_transaction():
            for what in late:
                messages = messages | await publish(*what)
        await push_all(messages, services)

    patch.setattr(leaving, "publish_denials", publish_later)
    patch.setattr(documents, "push_all", publish_and_push)


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (refunds_are_not_counted, "0 given back, refunds of"),
        (answers_are_kept_later, "orders that nobody was told of|made something twice"),
        (a_posting_is_lost, "do not sum to zero"),
        (expired_orders_keep_their_stock, "expired holds"),
        (denials_come_later, "refunded and in no deny list"),
    ],
)
def test_a_planted_bug_is_found(table: Table, plant: Plant, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And named for what it is."""
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=words):
        table.plays(150, 60)  # it ends where the bug is found


@pytest.mark.slow
def test_money_survives_many_deeds_and_deaths(table: Table) -> None:
    """The same for minutes."""
    table.plays(600, 120, shrinks=True)
