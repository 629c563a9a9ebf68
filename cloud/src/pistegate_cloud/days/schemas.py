# SPDX-License-Identifier: Apache-2.0
"""Shapes of business days over HTTP, and of the report that a close keeps."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.days.rules import CUT_OVER_MAX
from pistegate_cloud.schemas import Body, Day, Reason, SiteNumber


class CutOverBody(Body):
    """From which day on business days of a site begin how late. Night skiing until 02:00: 240, which is 04:00."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "from_day": "2026-12-01", "minutes": 240}}
    )

    site: SiteNumber
    from_day: Day
    minutes: Annotated[int, Field(ge=0, le=CUT_OVER_MAX, description="Minutes after midnight, site time.")]


class CutOverAnswer(CutOverBody):
    """As kept."""


class CloseBody(Body):
    """Which day is closed for good. With `accept_differences`, what does not reconcile stays in the report."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "day": "2026-01-17"}})

    site: SiteNumber
    day: Day
    accept_differences: bool = False
    reason: Reason | None = None


class AccountRow(BaseModel):
    """An account of the trial balance of a day; debits positive, credits negative, minor units."""

    account: str
    currency: str
    opening: int
    debit: int
    credit: int
    closing: int


class EventRow(BaseModel):
    """What one event posted to one account that day."""

    event: str
    account: str
    currency: str
    amount: int


class Check(BaseModel):
    """Two figures that must be the same. `blocks`: the day is not closed while they are not."""

    check: str
    currency: str
    books: int = Field(description="What the ledger says, minor units.")
    other: int = Field(description="What the other side says.")
    blocks: bool = True

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.books != self.other


class OtherDay(BaseModel):
    """Posted to this day, about another: `operating_day`."""

    event: str
    operating_day: date
    transactions: int


class PassageFigures(BaseModel):
    """Of the operating day, by the site's cut-over: 人次 and rides, and what became of their tickets in the books."""

    rides: int = Field(description="Persons passed, each time they did.")
    visitors: int = Field(description="Different persons.")
    tickets: int = Field(description="Tickets that passed.")
    recognised: int = Field(description="Tickets of which revenue was recognised for this operating day.")
    posted_later: int = Field(description="Of these, in transactions of a later day: told after this one was closed.")
    earned: dict[str, int] = Field(description="Currency -> revenue recognised for this operating day, minor units.")


class DayReport(BaseModel):
    """A business day in figures. `digest`: SHA-256 over all its postings; the same for ever once it is closed."""

    model_config = ConfigDict(populate_by_name=True)

    site: int
    day: date
    state: str
    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    trial_balance: list[AccountRow]
    events: list[EventRow]
    checks: list[Check]
    warnings: list[str] = Field(description="What a person should look at; keys under `day_warning` of the texts.")
    passages: PassageFigures
    other_days: list[OtherDay]
    transactions: int
    digest: str
    closed_by: str | None = None
    closed: datetime | None = None
    reason: str | None = None


class DaySummary(BaseModel):
    """A day that is closed or being closed."""

    site: int
    day: date
    state: str
    closed_by: str
    closed: datetime
