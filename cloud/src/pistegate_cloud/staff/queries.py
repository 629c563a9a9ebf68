# SPDX-License-Identifier: Apache-2.0
"""All queries of users, groups, sessions, attempts and approvals."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F, Q

from pistegate_cloud.errors import Problem
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.staff.models import (
    Approval,
    StaffAttempt,
    StaffGroup,
    StaffMembership,
    StaffSession,
    StaffUser,
)
from pistegate_cloud.staff.rules import Grant, Limits


async def user(number: int) -> StaffUser:
    """One user; Problem not_found."""
    found = await StaffUser.get_or_none(id=number)
    if found is None:
        raise Problem("not_found", what=f"user {number}")
    return found


async def by_login(login: str) -> StaffUser | None:
    """The user who signs in so."""
    return await StaffUser.get_or_none(login=login)


async def users(after: int, limit: int) -> list[StaffUser]:
    """Users in order of number."""
    return await StaffUser.filter(id__gt=after).order_by("id").limit(limit)


async def add_user(row: StaffUser) -> None:
    """Store a new user; Problem already_exists."""
    if await by_login(row.login) is not None:
        raise Problem("already_exists", what=f"user {row.login}")
    try:
        await row.save(force_create=True)
    except IntegrityError as error:
        raise Problem("already_exists", what=f"user {row.login}") from error


async def set_user(number: int, **values: object) -> None:
    """Change columns of a user."""
    await StaffUser.filter(id=number).update(**values)


async def group(name: str) -> StaffGroup | None:
    """The group of this name."""
    return await StaffGroup.get_or_none(name=name)


async def groups() -> list[StaffGroup]:
    """All groups by name."""
    return await StaffGroup.all().order_by("name")


async def save_group(row: StaffGroup) -> None:
    """Store a group, new or changed."""
    await row.save()


async def memberships(numbers: Iterable[int]) -> list[StaffMembership]:
    """What these users belong to, with the groups."""
    return await StaffMembership.filter(user_id__in=list(numbers)).order_by("id").select_related("group")


async def members(group_id: int) -> list[StaffMembership]:
    """Who belongs to a group."""
    return await StaffMembership.filter(group_id=group_id)


async def set_memberships(number: int, rows: Sequence[StaffMembership]) -> None:
    """These in place of those that the user had."""
    await StaffMembership.filter(user_id=number).delete()
    for row in rows:
        await row.save(force_create=True)


async def administrators() -> list[StaffMembership]:
    """Memberships of active users that hold at all sites, with their groups."""
    return await StaffMembership.filter(site_id=None, user__active=True).select_related("group")


def grant(row: StaffMembership) -> Grant:
    """What a membership gives; its group is loaded."""
    return Grant(frozenset(row.group.scopes), row.site_id, row.window, Limits(row.group.limits))


async def session(digest: str) -> StaffSession | None:
    """A session with its user."""
    return await StaffSession.get_or_none(digest=digest).select_related("user")


async def add_session(row: StaffSession) -> None:
    """Store a session."""
    await row.save(force_create=True)


async def touch_session(number: int, now_ms: int) -> None:
    """It was used."""
    await StaffSession.filter(id=number).update(used_ms=now_ms)


async def seat_session(number: int, window: int | None) -> None:
    """Where its user sits."""
    await StaffSession.filter(id=number).update(window=window)


async def end_sessions(user_number: int, now_ms: int, *, but: int | None = None) -> None:
    """End all sessions of a user, or all but one."""
    rows = StaffSession.filter(user_id=user_number, ended_ms=None)
    await (rows.exclude(id=but) if but is not None else rows).update(ended_ms=now_ms)


async def end_session(number: int, now_ms: int) -> None:
    """End one."""
    await StaffSession.filter(id=number, ended_ms=None).update(ended_ms=now_ms)


async def forget_sessions(before_ms: int, span: int) -> None:
    """Sessions and attempts that are long over."""
    await StaffSession.filter(expires_ms__lt=before_ms).delete()
    await StaffAttempt.filter(span__lt=span).delete()


async def take_attempt(what: str, span: int, most: int) -> bool:
    """Count one attempt in this span; False when there were `most` already. Exact also when several come at once."""
    await StaffAttempt.bulk_create([StaffAttempt(what=what, span=span, times=0)], ignore_conflicts=True)
    return await StaffAttempt.filter(what=what, span=span, times__lt=most).update(times=F("times") + 1) == 1


async def return_attempt(what: str, span: int) -> None:
    """The one taken was none: it was right."""
    await StaffAttempt.filter(what=what, span=span, times__gt=0).update(times=F("times") - 1)


async def forget_attempts(what: str) -> None:
    """Start counting anew."""
    await StaffAttempt.filter(what=what).delete()


async def passed(tickets: Sequence[int]) -> list[int]:
    """Those of these tickets with which somebody passed a gate, or perhaps did."""
    lanes = Admission.filter(ticket__in=list(tickets)).exclude(state="not_passed").exclude(state="card_void")
    found = lanes.filter(Q(passed__gt=0) | Q(unknown__gt=0) | Q(state="open"))
    return sorted({int(str(number)) for number in await found.values_list("ticket", flat=True)})


async def add_approval(row: Approval) -> None:
    """Store an agreement."""
    await row.save(force_create=True)


async def approval(number: UUID) -> Approval | None:
    """One agreement with who gave it."""
    return await Approval.get_or_none(id=number).select_related("approver")


async def use_approval(number: UUID, by: str, now_ms: int) -> bool:
    """Use it up; False when it was used meanwhile or has run out."""
    rows = Approval.filter(id=number, used_ms=None, expires_ms__gt=now_ms)
    return await rows.update(used_ms=now_ms, used_by=by) == 1
