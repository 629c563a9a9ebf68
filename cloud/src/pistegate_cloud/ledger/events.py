# SPDX-License-Identifier: Apache-2.0
"""Every business event and the postings that it makes: the one table, of which docs/ledger.md is made.

A caller hands `record` moneys; each names a row's `what` and its amount (minor units, positive as a rule). Every row
of that name posts the amount to its account: +1 a debit, -1 a credit. `*` in an account is filled with the money's
`of`. What all rows of an event post sums to zero in each currency, or nothing is posted. An event whose rows are all
called "amount" is recorded by its amount alone.
"""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """`what` a money is called, the `account` pattern that it goes to, and the `sign`: debit +1, credit -1."""

    what: str
    account: str
    sign: int


def _amount(debit: str, credit: str) -> tuple[Row, ...]:
    return Row("amount", debit, 1), Row("amount", credit, -1)


# What is sold: the money that came, and what is owed for it.
_SALE: Final = (
    Row("tender", "tenders:*", 1),
    Row("unassigned", "unassigned:*", 1),  # money that came before its order
    Row("outlet", "between_sites:*", 1),  # another site sold for us and holds the money
    Row("deferred", "deferred:*", -1),  # net of tax, until it is used
    Row("output_tax", "output_tax", -1),
    Row("deposit", "deposits_held", -1),
    Row("passthrough", "passthrough:*", -1),
    Row("revenue", "revenue:*", -1),  # earned at once: fees, overtime, damage
    Row("voucher", "vouchers", -1),
    Row("recharge", "recharges", -1),
)
# Recognised: what was owed is earned, or is another's share of it.
_RECOGNISED: Final = (
    Row("deferred", "deferred:*", 1),
    Row("revenue", "revenue:*", -1),
    Row("site_share", "between_sites:*", -1),
    Row("partner_share", "partners:*", -1),
)

EVENTS: Final[dict[str, tuple[Row, ...]]] = {
    "sale": _SALE,
    "contingency_sale": _SALE,
    "free": (Row("value", "free:*", 1),),  # amount 0: a line in the books, no money
    "sale_for_site": (
        Row("tender", "tenders:*", 1),
        Row("unassigned", "unassigned:*", 1),
        Row("site", "between_sites:*", -1),
    ),
    # The reverse of a sale, of what is not earned yet; `revenue`: earned and taken back; `fee`: kept.
    "refund": (
        *(Row(row.what, row.account, -row.sign) for row in _SALE),
        Row("due", "refunds_due:*", -1),  # decided, and the money waits
        Row("compensation", "compensation", 1),
        Row("fee", "revenue:*", -1),
        Row("fee_tax", "output_tax", -1),
    ),
    "refund_for_site": (
        Row("tender", "tenders:*", -1),
        Row("due", "refunds_due:*", -1),
        Row("site", "between_sites:*", 1),
    ),
    "refund_settled": (Row("due", "refunds_due:*", 1), Row("tender", "tenders:*", -1)),
    "use": _RECOGNISED,
    "expiry": _RECOGNISED,
    "share_of_site": (Row("site", "between_sites:*", 1), Row("revenue", "revenue:*", -1)),
    # Deposits 押金 and what is charged at check-out.
    "deposit_taken": (Row("tender", "tenders:*", 1), Row("deposit", "deposits_held", -1)),
    "deposit_returned": (
        Row("deposit", "deposits_held", 1),
        Row("tender", "tenders:*", -1),
        Row("due", "refunds_due:*", -1),
    ),
    "deposit_kept": (
        Row("deposit", "deposits_held", 1),
        Row("revenue", "revenue:*", -1),
        Row("output_tax", "output_tax", -1),
    ),
    "deposit_spent": _amount("deposits_held", "tenders:deposit"),  # an order was paid with it
    "deposit_to_wallet": _amount("deposits_held", "wallets"),  # it doubles as spending money
    "overtime": (
        Row("tender", "tenders:*", 1),
        Row("revenue", "revenue:*", -1),
        Row("output_tax", "output_tax", -1),
    ),
    "damage": (
        Row("tender", "tenders:*", 1),
        Row("revenue", "revenue:*", -1),
        Row("output_tax", "output_tax", -1),
    ),
    # Ways of paying that are no money: the order took the tender, this is where it came from.
    "wallet_spent": _amount("wallets", "tenders:wallet"),
    "voucher_used": _amount("vouchers", "tenders:voucher"),
    "sign_bill": _amount("receivables:*", "tenders:account"),
    "account_paid": (Row("tender", "tenders:*", 1), Row("account", "receivables:*", -1)),
    "voucher_given": _amount("compensation", "vouchers"),  # what vouchers are worth beyond their price
    "voucher_sold": (Row("tender", "tenders:*", 1), Row("voucher", "vouchers", -1)),
    "voucher_expired": (Row("voucher", "vouchers", 1), Row("revenue", "revenue:*", -1)),
    "recharge": _amount("recharges", "wallets"),
    # Payments in doubt: kept apart until they are known to have come, or not.
    "payment_pending": _amount("in_doubt:*", "expected:*"),
    "payment_posted": (
        *_amount("tenders:*", "in_doubt:*"),
        *_amount("expected:*", "unassigned:*"),
    ),
    "payment_void": _amount("expected:*", "in_doubt:*"),
    "payment_unassigned": _amount("tenders:*", "unassigned:*"),
    "unassigned_returned": _amount("unassigned:*", "tenders:*"),
    "unassigned_due": _amount("unassigned:*", "refunds_due:*"),  # it goes back, and the provider has it to do
    # Drawers, safe and bank.
    "cash_over_short": _amount("tenders:cash", "cash_over_short"),  # positive: too much
    "cash_float": _amount("tenders:cash", "safe"),
    "cash_to_safe": _amount("safe", "tenders:cash"),
    "cash_to_bank": _amount("bank", "safe"),
    "paid_out": (Row("bank", "bank", 1), Row("fee", "fees", 1), Row("tender", "tenders:*", -1)),
    # Between sites of a group 清分, and to partners: what settles a balance.
    "clearing_paid": _amount("between_sites:*", "bank"),
    "clearing_received": _amount("bank", "between_sites:*"),
    "passthrough_paid": _amount("passthrough:*", "bank"),
    "partner_paid": _amount("partners:*", "bank"),
    # Wallets 储值, by the books of wallets/.
    "wallet_top_up": _amount("tenders:cash", "wallets"),
    "wallet_refund": _amount("wallets", "tenders:cash"),
    # Onto a card: by relay in two steps, because the card may leave in between; by signed total at once.
    "wallet_load_sent": _amount("wallets", "wallets_underway"),
    "wallet_load_done": _amount("wallets_underway", "wallet_cards"),
    "wallet_load_void": _amount("wallets_underway", "wallets"),
    "wallet_load_signed": _amount("wallets", "wallet_cards"),
    # Back from a card that was wiped or lost.
    "wallet_taken_over": _amount("wallet_cards", "wallets"),
    # Spent at a till: of a card in use; of one that was wiped or lost since; of one that is nobody's yet.
    "wallet_debit": _amount("wallet_cards", "till_sales"),
    "wallet_debit_late": _amount("wallets", "till_sales"),
    "wallet_debit_unknown": _amount("wallet_suspense", "till_sales"),
    "wallet_debit_claimed": _amount("wallet_cards", "wallet_suspense"),
    # The same at a till of another site of the group: the guest's side, and the till's side.
    "wallet_debit_elsewhere": _amount("wallet_cards", "between_sites:*"),
    "wallet_debit_late_elsewhere": _amount("wallets", "between_sites:*"),
    "wallet_suspense_elsewhere": _amount("between_sites:*", "wallet_suspense"),
    "till_sale_elsewhere": _amount("between_sites:*", "till_sales"),
}
