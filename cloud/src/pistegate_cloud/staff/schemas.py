# SPDX-License-Identifier: Apache-2.0
"""Shapes of the API of staff."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pistegate_cloud.schemas import Body, Money, Name, SiteNumber
from pistegate_cloud.staff.models import StaffGroup, StaffMembership, StaffUser
from pistegate_cloud.staff.rules import Action
from pistegate_cloud.staff.service import Place

Login = Annotated[str, StringConstraints(min_length=2, max_length=40, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=200)]
GroupName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
WindowNumber = Annotated[int, Field(ge=1, le=0xFFFF, description="Number of a sales window.")]
UserNumber = Annotated[int, Field(ge=1, le=2**62)]
ScopeName = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[\x21-\x7e]+$")]


class LoginBody(Body):
    """Who signs in. `cookie`: also set the session as a cookie, for pages."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"login": "li.na", "password": "snow-9-lantern"}}
    )

    login: Login
    password: Password
    cookie: bool = False


class PasswordBody(Body):
    """A change of one's own password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"old": "kd7m-w2xe-9hfa", "new": "snow-9-lantern"}}
    )

    old: Password
    new: Password


class MembershipBody(Body):
    """A group at a site (null: at all), there at a window (null: at all)."""

    group: GroupName
    site: SiteNumber | None = None
    window: WindowNumber | None = None

    def place(self) -> Place:
        """As the service takes it."""
        return Place(self.group, self.site, self.window)


Memberships = Annotated[list[MembershipBody], Field(max_length=50)]


class UserBody(Body):
    """A new user."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"login": "li.na", "name": "Li Na 李娜", "memberships": [{"group": "seller", "site": 1}]}
        },
    )

    login: Login
    name: Name
    memberships: Memberships = Field(default_factory=list)


class MoveBody(Body):
    """What a user belongs to from now on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"memberships": [{"group": "seller", "site": 1, "window": 2}]}}
    )

    memberships: Memberships


class GroupBody(Body):
    """What a group may do; `limits`: action -> amount (minor units) done alone, null: any, not named: none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"scopes": ["orders:read", "orders:write"], "limits": {"refund": 20000}}},
    )

    scopes: Annotated[list[ScopeName], Field(max_length=200)]
    limits: dict[Action, Money | None] = Field(default_factory=dict)


class ApprovalBody(Body):
    """What one agrees to. `subject`: as the problem approval_needed named it, such as order:UUID."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "action": "refund",
                "subject": "order:01900000-0000-7000-8000-000000000000",
                "amount": 29800,
            }
        },
    )

    site: SiteNumber
    action: Action
    subject: Subject
    amount: Money


class ApprovalHereBody(ApprovalBody):
    """The same, agreed to at somebody else's screen with one's own login and password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "site": 1,
                "action": "refund",
                "subject": "order:01900000-0000-7000-8000-000000000000",
                "amount": 29800,
                "login": "mei",
                "password": "snow-9-lantern",
            }
        },
    )

    login: Login
    password: Password


class MembershipAnswer(BaseModel):
    """One membership."""

    group: str
    site: int | None
    window: int | None


class UserAnswer(BaseModel):
    """One user."""

    number: int
    login: str
    name: str
    active: bool
    must_change: bool
    memberships: list[MembershipAnswer]


class NewUserAnswer(UserAnswer):
    """A user whose password was just made; it is shown this once."""

    password: str


class GroupAnswer(BaseModel):
    """One group."""

    name: str
    scopes: list[str]
    limits: dict[str, int | None]


class SessionAnswer(BaseModel):
    """A session just opened; `token` is shown this once and used as a bearer."""

    token: str
    expires: datetime
    user: UserAnswer


class MineAnswer(BaseModel):
    """Who is signed in, what they may do where, and where they sit."""

    user: UserAnswer
    scopes: list[str]
    window: int | None


class ApprovalAnswer(BaseModel):
    """An agreement: name it in the request that it is for."""

    approval: UUID
    expires: datetime
    approver: str


def user_answer(user: StaffUser, rows: list[StaffMembership]) -> UserAnswer:
    """A user with their memberships."""
    return UserAnswer(
        number=user.id,
        login=user.login,
        name=user.name,
        active=user.active,
        must_change=user.must_change,
        memberships=[
            MembershipAnswer(group=row.group.name, site=row.site_id, window=row.window)
            for row in rows
            if row.user_id == user.id
        ],
    )


def group_answer(row: StaffGroup) -> GroupAnswer:
    """A group."""
    return GroupAnswer(name=row.name, scopes=row.scopes, limits=row.limits)
