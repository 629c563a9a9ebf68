# SPDX-License-Identifier: Apache-2.0
"""The pure rules over admissions: what settles a card in doubt, what is use beyond the claim."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from pistegate_cloud.errors import Problem
from pistegate_cloud.passages.rules import Allowance, overuse, settlement, twins
from pistegate_cloud.states import ADMISSION, ORDER, TICKET, StateTable

DAY = date(2026, 1, 17)


@dataclass
class Row:
    """An admission as the rules see it."""

    name: str
    prev: str = "0"
    at_ms: int = 1000
    state: str = "passed"
    settled: str | None = None
    ticket: int = 1
    claim: str = "c"
    medium: str = "01"
    day: date = DAY
    charged: int = 1


DOUBT = Row("a", at_ms=1000, state="card_unconfirmed")


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([], None),
        ([DOUBT], None),
        ([Row("b", prev="a", at_ms=2000)], "charged"),
        ([Row("b", prev="a", at_ms=500)], "charged"),  # a gate whose clock is behind
        ([Row("b", prev="0", at_ms=2000)], "void"),
        ([Row("b", prev="0", at_ms=500, state="card_unconfirmed")], None),  # the one before proves nothing of this one
        ([Row("b", prev="a", at_ms=2000, medium="0102")], None),
        ([Row("b", prev="0", at_ms=2000, claim="other")], None),
        ([Row("b", prev="x", at_ms=2000)], None),
    ],
)
def test_what_settles_a_card_in_doubt(others: list[Any], told: str | None) -> None:
    """Only the same card with the same claim tells, and a shared `prev` only when it is read later."""
    assert settlement(DOUBT, others) == told


def test_code_at_two_gates_settles_nothing_and_is_no_card_turned_back() -> None:
    """Each gate keeps what codes used there: both began with nothing."""
    first, second = Row("a", state="interrupted", medium="00"), Row("b", at_ms=2000, medium="00")
    assert settlement(first, [second]) is None
    assert twins([Row("a", medium="00"), second]) == []


@pytest.mark.parametrize("row", [Row("a"), Row("a", state="card_void"), Row("a", state="interrupted", settled="void")])
def test_what_is_not_in_doubt_is_not_settled(row: Any) -> None:
    """Passed, void for sure, or settled before."""
    assert settlement(row, [Row("b", prev="a")]) is None


@pytest.mark.parametrize(
    ("charges", "allowance", "limit"),
    [
        ([(DAY, 2)], Allowance(2, 2), None),
        ([(DAY, 1), (DAY, 2)], Allowance(2, None), "day"),
        ([(DAY, 2), (date(2026, 1, 18), 2)], Allowance(2, None), None),
        ([(DAY, 2), (date(2026, 1, 18), 2)], Allowance(2, 3), "total"),
        ([(DAY, 99)], Allowance(None, None), None),
    ],
)
def test_use_beyond_the_claim(charges: Any, allowance: Allowance, limit: str | None) -> None:
    """Per day in site zone, and in total."""
    assert overuse(charges, allowance) == limit


def test_two_admissions_over_one_card_state() -> None:
    """Both written: the card was turned back. One void or in doubt: nothing to see."""
    first, second = Row("a"), Row("b", at_ms=2000)
    assert twins([second, first]) == [(first, second)]
    for harmless in (
        Row("b", state="card_void"),
        Row("b", state="interrupted"),
        Row("b", prev="a"),
        Row("b", claim="d"),
    ):
        assert twins([first, harmless]) == []


@pytest.mark.parametrize("table", [ORDER, TICKET, ADMISSION])
def test_every_state_and_event_is_decided(table: StateTable) -> None:
    """What is in the table leads to a state that is; everything else is refused."""
    events = {event for moves in table.moves.values() for event in moves} | {"nonsense"}
    for state, moves in table.moves.items():
        for event in events:
            if event in moves:
                assert table.after(state, event) in table.moves
            else:
                with pytest.raises(Problem, match="state_conflict"):
                    table.after(state, event)


def test_a_table_with_a_loose_end_is_refused() -> None:
    """A next state without an entry of its own."""
    with pytest.raises(ValueError, match="nowhere"):
        StateTable("thing", {"a": {"go": "nowhere"}})
