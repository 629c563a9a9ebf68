# SPDX-License-Identifier: Apache-2.0
"""Shapes that several nouns share: limits on inputs, pages of items."""

from datetime import UTC, date, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")

SITE_MAX = 0x7FFF  # claims carry it in 15 bits
MONEY_MAX = 10**12  # minor units; far above any order, far below what 64 bits hold

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{5,19}$")]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
SiteNumber = Annotated[int, Field(ge=0, le=SITE_MAX, description="Site number.")]
DeviceNumber = Annotated[int, Field(ge=1, le=0xFFFF)]
AreaNumber = Annotated[int, Field(ge=0, le=31, description="One bit of a claim's areas.")]
# Claims count days in 16 bits, to June 2199; from the last one that is taken, a validity of three years still fits.
Day = Annotated[date, Field(ge=date(2020, 1, 1), le=date(2190, 1, 1))]
SetNumber = Annotated[int, Field(ge=1, le=255, description="Number of a blackout set; claims carry it in 8 bits.")]
Money = Annotated[int, Field(ge=0, le=MONEY_MAX, description="Minor units, such as fen.")]
WaitMs = Annotated[int, Field(ge=0, le=60_000, description="How long an encoder waits for the card.")]
TicketNumber = Annotated[int, Field(ge=0, lt=2**48)]

SiteFilter = Annotated[SiteNumber | None, Query(description="Only of this site.")]
After = Annotated[int, Query(ge=0, le=2**62, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Hub = Annotated[bool, Query(description="The gates in touch share a site hub; without one each is a group of its own.")]


class Body(BaseModel):
    """Base of request bodies: unknown fields are refused, numbers are not taken from strings."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Page(BaseModel, Generic[T]):
    """Items, and where the next page begins (`?after=`); null: there is none."""

    items: list[T]
    next: int | None = None


def iso(milliseconds: int) -> datetime:
    """UTC time of an answer."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
