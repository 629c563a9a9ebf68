# SPDX-License-Identifier: Apache-2.0
"""Members: made, found, changed, with levels, photos, passes and families."""

import base64
import binascii
from datetime import date
from typing import Any

from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.members import personal, queries, rules
from pistegate_cloud.members.models import Member, MemberGrade, MemberLevel, MemberPass, MemberPhoto
from pistegate_cloud.members.schemas import ChangeBody, GradeBody, LevelBody, MadeAnswer, MemberBody
from pistegate_cloud.orders import queries as orders
from pistegate_cloud.orders.idempotency import AnsweredMeanwhile, Repeatable
from pistegate_cloud.settings import MemberSettings
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets import queries as tickets


async def level_of(member: int, site: int, day: date) -> str | None:
    """The code of the level that a member has on a day at a site, else their head's; Problem member_unknown."""
    row = await of_site(member, site)
    grade = await queries.grade_on(row.id, day)
    if grade is None and row.head_id is not None:
        grade = await queries.grade_on(row.head_id, day)
    return None if grade is None else grade.level.code


async def of_site(member: int, site: int) -> Member:
    """A member of the site's group; Problem member_unknown, also when they were erased."""
    group = (await sites.site(site)).group_number
    try:
        row = await queries.member(member)
    except Problem:
        raise Problem("member_unknown", member=member) from None
    if row.group_number != group or row.erased_ms is not None:
        raise Problem("member_unknown", member=member)
    return row


async def make(body: MemberBody, once: Repeatable, caller: Caller, settings: MemberSettings, now_ms: int) -> MadeAnswer:
    """A new member; a repetition gets the same. Problem member_phone_used, member_family."""
    kept = await once.answered()
    if kept is not None:
        return MadeAnswer.model_validate(kept)
    site = await sites.site(body.site)
    try:
        async with in_transaction():
            row = Member(
                site_id=site.number,
                group_number=site.group_number,
                locale=body.locale,
                actor=caller.name,
                created_ms=now_ms,
            )
            await queries.add(row)
            await _set(row, body.model_dump(include={"name", "phone", "wechat", "head"}), settings)
            await audit.note(caller, "member.make", row.site_id, f"member:{row.id}", now_ms=now_ms)
            answer = MadeAnswer(number=row.id)
            await once.keep(answer, now_ms)
            return answer
    except AnsweredMeanwhile:
        return MadeAnswer.model_validate(await once.answered())


async def change(number: int, body: ChangeBody, caller: Caller, settings: MemberSettings, now_ms: int) -> Member:
    """Change what `body` names; Problem not_found, member_erased, member_phone_used, member_family."""
    named = body.model_dump(include=body.model_fields_set)
    async with in_transaction():
        await queries.lock_all([number, named.get("head") or number])
        row = await queries.locked(number)
        await _set(row, named, settings)
        after = {"changed": sorted(named)}
        await audit.note(caller, "member.change", row.site_id, f"member:{number}", after=after, now_ms=now_ms)
    return row


async def find(site: int, phone: str, caller: Caller, settings: MemberSettings, now_ms: int) -> Member | None:
    """The member of the site's group with this phone; on record with who asked."""
    group = (await sites.site(site)).group_number
    row = await queries.by_phone(group, personal.phone_key(settings, phone))
    subject = f"member:{row.id if row else ''}"
    await audit.note(caller, "member.find", site, subject, now_ms=now_ms)
    return row


async def add_level(body: LevelBody, caller: Caller, now_ms: int) -> MemberLevel:
    """A new level of the site's group; Problem already_exists."""
    site = await sites.site(body.site)
    row = MemberLevel(
        site_id=site.number,
        group_number=site.group_number,
        code=body.code,
        name={str(locale): words for locale, words in body.name.items()},
        created_ms=now_ms,
    )
    async with in_transaction():
        await queries.add_level(row)
        await audit.note(caller, "member.level", site.number, f"member_level:{body.code}", now_ms=now_ms)
    return row


async def grade(number: int, body: GradeBody, caller: Caller, now_ms: int) -> Member:
    """Give a member a level for some time; the newest that holds counts. Problem unknown_reference, member_erased."""
    async with in_transaction():
        row = await _alive(number)
        level = await queries.level(row.group_number, body.code)
        given = MemberGrade(
            site_id=row.site_id,
            member_id=row.id,
            level=level,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            actor=caller.name,
            created_ms=now_ms,
        )
        await queries.add_grade(given)
        after = {"code": body.code, "from": str(body.valid_from), "until": str(body.valid_until)}
        await audit.note(caller, "member.grade", row.site_id, f"member:{number}", after=after, now_ms=now_ms)
    return row


async def put_photo(number: int, text: str, caller: Caller, now_ms: int) -> None:
    """Keep a photo, given as base64, in the place of the one before; Problem photo_unfit."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("photo_unfit", limit=rules.PHOTO_MAX) from None
    kind = rules.photo_kind(data)
    async with in_transaction():
        row = await _alive(number)
        photo = MemberPhoto(
            site_id=row.site_id, member_id=row.id, kind=kind, data=data, actor=caller.name, at_ms=now_ms
        )
        await queries.put_photo(photo)
        await audit.note(caller, "member.photo", row.site_id, f"member:{number}", now_ms=now_ms)


async def give_pass(number: int, ticket: int, caller: Caller, settings: MemberSettings, now_ms: int) -> None:
    """A ticket is this member's own; again changes nothing. Problem pass_of_another, photo_needed, ticket_revoked."""
    async with in_transaction():
        row, found = await _alive(number), await tickets.ticket(ticket)
        if found.status == "revoked":
            raise Problem("ticket_revoked", ticket=ticket)
        order = await orders.found(found.order_id)
        if order.member_id not in (None, row.id, row.head_id):
            raise Problem("pass_of_another", ticket=ticket)
        if found.site_id not in await sites.of_group(row.group_number):
            raise Problem("pass_of_another", ticket=ticket)
        had = await queries.pass_of(ticket)
        if had is not None and had.member_id == row.id:
            return
        days = settings.photo_from_days
        if rules.needs_photo(found.valid_from, found.last_day, days) and not await queries.has_photo(row.id):
            raise Problem("photo_needed", days=days, member=row.id)
        given = MemberPass(
            site_id=row.site_id, member_id=row.id, ticket_id=ticket, actor=caller.name, created_ms=now_ms
        )
        await queries.add_pass(given)
        await audit.note(
            caller, "member.pass", row.site_id, f"member:{number}", after={"ticket": ticket}, now_ms=now_ms
        )


async def _alive(number: int) -> Member:
    row = await queries.locked(number)
    if row.erased_ms is not None:
        raise Problem("member_erased", member=number)
    return row


async def _set(row: Member, named: dict[str, Any], settings: MemberSettings) -> None:
    """Seal and store what is named."""
    values: dict[str, Any] = {}
    for what in ("name", "phone", "wechat"):
        if what in named:
            values[what] = personal.seal(settings, row.id, what, named[what])
    if "phone" in named:
        phone = named["phone"]
        values |= {"phone_key": phone and personal.phone_key(settings, phone), "last4": phone and phone[-4:]}
    if "locale" in named:
        values["locale"] = named["locale"]
    if named.get("head") is not None:
        await _check_head(row, named["head"])
    if "head" in named:
        values["head_id"] = named["head"]
    await queries.change(row, **values)


async def _check_head(row: Member, head: int) -> None:
    """Two steps only: a head has no head, and who has a family takes none."""
    try:
        found = await queries.locked(head)
    except Problem:
        raise Problem("member_unknown", member=head) from None
    alone = found.head_id is None and found.id != row.id and not await queries.family(row.id)
    if not alone or found.group_number != row.group_number or found.erased_ms is not None:
        raise Problem("member_family")
