# SPDX-License-Identifier: Apache-2.0
"""Rule sets D (Japan: hours in a row, a bank of hours) and E (the Alps: key card, choice passes, accident); exact."""

from typing import Any

import pytest
from guests_at_gates import at
from ski_area import MONDAY, SATURDAY, SUNDAY, TUESDAY, WEDNESDAY, Area, named, told

FIVE_HOURS, SEASON_HOURS = 201, 202
JAPAN: list[dict[str, Any]] = [
    {
        "number": FIVE_HOURS,
        "name": named("5 hours"),
        "price": 5200,
        "currency": "JPY",
        "tax_bp": 1000,
        "terms": {"clock": {"minutes": 300}},
    },
    {
        "number": SEASON_HOURS,
        "name": named("10 hours of the season"),
        "price": 9800,
        "currency": "JPY",
        "tax_bp": 1000,
        "valid_until": "2026-04-05",
        "terms": {"bank": {"minutes": 600, "minimum": 60}},
    },
]

KEY_CARD, CHILD = 310, 320
PASSES = {days: 300 + days for days in range(1, 7)}  # product of so many days in a row
PRICES = {1: 7000, 2: 13400, 3: 19500, 4: 25200, 5: 30600, 6: 35600}  # cents
CHOICE = 330
ALPS: list[dict[str, Any]] = [
    {"number": KEY_CARD, "name": named("Key card"), "price": 500, "currency": "EUR", "kind": "deposit"},
    *(
        {"number": PASSES[days], "name": named(f"{days} days"), "price": PRICES[days], "currency": "EUR", "days": days}
        | {"tax_bp": 1000}
        for days in PASSES
    ),
    {"number": CHILD, "name": named("Child, 6 days"), "price": 17800, "currency": "EUR", "days": 6, "holder": "child"},
    {"number": CHOICE, "name": named("3 of 5 days"), "price": 21000, "currency": "EUR", "days": 5}
    | {"terms": {"days": 3}},
]
ALPS_LIST: dict[str, Any] = {
    "day_types": [{"code": "day", "name": named("Any day")}],
    "holders": [{"code": "child", "name": named("Born 2017 or later"), "born": {"from": 2017}}],
    "policies": [
        {
            "code": "accident",
            "name": named("After an accident"),
            "rules": [{"reasons": ["accident"], "documents": ["doctor"], "back": "days_at_price"}],
            "count": "elapsed",
            "day_counts_from": "10:00",
            "ladder": [{"days": days, "product": number} for days, number in PASSES.items()],
        },
        {"code": "none", "name": named("None"), "rules": [{"back": "nothing"}]},
    ],
    "offers": [
        {"product": PASSES[1], "policy": "none", "eve_from": "15:00"},
        *({"product": PASSES[days], "policy": "accident", "eve_from": "15:00"} for days in range(2, 7)),
        {"product": CHILD, "holder": "child", "free_with": {"products": [PASSES[6]], "each": 1}},
    ],
}


@pytest.fixture
async def area(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> Area:
    """A site."""
    return Area(sqlite_cloud, new_card, new_gate)


def line(product: int, day: str, **more: Any) -> dict[str, Any]:
    return {"product": product, "visit_date": day} | more


async def test_five_hours_in_a_row_from_the_first_passage_that_day_only(area: Area) -> None:
    """5,200 yen of which 473 are tax; half past ten to half past three; nothing is carried over."""
    await area.open(JAPAN, {})
    at(area.cloud, SATURDAY, "08:00")
    order = await area.sell(line(FIVE_HOURS, SATURDAY), currency="JPY")
    assert (order["total"], order["lines"][0]["tax"]) == (5200, 473)
    guest = await area.visitor(order["tickets"][0]["number"])
    steps = [(SATURDAY, "10:30"), (SATURDAY, "15:29"), (SATURDAY, "15:30"), (SUNDAY, "09:00")]
    assert [guest.passes(*step) for step in steps] == ["in", "in", "time_used_up", "expired"]
    await area.tell()
    answer = (await guest.checks_out(SATURDAY, "16:00")).json()
    assert (answer["charges"], answer["back"], told(answer)) == (0, 0, [])


async def test_a_bank_of_hours_is_drawn_down_over_the_season(area: Area) -> None:
    """Ten hours for 9,800 yen: six, one at least, then what is left, to the last minute; no overtime is charged."""
    await area.open(JAPAN, {})
    at(area.cloud, SATURDAY, "08:00")
    order = await area.sell(line(SEASON_HOURS, SATURDAY), currency="JPY")
    assert order["total"] == 9800
    guest = await area.visitor(order["tickets"][0]["number"])
    steps = [
        (SATURDAY, "09:00", "in"),
        (SATURDAY, "15:00", "in"),
        (SUNDAY, "09:00", "in"),
        (MONDAY, "09:00", "in"),
        (MONDAY, "11:59", "in"),
        (MONDAY, "12:01", "time_used_up"),
    ]
    assert [guest.passes(day, time) for day, time, _ in steps] == [told for _, _, told in steps]
    await area.tell()
    assert (await guest.looks(MONDAY, "12:10"))["charges"] == 0


async def test_the_key_cards_deposit_comes_back_when_the_card_does(area: Area) -> None:
    """Five euros with the pass, in the same order; six days of skiing; the card back, five euros back."""
    await area.open(ALPS, ALPS_LIST)
    at(area.cloud, SATURDAY, "08:00")
    order = await area.sell(line(PASSES[6], SATURDAY), line(KEY_CARD, SATURDAY), currency="EUR")
    assert order["total"] == 35600 + 500
    guest = await area.visitor(order["tickets"][0]["number"])
    assert [guest.passes(day, "09:00") for day in (SATURDAY, MONDAY, "2026-01-22")] == ["in", "in", "in"]
    assert guest.passes("2026-01-23", "09:00") == "expired"
    await area.tell()
    answer = (await guest.checks_out("2026-01-22", "17:00")).json()
    assert (answer["charges"], answer["back"], answer["currency"]) == (0, 500, "EUR")
    assert (await area.balances())["tenders:cash"] == 35600
    again = (await guest.checks_out("2026-01-22", "17:05")).json()
    assert again["code"] == "card_in_stock"


async def test_sold_from_three_on_the_day_before(area: Area) -> None:
    """At 14:59 on Friday not yet for Saturday, at 15:00 it is; the pass admits from Saturday on."""
    await area.open(ALPS, ALPS_LIST)
    at(area.cloud, "2026-01-16", "14:59")
    assert await area.refused(line(PASSES[1], SATURDAY), currency="EUR") == "not_sold_yet"
    at(area.cloud, "2026-01-16", "15:00")
    order = await area.sell(line(PASSES[1], SATURDAY), currency="EUR")
    guest = await area.visitor(order["tickets"][0]["number"])
    assert guest.passes("2026-01-16", "15:10") == "not_yet_valid"
    assert guest.passes(SATURDAY, "09:00") == "in"


async def test_a_child_rides_free_with_an_adults_pass_of_the_same_days(area: Area) -> None:
    """By year of birth, on proof; the second child pays."""
    await area.open(ALPS, ALPS_LIST)
    at(area.cloud, SATURDAY, "08:00")
    child = line(CHILD, SATURDAY, quantity=2, proof="born:2018")
    assert await area.refused(line(CHILD, SATURDAY, proof="born:2016"), currency="EUR") == "proof_unsuitable"
    order = await area.sell(line(PASSES[6], SATURDAY), child, currency="EUR")
    assert (order["total"], len(order["tickets"])) == (35600 + 17800, 3)


async def test_three_days_of_five_wherever_they_are(area: Area) -> None:
    """A choice pass: a day without skiing costs none."""
    await area.open(ALPS, ALPS_LIST)
    at(area.cloud, SATURDAY, "08:00")
    order = await area.sell(line(CHOICE, SATURDAY), currency="EUR")
    guest = await area.visitor(order["tickets"][0]["number"])
    days = (SATURDAY, MONDAY, TUESDAY, WEDNESDAY)
    assert [guest.passes(day, "09:00") for day in days] == ["in", "in", "in", "days_used_up"]


@pytest.mark.parametrize(
    ("handed_in", "used", "back"),
    [
        (f"{MONDAY}T09:59", 2, 35600 - 13400),
        (f"{MONDAY}T10:00", 3, 35600 - 19500),
        (f"{SATURDAY}T09:30", 0, 35600),
        ("2026-01-22T10:00", 6, 0),
    ],
)
async def test_after_an_accident_the_days_used_are_paid_at_their_price(
    area: Area, handed_in: str, used: int, back: int
) -> None:
    """With a doctor's note only; handed in at ten or later, that day is used too. The pass is refused from then on."""
    await area.open(ALPS, ALPS_LIST)
    at(area.cloud, SATURDAY, "08:00")
    order = await area.sell(line(PASSES[6], SATURDAY), currency="EUR")
    at(area.cloud, *handed_in.split("T"))
    path, accident = f"/orders/{order['id']}/refund", {"cause": "accident"}
    assert (await area.cloud.get(path, **accident))["amount"] == 0
    assert (await area.cloud.get(path, **accident, document="doctor"))["amount"] == back, used
    done = await area.cloud.post(path, accident | {"documents": ["doctor"], "expected": back, "reason": "a broken leg"})
    assert (done["amount"], done["after"]["tickets"][0]["status"]) == (back, "revoked")
    assert (await area.balances()).get("tenders:cash", 0) == 35600 - back


async def test_a_day_ticket_is_not_given_back(area: Area) -> None:
    """Whatever happened."""
    await area.open(ALPS, ALPS_LIST)
    at(area.cloud, SATURDAY, "08:00")
    order = await area.sell(line(PASSES[1], SATURDAY), currency="EUR")
    told = await area.cloud.get(f"/orders/{order['id']}/refund", cause="accident", document="doctor")
    assert (told["amount"], told["lines"][0]["back"]) == (0, 0)
