# SPDX-License-Identifier: Apache-2.0
"""Accounting vouchers 记账凭证 of a day: pure. One for each event and currency; in each, debits are credits."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pistegate_cloud.errors import LedgerError
from pistegate_cloud.ledger.accounts import ACCOUNTS
from pistegate_cloud.ledger.beancount import amount_of

COLUMNS: Final = (
    "voucher", "date", "line", "summary", "account_code", "account", "dimension", "debit", "credit", "currency",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VoucherLine:
    """One line 分录; `code`: of the accounting system's chart 科目编码. One of debit and credit is 0; minor units."""

    voucher: str
    day: date
    line: int
    summary: str
    code: str
    account: str
    dimension: str
    debit: int
    credit: int
    currency: str

    def cells(self) -> list[str]:
        """As COLUMNS."""
        debit, credit = (amount_of(n, self.currency).split()[0] if n else "" for n in (self.debit, self.credit))
        start = (self.voucher, self.day.isoformat(), str(self.line), self.summary, self.code, self.account)
        return [*start, self.dimension, debit, credit, self.currency]


def vouchers(
    day: date, events: Mapping[tuple[str, str, str], int], codes: Mapping[str, str] | None = None
) -> list[VoucherLine]:
    """Lines of the vouchers of a day; `events`: (event, account, currency) -> amount, `codes`: as read_codes gives."""
    by_voucher: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for (event, account, currency), amount in sorted(events.items()):
        if amount:
            by_voucher[event, currency].append((account, amount))
    found = []
    for number, ((event, currency), rows) in enumerate(sorted(by_voucher.items()), 1):
        if sum(amount for _, amount in rows):
            raise LedgerError(f"{event} of {day} does not sum to zero in {currency}")
        rows.sort(key=lambda row: (row[1] < 0, row[0]))  # debits first
        for line, (account, amount) in enumerate(rows, 1):
            name, _, of = account.partition(":")
            found.append(
                VoucherLine(
                    voucher=f"{day:%Y%m%d}-{number:03d}",
                    day=day,
                    line=line,
                    summary=event,
                    code=code_of(account, codes or {}),
                    account=ACCOUNTS[name].name if name in ACCOUNTS else name,
                    dimension=of,
                    debit=max(amount, 0),
                    credit=max(-amount, 0),
                    currency=currency,
                )
            )
    return found


def code_of(account: str, codes: Mapping[str, str]) -> str:
    """The chart's code: of the account with its dimension, else of its name, else China's common chart."""
    name = account.partition(":")[0]
    default = ACCOUNTS[name].code if name in ACCOUNTS else ""
    return codes.get(account) or codes.get(name) or default


def read_codes(text: str) -> dict[str, str]:
    """A map of codes: CSV of account,code (the account with or without its dimension); LedgerError naming the line."""
    found = {}
    for number, row in enumerate(csv.reader(io.StringIO(text.removeprefix("\ufeff"))), 1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) != 2 or row[0].partition(":")[0] not in ACCOUNTS or not row[1].strip():
            raise LedgerError(f'line {number} of the map of codes is not "account,code" with a known account: {row}')
        found[row[0]] = row[1].strip()
    return found


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV text with a byte order mark, without which Excel reads Chinese wrongly."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(rows)
    return "\ufeff" + out.getvalue()
