# SPDX-License-Identifier: Apache-2.0
"""Two sides of the same money, compared: pure. What each side is in the ledger's figures of a day."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from pistegate_cloud.days.schemas import Check

Events = Mapping[tuple[str, str, str], int]  # (event, account, currency) -> what it posted

_CAME = ("tenders", "unassigned", "between_sites")  # where the money of a sale comes from


def compare(check: str, books: Mapping[str, int], other: Mapping[str, int], *, blocks: bool = True) -> list[Check]:
    """One check for each currency that either side has."""
    currencies = sorted({*books, *other})
    return [
        Check(check=check, currency=each, books=books.get(each, 0), other=other.get(each, 0), blocks=blocks)
        for each in currencies
    ]


def posted(events: Events, kinds: Collection[str], *names: str) -> dict[str, int]:
    """Currency -> what events of some kinds posted to accounts of some names."""
    found: dict[str, int] = defaultdict(int)
    for (kind, account, currency), amount in events.items():
        if kind in kinds and account.partition(":")[0] in names:
            found[currency] += amount
    return dict(found)


def came(events: Events, kinds: Collection[str]) -> dict[str, int]:
    """The money of sales, here or at the outlet that took it. A sale for another site owes it on: that is no money."""
    found: dict[str, int] = defaultdict(int)
    for (kind, account, currency), amount in events.items():
        name = account.partition(":")[0]
        if kind in kinds and name in _CAME and not (kind == "sale_for_site" and name == "between_sites"):
            found[currency] += amount
    return dict(found)


def tax(events: Events, kinds: Collection[str]) -> dict[str, int]:
    """Output tax of sales."""
    return {currency: -amount for currency, amount in posted(events, kinds, "output_tax").items()}


def owed(balances: Mapping[tuple[str, str], int], name: str) -> dict[str, int]:
    """Currency -> what accounts of a name say that we owe."""
    found: dict[str, int] = defaultdict(int)
    for (account, currency), amount in balances.items():
        if account.partition(":")[0] == name:
            found[currency] -= amount
    return dict(found)


def differences(checks: Iterable[Check]) -> list[str]:
    """What does not reconcile and must, in words for a detail."""
    return [
        f"{check.check} {check.currency} {check.books} / {check.other}".replace("  ", " ")
        for check in checks
        if check.blocks and check.differs
    ]
