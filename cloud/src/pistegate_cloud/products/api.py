# SPDX-License-Identifier: Apache-2.0
"""HTTP API of products."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.products import queries
from pistegate_cloud.products.models import Product
from pistegate_cloud.schemas import AreaNumber, Body, Code, Currency, Money, Name, Page, SiteFilter, SiteNumber
from pistegate_cloud.services import require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.claims import ENTRIES_MAX, HolderClass

router = APIRouter(tags=["products"])
HOLDERS = [holder.name.lower() for holder in HolderClass]

_EXAMPLE: dict[str, Any] = {
    "site": 1,
    "number": 1,
    "code": "DAY",
    "name": {"en": "Day", "zh-CN": "全日票"},
    "price": 29800,
    "currency": "CNY",
    "areas": [0, 1],
    "holder": "adult",
    "party": 1,
    "days": 1,
    "reentry_s": 600,
}


class Names(BaseModel):
    """A name in both languages."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    en: Name
    zh_cn: Annotated[Name, Field(alias="zh-CN")]


class ProductBody(Body):
    """A product. Limits that are left out do not apply; entries are counted per person of the party."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    site: SiteNumber
    number: Annotated[int, Field(ge=1, le=0xFFFF)]
    code: Code
    name: Names
    price: Money
    currency: Currency
    areas: Annotated[list[AreaNumber], Field(min_length=1, max_length=32)]
    holder: Annotated[str, Field(description="One of " + ", ".join(HOLDERS))] = "adult"
    party: Annotated[int, Field(ge=1, le=255)] = 1
    days: Annotated[int, Field(ge=1, le=366, description="Days of validity, from the visit date.")] = 1
    entries_per_day: Annotated[int, Field(ge=1, le=255)] | None = None
    entries_total: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    reentry_s: Annotated[int, Field(ge=1, le=0xFFFF)] | None = None
    batch: Annotated[int, Field(ge=1, le=255)] | None = None

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

    @field_validator("areas")
    @classmethod
    def _each_once(cls, value: list[int]) -> list[int]:
        return sorted(set(value))


@router.post(
    "/products",
    status_code=201,
    dependencies=[Depends(require(Scope.PRODUCTS_WRITE))],
    responses=documented("already_exists", "unknown_reference"),
)
async def add_product(body: ProductBody) -> ProductBody:
    """Add a product. A product is not edited: what was sold keeps its rules; a changed one is a new number."""
    known = {area.number for area in await sites.areas(body.site)}
    unknown = sorted(set(body.areas) - known)
    if unknown:
        raise Problem("unknown_reference", what=f"area {unknown[0]} of site {body.site}")
    values = body.model_dump(exclude={"site"}, by_alias=True)
    await sites.add(Product(site_id=body.site, **values), f"product {body.number} or code {body.code}")
    return body


@router.get("/products", dependencies=[Depends(require(Scope.PRODUCTS_READ))], responses=documented())
async def list_products(site: SiteFilter = None) -> Page[ProductBody]:
    """Products of one site or of all."""
    names = [name for name in ProductBody.model_fields if name != "site"]
    rows = await queries.products(site)
    items = [ProductBody(site=row.site_id, **{name: getattr(row, name) for name in names}) for row in rows]
    return Page(items=items)
