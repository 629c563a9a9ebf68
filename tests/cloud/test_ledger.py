# SPDX-License-Identifier: Apache-2.0
"""The books: zero-sum by the one code path, by the database on PostgreSQL, and append-only on both."""

from datetime import date
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException, IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.database import is_postgres
from pistegate_cloud.errors import LedgerError
from pistegate_cloud.ledger import queries, service
from pistegate_cloud.ledger.models import LedgerTransaction, Posting
from pistegate_cloud.ledger.service import Line
from pistegate_cloud.uuid7 import uuid7

DAY = date(2026, 1, 17)


async def post(*lines: Line) -> None:
    async with in_transaction():
        await service.post(list(lines), kind="test", site=1, order=None, at_ms=0, day=DAY)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [Line("tenders:cash", 100, "CNY")],
        [Line("tenders:cash", 100, "CNY"), Line("sales", -99, "CNY")],
        [Line("tenders:cash", 100, "CNY"), Line("sales", -100, "EUR")],
        [Line("tenders:cash", 100, "CNY"), Line("pocket", -100, "CNY")],
        [Line("tenders", 100, "CNY"), Line("sales", -100, "CNY")],
        [Line("tenders:cash", 100, "CNY"), Line("sales:cash", -100, "CNY")],
    ],
)
async def test_the_code_path_refuses_what_does_not_balance(cloud: Any, lines: list[Line]) -> None:
    """Per transaction and currency; unknown accounts too."""
    with pytest.raises(LedgerError):
        await post(*lines)
    assert await LedgerTransaction.all().count() == 0


async def test_the_database_refuses_what_does_not_balance(cloud: Any) -> None:
    """A planted posting that bypasses the code path fails at commit on PostgreSQL; elsewhere the report shows it."""
    ids = await queries.account_ids(1, ["tenders:cash", "sales"])

    async def plant(amount: int) -> None:
        async with in_transaction():
            transaction = LedgerTransaction(id=uuid7(0), site_id=1, kind="planted", at_ms=0, day=DAY)
            await transaction.save(force_create=True)
            for account, value in (("tenders:cash", 100), ("sales", amount)):
                await Posting.create(
                    site_id=1,
                    transaction_id=transaction.id,
                    account_id=ids[account],
                    amount=value,
                    currency="CNY",
                )

    await plant(-100)
    if is_postgres(cloud.services.database):
        with pytest.raises((asyncpg.PostgresError, BaseORMException), match="does not sum to zero"):
            await plant(-99)
        assert await Posting.all().count() == 2
        assert await queries.imbalance(1) == 0
    else:
        await plant(-99)
        assert await queries.imbalance(1) == 1


@pytest.mark.parametrize("table", ["account", "ledger_transaction", "posting"])
@pytest.mark.parametrize("change", ["UPDATE {} SET site_id = site_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_ledger_is_append_only(cloud: Any, table: str, change: str) -> None:
    """The database refuses to change or remove a row."""
    if change.startswith("TRUNCATE") and not is_postgres(cloud.services.database):
        change = "DELETE FROM {}"
    await cloud.sell()
    before = await queries.balances(1)
    with pytest.raises((IntegrityError, asyncpg.PostgresError), match="append-only"):
        await cloud.services.database.execute_query(change.format(table))
    assert await queries.balances(1) == before
