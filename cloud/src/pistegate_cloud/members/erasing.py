# SPDX-License-Identifier: Apache-2.0
"""Erasing a member: what is personal goes, books and passages stay without the person, and a receipt tells of it.

Documents and fingers are withdrawn first, each by its own service, which tells the gates; that may be repeated. What is
in the database goes in one transaction, once.
"""

from typing import Any

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.bindings import queries as bindings
from pistegate_cloud.bindings import service as binding
from pistegate_cloud.clock import local_day
from pistegate_cloud.documents import service as documents
from pistegate_cloud.errors import Problem
from pistegate_cloud.fingers import queries as fingers
from pistegate_cloud.fingers import service as finger
from pistegate_cloud.members import known_queries, personal, queries
from pistegate_cloud.members.exporting import phones
from pistegate_cloud.members.models import Member, MemberErasure
from pistegate_cloud.members.schemas import EraseBody
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.uuid7 import uuid7


async def erase(number: int, body: EraseBody, caller: Caller, services: Services) -> MemberErasure:
    """Erase a member; again, it is the same receipt. Problem member_owed while something is open, unless confirmed."""
    row = await queries.member(number)
    done = await queries.erasure(number)
    if done is not None:
        return done
    _, left = await _known(row, services)
    _check(left, body)
    removed = await _withdraw(row, body, caller, services)
    async with in_transaction():
        row = await queries.locked(number)
        done = await queries.erasure(number)
        if done is not None:
            return done
        found, left = await _known(row, services)
        _check(left, body)
        return await _erase(row, found, removed, left, body, caller, services.clock.wall_ms())


async def _known(row: Member, services: Services) -> tuple[known_queries.Known, dict[str, int]]:
    settings = personal.of(services.settings)
    group = await sites.of_group(row.group_number)
    found = await known_queries.known(row.id, row.group_number, group, phones(row, settings))
    today = local_day(services.clock.wall_ms(), await sites.zone(row.site_id))
    return found, await known_queries.open_things(found, today)


def _check(left: dict[str, int], body: EraseBody) -> None:
    if left and not body.confirm:
        raise Problem("member_owed", open=", ".join(f"{name} {count}" for name, count in sorted(left.items())))


async def _withdraw(row: Member, body: EraseBody, caller: Caller, services: Services) -> dict[str, int]:
    """Documents and fingers of the member's own tickets open nothing any more; how many."""
    found, _ = await _known(row, services)
    removed = {"bindings": 0, "fingers": 0}
    for number in found.own:
        for bound in await bindings.holding(number):
            await binding.withdraw(bound.id, body.reason, caller.name, services)
            removed["bindings"] += 1
        for given in await fingers.of_ticket(number):
            if given.ended_ms is None:
                await _withdraw_finger(given.id, body.reason, caller, services)
                removed["fingers"] += 1
    return removed


async def _withdraw_finger(number: int, reason: str, caller: Caller, services: Services) -> None:
    ended, now_ms = finger.Ended.WITHDRAWN, services.clock.wall_ms()
    _, messages = await finger.end(number, ended, caller.name, reason, services.settings, now_ms)
    await documents.push_all(messages, services)


async def _erase(
    row: Member,
    found: known_queries.Known,
    removed: dict[str, int],
    left: dict[str, int],
    body: EraseBody,
    caller: Caller,
    now_ms: int,
) -> MemberErasure:
    counted = removed | await known_queries.forget(found, now_ms)
    counted["photos"] = await queries.delete_photo(row.id)
    counted["family"] = await queries.leave_family(row.id)
    nothing: dict[str, Any] = dict.fromkeys(("name", "phone", "phone_key", "last4", "wechat", "head_id"))
    counted["fields"] = sum(getattr(row, name) is not None for name in ("name", "phone", "wechat"))
    await queries.change(row, **nothing, erased_ms=now_ms)
    receipt = MemberErasure(
        id=uuid7(now_ms),
        site_id=row.site_id,
        member_id=row.id,
        removed={name: count for name, count in counted.items() if count},
        left_open=left,
        actor=caller.name,
        at_ms=now_ms,
    )
    await queries.add_erasure(receipt)
    after = {"removed": receipt.removed, "left_open": left}
    await audit.note(caller, "member.erase", row.site_id, f"member:{row.id}", after=after, now_ms=now_ms)
    return receipt
