# SPDX-License-Identifier: Apache-2.0
"""All queries of payments. A row moves only from the state in which it was read, so that two movers never both do."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F, Q

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Payment
from pistegate_cloud.payments.models import ProviderNotice, ProviderPayment, ProviderRefund
from pistegate_cloud.payments.rules import OPEN_REFUNDS, OPEN_STATES, UNSENT

REFUNDABLE = ("paid", "part_refunded", "refund_pending")


async def add_payment(row: ProviderPayment) -> bool:
    """Store a new payment; False when there is one of this id."""
    try:
        await row.save(force_create=True)
    except IntegrityError:
        return False
    return True


async def payment(payment_id: UUID) -> ProviderPayment:
    """A payment; Problem payment_unknown."""
    found = await ProviderPayment.get_or_none(id=payment_id)
    if found is None:
        raise Problem("payment_unknown", payment=payment_id.hex)
    return found


async def by_number(provider: str, number: str) -> ProviderPayment:
    """A payment by its number at the provider, locked until the transaction ends; Problem payment_unknown."""
    found = await ProviderPayment.filter(provider=provider, number=number).select_for_update().first()
    if found is None:
        raise Problem("payment_unknown", payment=number[:40])
    return found


async def of_transaction(provider: str, transaction: str) -> ProviderPayment | None:
    """The payment that has this number of the provider's."""
    return await ProviderPayment.get_or_none(provider=provider, transaction=transaction)


async def move(row: ProviderPayment, state: str, **values: Any) -> bool:
    """Change a payment from the state it was read in; False when it has moved meanwhile."""
    moved = await ProviderPayment.filter(id=row.id, state=row.state).update(state=state, **values)
    return bool(moved)


async def note(row: ProviderPayment, **values: Any) -> None:
    """Keep what went wrong, or when to ask again; not its state."""
    await ProviderPayment.filter(id=row.id).update(**values)


async def due(provider: str, now_ms: int, limit: int) -> list[ProviderPayment]:
    """Payments to ask for, the longest waiting first."""
    rows = ProviderPayment.filter(provider=provider, state__in=OPEN_STATES, ask_ms__lte=now_ms)
    return await rows.order_by("ask_ms").limit(limit)


async def claim(row: ProviderPayment | ProviderRefund, until_ms: int) -> bool:
    """Take it for asking or sending until then; False when another has, or it has moved."""
    mine = type(row).filter(id=row.id, state=row.state, ask_ms=row.ask_ms)
    taken = await mine.update(ask_ms=until_ms, asked_times=F("asked_times") + 1)
    if taken:
        row.ask_ms, row.asked_times = until_ms, row.asked_times + 1
    return bool(taken)


async def is_first(row: ProviderPayment) -> bool:
    """Take a kept payment for sending, once; False when another has, or it was asked for meanwhile."""
    unsent = ProviderPayment.filter(id=row.id, state="created", asked_times=UNSENT)
    taken = bool(await unsent.update(asked_times=0))
    row.asked_times = 0 if taken else row.asked_times
    return taken


async def hold(row: ProviderPayment, amount: int) -> bool:
    """Set a part of a payment aside for a refund; False when so much is not left, or it is not paid."""
    free = ProviderPayment.filter(id=row.id, state__in=REFUNDABLE, held__lte=row.amount - amount)
    return bool(await free.update(held=F("held") + amount, state="refund_pending"))


async def let_go(payment_id: UUID, amount: int) -> None:
    """Give back what was held for a refund that moved nothing."""
    await ProviderPayment.filter(id=payment_id).update(held=F("held") - amount)


async def lock(payment_id: UUID) -> ProviderPayment:
    """A payment, locked until the transaction ends."""
    return await ProviderPayment.filter(id=payment_id).select_for_update().get()


async def add_refund(row: ProviderRefund) -> None:
    """Store a new refund."""
    await row.save(force_create=True)


async def refund(refund_id: UUID) -> ProviderRefund | None:
    """A refund."""
    return await ProviderRefund.get_or_none(id=refund_id)


async def refund_by_number(number: str) -> ProviderRefund:
    """A refund by its number; Problem payment_unknown."""
    found = await ProviderRefund.get_or_none(number=number)
    if found is None:
        raise Problem("payment_unknown", payment=number[:64])
    return found


async def refunds_of(payment_id: UUID) -> list[ProviderRefund]:
    """All refunds of a payment."""
    return await ProviderRefund.filter(payment_id=payment_id).order_by("created_ms", "id")


async def move_refund(row: ProviderRefund, state: str, **values: Any) -> bool:
    """As `move`."""
    return bool(await ProviderRefund.filter(id=row.id, state=row.state).update(state=state, **values))


async def note_refund(row: ProviderRefund, **values: Any) -> None:
    """As `note`."""
    await ProviderRefund.filter(id=row.id).update(**values)


async def due_refunds(provider: str, now_ms: int, limit: int) -> list[ProviderRefund]:
    """Refunds to ask for."""
    rows = ProviderRefund.filter(payment__provider=provider, state__in=OPEN_REFUNDS, ask_ms__lte=now_ms)
    return await rows.order_by("ask_ms").limit(limit)


async def is_event_taken(provider: str, event: str) -> bool:
    """Whether this event was taken."""
    return await ProviderNotice.exists(provider=provider, event=event)


async def add_notice(provider: str, event: str, nonce: str, now_ms: int) -> None:
    """Remember a notification, in the transaction that takes it."""
    await ProviderNotice(provider=provider, event=event, nonce=nonce, at_ms=now_ms).save(force_create=True)


async def forget_notices(before_ms: int) -> None:
    """Those so old that their signatures are stale anyway."""
    await ProviderNotice.filter(at_ms__lt=before_ms).delete()


async def pays_order(payment_id: UUID) -> bool:
    """Whether an order was paid with it."""
    return await Payment.exists(provider_payment_id=payment_id, state="done")


async def orders_of(payments: Sequence[UUID]) -> dict[UUID, UUID]:
    """The order of each of these payments."""
    rows = await Payment.filter(provider_payment_id__in=list(payments)).values_list("provider_payment_id", "order_id")
    return {UUID(str(payment)): UUID(str(order)) for payment, order in rows}


async def page(
    site: int | None, state: str | None, attention: bool, after: UUID | None, limit: int
) -> Sequence[ProviderPayment]:
    """Payments in order of id. `attention`: only those in doubt, strange, or that wait for a person."""
    query = ProviderPayment.all()
    if site is not None:
        query = query.filter(site_id=site)
    if state is not None:
        query = query.filter(state=state)
    if attention:
        waiting = await ProviderRefund.filter(state__in=("short", "stuck")).values_list("payment_id", flat=True)
        loose = await Payment.filter(state="late").values_list("provider_payment_id", flat=True)
        mine = Q(id__in=[*waiting, *loose])
        query = query.filter(Q(strange=True) | Q(state__in=("in_doubt", "reversing")) | mine)
    if after is not None:
        query = query.filter(id__gt=after)
    return await query.order_by("id").limit(limit)
