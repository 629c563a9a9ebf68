# SPDX-License-Identifier: Apache-2.0
"""HTTP API of staff: signing in, users, groups, agreement of a second person."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Limit, Page, iso
from pistegate_cloud.services import WithServices, require, signed_in
from pistegate_cloud.staff import approvals, queries, service, sessions
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.models import Approval, StaffUser
from pistegate_cloud.staff.rules import rights
from pistegate_cloud.staff.schemas import (
    ApprovalAnswer,
    ApprovalBody,
    ApprovalHereBody,
    GroupAnswer,
    GroupBody,
    GroupName,
    LoginBody,
    MineAnswer,
    MoveBody,
    NewUserAnswer,
    PasswordBody,
    SessionAnswer,
    UserAnswer,
    UserBody,
    UserNumber,
    group_answer,
    user_answer,
)
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["staff"])
Mine = Annotated[Caller, Depends(signed_in)]
Reader = Annotated[Caller, Depends(require(Scope.STAFF_READ))]
Writer = Annotated[Caller, Depends(require(Scope.STAFF_WRITE))]
Number = Annotated[UserNumber, Path(description="Number of the user.")]
_GIVING = ("group_too_wide", "unknown_reference", "last_admin")


@router.post("/sessions", status_code=201, responses=documented("login_refused", "too_many_attempts"))
async def sign_in(body: LoginBody, request: Request, response: Response, services: WithServices) -> SessionAnswer:
    """Sign in; with `cookie` for pages of this cloud, else the token is used as a bearer."""
    settings, now_ms = services.settings.staff, services.clock.wall_ms()
    done = await sessions.open_session(
        body.login, body.password, _address(request), services.passwords, settings, now_ms
    )
    if body.cookie:
        response.set_cookie(
            sessions.COOKIE,
            done.text,
            max_age=settings.session_hours * 3600,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return SessionAnswer(token=done.text, expires=iso(done.expires_ms), user=await _answer(done.user))


@router.get("/sessions/mine", responses=documented("session_ended"))
async def who_am_i(caller: Mine) -> MineAnswer:
    """Who is signed in and what they may do."""
    user = await queries.user(caller.user or 0)
    return MineAnswer(user=await _answer(user), scopes=sorted(caller.scopes), window=caller.window)


@router.delete("/sessions/mine", status_code=204, responses=documented("session_ended", "origin_refused"))
async def sign_out(caller: Mine, response: Response, services: WithServices) -> None:
    """End this session."""
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        await queries.end_session(caller.session or 0, now_ms)
        await note(caller, "session.end", None, caller.key, now_ms=now_ms)
    response.delete_cookie(sessions.COOKIE)


@router.post(
    "/sessions/mine/password",
    status_code=204,
    responses=documented("session_ended", "origin_refused", "login_refused", "password_weak"),
)
async def change_password(body: PasswordBody, caller: Mine, services: WithServices) -> None:
    """Change one's own password; all one's other sessions end."""
    await service.change_password(caller, body.old, body.new, services.passwords, services.clock.wall_ms())


@router.get("/staff/users", responses=documented())
async def list_users(caller: Reader, after: After = 0, limit: Limit = 100) -> Page[UserAnswer]:
    """Users; who is bound to sites sees those who belong to one of them."""
    rows = await queries.users(after, limit)
    told = await queries.memberships(row.id for row in rows)
    seen = rows
    if caller.sites is not None:
        there = {row.user_id for row in told if row.site_id is None or row.site_id in caller.sites}
        seen = [row for row in rows if row.id in there]
    items = [user_answer(row, told) for row in seen]
    return Page(items=items, next=rows[-1].id if len(rows) == limit else None)


@router.post("/staff/users", status_code=201, responses=documented("already_exists", *_GIVING))
async def add_user(body: UserBody, caller: Writer, services: WithServices) -> NewUserAnswer:
    """Make a user; tell them the password in the answer, which they must change at their first sign-in."""
    places = [place.place() for place in body.memberships]
    now_ms = services.clock.wall_ms()
    user, password = await service.add_user(caller, body.login, body.name, places, services.passwords, now_ms)
    return NewUserAnswer(**(await _answer(user)).model_dump(), password=password)


@router.put("/staff/users/{number}/memberships", responses=documented("not_found", *_GIVING))
async def move_user(number: Number, body: MoveBody, caller: Writer, services: WithServices) -> UserAnswer:
    """Give a user these groups in place of those they have; it holds from their next request on."""
    places = [place.place() for place in body.memberships]
    return await _answer(await service.move(caller, number, places, services.clock.wall_ms()))


@router.post("/staff/users/{number}/deactivate", responses=documented("not_found", *_GIVING))
async def deactivate(number: Number, caller: Writer, services: WithServices) -> UserAnswer:
    """Let a user in no more; whatever they have open ends now."""
    return await _answer(await service.set_active(caller, number, False, services.clock.wall_ms()))


@router.post("/staff/users/{number}/activate", responses=documented("not_found", *_GIVING))
async def activate(number: Number, caller: Writer, services: WithServices) -> UserAnswer:
    """Let a user in again."""
    return await _answer(await service.set_active(caller, number, True, services.clock.wall_ms()))


@router.post("/staff/users/{number}/password", responses=documented("not_found", *_GIVING))
async def reset_password(number: Number, caller: Writer, services: WithServices) -> NewUserAnswer:
    """A new password for a user who forgot theirs."""
    user, password = await service.reset_password(caller, number, services.passwords, services.clock.wall_ms())
    return NewUserAnswer(**(await _answer(await queries.user(user.id))).model_dump(), password=password)


@router.get("/staff/groups", dependencies=[Depends(require(Scope.STAFF_READ))], responses=documented())
async def list_groups() -> Page[GroupAnswer]:
    """Groups and what they may do."""
    return Page(items=[group_answer(row) for row in await queries.groups()])


@router.put("/staff/groups/{name}", responses=documented(*_GIVING))
async def set_group(
    name: Annotated[GroupName, Path()], body: GroupBody, caller: Writer, services: WithServices
) -> GroupAnswer:
    """Make a group or change what it may do; who does it has all of that themselves, at every site."""
    limits = {action.value: amount for action, amount in body.limits.items()}
    return group_answer(await service.set_group(caller, name, body.scopes, limits, services.clock.wall_ms()))


@router.post("/approvals", status_code=201, responses=documented("session_ended", "site_not_allowed"))
async def approve(
    body: ApprovalBody, caller: Annotated[Caller, Depends(require(Scope.ORDERS_APPROVE))], services: WithServices
) -> ApprovalAnswer:
    """Agree to what a colleague is about to do, from one's own session."""
    if caller.user is None:
        raise Problem("session_ended")  # a machine is no second person
    caller.at(body.site)
    return await _agree(body, caller, services)


@router.post(
    "/approvals/here",
    status_code=201,
    responses=documented("session_ended", "login_refused", "too_many_attempts", "site_not_allowed"),
)
async def approve_here(
    body: ApprovalHereBody, caller: Mine, request: Request, services: WithServices
) -> ApprovalAnswer:
    """Agree at the colleague's own screen: they stay signed in, the second person types login and password."""
    now_ms = services.clock.wall_ms()
    user = await sessions.prove(body.login, body.password, _address(request), services.passwords, now_ms)
    grants = tuple(queries.grant(row) for row in await queries.memberships([user.id]))
    held = rights(grants, Scope.ORDERS_APPROVE)
    if held is None or user.must_change:
        raise Problem("scope_missing", scope=Scope.ORDERS_APPROVE.value)
    approver = Caller(user.name, f"user:{user.id}", user=user.id, sites=held.sites, grants=grants)
    approver.at(body.site)
    if user.id == caller.user:
        raise Problem("approval_refused")
    return await _agree(body, approver, services)


async def _agree(body: ApprovalBody, approver: Caller, services: WithServices) -> ApprovalAnswer:
    now_ms = services.clock.wall_ms()
    row: Approval = await approvals.give(approver, body.action, body.subject, body.amount, body.site, now_ms)
    return ApprovalAnswer(approval=row.id, expires=iso(row.expires_ms), approver=approver.name)


async def _answer(user: StaffUser) -> UserAnswer:
    return user_answer(user, await queries.memberships([user.id]))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
