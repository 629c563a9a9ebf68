# SPDX-License-Identifier: Apache-2.0
"""Shapes of amendments over HTTP."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.schemas import AreaNumber, Body, Day, Reason, iso


class ExtendBody(Body):
    """A later last day, more minutes on the clock or in the bank, or both."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"minutes": 60, "reason": "lift 2 stood still"}}
    )

    valid_until: Day | None = None
    minutes: Annotated[int, Field(ge=0, le=0xFFFF)] = 0
    reason: Reason


class AreasBody(Body):
    """Areas in which the ticket is valid from now on, besides those that it has."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"areas": [2], "reason": "upgrade at window 3"}}
    )

    areas: Annotated[list[AreaNumber], Field(min_length=1, max_length=32)]
    reason: Reason


class HoldBody(Body):
    """Why it is put on hold, or taken off."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "guest hurt, medical leave"}})

    reason: Reason


class ReturnBody(Body):
    """Whose persons are given back: those of an admission (its name in hex); left out: of the newest with any."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "turned back at the lane"}})

    admission: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None
    reason: Reason


class AmendmentAnswer(BaseModel):
    """An amendment: what this one changed (`change`), and all that holds with it; null and 0: as sold.

    `persons` of admission `admission` were given back by this one, `returns` by all of them. `signed` in hex.
    """

    ticket: int
    number: int
    change: str
    valid_until: date | None
    areas: list[int] | None
    hold: bool
    extra_minutes: int
    returns: int
    persons: int
    admission: str | None
    newest: bool
    signed: str
    reason: str
    by: str
    at: datetime


def answer_of(row: TicketAmendment) -> AmendmentAnswer:
    """An amendment as it is shown."""
    return AmendmentAnswer(
        ticket=row.ticket_id,
        number=row.number,
        change=row.change,
        valid_until=row.valid_until,
        areas=row.areas,
        hold=row.hold,
        extra_minutes=row.extra_minutes,
        returns=row.returns,
        persons=row.persons,
        admission=row.admission,
        newest=row.newest,
        signed=row.signed,
        reason=row.reason,
        by=row.actor,
        at=iso(row.at_ms),
    )
