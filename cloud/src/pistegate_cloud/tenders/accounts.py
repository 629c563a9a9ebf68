# SPDX-License-Identifier: Apache-2.0
"""Accounts that guests sign bills on 签单: never over their credit. All in the caller's transaction."""

from typing import Final

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import Order, Payment
from pistegate_cloud.shifts import service as shifts
from pistegate_cloud.staff import approvals, limits
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.rules import Action
from pistegate_cloud.tenders import queries
from pistegate_cloud.tenders.methods import Method, Tendered
from pistegate_cloud.tenders.models import AccountEntry, CustomerAccount

# By which an account is settled: cash, or a way whose reference a person writes down (a bank transfer: terminal).
SETTLED_BY: Final = frozenset({Method.CASH, Method.ALIPAY, Method.TERMINAL})


async def sign(order: Order, row: Payment, tender: Tendered, caller: Caller, now_ms: int) -> None:
    """Put a payment's amount on an account, never over its credit, whoever signs at once.

    Problem unknown_reference, wrong_currency, account_closed, credit_exceeded, approval_needed, approval_refused.
    A bill above what the account, or the caller, may sign alone needs an approval: action sign_bill, subject
    "account:CODE", this amount.
    """
    account = await queries.account_by_code(row.site_id, tender.of or "")
    if account is None:
        raise Problem("unknown_reference", what=f"account {tender.of} of site {row.site_id}")
    if account.currency != row.currency:
        raise Problem("wrong_currency", expected=account.currency, got=row.currency)
    approver = await _approved(account, row, tender, caller, now_ms)
    if not await queries.sign(account.id, row.amount):
        current = await queries.account(account.id)
        if not current.open:
            raise Problem("account_closed", account=account.code)
        left = max(0, current.credit_limit - current.used)
        raise Problem("credit_exceeded", account=account.code, left=left, amount=row.amount)
    row.account_id = account.id
    entry = _entry(account, "signed", row.amount, caller, now_ms)
    entry.order_id, entry.approver, entry.shift_id = order.id, approver, row.shift_id
    await queries.add_entry(entry)
    await _post_signed(account, order, row.amount, now_ms)


async def _approved(
    account: CustomerAccount, row: Payment, tender: Tendered, caller: Caller, now_ms: int
) -> str | None:
    asked = approvals.use if row.amount > account.approval_over else limits.needed
    subject = f"account:{account.code}"
    found = await asked(
        caller,
        Action.SIGN_BILL.value,
        row.amount,
        tender.approval,
        site=account.site_id,
        subject=subject,
        now_ms=now_ms,
    )
    return None if found is None else found.name


async def unsign(order: Order, row: Payment, amount: int, caller: Caller, now_ms: int) -> None:
    """A part of a signed bill is not owed any more."""
    account = await queries.account(row.account_id or 0)
    await queries.owe_less(account.id, amount)
    entry = _entry(account, "returned", -amount, caller, now_ms)
    entry.order_id = order.id
    await queries.add_entry(entry)
    await _post_signed(account, order, -amount, now_ms)


async def settle(
    account_id: int, amount: int, method: Method, reference: str | None, *, caller: Caller, now_ms: int
) -> CustomerAccount:
    """The account pays what it owes, or a part; Problem account_overpaid, reference_missing, shift_needed."""
    account = await queries.account(account_id)
    if method not in SETTLED_BY:
        raise Problem("tenders_unclear", what=f"an account settled by {method}")
    if method is not Method.CASH and reference is None:
        raise Problem("reference_missing", method=method.value)
    shift = await shifts.of(caller, account.site_id)
    if not await queries.owe_less(account.id, amount):
        raise Problem("account_overpaid", account=account.code, owed=account.used, amount=amount)
    entry = _entry(account, "settled", -amount, caller, now_ms)
    entry.method, entry.reference, entry.shift_id = method.value, reference, None if shift is None else shift.id
    await queries.add_entry(entry)
    await ledger.record(
        "account_paid",
        site=account.site_id,
        currency=account.currency,
        at_ms=now_ms,
        moneys=[Money("tender", amount, method.value), Money("account", amount, str(account.id))],
    )
    return await queries.account(account.id)


def _entry(account: CustomerAccount, kind: str, amount: int, caller: Caller, now_ms: int) -> AccountEntry:
    return AccountEntry(
        site_id=account.site_id,
        account_id=account.id,
        kind=kind,
        amount=amount,
        currency=account.currency,
        operator=caller.name,
        at_ms=now_ms,
    )


async def _post_signed(account: CustomerAccount, order: Order, amount: int, now_ms: int) -> None:
    await ledger.record(
        "sign_bill",
        site=account.site_id,
        order=order.id,
        currency=account.currency,
        at_ms=now_ms,
        moneys=[Money("amount", amount, str(account.id))],
    )
