# SPDX-License-Identifier: Apache-2.0
"""What any payment provider can be asked for, in our words; adapters such as wechat.py do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from pistegate_cloud.errors import CloudError


class Way(StrEnum):
    """How the guest pays: a code we show, a page inside or outside the provider's app, a code the guest shows."""

    SHOWN = "shown"  # Native
    IN_APP = "in_app"  # JSAPI
    PAGE = "page"  # H5
    CODE = "code"  # 付款码


class Fact(StrEnum):
    """What a provider says of a payment."""

    WAITING = "waiting"  # known, not paid: it still may be
    PAID = "paid"
    CLOSED = "closed"  # not paid, and never will be
    REVERSED = "reversed"  # taken back; whatever was paid went to the guest
    ABSENT = "absent"  # the provider does not know the number


class RefundFact(StrEnum):
    """What a provider says of a refund."""

    UNDERWAY = "underway"
    DONE = "done"
    FAILED = "failed"  # the money is still ours
    STUCK = "stuck"  # the guest's account takes nothing: a person must act
    ABSENT = "absent"


class Unclear(CloudError):
    """No answer, or none that tells whether it was done: ask again."""


class Declined(CloudError):
    """It was certainly not done. `code`: the provider's own word; `short`: the merchant's balance lacks money."""

    def __init__(self, code: str, message: str, *, short: bool = False) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message, self.short = code, message, short


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment as we ask for it. `number`: its name there, `amount` in minor units, `until_ms`: not payable later."""

    number: str
    amount: int
    currency: str
    words: str
    until_ms: int
    window: str = "1"


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider tells of a payment; amount and currency only once it was paid."""

    number: str
    fact: Fact
    transaction: str | None = None
    amount: int | None = None
    currency: str | None = None
    paid_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A refund as we ask for it: `amount` of `total`, both in minor units."""

    number: str
    payment: str
    amount: int
    total: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundTold:
    """What the provider tells of a refund."""

    number: str
    fact: RefundFact
    amount: int | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification whose signature, freshness and seal are good. `event`: the same when it is sent again."""

    event: str
    nonce: str
    told: Told | RefundTold


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a provider's bill: money in (amount > 0) or back to the guest (amount < 0, with `refund`)."""

    payment: str
    transaction: str
    refund: str | None
    amount: int
    currency: str


class Provider(Protocol):
    """One merchant at one provider. Every call may raise Unclear; those that do something may raise Declined."""

    name: str

    async def create(self, asked: Asked, way: Way, payer: str | None) -> str:
        """Make a payable order; what the guest's device needs: a link, or a prepay id. `payer`: open id, or address."""

    async def pay_by_code(self, asked: Asked, code: str) -> Told:
        """Take the money by the code that the guest shows."""

    async def query(self, number: str) -> Told:
        """What became of a payment."""

    async def close(self, number: str) -> None:
        """End an unpaid order for good; Declined when it is paid."""

    async def reverse(self, number: str) -> None:
        """Take a payment by code back, paid or not."""

    async def refund(self, asked: RefundAsked) -> RefundTold:
        """Give money back; the same number again is the same refund."""

    async def query_refund(self, number: str) -> RefundTold:
        """What became of a refund."""

    def open_notice(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notice | None:
        """A notification, checked; None: genuine, and of a kind that says nothing to us. Problem otherwise."""

    async def bill(self, day: date) -> Sequence[BillLine]:
        """All that was paid and refunded on a day (the provider's calendar)."""
