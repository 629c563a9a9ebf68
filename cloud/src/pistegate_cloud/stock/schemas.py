# SPDX-License-Identifier: Apache-2.0
"""Shapes of stock over HTTP."""

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.pricing.lists import Span, Weekday
from pistegate_cloud.schemas import Body, Code, Day, SiteNumber
from pistegate_cloud.stock.checks import clock_of
from pistegate_cloud.stock.models import Stock

CAPACITY_MAX = 1_000_000
Capacity = Annotated[int, Field(ge=0, le=CAPACITY_MAX)]

_EXAMPLE: dict[str, Any] = {
    "site": 1,
    "code": "HALL",
    "products": [1],
    "from": "2026-01-17",
    "to": "2026-01-25",
    "capacity": 300,
    "times": [{"from": "09:00", "to": "13:00"}, {"from": "14:00", "to": "18:00"}],
}


class StockBody(Body):
    """Counters for each day from `from` to `to`: a quota a day, or, with `times`, a time slot for each of them.

    All of `products` draw on the same counter. `channel`: only sales there do. `weekdays`: only on these.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"example": _EXAMPLE})

    site: SiteNumber
    code: Annotated[Code, Field(max_length=30)]
    products: Annotated[list[Annotated[int, Field(ge=1, le=0xFFFF)]], Field(min_length=1, max_length=50)]
    from_: Annotated[Day, Field(alias="from")]
    to: Day
    weekdays: Annotated[list[Weekday], Field(max_length=7)] = Field(default_factory=list)
    capacity: Capacity
    channel: Code | None = None
    times: Annotated[list[Span], Field(max_length=50)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.to < self.from_:
            raise ValueError("`to` is before `from`")
        starts = [span.from_ for span in self.times]
        if len(set(starts)) < len(starts):
            raise ValueError("two slots begin at the same time")
        if self.times and self.channel is not None:
            raise ValueError("a slot is for all channels; make a quota for the channel beside it")
        return self


class CapacityBody(Body):
    """How many pieces in all, those that are sold included."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"capacity": 350}})

    capacity: Capacity


class MadeAnswer(BaseModel):
    """Ids of the counters that were made, in the order of days and times."""

    counters: list[int]


class StockAnswer(BaseModel):
    """A counter: `left` of `capacity` are free. A slot has `starts` and `ends`, site time."""

    id: int
    site: int
    code: str
    day: date
    products: list[int]
    channel: str | None
    starts: str | None
    ends: str | None
    capacity: int
    left: int


def stock_answer(row: Stock, products: list[int]) -> StockAnswer:
    """With its products."""
    return StockAnswer(
        id=row.id,
        site=row.site_id,
        code=row.code,
        day=row.day,
        products=products,
        channel=row.channel,
        starts=None if row.starts is None else clock_of(row.starts),
        ends=None if row.ends is None else clock_of(row.ends),
        capacity=row.capacity,
        left=row.left,
    )
