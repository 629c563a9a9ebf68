# SPDX-License-Identifier: Apache-2.0
"""Rule set A, an outdoor area: price classes that hold downwards, children, seniors, the disabled; to the fen."""

from datetime import datetime
from typing import Any

import pytest
from guests_at_gates import at
from ski_area import FESTIVAL, HOLIDAYS, MONDAY, SATURDAY, SUNDAY, WORKED, WORKED_SATURDAY, Area, named

from pistegate_cloud.pricing.lists import Policy
from pistegate_cloud.pricing.rules import Facts, refund_fee

NOT_WEEKDAYS, NOT_WEEKENDS, NOT_SENIORS = 3, 4, 5
CALENDARS: list[dict[str, Any]] = [
    {"number": NOT_WEEKDAYS, "weekdays": ["sat", "sun"], "also": [HOLIDAYS], "except": [WORKED]},
    {"number": NOT_WEEKENDS, "also": [HOLIDAYS]},
    {"number": NOT_SENIORS, "weekdays": ["fri", "sat", "sun"], "also": [HOLIDAYS]},
]
LIFTS = [{"from": "08:30", "to": "16:30"}]
WITHIN_THE_HOUR = {"minutes": 120, "start": "sale", "within": 60}
WEEKDAY, WEEKEND, PEAK, HALF, SMALL, SENIOR, INSURANCE, SIGHTS, DAY_AND_A_HALF = range(101, 110)


def two_hours(number: int, price: int, blackout: int | None, **more: Any) -> dict[str, Any]:
    terms: dict[str, Any] = {"windows": LIFTS, "clock": WITHIN_THE_HOUR}
    if blackout is not None:
        terms["blackout"] = blackout
    return {"number": number, "name": named("2 hours"), "price": price, "tax_bp": 600, "terms": terms} | more


PRODUCTS: list[dict[str, Any]] = [
    two_hours(WEEKDAY, 12000, NOT_WEEKDAYS),
    two_hours(WEEKEND, 16000, NOT_WEEKENDS),
    two_hours(PEAK, 24000, None),
    two_hours(HALF, 8000, NOT_WEEKENDS, holder="youth"),
    two_hours(SMALL, 0, None, holder="child"),
    {
        "number": SENIOR,
        "name": named("Senior afternoon"),
        "holder": "senior",
        "terms": {"windows": [{"from": "12:30", "to": "16:30"}], "blackout": NOT_SENIORS},
    },
    {
        "number": INSURANCE,
        "name": named("Insurance"),
        "price": 2000,
        "kind": "insurance",
        "passthrough": True,
        "department": "insurer",
    },
    {"number": SIGHTS, "name": named("Sightseeing return"), "price": 8000, "entries_total": 2},
    {
        "number": DAY_AND_A_HALF,
        "name": named("1.5 days"),
        "price": 39000,
        "tax_bp": 600,
        "days": 2,
        "terms": {"windows": LIFTS, "clock": {"minutes": 1680, "start": "fixed", "at": "08:30"}},
    },
]
CONTENT: dict[str, Any] = {
    "day_types": [
        {"code": "holiday", "name": named("Peak"), "sets": [HOLIDAYS]},
        {"code": "weekend", "name": named("Weekend"), "weekdays": ["sat", "sun"], "except": [WORKED]},
        {"code": "weekday", "name": named("Weekday")},
    ],
    "rows": [
        {"product": SIGHTS, "price": 8000},
        {"product": SIGHTS, "price": 10000, "day_types": ["holiday"]},
    ],
    "holders": [
        {"code": "small", "name": named("Up to 1.2 m"), "height_cm": {"to": 120}, "guardian": True},
        {"code": "half", "name": named("1.21 to 1.5 m"), "height_cm": {"from": 121, "to": 150}},
        {"code": "senior", "name": named("From 65"), "age": {"from": 65}},
        {"code": "disabled", "name": named("Disabled"), "document": "disability"},
    ],
    "policies": [
        {
            "code": "plain",
            "name": named("Refunds"),
            "rules": [{"kinds": ["insurance"], "back": "nothing"}, {"used": False, "back": "all"}],
        }
    ],
    "offers": [
        {"product": HALF, "holder": "half", "policy": "plain"},
        {"product": SMALL, "holder": "small", "needs": [INSURANCE], "policy": "plain"},
        {"product": SENIOR, "holder": "senior", "needs": [INSURANCE], "policy": "plain"},
        {"product": INSURANCE, "policy": "plain"},
        {"product": SIGHTS, "holder": "disabled"},
    ],
}


@pytest.fixture
async def area(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> Area:
    """The area, open."""
    area = Area(sqlite_cloud, new_card, new_gate)
    await area.open(PRODUCTS, CONTENT, CALENDARS)
    return area


def line(product: int, day: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"product": product, "visit_date": day, "quantity": quantity} | more


@pytest.mark.parametrize(
    ("product", "day", "price"),
    [
        (WEEKDAY, MONDAY, 12000),
        (WEEKDAY, SATURDAY, None),
        (WEEKDAY, WORKED_SATURDAY, 12000),
        (WEEKDAY, FESTIVAL, None),
        (WEEKEND, MONDAY, 16000),
        (WEEKEND, SATURDAY, 16000),
        (WEEKEND, FESTIVAL, None),
        (PEAK, MONDAY, 24000),
        (PEAK, FESTIVAL, 24000),
    ],
)
async def test_a_dearer_class_holds_on_cheaper_days_never_the_other_way(
    area: Area, product: int, day: str, price: int | None
) -> None:
    """Sold where it admits, at its own price whatever the day; not sold where gates would refuse it."""
    at(area.cloud, day, "09:00")
    if price is None:
        assert await area.refused(line(product, day)) == "not_sold_that_day"
        return
    order = await area.sell(line(product, day))
    assert order["total"] == price
    guest = await area.visitor(order["tickets"][0]["number"])
    assert guest.passes(day, "09:40") == "in"
    assert guest.passes(day, "11:39") == "in"
    assert guest.passes(day, "11:40") == "time_used_up"


async def test_not_within_the_hour_the_clock_runs_from_the_redemption(area: Area) -> None:
    """Redeemed at nine, through the gate at half past ten: over at eleven."""
    at(area.cloud, SATURDAY, "09:00")
    order = await area.sell(line(WEEKEND, SATURDAY))
    guest = await area.visitor(order["tickets"][0]["number"])
    assert guest.passes(SATURDAY, "10:30") == "in"
    assert guest.passes(SATURDAY, "11:00") == "time_used_up"


async def test_a_day_and_a_half_holds_on_the_next_day_too(area: Area) -> None:
    """The day of issue and until half past twelve of the next."""
    at(area.cloud, SATURDAY, "08:30")
    order = await area.sell(line(DAY_AND_A_HALF, SATURDAY))
    guest = await area.visitor(order["tickets"][0]["number"])
    steps = [(SATURDAY, "16:29"), (SATURDAY, "16:30"), (SUNDAY, "12:29"), (SUNDAY, "12:30")]
    assert [guest.passes(*step) for step in steps] == ["in", "outside_window", "in", "time_used_up"]


async def test_a_family_pays_by_height_and_the_insurance_is_the_insurers(area: Area) -> None:
    """An adult, a child of 1.4 m at half price, one of 1.1 m free with insurance: 160 + 80 + 0 + 20 yuan.

    6 % tax is inside what is ours; the insurance is another's money and bears none.
    """
    at(area.cloud, SATURDAY, "09:00")
    small = line(SMALL, SATURDAY, proof="height:110")
    assert await area.refused(line(WEEKEND, SATURDAY), small) == "companion_needed"
    assert await area.refused(line(HALF, SATURDAY, proof="height:151")) == "proof_unsuitable"
    assert await area.refused(line(HALF, SATURDAY)) == "proof_needed"
    order = await area.sell(
        line(WEEKEND, SATURDAY), line(HALF, SATURDAY, proof="height:140"), small, line(INSURANCE, SATURDAY)
    )
    assert (order["total"], len(order["tickets"])) == (16000 + 8000 + 2000, 3)
    assert await area.balances() == {
        "tenders:cash": 26000,
        "passthrough:insurer": -2000,
        "deferred:lift": -15094 - 7547,
        "output_tax": -906 - 453,
    }


async def test_from_65_free_on_quiet_afternoons_and_the_insurance_stays(area: Area) -> None:
    """Monday afternoon for the insurance alone; not on a Saturday; unused, the insurance does not go back."""
    at(area.cloud, MONDAY, "12:00")
    senior = line(SENIOR, MONDAY, proof="age:66")
    assert await area.refused(line(SENIOR, SATURDAY, proof="age:66"), line(INSURANCE, SATURDAY)) != ""
    assert await area.refused(line(SENIOR, MONDAY, proof="age:64"), line(INSURANCE, MONDAY)) == "proof_unsuitable"
    order = await area.sell(senior, line(INSURANCE, MONDAY))
    assert order["total"] == 2000
    guest = await area.visitor(order["tickets"][0]["number"])
    assert [guest.passes(MONDAY, time) for time in ("12:29", "12:30", "16:30")] == [
        "outside_window",
        "in",
        "outside_window",
    ]
    policy = Policy.model_validate((await area.agreed(order, INSURANCE))["policy"])
    first, now = datetime.fromisoformat(MONDAY), datetime.fromisoformat(f"{MONDAY}T12:10")
    told = refund_fee(policy, Facts(kind="insurance", paid=2000, first_day=first.date(), handed_in=now))
    assert (told.amount, told.back) == (2000, 0)
    told = refund_fee(policy, Facts(kind="ticket", paid=8000, first_day=first.date(), handed_in=now))
    assert (told.amount, told.back) == (0, 8000)


@pytest.mark.parametrize(("day", "price"), [(MONDAY, 8000), (FESTIVAL, 10000)])
async def test_the_disabled_see_the_mountain_for_less(area: Area, day: str, price: int) -> None:
    """A sightseeing return ticket with the document: 80 yuan, 100 on holidays."""
    at(area.cloud, day, "09:00")
    assert await area.refused(line(SIGHTS, day)) == "proof_needed"
    order = await area.sell(line(SIGHTS, day, proof="document:disability"))
    assert order["total"] == price
    guest = await area.visitor(order["tickets"][0]["number"])
    assert [guest.passes(day, time) for time in ("10:00", "11:00", "12:00")] == ["in", "in", "used_up"]
