# SPDX-License-Identifier: Apache-2.0
"""All queries of members, their levels, photos and passes."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.members.models import Member, MemberErasure, MemberGrade, MemberLevel, MemberPass, MemberPhoto


async def member(number: int) -> Member:
    """A member; Problem not_found."""
    found = await Member.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"member {number}")
    return found


async def locked(number: int) -> Member:
    """A member, locked until the transaction ends; Problem not_found."""
    found = await Member.filter(id=number).select_for_update().first()
    if found is None:
        raise Problem("not_found", what=f"member {number}")
    return found


async def add(row: Member) -> None:
    """Keep a new one; their number is set."""
    await row.save(force_create=True)


async def change(row: Member, **values: Any) -> None:
    """Change columns of one who is not erased; Problem member_phone_used, member_erased."""
    try:
        async with in_transaction():
            changed = await Member.filter(id=row.id, erased_ms__isnull=True).update(**values)
    except IntegrityError:
        raise Problem("member_phone_used") from None
    if not changed:
        raise Problem("member_erased", member=row.id)
    for name, value in values.items():
        setattr(row, name, value)


async def by_phone(group: int, key: str) -> Member | None:
    """The member of a group with this phone."""
    return await Member.get_or_none(group_number=group, phone_key=key)


async def family(head: int) -> list[Member]:
    """Those whose head this is."""
    return await Member.filter(head_id=head).order_by("id")


async def leave_family(head: int) -> int:
    """Those of a family stand alone from now on; how many."""
    return int(await Member.filter(head_id=head).update(head_id=None))


async def add_level(row: MemberLevel) -> None:
    """Keep a new level; Problem already_exists."""
    try:
        async with in_transaction():
            await row.save(force_create=True)
    except IntegrityError:
        raise Problem("already_exists", what=f"member level {row.code}") from None


async def levels(group: int) -> list[MemberLevel]:
    """Levels of a group."""
    return await MemberLevel.filter(group_number=group).order_by("code")


async def level(group: int, code: str) -> MemberLevel:
    """A level by its code; Problem unknown_reference."""
    found = await MemberLevel.get_or_none(group_number=group, code=code)
    if found is None:
        raise Problem("unknown_reference", what=f"member level {code}")
    return found


async def add_grade(row: MemberGrade) -> None:
    """Keep that a member has a level."""
    await row.save(force_create=True)


async def grades(number: int) -> list[MemberGrade]:
    """All levels that a member has or had, newest last."""
    return await MemberGrade.filter(member_id=number).order_by("id").select_related("level")


async def grade_on(number: int, day: date) -> MemberGrade | None:
    """The newest level that holds on a day."""
    rows = MemberGrade.filter(member_id=number, valid_from__lte=day, valid_until__gte=day)
    return await rows.order_by("-id").select_related("level").first()


async def photo(number: int) -> MemberPhoto | None:
    """A member's photo."""
    return await MemberPhoto.get_or_none(member_id=number)


async def has_photo(number: int) -> bool:
    """Whether there is one."""
    return await MemberPhoto.exists(member_id=number)


async def put_photo(row: MemberPhoto) -> None:
    """Keep a photo in the place of the one before."""
    columns = ("kind", "data", "actor", "at_ms")
    await MemberPhoto.bulk_create([row], on_conflict=("member_id",), update_fields=columns)


async def delete_photo(number: int) -> int:
    """No photo is left; how many there were."""
    return int(await MemberPhoto.filter(member_id=number).delete())


async def add_pass(row: MemberPass) -> None:
    """Keep whose a ticket is; Problem pass_of_another."""
    try:
        async with in_transaction():
            await row.save(force_create=True)
    except IntegrityError:
        raise Problem("pass_of_another", ticket=row.ticket_id) from None


async def pass_of(ticket: int) -> MemberPass | None:
    """Whose a ticket is."""
    return await MemberPass.get_or_none(ticket_id=ticket)


async def passes(number: int) -> list[MemberPass]:
    """A member's passes with their tickets."""
    return await MemberPass.filter(member_id=number).order_by("id").select_related("ticket__product")


async def erasure(number: int) -> MemberErasure | None:
    """The receipt of a member's erasure."""
    return await MemberErasure.get_or_none(member_id=number)


async def add_erasure(row: MemberErasure) -> None:
    """Keep a receipt."""
    await row.save(force_create=True)


async def lock_all(numbers: Sequence[int]) -> None:
    """Keep others who change these waiting until the transaction ends; in order, so nobody waits for each other."""
    await Member.filter(id__in=list(numbers)).order_by("id").only("id").select_for_update()
