# SPDX-License-Identifier: Apache-2.0
"""Sales in the books, in the caller's transaction."""

from collections.abc import Sequence
from typing import Any

from pistegate_cloud.ledger import service as ledger
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders import rules
from pistegate_cloud.orders.kinds import OrderKind
from pistegate_cloud.orders.models import Order, OrderLine, Payment


async def post_sale(order: Order, lines: Sequence[OrderLine], payments: Sequence[Payment], now_ms: int) -> None:
    """Post an order that became paid. An outlet's 联网售票点 money stays in its own books, as a debt to this site."""
    sold = rules.sold(lines)
    about: dict[str, Any] = {"order": order.id, "currency": order.currency, "at_ms": now_ms}
    if order.kind == OrderKind.FREE and not sold:
        await ledger.record("free", site=order.site_id, moneys=[Money("value", 0, order.channel[:26])], **about)
        return
    if not sold:
        return
    event = "contingency_sale" if order.kind == OrderKind.CONTINGENCY else "sale"
    came = rules.came(payments)
    if order.selling_site is None or order.selling_site == order.site_id:
        await ledger.record(event, site=order.site_id, moneys=[*came, *sold], **about)
        return
    owed = Money("outlet", order.total, str(order.selling_site))
    await ledger.record(event, site=order.site_id, moneys=[owed, *sold], partner=order.selling_site, **about)
    ours = [*came, Money("site", order.total, str(order.site_id))]
    await ledger.record("sale_for_site", site=order.selling_site, moneys=ours, partner=order.site_id, **about)
