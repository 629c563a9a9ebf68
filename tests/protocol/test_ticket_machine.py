# SPDX-License-Identifier: Apache-2.0
"""Whole tickets through days of gates, amendments and suspensions, against a model that keeps a log."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from ticket_machine import SkewedMachine, TicketMachine
from ticket_season import SEASONS, some_season

STEPS = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_a_ticket_gives_what_was_sold_and_refuses_no_innocent_guest() -> None:
    """Entries, days, hours, clocks, windows, rounds, tracking, returns, extensions, pauses: decision by decision."""
    seasons = [some_season(seed) for seed in SEASONS]
    assert sum(season.number for season in seasons) > 10 * len(seasons)  # of all presentations, so many were admitted


def test_gates_whose_clocks_differ_by_a_minute_agree_wherever_minutes_do_not_matter() -> None:
    """What is counted stays counted, and what is drawn stays within a minute or two of the truth."""
    seasons = [some_season(seed, skewed=True) for seed in SEASONS[:200]]
    assert sum(season.number for season in seasons) > 8 * len(seasons)


@pytest.mark.parametrize("machine", [TicketMachine, SkewedMachine])
def test_steps_that_break_a_promise_are_searched_for(machine: type[TicketMachine]) -> None:
    """The same, with steps of hypothesis's choice, and shrunk to the few that it takes."""
    run_state_machine_as_test(machine, settings=STEPS)
