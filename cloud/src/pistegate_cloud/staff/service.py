# SPDX-License-Identifier: Apache-2.0
"""Users and groups: made, changed and ended by somebody who has at least what they give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.errors import Problem
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff import queries
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.models import StaffGroup, StaffMembership, StaffUser
from pistegate_cloud.staff.passwords import Passwords, initial
from pistegate_cloud.staff.roles import ROLES
from pistegate_cloud.staff.rules import EVERYTHING, LEAST, Grant, Limits, beyond, weak
from pistegate_cloud.tokens.service import Scope


@dataclass(frozen=True, slots=True)
class Place:
    """A group at a site (None: at all), there at a window (None: at all)."""

    group: str
    site: int | None = None
    window: int | None = None


async def add_user(
    caller: Caller, login: str, name: str, places: Sequence[Place], passwords: Passwords, now_ms: int
) -> tuple[StaffUser, str]:
    """A new user and the password to tell them, which they must change first."""
    password = initial()
    row = StaffUser(
        login=login, name=name, password=await passwords.hash(password), created_ms=now_ms, changed_ms=now_ms
    )
    async with in_transaction():
        await queries.add_user(row)
        await _join(caller, row, places)
        told = {"login": login, "memberships": _told(places)}
        await note(caller, "staff.add", None, f"user:{row.id}", after=told, now_ms=now_ms)
    return row, password


async def move(caller: Caller, number: int, places: Sequence[Place], now_ms: int) -> StaffUser:
    """Give a user these memberships in place of those they have; Problem group_too_wide, last_admin."""
    user = await queries.user(number)
    async with in_transaction():
        had = await queries.memberships([number])
        _may_touch(caller, had)
        await _join(caller, user, places)
        await _keep_an_admin(had)
        before = [{"group": row.group.name, "site": row.site_id, "window": row.window} for row in had]
        await note(caller, "staff.move", None, f"user:{number}", before, _told(places), now_ms=now_ms)
    return user


async def set_active(caller: Caller, number: int, active: bool, now_ms: int) -> StaffUser:
    """Let a user in again, or out for good: then every session of theirs ends with this."""
    user = await queries.user(number)
    async with in_transaction():
        had = await queries.memberships([number])
        _may_touch(caller, had)
        await queries.set_user(number, active=active)
        if not active:
            await queries.end_sessions(number, now_ms)
            await _keep_an_admin(had)
        action = "staff.activate" if active else "staff.deactivate"
        await note(caller, action, None, f"user:{number}", {"active": user.active}, {"active": active}, now_ms=now_ms)
    user.active = active
    return user


async def reset_password(caller: Caller, number: int, passwords: Passwords, now_ms: int) -> tuple[StaffUser, str]:
    """A new password to tell a user who forgot theirs; their sessions end, and they must change it first."""
    user = await queries.user(number)
    password = initial()
    hashed = await passwords.hash(password)
    async with in_transaction():
        _may_touch(caller, await queries.memberships([number]))
        await queries.set_user(number, password=hashed, must_change=True, changed_ms=now_ms)
        await queries.end_sessions(number, now_ms)
        await note(caller, "staff.reset", None, f"user:{number}", now_ms=now_ms)
    return user, password


async def change_password(caller: Caller, old: str, new: str, passwords: Passwords, now_ms: int) -> None:
    """A user's own; their other sessions end. Problem login_refused, password_weak."""
    assert caller.user is not None
    user = await queries.user(caller.user)
    if not await passwords.fits(user.password, old):
        raise Problem("login_refused")
    if weak(new, user.login, old):
        raise Problem("password_weak", least=LEAST)
    hashed = await passwords.hash(new)
    async with in_transaction():
        await queries.set_user(user.id, password=hashed, must_change=False, changed_ms=now_ms)
        await queries.end_sessions(user.id, now_ms, but=caller.session)
        await note(caller, "session.password", None, f"user:{user.id}", now_ms=now_ms)


async def set_group(
    caller: Caller, name: str, scopes: Sequence[str], limits: Mapping[str, int | None], now_ms: int
) -> StaffGroup:
    """Make a group or change what it may do, at once for all its members; Problem group_too_wide, last_admin."""
    unknown = sorted(set(scopes) - {scope.value for scope in Scope} - {EVERYTHING})
    if unknown:
        raise Problem("unknown_reference", what=f"scope {', '.join(unknown)}")
    async with in_transaction():
        row = await queries.group(name) or StaffGroup(name=name, scopes=[], limits={})
        before = {"scopes": row.scopes, "limits": row.limits} if row.id else None
        for group in (row.scopes, scopes):
            _allow(caller, Grant(frozenset(group), limits=Limits(limits if group is scopes else row.limits)))
        admins = await queries.administrators()
        row.scopes, row.limits, row.changed_ms = sorted(set(scopes)), dict(limits), now_ms
        await queries.save_group(row)
        await _keep_an_admin(admins)
        told = {"scopes": row.scopes, "limits": row.limits}
        await note(caller, "staff.group", None, f"group:{name}", before, told, now_ms=now_ms)
    return row


async def _join(caller: Caller, user: StaffUser, places: Sequence[Place]) -> None:
    rows = []
    for place in dict.fromkeys(places):
        group = await _group(place.group)
        if place.site is not None:
            await sites.site(place.site)
        row = StaffMembership(user_id=user.id, group=group, site_id=place.site, window=place.window)
        _allow(caller, queries.grant(row))
        rows.append(row)
    await queries.set_memberships(user.id, rows)


async def _group(name: str) -> StaffGroup:
    """The group, made from its role when it is one to begin with; Problem unknown_reference."""
    found = await queries.group(name)
    if found is not None:
        return found
    if name not in ROLES:
        raise Problem("unknown_reference", what=f"group {name}")
    role = ROLES[name]
    row = StaffGroup(name=name, scopes=sorted(role.scopes), limits=dict(role.limits.alone), changed_ms=0)
    await queries.save_group(row)
    return row


def _may_touch(caller: Caller, had: Sequence[StaffMembership]) -> None:
    """Who may reset, move or end somebody has at least their rights: else one could take over a wider account."""
    for membership in had:
        _allow(caller, queries.grant(membership))


def _allow(caller: Caller, wanted: Grant) -> None:
    what = beyond(caller.grants, wanted)
    if what is not None:
        raise Problem("group_too_wide", what=what)


async def _keep_an_admin(before: Sequence[StaffMembership]) -> None:
    """Problem last_admin, when one of these managed staff everywhere and now nobody does."""
    if not any(row.site_id is None and queries.grant(row).gives(Scope.STAFF_WRITE) for row in before):
        return
    if not any(queries.grant(row).gives(Scope.STAFF_WRITE) for row in await queries.administrators()):
        raise Problem("last_admin")


def _told(places: Sequence[Place]) -> list[dict[str, object]]:
    return [{"group": place.group, "site": place.site, "window": place.window} for place in places]
