# SPDX-License-Identifier: Apache-2.0
"""Shapes of the ledger over HTTP."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.schemas import MONEY_MAX, Body, Currency, Reference, SiteNumber

_EXAMPLE: dict[str, Any] = {"site": 1, "other": 2, "currency": "CNY", "amount": 120000, "reference": "T2026-0131"}


class ClearingBody(Body):
    """What `site` paid to `other`, minor units; `reference`: the bank's."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    site: SiteNumber
    other: SiteNumber
    currency: Currency
    amount: Annotated[int, Field(ge=1, le=MONEY_MAX)]
    reference: Reference | None = None


class ClearingAnswer(BaseModel):
    """What is still owed."""

    site: int
    other: int
    currency: str
    left: int


class ClearingEvent(BaseModel):
    """What one event added to what they owe us."""

    event: str
    amount: int


class ClearingRow(BaseModel):
    """One other site in one currency, minor units; above zero: they owe us. `theirs`: their books' word, mirrored."""

    other: int
    currency: str
    opening: int
    events: list[ClearingEvent]
    closing: int
    theirs: int
    agree: bool


class Statement(BaseModel):
    """Clearing statement 清分结算单 of a site."""

    site: int
    first: date
    last: date
    rows: list[ClearingRow]
