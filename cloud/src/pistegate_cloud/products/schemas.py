# SPDX-License-Identifier: Apache-2.0
"""Shapes of products over HTTP."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pistegate_cloud.schemas import AreaNumber, Body, Code, Currency, Day, Money, Name, SetNumber, SiteNumber
from pistegate_protocol.claims import ENTRIES_MAX, HolderClass

HOLDERS = [holder.name.lower() for holder in HolderClass]
Kind = Literal["ticket", "rental", "coach", "meal", "insurance", "deposit", "fee", "recharge", "bundle"]
Unit = Literal["ticket", "person", "piece", "hour", "session", "day", "meal"]
DAYS_MAX = 1100  # of validity: three years, and some

_EXAMPLE: dict[str, Any] = {
    "site": 1,
    "number": 1,
    "code": "HOURS4",
    "name": {"en": "4 hours", "zh-CN": "四小时票"},
    "price": 29800,
    "currency": "CNY",
    "areas": [0, 1],
    "holder": "adult",
    "party": 1,
    "days": 1,
    "reentry_s": 600,
    "terms": {
        "windows": [{"from": "08:30", "to": "16:30"}],
        "clock": {"minutes": 240, "start": "sale", "within": 60},
        "overtime": 15,
    },
}

QuarterHour = Annotated[
    str, Field(pattern=r"^([01][0-9]|2[0-3]):(00|15|30|45)$|^24:00$", description="Site time, in quarter hours.")
]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Site time.")]


def minutes_of(time_of_day: str) -> int:
    """Minutes after 00:00 of a time such as "08:30"."""
    hours, _, minutes = time_of_day.partition(":")
    return int(hours) * 60 + int(minutes)


class Names(BaseModel):
    """A name in both languages."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    en: Name
    zh_cn: Annotated[Name, Field(alias="zh-CN")]


class WindowBody(Body):
    """A part of every day; `to` is not included. 17:00 to 01:30: a night, which belongs to that day."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: Annotated[QuarterHour, Field(alias="from")]
    to: QuarterHour


class BankBody(Body):
    """A bank of hours for the whole validity; the first passage of a day draws `minimum` of them at once."""

    minutes: Annotated[int, Field(ge=1, le=0xFFFF)]
    minimum: Annotated[int, Field(ge=0, le=255)] = 0


class ClockBody(Body):
    """The ticket holds for `minutes` in a row.

    `start`: "first_passage"; "each_day" (a clock of its own for each day, from its first passage); "sale" (when the
    ticket is put on its medium, or its first passage if that comes within `within` minutes); "fixed" (at `at`, site
    time, of its first day).
    """

    minutes: Annotated[int, Field(ge=1, le=0xFFFF)]
    start: Literal["first_passage", "each_day", "sale", "fixed"] = "first_passage"
    at: TimeOfDay | None = None
    within: Annotated[int, Field(ge=1, le=255)] | None = None

    @model_validator(mode="after")
    def _fits_its_start(self) -> Self:
        if (self.at is None) == (self.start == "fixed"):
            raise ValueError('`at` belongs to start "fixed", and only there')
        if self.within is not None and self.start != "sale":
            raise ValueError('`within` belongs to start "sale"')
        return self


class TermsBody(Body):
    """Further limits of a ticket; what is left out does not limit it.

    `windows`: parts of the day in which it holds. `blackout`: number of the set of days on which it does not. `days`:
    distinct days on which it may be used (N of M; M is the product's validity). `overtime`: minutes after its clock's
    end in which it is still let in, and marked. `tracked`: lanes in and out are counted. `rotating`: its code is one
    for a phone's page and changes every 15 s; there is none on paper. `chip`: it may be bound to the chip of a resident
    ID, which is more easily copied than its print; the cloud's own settings must allow that too.
    """

    windows: Annotated[tuple[WindowBody, ...], Field(max_length=2)] = ()
    blackout: SetNumber | None = None
    days: Annotated[int, Field(ge=1, le=255)] | None = None
    bank: BankBody | None = None
    clock: ClockBody | None = None
    overtime: Annotated[int, Field(ge=1, le=255)] | None = None
    tracked: bool = False
    rotating: bool = False
    chip: bool = False


class ProductBody(Body):
    """A product. Limits that are left out do not apply; entries are counted per person of the party.

    Its tickets are valid for `days` from the visit date, or, where `valid_until` is given, to that day (a season).
    Scope "group": they hold at every site of the group; areas have the same numbers at each of them.

    Only kind "ticket" opens gates; the others have no areas. A "bundle" is sold as its parts, which the price list
    names. `department`: whose revenue it is. `passthrough`: the money is another's, as an insurer's; it bears no tax of
    ours.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    site: SiteNumber
    number: Annotated[int, Field(ge=1, le=0xFFFF)]
    code: Code
    name: Names
    price: Money
    currency: Currency
    areas: Annotated[list[AreaNumber], Field(max_length=32, description="At least one for a ticket.")]
    holder: Annotated[str, Field(description="One of " + ", ".join(HOLDERS))] = "adult"
    party: Annotated[int, Field(ge=1, le=255)] = 1
    days: Annotated[int, Field(ge=1, le=DAYS_MAX, description="Days of validity, from the visit date.")] = 1
    entries_per_day: Annotated[int, Field(ge=1, le=255)] | None = None
    entries_total: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    reentry_s: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    batch: Annotated[int, Field(ge=1, le=255)] | None = None
    scope: Literal["site", "group"] = "site"
    valid_until: Day | None = None
    terms: TermsBody = TermsBody()
    kind: Kind = "ticket"
    unit: Unit = "ticket"
    department: Annotated[Code, Field(max_length=20)] = "lift"
    tax_bp: Annotated[int, Field(ge=0, le=5000, description="Tax inside the price: 600 is 6 %.")] = 0
    passthrough: bool = False

    @field_validator("holder")
    @classmethod
    def _known_holder(cls, value: str) -> str:
        if value not in HOLDERS:
            raise ValueError("not one of " + ", ".join(HOLDERS))
        return value

    @model_validator(mode="after")
    def _claim_can_count_it(self) -> Self:
        if (self.entries_total or 0) * self.party > ENTRIES_MAX:
            raise ValueError(f"entries_total for the whole party is at most {ENTRIES_MAX}")
        return self

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "ticket") != bool(self.areas):
            raise ValueError("areas belong to kind ticket, which has at least one")
        if self.passthrough and self.tax_bp:
            raise ValueError("passthrough bears no tax: tax_bp must be 0")
        return self

    @field_validator("areas")
    @classmethod
    def _each_once(cls, value: list[int]) -> list[int]:
        return sorted(set(value))
