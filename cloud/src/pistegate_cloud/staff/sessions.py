# SPDX-License-Identifier: Apache-2.0
"""Sessions: opened by a password, opaque, kept hashed on the server, ended at once."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.errors import Problem
from pistegate_cloud.settings import StaffSettings
from pistegate_cloud.staff import queries
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.models import StaffSession, StaffUser
from pistegate_cloud.staff.passwords import Passwords
from pistegate_cloud.staff.rules import NO_LIMITS, rights

PREFIX = "ps_"
COOKIE = "pistegate_session"
SPAN_MS = 5 * 60_000  # attempts are counted in spans of five minutes
PER_USER = 8  # attempts a span for one login: a seller mistypes two or three times
PER_ADDRESS = 60  # a span for one address, behind which a whole box office may be
_TOUCH_MS = 60_000
_FORGET_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened; `text` is not stored and cannot be shown again."""

    text: str
    user: StaffUser
    expires_ms: int


async def open_session(
    login: str, password: str, address: str, passwords: Passwords, settings: StaffSettings, now_ms: int
) -> Opened:
    """Sign in; Problem login_refused, too_many_attempts."""
    user = await prove(login, password, address, passwords, now_ms)
    text = PREFIX + secrets.token_urlsafe(32)
    expires_ms = now_ms + settings.session_hours * 3_600_000
    row = StaffSession(
        digest=_digest(text),
        user_id=user.id,
        address=address[:64],
        created_ms=now_ms,
        used_ms=now_ms,
        expires_ms=expires_ms,
    )
    async with in_transaction():
        await queries.add_session(row)
        await queries.forget_sessions(now_ms - _FORGET_MS, (now_ms - _FORGET_MS) // SPAN_MS)
        await note(person(user), "session.open", None, f"user:{user.id}", after={"address": address}, now_ms=now_ms)
    return Opened(text, user, expires_ms)


async def prove(login: str, password: str, address: str, passwords: Passwords, now_ms: int) -> StaffUser:
    """The user whose login and password these are; Problem login_refused, too_many_attempts.

    Each try is counted before it is looked at, so that many at once get no more than one after the other.
    """
    span = now_ms // SPAN_MS
    by_user = await queries.take_attempt(f"user:{login}"[:80], span, PER_USER)
    if not by_user or not await queries.take_attempt(f"address:{address}"[:80], span, PER_ADDRESS):
        raise Problem("too_many_attempts")
    user = await queries.by_login(login)
    fits = await passwords.fits(user.password if user else None, password)
    if user is None or not fits or not user.active:
        who = Caller(name=login[:80], key="nobody")
        async with in_transaction():
            await note(who, "session.refused", None, f"login:{login}", after={"address": address}, now_ms=now_ms)
        raise Problem("login_refused")
    await queries.forget_attempts(f"user:{login}"[:80])
    await queries.return_attempt(f"address:{address}"[:80], span)  # a whole box office may sign in at eight
    if passwords.outdated(user.password):
        await queries.set_user(user.id, password=await passwords.hash(password))
    return user


async def check(text: str, scope: str | None, settings: StaffSettings, now_ms: int, *, fresh: bool = False) -> Caller:
    """The caller with this session, who may do `scope` (None: whatever they may); Problem otherwise.

    `fresh`: also while the password must be changed first.
    """
    row = await queries.session(_digest(text))
    if row is None or row.ended_ms is not None or not row.user.active:
        raise Problem("session_ended")
    if now_ms >= row.expires_ms or now_ms - row.used_ms >= settings.idle_minutes * 60_000:
        raise Problem("session_ended")
    if row.user.must_change and not fresh:
        raise Problem("password_change_needed")
    grants = tuple(queries.grant(membership) for membership in await queries.memberships([row.user_id]))
    held = rights(grants, scope) if scope is not None else None
    if scope is not None and held is None:
        raise Problem("scope_missing", scope=scope)
    if abs(now_ms - row.used_ms) > _TOUCH_MS:
        await queries.touch_session(row.id, now_ms)
    everything = frozenset(name for grant in grants for name in grant.scopes)
    return Caller(
        row.user.name,
        f"user:{row.user_id}",
        user=row.user_id,
        scopes=everything,
        sites=held.sites if held else frozenset(grant.site for grant in grants if grant.site is not None),
        windows=held.windows if held else None,
        limits=held.limits if held else NO_LIMITS,
        window=row.window,
        grants=grants,
        session=row.id,
    )


def person(user: StaffUser) -> Caller:
    """A user as the audit record names them."""
    return Caller(user.name, f"user:{user.id}", user=user.id)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
