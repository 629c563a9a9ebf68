# SPDX-License-Identifier: Apache-2.0
"""Shapes of price lists, quotes and findings over HTTP."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from pistegate_cloud.pricing.checks import Finding
from pistegate_cloud.pricing.holders import PROOF, kind_of
from pistegate_cloud.pricing.lists import Content
from pistegate_cloud.pricing.models import PriceList, Quote
from pistegate_cloud.pricing.shapes import Asked, Priced
from pistegate_cloud.problems import said
from pistegate_cloud.schemas import Body, Code, Currency, Day, SiteNumber, iso

QUANTITY_MAX = 500  # pieces of a line
Proof = Annotated[str, StringConstraints(pattern=PROOF.pattern)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00]*$")]

_LIST_EXAMPLE: dict[str, Any] = {
    "site": 1,
    "note": "Winter 2026",
    "content": {
        "day_types": [
            {"code": "holiday", "name": {"en": "Holiday", "zh-CN": "节假日"}, "sets": [1]},
            {"code": "weekend", "name": {"en": "Weekend", "zh-CN": "周末"}, "weekdays": ["sat", "sun"], "except": [2]},
            {"code": "weekday", "name": {"en": "Weekday", "zh-CN": "平日"}},
        ],
        "rows": [
            {"product": 1, "price": 19800},
            {"product": 1, "price": 29800, "day_types": ["weekend", "holiday"]},
            {"product": 1, "price": 17800, "channel": "online"},
        ],
    },
}
_QUOTE_EXAMPLE: dict[str, Any] = {
    "site": 1,
    "channel": "window",
    "lines": [{"product": 1, "quantity": 2, "visit_date": "2026-01-17"}],
}


class ListBody(Body):
    """A price list to publish. `valid_from`: at once when left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _LIST_EXAMPLE})

    site: SiteNumber
    valid_from: Annotated[AwareDatetime, Field(lt=datetime(2190, 1, 1, tzinfo=UTC))] | None = None
    note: Note = ""
    content: Content


class ListSummary(BaseModel):
    """A published list without its content."""

    id: UUID
    site: int
    version: int
    valid_from: datetime
    note: str
    by: str
    published: datetime


class ListAnswer(ListSummary):
    """A published list."""

    content: Content


class FindingAnswer(BaseModel):
    """What contradicts what, in both languages; `error`: a list with it is not published."""

    model_config = ConfigDict(populate_by_name=True)

    code: str
    error: bool
    en: str
    zh_cn: Annotated[str, Field(alias="zh-CN")]


class CheckAnswer(BaseModel):
    """What was found; `version` of the list that was looked at, 0: none."""

    site: int
    version: int
    findings: list[FindingAnswer]


class AskedBody(Body):
    """Some pieces of a product for a day. `slot`: id of a time slot. `proof`: what was shown, as "born:2016-05-01",
    "age:9", "height:118" (cm), "document:disability".
    """

    product: Annotated[int, Field(ge=1, le=0xFFFF)]
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)] = 1
    visit_date: Day
    slot: Annotated[int, Field(ge=1, le=2**62)] | None = None
    proof: Proof | None = None

    @property
    def asked(self) -> Asked:
        """As prices take it."""
        return Asked(self.product, self.quantity, self.visit_date, self.slot, self.proof)

    @property
    def kept(self) -> dict[str, Any]:
        """As a quote keeps it: of a proof only its kind."""
        return self.model_dump(mode="json", exclude_none=True) | ({"proof": kind_of(self.proof)} if self.proof else {})


class QuoteBody(Body):
    """What prices are asked for. `selling_site`: the outlet, when it sells another site's products."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _QUOTE_EXAMPLE})

    site: SiteNumber
    channel: Code
    currency: Currency | None = None
    member_level: Code | None = None
    lines: Annotated[list[AskedBody], Field(min_length=1, max_length=50)]
    selling_site: SiteNumber | None = None


class PricedAnswer(BaseModel):
    """A line at its price; `parts` of a bundle sum to it. `terms`: what is agreed with it."""

    product: int
    kind: str
    quantity: int
    visit_date: date
    slot: int | None
    list_price: int
    unit_price: int
    amount: int
    tax_bp: int
    tax: int
    department: str
    passthrough: bool
    terms: dict[str, Any]
    parts: list["PricedAnswer"]


class QuoteAnswer(BaseModel):
    """Prices that an order which names `id` gets until `until`."""

    id: UUID
    site: int
    channel: str
    total: int
    currency: str
    until: datetime
    lines: list[PricedAnswer]


class DayAnswer(BaseModel):
    """The type of a day; null: the list has none that fits."""

    day: date
    type: str | None
    calendars: list[int]


class ShownAnswer(BaseModel):
    """A day of a price calendar. `price` null: not sold for it here; `left` null: there is no quota and no slot."""

    day: date
    type: str | None
    price: int | None
    left: int | None


def list_summary(row: PriceList) -> dict[str, Any]:
    """What both answers say."""
    return {
        "id": row.id,
        "site": row.site_id,
        "version": row.version,
        "valid_from": iso(row.from_ms),
        "note": row.note,
        "by": row.actor,
        "published": iso(row.published_ms),
    }


def list_answer(row: PriceList) -> ListAnswer:
    """With its content."""
    return ListAnswer(**list_summary(row), content=Content.model_validate(row.content))


def finding_answer(finding: Finding) -> FindingAnswer:
    """In both languages."""
    told = finding.said
    words = {locale: said(told.key, told.values, locale) for locale in ("en", "zh-CN")}
    return FindingAnswer(code=finding.code, error=finding.is_error, en=words["en"], zh_cn=words["zh-CN"])


def quote_answer(row: Quote, lines: Sequence[Priced]) -> QuoteAnswer:
    """With its lines."""
    return QuoteAnswer(
        id=row.id,
        site=row.site_id,
        channel=row.channel,
        total=row.total,
        currency=row.currency,
        until=iso(row.until_ms),
        lines=[priced_answer(line) for line in lines],
    )


def priced_answer(line: Priced) -> PricedAnswer:
    """One line with its parts."""
    return PricedAnswer(
        product=line.product.number if line.product else 0,
        kind=line.kind,
        quantity=line.quantity,
        visit_date=line.visit_date,
        slot=line.slot,
        list_price=line.list_price,
        unit_price=line.unit_price,
        amount=line.amount,
        tax_bp=line.tax_bp,
        tax=line.tax,
        department=line.department,
        passthrough=line.passthrough,
        terms=line.terms,
        parts=[priced_answer(part) for part in line.children],
    )
