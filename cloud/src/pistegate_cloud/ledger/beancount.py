# SPDX-License-Identifier: Apache-2.0
"""The ledger as a text that Beancount reads: pure. Written from its published syntax; nothing of it is imported here.

`bean-check` adds up every transaction, and compares the `balance` lines, which come from the database's own sums and
not from these transactions: so it finds a changed amount even where both sides were changed alike.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from pistegate_cloud.ledger.accounts import ACCOUNTS, AccountKind
from pistegate_cloud.ledger.entry import Entry

Balances = Mapping[tuple[str, str], int]

_ROOTS: Final = {"asset": "Assets", "liability": "Liabilities", "income": "Income", "expense": "Expenses"}
_PLAIN: Final = re.compile(r"(?!u-)[a-z0-9][a-z0-9-]*")  # what capitalising keeps apart
# Digits after the point, ISO 4217; all others have two.
_WHOLE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_MILLS: Final = "BHD IQD JOD KWD LYD OMR TND"
_DAY: Final = timedelta(days=1)


def name_of(code: str) -> str:
    """An account's name there: "deferred:lift" is Liabilities:Deferred:Lift. No two codes have the same."""
    name, _, of = code.partition(":")
    kind: AccountKind | None = ACCOUNTS.get(name)
    parts = [_ROOTS[kind.kind if kind else "asset"], *map(_component, [name.replace("_", "-"), *([of] if of else [])])]
    return ":".join(parts)


def _component(word: str) -> str:
    """A part of a name: capital letter or digit first, then letters, digits and hyphens."""
    return word.capitalize() if _PLAIN.fullmatch(word) else "U-" + word.encode().hex().upper()


def amount_of(minor: int, currency: str) -> str:
    """Minor units as a number with its currency."""
    digits = 0 if currency in _WHOLE else 3 if currency in _MILLS else 2
    return f"{Decimal(minor).scaleb(-digits):f} {currency}"


def book(
    title: str, first: date, last: date, opening: Balances, closing: Balances, entries: Iterable[Entry]
) -> Iterator[str]:
    """Lines of a book of the days from `first` to `last`; `opening` before the first, `closing` after the last."""
    yield f'option "title" "{_text(title)}"\n'
    currencies = sorted({currency for _, currency in [*opening, *closing]})
    yield from (f'option "operating_currency" "{currency}"\n' for currency in currencies)
    yield "\n"
    for code in sorted({code for code, _ in [*opening, *closing]}):
        yield f'{first} open {name_of(code)}\n  code: "{_text(code)}"\n'
    if any(opening.values()):
        yield f'\n{first} * "opening" "What days before hold"\n'
        yield from (_posting(code, amount, of) for (code, of), amount in sorted(opening.items()) if amount)
    yield from _transactions(entries)
    yield "\n"
    yield from (
        f"{last + _DAY} balance {name_of(code)} {amount_of(amount, of)}\n"
        for (code, of), amount in sorted(closing.items())
    )


def _transactions(entries: Iterable[Entry]) -> Iterator[str]:
    before = None
    for entry in entries:
        if entry.transaction != before:
            before = entry.transaction
            yield f'\n{entry.day} * "{_text(entry.kind)}" "{entry.order or ""}"\n  id: "{entry.transaction}"\n'
            if entry.operating_day is not None:
                yield f"  operating-day: {entry.operating_day}\n"
        yield _posting(entry.account, entry.amount, entry.currency)


def _posting(code: str, amount: int, currency: str) -> str:
    return f"  {name_of(code)}  {amount_of(amount, currency)}\n"


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
