# SPDX-License-Identifier: Apache-2.0
"""Shapes of refunds over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pistegate_cloud.aftersales.rules import Part, total
from pistegate_cloud.orders.rules import TICKETS_MAX
from pistegate_cloud.orders.schemas import OrderAnswer
from pistegate_cloud.pricing.rules import Why
from pistegate_cloud.schemas import Body, Code, Money, Reason, TicketNumber
from pistegate_cloud.settlements.schemas import money_words
from pistegate_cloud.tenders.methods import Method
from pistegate_protocol.texts import LOCALES, text

_MONEY = ("fee", "kept", "cap", "amount")  # values of explanations that are minor units

Tickets = Annotated[list[TicketNumber], Field(min_length=1, max_length=TICKETS_MAX)]


class LinePieces(Body):
    """So many pieces of a line without tickets: rental, meal, coach, insurance."""

    line: Annotated[int, Field(ge=1, lt=2**62)]
    quantity: Annotated[int, Field(ge=1, le=TICKETS_MAX)] = 1


class RefundBody(Body):
    """What comes back: `tickets` and `lines`; neither: all that is left.

    `cause`, `documents`: what the policy asks for, as "accident" and "doctor". `expected`: what the guest was told; if
    it is something else by now, nothing is done. `method`: only what came by it. `approval`: of a second person.
    `void`: the sale was a mistake: all of it goes back whatever the policy says, if nobody passed.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"tickets": [1], "reason": "guest is ill", "cause": "illness"}}
    )

    tickets: Tickets | None = None
    lines: Annotated[list[LinePieces], Field(min_length=1, max_length=50)] | None = None
    reason: Reason
    cause: Code | None = None
    documents: Annotated[list[Code], Field(max_length=20)] = Field(default_factory=list)
    expected: Money | None = None
    method: Method | None = None
    approval: UUID | None = None
    void: bool = False

    @property
    def pieces(self) -> dict[int, int] | None:
        """Line -> how many."""
        return None if self.lines is None else {each.line: each.quantity for each in self.lines}


class RefundLine(BaseModel):
    """One ticket, or pieces of a line: what was paid, what goes back, what stays as a fee; `why`, by language."""

    line: int
    ticket: int | None
    quantity: int
    paid: int
    back: int
    fee: int
    used_days: int
    why: dict[str, list[str]]


class RefundQuote(BaseModel):
    """What would go back now. `amount`: all of it."""

    order: UUID
    amount: int
    currency: str
    lines: list[RefundLine]


class RefundDone(RefundQuote):
    """What went back, and the order as it is now."""

    after: OrderAnswer


def lines_of(parts: list[Part], currency: str) -> list[RefundLine]:
    """As answers."""
    return [
        RefundLine(
            line=part.piece.line,
            ticket=part.piece.ticket,
            quantity=part.piece.quantity,
            paid=part.piece.paid,
            back=part.back,
            fee=part.fee,
            used_days=len(part.piece.used),
            why=words_of(part.why, currency),
        )
        for part in parts
    ]


def quote_of(order: UUID, parts: list[Part], currency: str) -> RefundQuote:
    """What would go back."""
    return RefundQuote(order=order, amount=total(parts), currency=currency, lines=lines_of(parts, currency))


def words_of(why: tuple[Why, ...], currency: str) -> dict[str, list[str]]:
    """An explanation in each language."""
    return {locale: [text(f"fee.{one.key}", locale, **_told(one, currency)) for one in why] for locale in LOCALES}


def _told(why: Why, currency: str) -> dict[str, Any]:
    return {
        name: money_words(value, currency) if name in _MONEY and isinstance(value, int) else value
        for name, value in why.values
    }
