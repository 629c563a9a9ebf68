# SPDX-License-Identifier: Apache-2.0
"""Shapes of settlements over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pistegate_cloud.bindings.schemas import DocumentBody
from pistegate_cloud.orders.schemas import Payments
from pistegate_cloud.rentals.schemas import HolderBody, Kind, Label, kind_of
from pistegate_cloud.schemas import Body, Code, DeviceNumber, SiteNumber, TicketNumber, WaitMs
from pistegate_cloud.settlements.explaining import Found
from pistegate_protocol.texts import LOCALES, text

_MONEY = ("spent", "balance", "books", "amount", "fee")  # values that are minor units
_NO_CENTS = frozenset({"JPY", "KRW"})


class FoundBody(Body):
    """Damage that was found, or a piece that is lost (code "lost"): by the site's price list."""

    code: Code
    kind: Kind
    item: Label | None = None

    def found(self) -> Found:
        """As the rules take it."""
        return Found(self.code, kind_of(self.kind), self.item or "")


class SubjectBody(Body):
    """Whom to settle: the card on an encoder, or a ticket, or an identity document."""

    site: SiteNumber
    encoder: DeviceNumber | None = None
    ticket: TicketNumber | None = None
    document: DocumentBody | None = None
    wait_ms: WaitMs = 5000

    @model_validator(mode="after")
    def _one(self) -> "SubjectBody":
        if sum(each is not None for each in (self.encoder, self.ticket, self.document)) != 1:
            raise ValueError("name one of encoder, ticket, document")
        return self

    def holder(self) -> HolderBody:
        """Without a card."""
        return HolderBody(site=self.site, ticket=self.ticket, document=self.document)


class SettleBody(SubjectBody):
    """Settle everything. `payments`: what the guest hands over for the charges; the rest is taken from what is here."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"example": {"site": 1, "encoder": 1, "damages": [{"code": "scratch", "kind": "skis"}]}},
    )

    damages: Annotated[list[FoundBody], Field(max_length=16)] = Field(default_factory=list)
    payments: Payments = Field(default_factory=list)


class OvertimeBody(SubjectBody):
    """Pay a ticket's overtime 超时 before leaving: nothing else is settled."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "example": {"site": 1, "ticket": 1, "payments": [{"method": "cash", "currency": "CNY", "tendered": 5000}]}
        },
    )

    payments: Payments = Field(default_factory=list)


class DropBody(Body):
    """Nothing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})


class SettlementLine(BaseModel):
    """One line: above 0 the guest owes `amount` (minor units), below 0 it goes back, 0 only tells.

    `words`: by language. `only_card`: the card alone knows it; no gate or till has told it yet.
    """

    key: str
    amount: int
    values: dict[str, Any]
    words: dict[str, str]
    only_card: bool


class BackAnswer(BaseModel):
    """Money that went back. `waits`: through the provider, which is told right after."""

    of: str
    number: int
    method: str
    amount: int
    waits: bool


class SettlementAnswer(BaseModel):
    """A settlement. `missing`: of a preview, what still has to be paid; `out`: pieces that are not back."""

    id: UUID | None
    state: str
    site: int
    uid: str | None
    ticket: int | None
    order: UUID | None
    currency: str
    charges: int
    missing: int
    back: int
    lines: list[SettlementLine]
    returned: list[BackAnswer]
    out: list[str]
    at: datetime


def words_of(key: str, values: Mapping[str, Any], currency: str) -> dict[str, str]:
    """A line in each language, money as people write it."""
    told = {locale: text(f"settlement.{key}", locale, **_told(values, currency, locale)) for locale in LOCALES}
    return {locale: words.rstrip(" :：") for locale, words in told.items()}


def money_words(amount: int, currency: str) -> str:
    """Minor units as people write them: 13000 -> "130.00 CNY"."""
    if currency in _NO_CENTS:
        return f"{amount} {currency}"
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d} {currency}"


def _told(values: Mapping[str, Any], currency: str, locale: str) -> dict[str, Any]:
    told = dict(values)
    for name in _MONEY:
        if isinstance(told.get(name), int):
            told[name] = money_words(told[name], currency)
    if "kind" in told:
        told["kind"] = text(f"rental.{told['kind']}", locale)
    if isinstance(told.get("name"), dict):
        told["name"] = told["name"].get(locale, "")
    return told
