# SPDX-License-Identifier: Apache-2.0
"""Everything that other nouns keep of a member: found for the export, and forgotten by the erasure.

Of an order for several people only the order is the member's: whose its tickets are, nobody here knows, so documents
and passages of those are neither shown to the member nor touched. The member's own are their passes, and the ticket of
an order that has just one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from pistegate_cloud.bindings.models import Binding
from pistegate_cloud.deposits.models import Deposit
from pistegate_cloud.fingers.models import FingerConsent
from pistegate_cloud.members.models import MemberPass
from pistegate_cloud.notifications.models import Notification, TicketLink
from pistegate_cloud.orders.models import Order, OrderLine, Payment
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.rentals.models import Loan
from pistegate_cloud.tickets.models import CardWrite, Ticket
from pistegate_cloud.wallets.models import Wallet, WalletCard, WalletMovement


@dataclass(frozen=True, slots=True)
class Known:
    """A member's rows. `own`: numbers of the tickets that are theirs alone."""

    orders: list[Order]
    tickets: list[Ticket]
    own: list[int]
    wallets: list[Wallet]
    notifications: list[Notification]


async def known(member: int, group: int, sites: Sequence[int], phones: Sequence[str]) -> Known:
    """By the member's number, and by the phone that they gave at a window."""
    by_phone = Q(phone__in=list(phones), site_id__in=list(sites)) if phones else Q(id__isnull=True)
    orders = await Order.filter(Q(member_id=member) | by_phone).order_by("id")
    sold = await Ticket.filter(order_id__in=[order.id for order in orders]).order_by("number").select_related("product")
    passes = await MemberPass.filter(member_id=member).values_list("ticket_id", flat=True)
    passed = await Ticket.filter(number__in=list(passes)).order_by("number").select_related("product")
    single = [row.number for row in sold if sum(other.order_id == row.order_id for other in sold) == 1]
    others = await MemberPass.filter(ticket_id__in=single).exclude(member_id=member).values_list("ticket_id", flat=True)
    own = sorted({row.number for row in passed} | (set(single) - {int(str(number)) for number in others}))
    return Known(
        orders=orders,
        tickets=list({row.number: row for row in (*sold, *passed)}.values()),
        own=own,
        wallets=await _wallets(group, phones, own),
        notifications=await _notifications(member, orders, phones),
    )


async def _wallets(group: int, phones: Sequence[str], own: Sequence[int]) -> list[Wallet]:
    uids = await CardWrite.filter(ticket_id__in=list(own)).values_list("uid", flat=True)
    held = await WalletCard.filter(uid__in=list(uids), until_ms__isnull=True, wallet_id__isnull=False).values_list(
        "wallet_id", flat=True
    )
    mine = Q(id__in=list(held)) | Q(phone__in=list(phones)) if phones else Q(id__in=list(held))
    return await Wallet.filter(mine, group_number=group).order_by("id")


async def _notifications(member: int, orders: Sequence[Order], phones: Sequence[str]) -> list[Notification]:
    mine = Q(member_id=member) | Q(order_id__in=[order.id for order in orders]) | Q(to=f"member:{member}")
    if phones:
        mine |= Q(to__in=list(phones))
    return await Notification.filter(mine).order_by("id")


async def lines_of(orders: Sequence[UUID]) -> list[OrderLine]:
    """Lines of some orders with their products."""
    return await OrderLine.filter(order_id__in=list(orders)).order_by("id").select_related("product")


async def payments_of(orders: Sequence[UUID]) -> list[Payment]:
    """What paid some orders."""
    return await Payment.filter(order_id__in=list(orders)).order_by("id")


async def passages_of(own: Sequence[int]) -> list[Admission]:
    """Passages of some tickets."""
    return await Admission.filter(ticket__in=list(own)).order_by("at_ms", "id")


async def bindings_of(own: Sequence[int]) -> list[Binding]:
    """Documents that some tickets are or were bound to."""
    return await Binding.filter(ticket_id__in=list(own)).order_by("id")


async def consents_of(own: Sequence[int]) -> list[FingerConsent]:
    """Consents to fingers for some tickets."""
    return await FingerConsent.filter(ticket_id__in=list(own)).order_by("id")


async def movements_of(wallets: Sequence[int]) -> list[WalletMovement]:
    """What moved in some wallets."""
    return await WalletMovement.filter(wallet_id__in=list(wallets)).order_by("id")


async def links_of(own: Sequence[int]) -> list[TicketLink]:
    """Links to some tickets."""
    return await TicketLink.filter(ticket_id__in=list(own)).order_by("id")


async def deposits_of(own: Sequence[int], orders: Sequence[UUID]) -> list[Deposit]:
    """Deposits for some tickets, or taken in some orders."""
    return await Deposit.filter(Q(ticket_id__in=list(own)) | Q(order_id__in=list(orders))).order_by("id")


async def open_things(found: Known, today: date) -> dict[str, int]:
    """What of a member is not over, counted: only what there is."""
    orders = [order.id for order in found.orders]
    held = await Deposit.filter(Q(ticket_id__in=found.own) | Q(order_id__in=orders), state="held").count()
    counted = {
        "valid_tickets": sum(row.status != "revoked" and row.last_day >= today for row in found.tickets),
        "unpaid_orders": sum(order.status == "new" for order in found.orders),
        "wallets_with_money": sum(wallet.account != 0 for wallet in found.wallets),
        "deposits_held": held,
        "equipment_out": await Loan.filter(ticket_id__in=found.own, returned_ms__isnull=True).count(),
    }
    return {name: count for name, count in counted.items() if count}


async def forget(found: Known, now_ms: int) -> dict[str, int]:
    """Take the person out of what other nouns keep, in the caller's transaction; how much was changed."""
    orders = [order.id for order in found.orders if order.phone or order.leader]
    wallets = [wallet.id for wallet in found.wallets if wallet.phone or wallet.holder]
    messages = [row.id for row in found.notifications if row.to is not None]
    wiped: dict[str, Any] = {"to": None, "values": None, "body": None}
    await Notification.filter(id__in=messages, ended_ms__isnull=True).update(
        state="given_up", ended_ms=now_ms, trouble="erased"
    )
    return {
        "orders": await Order.filter(id__in=orders).update(phone=None, leader=None),
        "wallets": await Wallet.filter(id__in=wallets).update(phone=None, holder=None),
        "notifications": await Notification.filter(id__in=messages).update(last4="", **wiped),
    }
