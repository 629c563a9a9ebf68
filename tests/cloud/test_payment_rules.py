# SPDX-License-Identifier: Apache-2.0
"""The pure parts of payments: any order of words and wishes keeps the money right; bills are read to the fen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.errors import Problem
from pistegate_cloud.payments.bills import Difference, Held, compare
from pistegate_cloud.payments.provider import BillLine, Fact, RefundFact, RefundTold, Told, Way
from pistegate_cloud.payments.rules import (
    ASK_AFTER_MS,
    HOLDING_REFUNDS,
    OPEN_REFUNDS,
    OPEN_STATES,
    PAYABLE_MS,
    REVERSE_AFTER_MS,
    check_money,
    check_refund,
    event_of,
    is_to_close,
    is_to_reverse,
    next_ask_ms,
    payment_event_after,
    refund_event_of,
)
from pistegate_cloud.payments.wechat_bill import BillError, fen, parse
from pistegate_cloud.states import PAYMENT, REFUND

CAME = {"paid", "refund_pending", "part_refunded", "refunded"}
NEVER = {"failed", "closed"}
AMOUNT = 1000

_words = st.tuples(st.just("told"), st.sampled_from(Fact))
_ours = st.tuples(st.just("ours"), st.sampled_from(["reverse", "doubt", "declined"]))
_new = st.tuples(st.just("refund"), st.integers(-1, AMOUNT + 1))
_back = st.tuples(st.just("back"), st.sampled_from(RefundFact), st.integers(0, 5))
_desk = st.tuples(st.sampled_from(["retry", "cash", "short", "declined", "doubt"]), st.integers(0, 5))


class Model:
    """A payment and its refunds as service and refunds keep them, without database and provider."""

    def __init__(self) -> None:
        self.state, self.held, self.came = "created", 0, False
        self.refunds: list[dict[str, Any]] = []

    def can(self, step: tuple[Any, ...]) -> bool:
        try:
            self.do(step)
        except Problem:
            return False
        return True

    def do(self, step: tuple[Any, ...]) -> None:
        kind = step[0]
        if kind == "told":
            self.state = PAYMENT.after(self.state, event_of(Told("n", step[1]), self.state, came=self.came))
            self.came = self.came or step[1] is Fact.PAID
        elif kind == "ours":
            if not (step[1] == "reverse" and self.held):
                self.state = PAYMENT.after(self.state, step[1])
        elif kind == "refund":
            if self.state not in ("paid", "part_refunded", "refund_pending"):
                return
            check_refund(AMOUNT, self.held, step[1])
            self.held, self.state = self.held + step[1], "refund_pending"
            self.refunds.append({"state": "created", "amount": step[1], "went": []})
        elif self.refunds:
            one = self.refunds[step[-1] % len(self.refunds)]
            told = RefundTold("n", step[1]) if kind == "back" else None
            self._move(one, refund_event_of(told) if told else kind)

    def _move(self, one: dict[str, Any], event: str) -> None:
        before = one["state"]
        after = REFUND.after(before, event)
        if after in ("done", "cash") and before != after:
            one["went"].append(after)
        one["state"] = after
        if before in HOLDING_REFUNDS and after not in HOLDING_REFUNDS:
            self.held -= one["amount"]
        parts = [(part["state"], part["amount"]) for part in self.refunds]
        self.state = PAYMENT.after(self.state, payment_event_after(AMOUNT, parts))


@given(st.lists(st.one_of(_words, _ours, _new, _back, _desk), max_size=40))
def test_any_order_of_words_and_wishes_keeps_the_money_right(steps: list[tuple[Any, ...]]) -> None:
    """Refunds never exceed the payment, none goes back twice or both ways; what ended without money stays so."""
    model = Model()
    for step in steps:
        before = model.state
        if not model.can(step):
            assert model.state == before
        holding = sum(one["amount"] for one in model.refunds if one["state"] in HOLDING_REFUNDS)
        assert model.held == holding <= AMOUNT
        assert all(len(one["went"]) <= 1 for one in model.refunds)
        if before in NEVER or before == "reversed":
            assert model.state == before
        if before in CAME:
            assert model.state in CAME | {"reversing"}
        if model.came:
            assert model.state in CAME | {"reversing", "reversed"}
        assert (model.state == "refunded") == (
            sum(one["amount"] for one in model.refunds if one["state"] in ("done", "cash")) == AMOUNT
        )
        if model.refunds and model.held:
            assert model.state in CAME - {"paid"}


def test_every_state_is_open_or_ended() -> None:
    """What is open is asked for; nothing that is ended is."""
    assert set(PAYMENT.moves) == set(OPEN_STATES) | CAME | NEVER | {"reversed"}
    assert set(REFUND.moves) == set(OPEN_REFUNDS) | {"short", "stuck", "done", "failed", "cash"}
    assert set(HOLDING_REFUNDS) == set(REFUND.moves) - {"failed"}


@pytest.mark.parametrize("state", sorted(PAYMENT.moves))
@pytest.mark.parametrize("fact", sorted(Fact))
def test_every_word_in_every_state(state: str, fact: Fact) -> None:
    """A word moves an open payment, confirms an ended one, or is refused for a person to look at."""
    told = Told("n", fact)
    try:
        after = PAYMENT.after(state, event_of(told, state))
    except Problem:
        assert state not in ("created", "pending", "in_doubt", "reversing")
        return
    if state == "reversing":
        assert after in ("reversing", "reversed", "failed")
    elif state not in OPEN_STATES:
        assert after == state
    elif fact is Fact.PAID:
        assert after == "paid"
    else:
        assert after not in CAME


@given(st.integers(0, 10**9), st.one_of(st.none(), st.integers(0, 10**9)), st.sampled_from(["CNY", "USD", None]))
def test_other_money_is_never_taken(asked: int, told: int | None, currency: str | None) -> None:
    """To the fen, and in its currency."""
    word = Told("n", Fact.PAID, "t", told, currency)
    if (told, currency) == (asked, "CNY"):
        check_money(asked, "CNY", word)
        return
    with pytest.raises(Problem):
        check_money(asked, "CNY", word)


def test_times() -> None:
    """Asked ever more rarely, for ever; a code is reversed and an order closed at its time, not before."""
    waits = [next_ask_ms(times, 0) for times in range(20)]
    assert waits == sorted(waits)
    assert waits[-1] == ASK_AFTER_MS[-1]
    for state in PAYMENT.moves:
        is_open = state in ("created", "pending", "in_doubt")
        assert is_to_reverse(Way.CODE, state, 5, 5 + REVERSE_AFTER_MS) == is_open
        assert not is_to_reverse(Way.CODE, state, 5, 4 + REVERSE_AFTER_MS)
        assert not is_to_reverse(Way.SHOWN, state, 5, 10**9)
        assert is_to_close("page", state, PAYABLE_MS, PAYABLE_MS) == is_open
        assert not is_to_close("page", state, PAYABLE_MS, PAYABLE_MS - 1)
        assert not is_to_close("code", state, PAYABLE_MS, 10**9)


@given(st.integers(0, 10**12))
def test_yuan_become_fen_exactly(amount: int) -> None:
    """No float on the way, with or without decimals that say nothing."""
    text = f"{amount // 100}.{amount % 100:02d}"
    assert fen(text) == fen(f"{text}000") == amount


@pytest.mark.parametrize("text", ["", "-1.00", "1.001", "1,00", "x", "1.0x", "٣.00x", ".5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """A bill that we cannot read to the fen is not read."""
    with pytest.raises(BillError):
        fen(text)


HEADER = "微信订单号,商户订单号,交易状态,货币种类,商户退款单号,订单金额,申请退款金额"
SUMS = "总交易单数,应结订单总金额"


def test_a_bill_is_read_whole_or_not() -> None:
    """Columns by name, a BOM, backticks; a missing line, column or state is an error."""
    lines = ["`t1,`p1,`SUCCESS,`CNY,`0,`12.30,`0.00", "`t1,`p1,`REFUND,`CNY,`r1,`0.00,`2.30"]
    whole = "\ufeff" + "\r\n".join([HEADER, *lines, SUMS, "`2,`12.30", ""])
    read = [BillLine("p1", "t1", None, 1230, "CNY"), BillLine("p1", "t1", "r1", -230, "CNY")]
    assert parse(whole) == read
    for broken in (
        whole.replace(lines[0] + "\r\n", ""),
        whole.replace("交易状态", "状态"),
        whole.replace("SUCCESS", "OTHER"),
        whole.replace("`2,", "`3,"),
        "",
    ):
        with pytest.raises(BillError):
            parse(broken)


_line = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([None, "r1", "r2"]), st.integers(-5, 5))


@given(st.lists(_line, max_size=8), st.lists(_line, max_size=8, unique_by=lambda one: one[:2]))
def test_a_bill_without_findings_is_ours_line_by_line(billed: list[Any], held: list[Any]) -> None:
    """No finding if and only if both sides are the same lines, each once."""
    lines = [BillLine(name, "t", refund, amount, "CNY") for name, refund, amount in billed]
    ours = [Held(name, refund, amount, "CNY") for name, refund, amount in held]
    key = lambda one: (one[0], one[1] or "", one[2])  # noqa: E731
    assert (compare(lines, ours) == []) == (sorted(billed, key=key) == sorted(held, key=key))


def test_what_was_taken_back_must_come_to_nothing() -> None:
    """Payment and reversal, or neither; a payment that was reversed and billed alone is found."""
    both = [BillLine("a", "t", None, 100, "CNY"), BillLine("a", "t", "x", -100, "CNY")]
    assert compare(both, [], {"a"}) == []
    assert compare([], [], {"a"}) == []
    assert [one.kind for one in compare(both[:1], [], {"a"})] == [Difference.AMOUNT]
    assert {one.kind for one in compare(both, [])} == {Difference.NOT_OURS}
