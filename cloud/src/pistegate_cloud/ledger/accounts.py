# SPDX-License-Identifier: Apache-2.0
"""The accounts 科目 of the books: what they are called, which kind each is, and what stands behind its colon."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["asset", "liability", "income", "expense"]

CODE_MAX = 40  # characters of account.code
OF: Final = re.compile(r"[^\s:\x00-\x1f]{1,26}")  # longest name and colon: 14; together they fit CODE_MAX


@dataclass(frozen=True, slots=True)
class AccountKind:
    """`name` for a reader, `of`: what its dimension names ("": it has none), `code`: of China's common chart."""

    name: str
    kind: Kind
    of: str
    code: str


ACCOUNTS: Final[dict[str, AccountKind]] = {
    # What is ours, or owed to us.
    "tenders": AccountKind("Money taken 收款", "asset", "way of paying", "1001"),
    "refunds_due": AccountKind("Refunds that wait for money 待退款", "liability", "way of paying", "2241"),
    "in_doubt": AccountKind("Payments in doubt 在途收款", "asset", "way of paying", "1012"),
    "expected": AccountKind("What payments in doubt are for", "liability", "way of paying", "2241"),
    "unassigned": AccountKind("Money without an order 无主款", "liability", "way of paying", "2241"),
    "safe": AccountKind("Cash in the safe 保险柜", "asset", "", "1001"),
    "bank": AccountKind("Bank 银行存款", "asset", "", "1002"),
    "receivables": AccountKind("Owed by accounts 应收账款 (签单)", "asset", "account", "1122"),
    "between_sites": AccountKind("Owed between sites of a group 清分", "asset", "site", "1221"),
    # What we owe.
    "deferred": AccountKind("Sold, not used yet 合同负债", "liability", "department", "2205"),
    "output_tax": AccountKind("Output tax 销项税额", "liability", "", "2221"),
    "deposits_held": AccountKind("Deposits 押金", "liability", "", "2241"),
    "passthrough": AccountKind("Taken for others 代收款", "liability", "department", "2241"),
    "partners": AccountKind("Shares of partners 应付分成", "liability", "partner", "2202"),
    "vouchers": AccountKind("Vouchers sold, not used yet 代金券", "liability", "", "2205"),
    "recharges": AccountKind("Recharges on their way to a wallet 充值", "liability", "", "2241"),
    "wallets": AccountKind("Guests' money in accounts 储值", "liability", "", "2241"),
    "wallets_underway": AccountKind("Guests' money on its way to a card", "liability", "", "2241"),
    "wallet_cards": AccountKind("Guests' money on cards", "liability", "", "2241"),
    "wallet_suspense": AccountKind("Debits of cards that are nobody's yet", "liability", "", "2241"),
    # What we earned and what it cost.
    "revenue": AccountKind("Revenue 主营业务收入", "income", "department", "6001"),
    "till_sales": AccountKind("Sold at tills 消费点收入", "income", "", "6051"),
    "sales": AccountKind("Tickets sold, as release 0.1 booked them", "income", "", "6001"),
    "free": AccountKind("Given free of charge 免费票: counted, worth nothing", "expense", "cost centre", "6601"),
    "compensation": AccountKind("Compensation 补偿", "expense", "", "6711"),
    "fees": AccountKind("Fees of payment providers 手续费", "expense", "", "6603"),
    "cash_over_short": AccountKind("Cash over and short 长短款", "expense", "", "6711"),
}


def account(pattern: str, of: str | None) -> str:
    """The account that a row's pattern names, its `*` filled with `of`; ValueError when either does not fit."""
    name, _, given = pattern.partition(":")
    if given == "*":
        if of is None or not OF.fullmatch(of):
            raise ValueError(f"{name} needs {ACCOUNTS[name].of or 'a dimension'} of 1-26 characters, not {of!r}")
        return f"{name}:{of}"
    return pattern


def is_account(code: str) -> bool:
    """Whether a code names an account, with a dimension exactly where it has one."""
    name, colon, of = code.partition(":")
    known = ACCOUNTS.get(name)
    return known is not None and (bool(OF.fullmatch(of)) if known.of else not colon)
