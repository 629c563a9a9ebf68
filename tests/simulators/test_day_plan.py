# SPDX-License-Identifier: Apache-2.0
"""Who comes on a simulated day, and the verdict on it."""

from collections import Counter
from dataclasses import replace

from pistegate_simulators.day.guests import Tale
from pistegate_simulators.day.plan import Case, Turn, plan_day
from pistegate_simulators.day.reckoning import GateCount, Reckoning

AREAS = [0, 0, 1, 1]


def test_same_seed_same_guests() -> None:
    """A day can be replayed."""
    assert plan_day(100, AREAS, 7) == plan_day(100, AREAS, 7) != plan_day(100, AREAS, 8)


def test_every_case_comes_and_most_come_in_the_morning() -> None:
    """300 guests: all kinds of media, some who turn back, a morning peak."""
    people = plan_day(300, AREAS, 7)
    assert set(Counter(skier.case for skier in people)) == set(Case)
    assert set(Counter(skier.turn for skier in people)) == set(Turn)
    assert sum(skier.arrival < 0.4 for skier in people) > 150
    assert all(AREAS[skier.gate] == 0 for skier in people if skier.case is Case.WRONG_AREA)


def test_few_guests_are_all_honest() -> None:
    """A day of one skier is a day of one valid ticket."""
    assert [skier.case for skier in plan_day(1, [0], 1)] == [Case.VALID]


def good_day() -> Reckoning:
    """Two guests at one gate: one passed, one was refused for an expired ticket."""
    people = plan_day(60, [0], 3)
    honest = next(skier for skier in people if skier.case is Case.VALID and skier.turn is Turn.PASS)
    late = next(skier for skier in people if skier.case is Case.EXPIRED)
    tales = [Tale(honest, green=1, rides=1, counted=1), Tale(late, red=1)]
    cloud = {"refused": {"expired": 1}, "admissions": 1, "ledger_imbalance": 0, "sold_amount": 59600}
    return Reckoning([GateCount(1, 1, 1, 1, 0)], tales, cloud, 0, 2, 59600, 1.0)


def test_a_good_day_has_nothing_wrong() -> None:
    """All books agree."""
    assert good_day().wrong == []


def test_each_kind_of_wrong_is_told() -> None:
    """Lost, duplicated, imbalance, unexpected refusals, too many unknown, a guest treated wrongly: each is red."""
    day = good_day()
    tale = replace(day.tales[1], green=1)
    broken = [
        replace(day, counts=[GateCount(1, 2, 1, 1, 0)]),
        replace(day, counts=[GateCount(1, 1, 1, 2, 0)]),
        replace(day, counts=[GateCount(1, 2, 1, 1, 1)]),
        replace(day, cloud={**day.cloud, "ledger_imbalance": 1}),
        replace(day, takings=29800),
        replace(day, missing=["gate 1 holds 3 events that the cloud has not acknowledged"]),
        replace(day, cloud={**day.cloud, "refused": {}}),
        replace(day, cloud={**day.cloud, "refused": {"expired": 1, "passback": 1}}),
        replace(day, tales=[day.tales[0], tale]),
        replace(day, tales=[replace(day.tales[0], counted=0), day.tales[1]]),
    ]
    assert all(len(each.wrong) == 1 for each in broken)


def test_losses_at_one_gate_are_not_made_up_for_by_doubles_at_another() -> None:
    """Lost and duplicated are counted gate by gate."""
    day = replace(good_day(), counts=[GateCount(1, 3, 2, 2, 0), GateCount(2, 2, 3, 3, 0)])
    assert (day.lost, day.duplicated) == (1, 1)
