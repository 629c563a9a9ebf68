# SPDX-License-Identifier: Apache-2.0
"""What other nouns do when an order became paid, in its transaction."""

from collections.abc import Sequence

from pistegate_cloud.orders.models import Order, OrderLine, Payment
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets.models import Ticket


async def sold(
    order: Order,
    lines: Sequence[OrderLine],
    tickets: Sequence[Ticket],
    payments: Sequence[Payment],
    *,
    now_ms: int,
    caller: Caller,
) -> None:
    """Deposits are held from now on, recharges are in their wallets, the guest is told."""
    from pistegate_cloud.deposits import service as deposits  # their tables refer to orders
    from pistegate_cloud.notifications import service as notifications
    from pistegate_cloud.wallets import recharging

    await deposits.taken(order, lines, tickets, now_ms=now_ms, actor=caller.name)
    await recharging.recharged(order, lines, now_ms=now_ms, actor=caller.name)
    await notifications.order_paid(order, tickets, now_ms=now_ms)
