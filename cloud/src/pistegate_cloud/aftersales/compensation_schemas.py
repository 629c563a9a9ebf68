# SPDX-License-Identifier: Apache-2.0
"""Shapes of compensation over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.aftersales.models import Compensation
from pistegate_cloud.schemas import Body, Reason, SiteNumber


class CompensationBody(Body):
    """What tickets get for the stop `suspension`: `days`, `minutes` more, or `bp` (1/100 %) of what was paid back.

    `who`: those that passed into the area in the day before the stop ended, or all that were valid there.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"site": 1, "suspension": 1, "who": "used", "way": "refund", "bp": 3000, "reason": "wind"}
        },
    )

    site: SiteNumber
    suspension: Annotated[int, Field(ge=1, lt=2**62)]
    who: Literal["used", "valid"] = "used"
    way: Literal["extension", "refund"]
    days: Annotated[int, Field(ge=0, le=60)] = 0
    minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    bp: Annotated[int, Field(ge=0, le=10_000)] = 0
    reason: Reason

    @model_validator(mode="after")
    def _something(self) -> Self:
        more = self.days or self.minutes
        if (self.way == "refund") != bool(self.bp) or (self.way == "extension") != bool(more):
            raise ValueError("an extension by days or minutes, or a refund of bp")
        return self


class RunBody(Body):
    """How many tickets at once. `approval`: of a second person, at the first run."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"chunk": 200}})

    chunk: Annotated[int, Field(ge=1, le=500)] = 200
    approval: UUID | None = None


class CompensationAnswer(BaseModel):
    """`total` tickets and `amount` as previewed; `done`, `passed_over`, `due` of them; `given`: minor units so far."""

    id: UUID
    site: int
    suspension: int
    way: str
    state: str
    total: int
    amount: int
    currency: str
    due: int
    done: int
    passed_over: int
    given: int
    approver: str | None


def answer_of(row: Compensation, progress: Mapping[str, tuple[int, int]]) -> CompensationAnswer:
    """With how far it is."""
    done, given = progress.get("done", (0, 0))
    return CompensationAnswer(
        id=row.id,
        site=row.site_id,
        suspension=row.suspension_id,
        way=row.way,
        state=row.state,
        total=row.total,
        amount=row.amount,
        currency=row.currency,
        due=progress.get("due", (0, 0))[0],
        done=done,
        passed_over=progress.get("passed_over", (0, 0))[0],
        given=given,
        approver=row.approver,
    )
