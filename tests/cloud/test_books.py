# SPDX-License-Identifier: Apache-2.0
"""Books that an independent program accepts: bean-check of Beancount, run as a program and never imported."""

import asyncio
import csv
import io
import json
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.transactions import in_transaction

from pistegate_cloud.cards.keys import new_section
from pistegate_cloud.cli import main
from pistegate_cloud.days import reporting
from pistegate_cloud.errors import LedgerError
from pistegate_cloud.ledger import exporting, queries
from pistegate_cloud.ledger.accounts import ACCOUNTS, is_account
from pistegate_cloud.ledger.beancount import name_of
from pistegate_cloud.ledger.events import EVENTS
from pistegate_cloud.ledger.models import LedgerTransaction
from pistegate_cloud.ledger.service import Money, check, lines_of, record
from pistegate_cloud.ledger.vouchers import read_codes, vouchers

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
NOON_MS = 1768622400000  # 2026-01-17 12:00 in Shanghai
DAY_MS = 24 * 3_600_000
FIRST, LAST = date(2026, 1, 17), date(2026, 1, 19)


def bean_check(book: str, path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(book, "utf-8")
    return subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False, timeout=60)


# What a group's days bring: (event, days after the first, moneys). Amounts in fen; both currencies take part.
DAYS: list[tuple[str, int, list[Money]]] = [
    ("sale", 0, [Money("tender", 53_000, "cash"), Money("deferred", 28_113, "lift"), Money("output_tax", 1_887),
                 Money("passthrough", 3_000, "insurer"), Money("deposit", 20_000)]),
    ("sale", 0, [Money("tender", 29_800, "wechat"), Money("deferred", 18_113, "lift"),
                 Money("deferred", 10_000, "Coach_1"), Money("output_tax", 1_687)]),
    ("free", 0, [Money("value", 0, "VIP")]),
    ("sale", 0, [Money("tender", 50_000, "cash"), Money("recharge", 50_000)]),
    ("recharge", 0, [Money("amount", 50_000)]),
    ("wallet_load_sent", 0, [Money("amount", 30_000)]),
    ("wallet_load_done", 0, [Money("amount", 30_000)]),
    ("wallet_debit", 0, [Money("amount", 3_800)]),
    ("wallet_debit_elsewhere", 0, [Money("amount", 1_200, "2")]),
    ("payment_pending", 0, [Money("amount", 29_800, "wechat")]),
    ("use", 0, [Money("deferred", 28_113, "lift"), Money("revenue", 20_000, "lift"), Money("site_share", 8_113, "2")]),
    ("payment_posted", 1, [Money("amount", 29_800, "wechat")]),
    ("sale", 1, [Money("unassigned", 29_800, "wechat"), Money("deferred", 28_113, "lift"),
                 Money("output_tax", 1_687)]),
    ("refund", 1, [Money("tender", 26_000, "wechat"), Money("deferred", 28_113, "lift"), Money("output_tax", 1_687),
                   Money("fee", 3_585, "lift"), Money("fee_tax", 215)]),
    ("deposit_returned", 1, [Money("deposit", 15_000), Money("tender", 15_000, "cash")]),
    ("deposit_kept", 1, [Money("deposit", 5_000), Money("revenue", 4_717, "rental"), Money("output_tax", 283)]),
    ("wallet_refund", 1, [Money("amount", 20_000, "cash")]),
    ("sign_bill", 2, [Money("amount", 9_900, "17")]),
    ("sale", 2, [Money("tender", 9_900, "account"), Money("revenue", 9_900, "food")]),
    ("cash_over_short", 2, [Money("amount", -50)]),
    ("cash_to_safe", 2, [Money("amount", 60_000)]),
    ("clearing_paid", 2, [Money("amount", 9_313, "2")]),
    ("expiry", 2, [Money("deferred", 10_000, "Coach_1"), Money("revenue", 10_000, "Coach_1")]),
]  # fmt: skip


async def post_days(currency: str, times: int = 1) -> None:
    for event, day, moneys in DAYS:
        scaled = [Money(money.what, times * money.amount, money.of) for money in moneys]
        async with in_transaction():
            await record(event, site=1, currency=currency, at_ms=NOON_MS + day * DAY_MS, moneys=scaled)


@pytest.fixture
async def book(cloud: Any) -> str:
    await post_days("CNY")
    await post_days("EUR", 3)
    await cloud.sell(1, 2)
    return await exporting.beancount_book(1, FIRST, LAST)


async def test_bean_check_accepts_the_books(cloud: Any, book: str, tmp_path: Path) -> None:
    """Sales, refunds, deposits, wallets, clearing, in two currencies; and the second day alone, which opens with the
    balances of the first.
    """
    accepted = bean_check(book, tmp_path / "all.beancount")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    second = await exporting.beancount_book(1, date(2026, 1, 18), LAST)
    assert '"opening"' in second
    accepted = bean_check(second, tmp_path / "second.beancount")
    assert (accepted.returncode, accepted.stderr) == (0, "")


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "one amount": lambda book: re.sub(r"530\.00 CNY", "530.01 CNY", book, count=1),
    "both sides alike": lambda book: book.replace("500.00 CNY\n", "501.00 CNY\n", 2).replace("-500.00", "-501.00", 1),
    "a line left out": lambda book: re.sub(r"\n  Liabilities:Deposits-held [^\n]*", "", book, count=1),
    "a transaction left out": lambda book: re.sub(
        r'\n2026-01-17 \* "wallet_debit" .*?\n\n', "\n\n", book, count=1, flags=re.S
    ),
    "another currency": lambda book: re.sub(r"-281\.13 CNY", "-281.13 EUR", book, count=1),
    "an account that was not opened": lambda book: re.sub(r"(\n  Assets:Tenders:)Cash", r"\1Pocket", book, count=1),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_bean_check_refuses_an_edited_line(sqlite_cloud: Any, edit: str, tmp_path: Path) -> None:
    """Each way of changing what was exported turns the independent program red."""
    await post_days("CNY")
    book = await exporting.beancount_book(1, FIRST, LAST)
    edited = EDITS[edit](book)
    assert edited != book
    assert bean_check(edited, tmp_path / "edited.beancount").returncode != 0


async def test_books_by_csv_and_vouchers_say_the_same(sqlite_cloud: Any) -> None:
    """Debits are credits in every voucher, and the vouchers' sums by account are the postings' sums."""
    await post_days("CNY")
    await post_days("EUR")
    rows = list(csv.DictReader(io.StringIO((await exporting.csv_book(1, FIRST, LAST)).removeprefix("\ufeff"))))
    lines = list(csv.DictReader(io.StringIO((await exporting.voucher_csv(1, FIRST, LAST)).removeprefix("\ufeff"))))
    sides: dict[str, list[float]] = defaultdict(lambda: [0, 0])
    currencies: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        sides[line["voucher"]][0] += round(100 * float(line["debit"] or 0))
        sides[line["voucher"]][1] += round(100 * float(line["credit"] or 0))
        currencies[line["voucher"]].add(line["currency"])
        assert line["account_code"]
    assert all(debit == credit for debit, credit in sides.values())
    assert all(len(found) == 1 for found in currencies.values())
    assert len(rows) == 2 * sum(len(lines_of(event, moneys, "CNY")) for event, _, moneys in DAYS)
    cash = [row for row in rows if row["account"] == "tenders:cash" and row["currency"] == "EUR"]
    booked = sum(round(100 * (float(row["debit"]) - float(row["credit"]))) for row in cash)
    told = [line for line in lines if (line["account_code"], line["dimension"]) == ("1001", "cash")]
    assert booked == sum(
        round(100 * (float(line["debit"] or 0) - float(line["credit"] or 0)))
        for line in told
        if line["currency"] == "EUR"
    )


def test_a_map_of_codes_is_read_and_its_mistakes_are_told() -> None:
    """The account with its dimension beats its name; an unknown account is refused with its line."""
    codes = read_codes("\ufeff# ours\nrevenue,6001\nrevenue:lift,600101\n")
    events = {("use", "revenue:lift", "CNY"): -5, ("use", "revenue:food", "CNY"): -6, ("use", "deferred:x", "CNY"): 11}
    found = {line.dimension: line.code for line in vouchers(FIRST, events, codes)}
    assert found == {"lift": "600101", "food": "6001", "x": "2205"}
    with pytest.raises(LedgerError, match="line 2"):
        read_codes("revenue,6001\npocket,1\n")
    with pytest.raises(LedgerError, match="does not sum to zero"):
        vouchers(FIRST, {("use", "revenue:lift", "CNY"): -5})


def test_no_two_accounts_have_one_name_in_the_export() -> None:
    """Capitals, other scripts and signs keep their own names."""
    ofs = ["lift", "Lift", "LIFT", "u-6C", "u-6c", "6c", "雪具", "a_b", "a-b", "x6c696674"]
    names = [name_of(f"deferred:{of}") for of in ofs]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"Liabilities:Deferred:[A-Z0-9][A-Za-z0-9-]*", name) for name in names)


# The table and the one code path


def test_every_row_of_the_table_names_an_account_and_every_event_can_balance() -> None:
    """A pattern has a dimension exactly where its account has one; an event has a debit and a credit, but `free`."""
    for event, rows in EVENTS.items():
        for row in rows:
            assert is_account(row.account.replace("*", "x")), (event, row)
            assert row.sign in (1, -1)
        assert event == "free" or {row.sign for row in rows} == {1, -1}, event
        assert len(event) <= 40
    used = {row.account.partition(":")[0] for rows in EVENTS.values() for row in rows}
    assert set(ACCOUNTS) - used == {"sales"}  # of release 0.1: nothing new is posted there


@pytest.mark.parametrize(
    ("event", "moneys", "why"),
    [
        ("sold", [Money("tender", 1, "cash")], "no such event"),
        ("sale", [Money("cash", 1)], "has no cash; it has tender"),
        ("sale", [Money("tender", 1)], "needs way of paying"),
        ("sale", [Money("tender", 1, "a b")], "needs way of paying"),
        ("sale", [Money("tender", 1, "x" * 27)], "needs way of paying"),
    ],
)
def test_a_money_without_a_place_is_refused(event: str, moneys: list[Money], why: str) -> None:
    """With what the event has instead."""
    with pytest.raises(LedgerError, match=why):
        lines_of(event, moneys, "CNY")


_moneys = st.lists(
    st.tuples(st.integers(0, 40), st.integers(-(10**6), 10**12), st.sampled_from(["a", "lift", "2"])), max_size=6
)


@given(event=st.sampled_from(sorted(EVENTS)), drawn=_moneys)
def test_any_event_sums_to_zero_or_is_refused(event: str, drawn: list[tuple[int, int, str]]) -> None:
    """Whatever a caller says, a transaction that passes the code path sums to zero; equal accounts are one line."""
    rows = EVENTS[event]
    moneys = [Money(rows[index % len(rows)].what, amount, of) for index, amount, of in drawn]
    lines = lines_of(event, moneys, "CNY")
    assert len({line.account for line in lines}) == len(lines)
    total = sum(line.amount for line in lines)
    if not lines or total:
        with pytest.raises(LedgerError):
            check(event, lines)
        side = next(row for row in rows if row.sign == (-1 if total > 0 else 1)) if event != "free" and lines else None
        if side is None or all(row.what == "amount" for row in rows):
            return
        lines = lines_of(event, [*moneys, Money(side.what, abs(total), "rest")], "CNY")
    check(event, lines)
    assert sum(line.amount for line in lines) == 0


async def test_the_commands_export_and_close(sqlite_cloud: Any, tmp_path: Path, capsys: Any) -> None:
    """As an operator types them: a book that bean-check accepts, vouchers, a closed day as JSON; a mistake in words."""
    await post_days("CNY")
    config = tmp_path / "cloud.toml"
    url = sqlite_cloud.services.settings.database.url
    config.write_text(f'[database]\nurl = "{url}"\n{_KEYS}{new_section()}', "utf-8")
    span = ["--config", str(config), "--site", "1", "--from", "2026-01-17", "--to", "2026-01-19"]
    book = tmp_path / "book.beancount"
    await _in_thread("ledger", "export", *span, "--out", str(book))
    assert bean_check(book.read_text("utf-8"), book).returncode == 0
    await _in_thread("ledger", "vouchers", *span)
    assert "account_code" in capsys.readouterr().out
    closing = ["day", "close", "--config", str(config), "--site", "1", "--day", "2026-01-17", "--json"]
    await _in_thread(*closing, expected=1)
    assert "does not reconcile" in capsys.readouterr().err
    await _in_thread(*closing, "--accept-differences", "--reason", "only booked")
    report = json.loads(capsys.readouterr().out)
    assert (report["state"], report["transactions"]) == ("closed", 11)
    await _in_thread("ledger", "export", *span[:-1], "2020-01-01", expected=1)
    assert "Ask for 1 to 400 days" in capsys.readouterr().err


async def _in_thread(*arguments: str, expected: int = 0) -> None:
    assert await asyncio.to_thread(main, list(arguments)) == expected


async def test_the_trial_balance_of_a_day_is_reproducible(sqlite_cloud: Any) -> None:
    """Asked again, and after later days were posted: the same digest, and what a day closes with the next one opens."""
    await post_days("CNY")
    first = await sqlite_cloud.get("/days/2026-01-17", site=1)
    await post_days("EUR")
    async with in_transaction():
        await record("cash_to_safe", site=1, currency="CNY", at_ms=NOON_MS + DAY_MS, amount=100)
    again = await sqlite_cloud.get("/days/2026-01-17", site=1)
    in_cny = [row for row in again["trial_balance"] if row["currency"] == "CNY"]
    assert in_cny == first["trial_balance"]
    second = await sqlite_cloud.get("/days/2026-01-18", site=1)
    closing = {(row["account"], row["currency"]): row["closing"] for row in again["trial_balance"] if row["closing"]}
    opening = {(row["account"], row["currency"]): row["opening"] for row in second["trial_balance"] if row["opening"]}
    assert closing == opening
    assert sum(row["closing"] for row in again["trial_balance"]) == 0
    assert await queries.imbalance(1) == 0


@pytest.mark.parametrize("seed", range(3))
async def test_days_closed_between_postings_in_any_order_stay_as_they_were(sqlite_cloud: Any, seed: int) -> None:
    """Events of four days in any order, days closed in between: every posting is on a day that was open then, what
    each closed day holds is what its report said, and the days together are the balances.
    """
    chance = random.Random(seed)
    sqlite_cloud.clock.now_ms += 10 * DAY_MS
    deeds: list[Any] = [*DAYS, *DAYS, *range(4)]
    chance.shuffle(deeds)
    reports, closed = {}, set()
    for deed in deeds:
        if isinstance(deed, int):
            day = FIRST + timedelta(days=deed)
            body = {"site": 1, "day": str(day), "accept_differences": True}
            reports[day] = (await sqlite_cloud.http.post("/days/close", json=body)).json()
            closed.add(day)
            continue
        event, _, moneys = deed
        day = FIRST + timedelta(days=chance.randrange(4))
        async with in_transaction():
            made = await record(event, site=1, currency="CNY", at_ms=NOON_MS, day=day, moneys=moneys)
        row = await LedgerTransaction.get(id=made)
        assert row.day not in closed
        assert row.day == day if day not in closed else (row.day > day and row.operating_day == day)
    sums: dict[str, int] = defaultdict(int)
    for offset in range(5 + len(closed)):
        fresh = await reporting.report(1, FIRST + timedelta(days=offset), "open")
        if (was := reports.get(fresh.day)) is not None:
            assert (fresh.digest, fresh.transactions) == (was["digest"], was["transactions"])
        for account in fresh.trial_balance:
            sums[account.account] += account.debit + account.credit
    balances = {code: total for (code, _), total in (await queries.balances(1)).items() if total}
    assert {code: total for code, total in sums.items() if total} == balances
    assert await queries.imbalance(1) == 0


_KEYS = """
[issuer]
key_id = 1
private_key = "0101010101010101010101010101010101010101010101010101010101010101"
[documents]
key_id = 2
private_key = "0202020202020202020202020202020202020202020202020202020202020202"
"""
