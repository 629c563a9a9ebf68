# SPDX-License-Identifier: Apache-2.0
"""Shapes of the API of windows and shifts. Amounts in minor units."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.schemas import Body, Currency, Money, Name, SiteNumber, iso
from pistegate_cloud.shifts.models import SalesWindow, Shift
from pistegate_cloud.shifts.rules import differences
from pistegate_cloud.shifts.service import Report
from pistegate_cloud.staff.schemas import WindowNumber


class WindowBody(Body):
    """A sales window."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "number": 1, "name": "Window 1"}}
    )

    site: SiteNumber
    number: WindowNumber
    name: Name
    active: bool = True


class OpenBody(Body):
    """A shift at a window, with the float out of the safe."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"example": {"site": 1, "window": 1, "currency": "CNY", "float": 50000}},
    )

    site: SiteNumber
    window: WindowNumber
    currency: Currency
    float_amount: Annotated[Money, Field(alias="float")] = 0


class CashBody(Body):
    """Cash to the safe or from it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"kind": "to_safe", "amount": 40000}})

    kind: Literal["to_safe", "from_safe"]
    amount: Annotated[int, Field(ge=1, le=10**12)]


class CountBody(Body):
    """What was counted: cash in the drawer, and what the terminals print as their totals."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"cash": 69500, "terminal": 128000}})

    cash: Money
    terminal: Money | None = None
    alipay: Money | None = None

    def counted(self) -> dict[str, int]:
        """By way of paying."""
        given = {"cash": self.cash, "terminal": self.terminal, "alipay": self.alipay}
        return {way: amount for way, amount in given.items() if amount is not None}


class TakeOverBody(Body):
    """What the next seller counted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"cash": 69500}})

    cash: Money


class WindowAnswer(BaseModel):
    """One window."""

    site: int
    number: int
    name: str
    active: bool


class ShiftAnswer(BaseModel):
    """A shift as its seller sees it: what is expected, and off by how much, only once it is counted."""

    id: UUID
    site: int
    window: int
    seller: str
    state: str
    currency: str
    float_amount: Annotated[int, Field(serialization_alias="float")]
    opened: datetime
    closed: datetime | None
    counted: dict[str, int] | None
    expected: dict[str, int] | None
    difference: dict[str, int] | None
    over_short: int | None
    before: UUID | None


class ReportAnswer(BaseModel):
    """A shift as its manager sees it at any time; `expected`: with the drawer's moves."""

    shift: ShiftAnswer
    taken: dict[str, int]
    given_back: dict[str, int]
    drawer: dict[str, int]
    expected: dict[str, int]


def window_answer(row: SalesWindow) -> WindowAnswer:
    """A window."""
    return WindowAnswer(site=row.site_id, number=row.number, name=row.name, active=row.active)


def shift_answer(row: Shift) -> ShiftAnswer:
    """A shift."""
    off = None if row.counted is None or row.expected is None else differences(row.expected, row.counted)
    return ShiftAnswer(
        id=row.id,
        site=row.site_id,
        window=row.window,
        seller=row.user.name,
        state=row.state,
        currency=row.currency,
        float_amount=row.float_amount,
        opened=iso(row.opened_ms),
        closed=None if row.closed_ms is None else iso(row.closed_ms),
        counted=row.counted,
        expected=row.expected if row.counted is not None else None,
        difference=off,
        over_short=row.over_short,
        before=row.before_id,
    )


def report_answer(found: Report) -> ReportAnswer:
    """A report."""
    return ReportAnswer(
        shift=shift_answer(found.shift),
        taken=dict(found.totals.taken),
        given_back=dict(found.totals.given_back),
        drawer=dict(found.totals.drawer),
        expected=found.totals.expected(),
    )
