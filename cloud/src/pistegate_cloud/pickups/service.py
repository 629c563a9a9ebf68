# SPDX-License-Identifier: Apache-2.0
"""Pick-up 取票 by a code, or by the order's number with the last digits of the phone; nobody guesses for long."""

import hmac
from typing import Final
from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.codes import batch
from pistegate_cloud.codes.batch import Given
from pistegate_cloud.errors import Problem
from pistegate_cloud.notifications import service as notifications
from pistegate_cloud.orders.models import Order
from pistegate_cloud.orders.service import found
from pistegate_cloud.pickups import queries
from pistegate_cloud.pickups.models import Pickup
from pistegate_cloud.services import Services
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tenders.vouchers import digest, new_code

_PAID: Final = ("paid", "part_refunded")


async def make(order_id: UUID, caller: Caller, services: Services) -> str:
    """A new code for an order that is paid; the one before it holds no longer. Told to the guest, kept hashed."""
    order = await found(order_id)
    if order.status not in _PAID:
        raise Problem("pickup_unknown")
    now_ms, code = services.clock.wall_ms(), new_code()
    row = Pickup(site_id=order.site_id, order_id=order.id, digest=digest(code), actor=caller.name, created_ms=now_ms)
    to = notifications.address_of(order)
    told = {"code": code, "day": order.day.isoformat()}
    async with in_transaction():
        await queries.replace(row)
        await audit.note(caller, "order.pickup_code", order.site_id, f"order:{order.id}", now_ms=now_ms)
        await notifications.put("pickup_code", to, told, site=order.site_id, order=order.id, now_ms=now_ms)
    return code


async def by_code(site: int, code: str, caller: Caller, services: Services) -> tuple[Order, list[Given]]:
    """What a code stands for, each ticket given out as a code; Problem pickup_unknown, too_many_attempts."""
    _check(f"pickup:{caller.key}", services)
    order = await queries.by_digest(site, digest(code))
    return await _pick(order, [f"pickup:{caller.key}"], caller, services)


async def by_number(
    site: int, number: UUID, last: str, caller: Caller, services: Services
) -> tuple[Order, list[Given]]:
    """The same by the order's number and the phone's last four digits."""
    counted = [f"pickup:{caller.key}", f"pickup:{number}"]
    for each in counted:
        _check(each, services)
    order = await queries.by_number(site, number)
    known = order is not None and order.phone is not None and hmac.compare_digest(order.phone[-4:], last)
    return await _pick(order if known else None, counted, caller, services)


def _check(name: str, services: Services) -> None:
    if not services.attempts.allowed(name, services.clock.monotonic()):
        raise Problem("too_many_attempts")


async def _pick(
    order: Order | None, counted: list[str], caller: Caller, services: Services
) -> tuple[Order, list[Given]]:
    if order is None or order.status not in _PAID:
        for each in counted:
            services.attempts.failed(each, services.clock.monotonic())
        raise Problem("pickup_unknown")
    now_ms = services.clock.wall_ms()
    given = await batch.of_order(order.id, caller.name, services.settings.issuer, now_ms)
    async with in_transaction():
        await queries.picked(order.id, now_ms)
        told = {"tickets": len(given)}
        await audit.note(caller, "order.pick_up", order.site_id, f"order:{order.id}", after=told, now_ms=now_ms)
    return order, given
