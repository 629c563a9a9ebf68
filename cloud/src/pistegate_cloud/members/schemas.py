# SPDX-License-Identifier: Apache-2.0
"""Shapes of members' requests and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pistegate_cloud.members.rules import PHOTO_MAX
from pistegate_cloud.schemas import Body, Code, Day, Name, Phone, Reason, SiteNumber, TicketNumber

MemberNumber = Annotated[int, Field(ge=1, lt=2**62)]
OpenId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{6,64}$")]
Locale = Literal["en", "zh-CN"]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": values})


class MemberBody(Body):
    """A new member. A child needs no phone; `head` of the family pays. `wechat`: open id at our official account."""

    model_config = _example(site=1, name="王小雪", phone="13800138000")

    site: SiteNumber
    name: Name
    phone: Phone | None = None
    wechat: OpenId | None = None
    locale: Locale = "zh-CN"
    head: MemberNumber | None = None


class ChangeBody(Body):
    """What is not named stays; null takes it away."""

    model_config = _example(phone="13900139000")

    name: Name | None = None
    phone: Phone | None = None
    wechat: OpenId | None = None
    locale: Locale | None = None
    head: MemberNumber | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name what is to be changed")
        if any(getattr(self, name) is None for name in {"name", "locale"} & self.model_fields_set):
            raise ValueError("a member has a name and a language")
        return self


class FindBody(Body):
    """In a body, so that no phone is in an address or a log."""

    model_config = _example(site=1, phone="13800138000")

    site: SiteNumber
    phone: Phone


class LevelBody(Body):
    """A level of the site's group."""

    model_config = _example(site=1, code="GOLD", name={"en": "Gold", "zh-CN": "金卡"})

    site: SiteNumber
    code: Code
    name: Annotated[dict[Locale, Name], Field(min_length=1)]


class GradeBody(Body):
    """From `valid_from` to `valid_until`, both included."""

    model_config = _example(code="GOLD", valid_from="2026-11-01", valid_until="2027-10-31")

    code: Code
    valid_from: Day
    valid_until: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self


class PhotoBody(Body):
    """A JPEG or PNG as base64."""

    model_config = _example(data="/9j/4AAQSkZJRgABAQ...")

    data: Annotated[str, StringConstraints(min_length=8, max_length=(PHOTO_MAX + 2) // 3 * 4)]


class PassBody(Body):
    """Whose ticket it is from now on."""

    model_config = _example(ticket=187649984473770)

    ticket: TicketNumber


class EraseBody(Body):
    """`confirm`: erase although something is open, which then stays open without a person."""

    model_config = _example(reason="asked by letter of 3 March", confirm=False)

    reason: Reason
    confirm: bool = False


class LevelAnswer(BaseModel):
    """A level."""

    code: str
    name: dict[str, str]


class GradeAnswer(BaseModel):
    """A level that a member has or had."""

    code: str
    valid_from: date
    valid_until: date


class PassAnswer(BaseModel):
    """A member's own ticket."""

    ticket: int
    product: int
    valid_from: date
    valid_until: date
    status: str


class MadeAnswer(BaseModel):
    """The number of a new member: nothing personal, because answers are kept for retries."""

    number: int


class MemberAnswer(BaseModel):
    """A member. `level`: today's; `payer`: who pays for them; `phone_ends`: the last four digits."""

    number: int
    site: int
    name: str | None
    phone_ends: str | None
    wechat: bool
    locale: str
    head: int | None
    payer: int
    family: list[int]
    level: str | None
    levels: list[GradeAnswer]
    passes: list[PassAnswer]
    photo: bool
    created: datetime
    erased: datetime | None


class ErasureAnswer(BaseModel):
    """The receipt: what was removed, and what was open; counted, nothing personal."""

    id: UUID
    member: int
    removed: dict[str, int]
    left_open: dict[str, int]
    by: str
    at: datetime
