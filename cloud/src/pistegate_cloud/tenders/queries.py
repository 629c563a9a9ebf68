# SPDX-License-Identifier: Apache-2.0
"""All queries of tenders. What has an end is taken by one statement that looks at it: row counts tell who was first."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.functions import Sum

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Payment, Refund
from pistegate_cloud.tenders.models import AccountEntry, CustomerAccount, Voucher, VoucherBatch


async def add_payments(rows: Sequence[Payment]) -> None:
    """Store payments; each gets its id."""
    for row in rows:
        await row.save(force_create=True)


async def payments_of(order_id: UUID) -> list[Payment]:
    """What was taken for an order, oldest first."""
    return await Payment.filter(order_id=order_id).order_by("id")


async def payment(payment_id: int) -> Payment:
    """One payment."""
    return await Payment.get(id=payment_id)


async def payment_of(provider_payment: UUID) -> Payment | None:
    """The side of a provider's payment that it came for; what an exchange carried over to other orders is later."""
    return await Payment.filter(provider_payment_id=provider_payment).order_by("id").first()


async def move(row: Payment, state: str, **values: Any) -> bool:
    """Change a payment from the state it was read in; False when it has moved meanwhile."""
    moved = await Payment.filter(id=row.id, state=row.state).update(state=state, **values)
    if moved:
        row.state = state
        for name, value in values.items():
            setattr(row, name, value)
    return bool(moved)


async def draw(row: Payment, amount: int) -> bool:
    """Take a part of what was paid, to give it back; False when so much is not left."""
    free = Payment.filter(id=row.id, state="done", given_back__lte=row.amount - amount)
    return bool(await free.update(given_back=F("given_back") + amount))


async def add_refunds(rows: Sequence[Refund]) -> None:
    """Store refunds."""
    for row in rows:
        await row.save(force_create=True)


async def refund(refund_id: UUID) -> Refund | None:
    """One refund."""
    return await Refund.get_or_none(id=refund_id)


async def refund_of(provider_refund: UUID) -> Refund | None:
    """Our side of a provider's refund."""
    return await Refund.get_or_none(provider_refund_id=provider_refund)


async def refund_of_payment(payment_id: int) -> Refund:
    """The newest refund of a payment."""
    return await Refund.filter(payment_id=payment_id).order_by("-id").limit(1).get()


async def note_refund(row: Refund, **values: Any) -> None:
    """Keep something about a refund; not its state."""
    await Refund.filter(id=row.id).update(**values)


async def move_refund(row: Refund, state: str, **values: Any) -> bool:
    """As `move`."""
    moved = await Refund.filter(id=row.id, state=row.state).update(state=state, **values)
    if moved:
        row.state = state
    return bool(moved)


async def refunds(site: int | None, attention: bool, after: UUID | None, limit: int) -> list[Refund]:
    """Refunds in order of id, after one; `attention`: only those that wait for a person."""
    query = Refund.all() if site is None else Refund.filter(site_id=site)
    if attention:
        query = query.filter(state__in=("waiting", "failed"))
    if after is not None:
        query = query.filter(id__gt=after)
    return await query.order_by("id").limit(limit)


# Accounts


async def add_account(row: CustomerAccount) -> bool:
    """Store a new account; False when its code is taken."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def account(number: int) -> CustomerAccount:
    """An account; Problem not_found."""
    found = await CustomerAccount.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"account {number}")
    return found


async def account_by_code(site: int, code: str) -> CustomerAccount | None:
    """The account that a site calls so."""
    return await CustomerAccount.get_or_none(site_id=site, code=code)


async def accounts(site: int | None, after: int, limit: int) -> list[CustomerAccount]:
    """Accounts in order of number, after one."""
    query = CustomerAccount.filter(id__gt=after)
    return await (query if site is None else query.filter(site_id=site)).order_by("id").limit(limit)


async def change_account(number: int, **values: Any) -> None:
    """New terms of an account."""
    await CustomerAccount.filter(id=number).update(**values)


async def sign(number: int, amount: int) -> bool:
    """Owe more; False when the credit does not reach, or the account is closed."""
    rows = CustomerAccount.filter(id=number, open=True, credit_limit__gte=F("used") + amount)
    return bool(await rows.update(used=F("used") + amount))


async def owe_less(number: int, amount: int) -> bool:
    """Owe less; False when less is owed."""
    return bool(await CustomerAccount.filter(id=number, used__gte=amount).update(used=F("used") - amount))


async def add_entry(row: AccountEntry) -> None:
    """One line more of a statement."""
    await row.save(force_create=True)


async def entries(number: int, after: int, limit: int) -> list[AccountEntry]:
    """Lines of a statement, oldest first."""
    return await AccountEntry.filter(account_id=number, id__gt=after).order_by("id").limit(limit)


# Vouchers


async def add_batch(row: VoucherBatch) -> None:
    """Store a batch; it gets its id."""
    await row.save(force_create=True)


async def add_vouchers(rows: Sequence[Voucher]) -> None:
    """Store vouchers."""
    await Voucher.bulk_create(list(rows))


async def batch(number: int) -> VoucherBatch:
    """A batch; Problem not_found."""
    found = await VoucherBatch.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"voucher batch {number}")
    return found


async def batches(site: int | None, after: int, limit: int) -> list[VoucherBatch]:
    """Batches in order of number, after one."""
    query = VoucherBatch.filter(id__gt=after)
    return await (query if site is None else query.filter(site_id=site)).order_by("id").limit(limit)


async def good_of(number: int, limit: int) -> list[Voucher]:
    """Vouchers of a batch that are good."""
    return await Voucher.filter(batch_id=number, state="good").order_by("id").limit(limit)


async def ended_batches(day: date, limit: int) -> list[int]:
    """Batches whose end was before `day` and that have good vouchers left."""
    rows = Voucher.filter(state="good", batch__valid_until__lt=day).distinct().limit(limit)
    return [int(str(number)) for number in await rows.values_list("batch_id", flat=True)]


async def left_of(number: int) -> int:
    """What the good vouchers of a batch are worth together."""
    rows = (
        await Voucher.filter(batch_id=number, state="good").annotate(total=Sum("left")).values_list("total", flat=True)
    )
    return sum(int(str(total)) for total in rows if total is not None)


async def voucher(site: int, code_digest: str) -> Voucher | None:
    """A site's voucher by the digest of its code."""
    return await Voucher.get_or_none(site_id=site, digest=code_digest)


async def voucher_by_id(number: int) -> Voucher:
    """One voucher."""
    return await Voucher.get(id=number)


async def redeem(row: Voucher, left: int, state: str) -> bool:
    """Change what a voucher is worth from what it was read as; False when another was first."""
    return bool(await Voucher.filter(id=row.id, state=row.state, left=row.left).update(left=left, state=state))
