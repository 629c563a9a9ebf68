# SPDX-License-Identifier: Apache-2.0
"""Shapes of wallets over HTTP."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pistegate_cloud.schemas import MONEY_MAX, Body, Currency, DeviceNumber, Name, Phone, SiteNumber, WaitMs, iso
from pistegate_cloud.wallets.books import on_card
from pistegate_cloud.wallets.models import Wallet, WalletCard, WalletMovement, WalletTerms
from pistegate_protocol.card_layout import VALUE_MAX

Uid = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{14}$")]
Amount = Annotated[int, Field(ge=1, le=MONEY_MAX, description="Minor units, such as fen.")]
CardAmount = Annotated[int, Field(ge=1, le=VALUE_MAX, description="Minor units, such as fen.")]


class TermsBody(Body):
    """The most that may be on one card, minor units of a currency."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"site": 1, "currency": "CNY", "offline_cap": 50000}}
    )

    site: SiteNumber
    currency: Currency
    offline_cap: Annotated[int, Field(ge=0, le=VALUE_MAX)]


class WalletBody(Body):
    """A wallet to open. `uid`: the card that it is tied to; it can be tied later."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"site": 1, "currency": "CNY", "uid": "04a1b2c3d4e5f6", "phone": "13800138000"}},
    )

    site: SiteNumber
    currency: Currency
    uid: Uid | None = None
    holder: Name | None = None
    phone: Phone | None = None


class TieBody(Body):
    """The card."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"uid": "04a1b2c3d4e5f6"}})

    uid: Uid


class CashBody(Body):
    """Cash in or out, in the wallet's currency."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount": 20000, "currency": "CNY"}})

    amount: Amount
    currency: Currency


class LoadBody(Body):
    """Money onto the card that lies on the reader of an encoder or of a till."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"amount": 10000, "site": 1, "encoder": 1, "wait_ms": 5000}}
    )

    amount: CardAmount
    site: SiteNumber
    encoder: DeviceNumber | None = None
    till: DeviceNumber | None = None
    wait_ms: WaitMs = 5000

    @model_validator(mode="after")
    def _one_reader(self) -> "LoadBody":
        if (self.encoder is None) == (self.till is None):
            raise ValueError("name either an encoder or a till")
        return self


class StatementBody(Body):
    """Money onto the card by a signed total that any till writes to it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount": 10000}})

    amount: CardAmount


class TermsAnswer(TermsBody):
    """What a site offers."""


class WalletCardAnswer(BaseModel):
    """The card of a wallet. `balance` by the books; `unwritten`: of it, signed and not known to be on the card."""

    uid: str
    balance: int
    unwritten: bool


class WalletAnswer(BaseModel):
    """A wallet, minor units. `underway`: sent to a card that has not answered yet."""

    wallet: int
    site: int
    currency: str
    holder: str | None
    phone: str | None
    account: int
    underway: int
    card: WalletCardAnswer | None


class LoadAnswer(BaseModel):
    """A load on its card. `earlier_attempt`: it had got through before, and was not made again."""

    wallet: WalletAnswer
    amount: int
    earlier_attempt: bool


class MovementAnswer(BaseModel):
    """One movement, minor units: what it added to account, way and card; `till`, `item`, `used` of a debit."""

    id: int
    at: datetime
    kind: str
    amount: int
    account: int
    underway: int
    card: int
    uid: str | None
    till: int | None
    item: str | None
    used: datetime | None
    actor: str


class ExposureAnswer(BaseModel):
    """What can be spent offline: on `cards` cards by the books, `cap` on each at most; `underway` may be there too."""

    site: int
    currency: str
    cards: int
    on_cards: int
    underway: int
    cap: int
    most: int


class AuditAnswer(BaseModel):
    """Where the books of a site disagree; empty when they are right."""

    site: int
    disagreements: list[str]


def wallet_answer(wallet: Wallet, turn: WalletCard | None, underway: int) -> WalletAnswer:
    """The answer for a wallet and its card."""
    card = None
    if turn is not None:
        unwritten = turn.load_number > turn.written_number
        card = WalletCardAnswer(uid=turn.uid, balance=on_card(turn), unwritten=unwritten)
    return WalletAnswer(
        wallet=wallet.id,
        site=wallet.site_id,
        currency=wallet.currency,
        holder=wallet.holder,
        phone=wallet.phone,
        account=wallet.account,
        underway=underway,
        card=card,
    )


def movement_answer(row: WalletMovement) -> MovementAnswer:
    """The answer for a movement."""
    use = row.use if row.use_id is not None else None
    return MovementAnswer(
        id=row.id,
        at=iso(row.at_ms),
        kind=row.kind,
        amount=row.amount,
        account=row.account,
        underway=row.underway,
        card=row.card,
        uid=row.uid,
        till=use.gate if use else None,
        item=use.item if use else None,
        used=iso(use.at_ms) if use else None,
        actor=row.actor,
    )


def terms_answer(row: WalletTerms) -> TermsAnswer:
    """The answer for a site's terms."""
    return TermsAnswer(site=row.site_id, currency=row.currency, offline_cap=row.offline_cap)
