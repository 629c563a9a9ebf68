# SPDX-License-Identifier: Apache-2.0
"""Write docs/ledger.md: every business event with its postings, and every account, from the tables that run.

With --check nothing is written; exit status 1 if the page is stale.
"""

import sys
from pathlib import Path

from pistegate_cloud.ledger.accounts import ACCOUNTS
from pistegate_cloud.ledger.events import EVENTS, Row
from pistegate_cloud.ledger.landing import LANDS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "ledger.md"
HEAD = """# The ledger 账: business events and their postings

Made by `tools/ledger_page.py` from `cloud/src/pistegate_cloud/ledger/`; do not edit here.

All money moves by `ledger.service.record(event, …)`, in the transaction that does the thing itself. Each money that a
caller names posts to the accounts of its rows below: debit positive, credit negative, minor units. What stands after
the colon is the account's dimension: `tenders:cash`, `deferred:lift`, `between_sites:2`. A transaction sums to zero
in every currency, or it is refused: by the one code path, and on PostgreSQL by the database at commit. Nothing is ever
changed or removed (triggers, both databases); a mistake is posted again with the amounts negative.

Every transaction belongs to a business day. Days begin at the site's own cut-over (`PUT /days/cut-over`), and a day
that is closed (`POST /days/close`, `pistegate-cloud day close`) takes nothing more: the database refuses it. What comes
later is posted to the first open day after it and keeps its own day as `operating_day`.

When what was sold is earned is written at the head of `days/earning.py`; ways of paying that are no money (wallet,
deposit, voucher, account) leave 0 in `tenders:…` after each order, because their own event clears them.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, _events(), _lines(), _accounts()])


def _events() -> str:
    lines = ["## Events\n", "| event | of money called | debit | credit |", "|---|---|---|---|"]
    for event, rows in EVENTS.items():
        for place, what in enumerate(dict.fromkeys(row.what for row in rows)):
            sides = [_side(rows, what, sign) for sign in (1, -1)]
            lines.append(f"| {f'`{event}`' if place == 0 else ''} | {what} | {sides[0]} | {sides[1]} |")
    return "\n".join(lines) + "\n"


def _side(rows: tuple[Row, ...], what: str, sign: int) -> str:
    return ", ".join(f"`{row.account}`" for row in rows if (row.what, row.sign) == (what, sign))


def _lines() -> str:
    lines = ["## Lines of an order\n", "Anything sold as pass-through lands in `passthrough`, without tax of ours.\n"]
    lines += ["| kind of line | is, in the event `sale` |", "|---|---|"]
    return "\n".join([*lines, *(f"| {kind} | {lands} |" for kind, lands in LANDS.items())]) + "\n"


def _accounts() -> str:
    lines = [
        "## Accounts\n",
        "The codes are those of China's common chart of accounts; an export takes others (`--codes`).\n",
        "| account | name | kind | dimension | code |",
        "|---|---|---|---|---|",
    ]
    rows = (f"| `{name}` | {a.name} | {a.kind} | {a.of} | {a.code} |" for name, a in ACCOUNTS.items())
    return "\n".join([*lines, *rows]) + "\n"


def main() -> None:
    fresh = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text("utf-8") != fresh:
            sys.exit(f"{PAGE.name} is stale: run tools/ledger_page.py")
        return
    PAGE.write_text(fresh, "utf-8")


if __name__ == "__main__":
    main()
