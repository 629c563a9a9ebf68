# SPDX-License-Identifier: Apache-2.0
"""What a provider's word means for a payment, and when to ask again. Pure: no I/O, no clock."""

from collections.abc import Iterable
from typing import Final

from pistegate_cloud.errors import Problem
from pistegate_cloud.payments.provider import Fact, RefundFact, RefundTold, Told, Way

CURRENCY: Final = "CNY"  # all that WeChat Pay and Alipay take inside China
AMOUNT_MAX: Final = 100_000_000  # fen: a million yuan, above any order of a guest
# A guest has so long to pay what is shown or opened; the code on the screen is gone then.
PAYABLE_MS: Final = 15 * 60_000
# A payment by code is taken back after so long. WeChat's documents for 付款码: ask again for up to 45 s, then reverse.
REVERSE_AFTER_MS: Final = 45_000
# By hand not earlier than this after the code was sent (the same documents: 15 s).
REVERSE_NOT_BEFORE_MS: Final = 15_000
# Who sends or asks has so long to hear the answer before another may: more than any timeout of [wechat].
LEASE_MS: Final = 20_000
# Between two questions about one payment: short while a guest stands there, then longer and longer, for ever.
ASK_AFTER_MS: Final = (2_000, 3_000, 5_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000)
UNSENT: Final = -1  # `asked_times` of a payment that is kept and was not sent yet
OPEN_STATES: Final = ("created", "pending", "in_doubt", "reversing")
OPEN_REFUNDS: Final = ("created", "processing", "in_doubt")
# Refunds that took their part of the payment: all but those that certainly moved nothing.
HOLDING_REFUNDS: Final = ("created", "processing", "in_doubt", "short", "stuck", "done", "cash")

_EVENTS: Final = {
    Fact.WAITING: "waiting",
    Fact.PAID: "paid",
    Fact.CLOSED: "closed",
    Fact.REVERSED: "reversed",
}
_REFUND_EVENTS: Final = {
    RefundFact.UNDERWAY: "underway",
    RefundFact.DONE: "done",
    RefundFact.FAILED: "failed",
    RefundFact.STUCK: "stuck",
}


def check_payable(amount: int, currency: str) -> None:
    """Problem wrong_currency, payment_amount unless a provider takes such an amount."""
    if currency != CURRENCY:
        raise Problem("wrong_currency", expected=CURRENCY, got=currency)
    if not 1 <= amount <= AMOUNT_MAX:
        raise Problem("payment_amount", limit=AMOUNT_MAX, currency=CURRENCY)


def check_money(amount: int, currency: str, told: Told) -> None:
    """Problem payment_mismatch unless what was paid is what we asked for, to the minor unit."""
    if told.fact is Fact.PAID and (told.amount, told.currency) != (amount, currency):
        raise Problem("payment_mismatch", payment=told.number, asked=amount, told=told.amount, currency=told.currency)


def event_of(told: Told, state: str, *, came: bool = False) -> str:
    """The event that a provider's word is for a payment in `state`; `came`: its money was told of before.

    A number that the provider does not know was never sent, or has not arrived yet: only a reversal ends it.
    """
    if told.fact is Fact.ABSENT:
        if came:
            return "doubt"
        return {"pending": "waiting", "reversing": "absent"}.get(state, "doubt")
    return _EVENTS[told.fact]


def refund_event_of(told: RefundTold) -> str:
    """The event that a provider's word is for a refund; ABSENT means that it must be sent (again)."""
    return "absent" if told.fact is RefundFact.ABSENT else _REFUND_EVENTS[told.fact]


def check_refund(paid: int, held: int, amount: int) -> None:
    """Problem refund_too_large unless `amount` is left of what was paid; `held`: what refunds hold already."""
    if amount < 1 or held + amount > paid:
        raise Problem("refund_too_large", amount=amount, left=paid - held)


def payment_event_after(amount: int, refunds: Iterable[tuple[str, int]]) -> str:
    """The event for the payment when one of its refunds has moved: (state, amount) of each."""
    rows = [(state, part) for state, part in refunds if state in HOLDING_REFUNDS]
    back = sum(part for state, part in rows if state in ("done", "cash"))
    if back == amount:
        return "all_back"
    if any(state not in ("done", "cash") for state, _ in rows):
        return "refund"
    return "part_back" if back else "none_back"


def next_ask_ms(asked_times: int, now_ms: int) -> int:
    """When to ask again after so many questions."""
    return now_ms + ASK_AFTER_MS[min(max(asked_times, 0), len(ASK_AFTER_MS) - 1)]


def is_to_reverse(way: str, state: str, sent_ms: int, now_ms: int) -> bool:
    """Whether a payment by code has been open for too long."""
    return way == Way.CODE and state in ("created", "pending", "in_doubt") and now_ms - sent_ms >= REVERSE_AFTER_MS


def is_to_close(way: str, state: str, until_ms: int, now_ms: int) -> bool:
    """Whether an order that the guest was to pay by hand has run out."""
    return way != Way.CODE and state in ("created", "pending", "in_doubt") and now_ms >= until_ms
