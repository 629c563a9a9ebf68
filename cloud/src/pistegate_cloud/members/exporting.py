# SPDX-License-Identifier: Apache-2.0
"""Everything that is known of a member, as JSON to hand to them. Amounts in minor units, times in ms since 1970."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.clock import from_ms
from pistegate_cloud.members import known_queries, personal, queries
from pistegate_cloud.members.models import Member
from pistegate_cloud.settings import MemberSettings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller

# Of rows of other nouns: what is the guest's to know. No operator, no key, nothing of other people.
ORDER: Final = (
    "id",
    "site_id",
    "kind",
    "status",
    "channel",
    "day",
    "total",
    "currency",
    "created_ms",
    "phone",
    "leader",
)
LINE: Final = ("order_id", "kind", "quantity", "visit_date", "unit_price", "amount", "tax", "words")
PAYMENT: Final = ("order_id", "method", "amount", "given_back", "currency", "state", "reference", "at_ms")
TICKET: Final = ("number", "order_id", "status", "valid_from", "last_day", "created_ms")
PASSAGE: Final = ("site_id", "gate", "ticket", "at_ms", "state", "passed", "exit")
BINDING: Final = ("ticket_id", "kind", "last4", "entered", "created_ms", "withdrawn_ms", "erased_ms")
CONSENT: Final = ("ticket_id", "finger", "alone", "guardian", "agreed_ms", "ended_ms", "ended_as", "until_ms")
WALLET: Final = ("id", "site_id", "currency", "holder", "phone", "account", "created_ms")
MOVEMENT: Final = ("wallet_id", "kind", "amount", "at_ms")
DEPOSIT: Final = ("order_id", "ticket_id", "amount", "currency", "state", "spent", "returned", "taken_ms", "ended_ms")
MESSAGE: Final = ("kind", "to", "last4", "channel", "state", "created_ms", "ended_ms")
LINK: Final = ("ticket_id", "created_ms", "ended_ms")


async def export(number: int, caller: Caller, settings: MemberSettings, now_ms: int) -> dict[str, Any]:
    """All of it, on record; Problem not_found, member_unreadable."""
    row = await queries.member(number)
    found = await known_queries.known(
        number, row.group_number, await sites.of_group(row.group_number), phones(row, settings)
    )
    orders = [order.id for order in found.orders]
    async with in_transaction():
        await audit.note(caller, "member.export", row.site_id, f"member:{number}", now_ms=now_ms)
    return {
        "made": from_ms(now_ms).isoformat(),
        "member": await _member(row, settings),
        "orders": _told(found.orders, ORDER),
        "lines": _told(await known_queries.lines_of(orders), LINE),
        "payments": _told(await known_queries.payments_of(orders), PAYMENT),
        "tickets": _told(found.tickets, TICKET),
        "passages": _told(await known_queries.passages_of(found.own), PASSAGE),
        "bindings": _told(await known_queries.bindings_of(found.own), BINDING),
        "fingers": _told(await known_queries.consents_of(found.own), CONSENT),
        "wallets": _told(found.wallets, WALLET),
        "wallet_movements": _told(await known_queries.movements_of([one.id for one in found.wallets]), MOVEMENT),
        "deposits": _told(await known_queries.deposits_of(found.own, orders), DEPOSIT),
        "notifications": _told(found.notifications, MESSAGE),
        "links": _told(await known_queries.links_of(found.own), LINK),
    }


def phones(row: Member, settings: MemberSettings) -> list[str]:
    """The phone as it may be written elsewhere: with and without its country."""
    phone = personal.unseal(settings, row, "phone")
    if phone is None:
        return []
    plain = phone.removeprefix(personal.CHINA)
    return [phone] if plain.startswith("+") else [plain, f"{personal.CHINA}{plain}"]


async def _member(row: Member, settings: MemberSettings) -> dict[str, Any]:
    photo = await queries.photo(row.id)
    grades = await queries.grades(row.id)
    return {
        "number": row.id,
        "name": personal.unseal(settings, row, "name"),
        "phone": personal.unseal(settings, row, "phone"),
        "wechat": personal.unseal(settings, row, "wechat"),
        "locale": row.locale,
        "head": row.head_id,
        "family": [one.id for one in await queries.family(row.id)],
        "created_ms": row.created_ms,
        "erased_ms": row.erased_ms,
        "photo": None if photo is None else {"kind": photo.kind, "data": base64.b64encode(photo.data).decode()},
        "levels": [
            {"code": one.level.code, "valid_from": str(one.valid_from), "valid_until": str(one.valid_until)}
            for one in grades
        ],
        "passes": [one.ticket_id for one in await queries.passes(row.id)],
    }


def _told(rows: Iterable[Any], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: _plain(getattr(row, name)) for name in columns} for row in rows]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
