# SPDX-License-Identifier: Apache-2.0
"""Rules that real ski areas publish, as products: created through the API, sold, put on a card, decided by its claim.

Each row is one guest: a product, its visit date, when it was put on the card, and what gates then say at which time.
"""

from typing import Any

import pytest
from guests_at_gates import Guest, at, moment, ticket_on_card

from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit

# 2026: 17 January is a Saturday; the Spring Festival is 17 to 23 February, 14 and 28 February (Saturdays) are worked.
SATURDAY, SUNDAY, MONDAY, TUESDAY, FRIDAY = "2026-01-17", "2026-01-18", "2026-01-19", "2026-01-20", "2026-01-16"
FESTIVAL, WORKED_SATURDAY = "2026-02-17", "2026-02-14"
HOLIDAYS, WORKED, WEEKDAY_SET, WEEKEND_SET, SENIOR_SET, DISCOUNT_SET = 1, 2, 3, 4, 5, 6
LIFTS = [{"from": "08:30", "to": "16:30"}]

CALENDARS: list[dict[str, Any]] = [
    {"number": HOLIDAYS},
    {"number": WORKED},
    {"number": WEEKDAY_SET, "weekdays": ["sat", "sun"], "also": [HOLIDAYS], "except": [WORKED]},
    {"number": WEEKEND_SET, "also": [HOLIDAYS]},
    {"number": SENIOR_SET, "weekdays": ["fri", "sat", "sun"], "also": [HOLIDAYS]},
    {"number": DISCOUNT_SET, "weekdays": ["tue", "thu", "fri", "sat", "sun"], "also": [HOLIDAYS]},
]


def two_hours(blackout: int | None) -> dict[str, Any]:
    """A: the clock starts at the first passage within an hour of the redemption, else at the redemption."""
    clock = {"minutes": 120, "start": "sale", "within": 60}
    return {"terms": {"windows": LIFTS, "clock": clock} | ({"blackout": blackout} if blackout else {})}


PRODUCTS: dict[str, dict[str, Any]] = {
    "A weekday 2 h": two_hours(WEEKDAY_SET),
    "A weekend 2 h": two_hours(WEEKEND_SET),
    "A peak 2 h": two_hours(None),
    # One day and the next until half past twelve.
    "A 1.5 days": {"days": 2, "terms": {"windows": LIFTS, "clock": {"minutes": 1680, "start": "fixed", "at": "08:30"}}},
    "A senior": {
        "holder": "senior",
        "price": 0,
        "terms": {"windows": [{"from": "12:30", "to": "16:30"}], "blackout": SENIOR_SET},
    },
    "B session": {"terms": {"clock": {"minutes": 240}, "overtime": 15, "tracked": True}},
    "B discount session": {"terms": {"clock": {"minutes": 240}, "blackout": DISCOUNT_SET, "tracked": True}},
    "D 5 hours": {"terms": {"clock": {"minutes": 300}}},
    "D season hours": {"valid_until": "2026-04-05", "terms": {"bank": {"minutes": 600, "minimum": 60}}},
    "E 3 of 5 days": {"days": 5, "terms": {"days": 3}},
    # Sold from 15:00 on the day before: holds from then to the end of the lifts on the next day.
    "E day from the eve": {
        "days": 2,
        "terms": {"clock": {"minutes": 1530, "start": "fixed", "at": "15:00"}},
    },
    "E group season": {"scope": "group", "valid_until": "2026-04-05", "reentry_s": 600, "terms": {"blackout": 7}},
}


async def open_area(cloud: Any, name: str) -> int:
    """The calendars, and one of the products; its number."""
    at(cloud, "2026-01-10", "12:00")
    words = {"en": "Set", "zh-CN": "日历"}
    for each in CALENDARS:
        await cloud.post("/calendars", {"site": 1, "name": words} | each)
    await cloud.post("/calendars", {"site": 1, "number": 7, "name": words, "scope": "group"})
    festival = "\n".join(f"2026-02-{day},春节" for day in range(17, 24))
    await cloud.post(f"/calendars/1/{HOLIDAYS}/dates", {"csv": f"date,note\n2026-01-01,元旦\n{festival}"})
    await cloud.post(f"/calendars/1/{WORKED}/dates", {"add": ["2026-02-14", "2026-02-28"]})
    await cloud.post("/calendars/1/7/dates", {"add": ["2026-02-17"]})
    number = 100 + list(PRODUCTS).index(name)
    plain = {"site": 1, "number": number, "code": f"P{number}", "name": {"en": name, "zh-CN": name}, "price": 100}
    await cloud.post("/products", plain | {"currency": "CNY", "areas": [0]} | PRODUCTS[name])
    return number


Step = tuple[str, str, str]

GUESTS: list[tuple[str, str, tuple[str, str], list[Step]]] = [
    # Within the hour: the clock starts at the first passage, 9:40, and ends at 11:40.
    (
        "A weekend 2 h",
        SATURDAY,
        (SATURDAY, "09:00"),
        [(SATURDAY, "09:40", "in"), (SATURDAY, "11:39", "in"), (SATURDAY, "11:40", "time_used_up")],
    ),
    # Not within it: from the redemption, 9:00 to 11:00.
    (
        "A weekend 2 h",
        SATURDAY,
        (SATURDAY, "09:00"),
        [(SATURDAY, "10:01", "in"), (SATURDAY, "10:59", "in"), (SATURDAY, "11:00", "time_used_up")],
    ),
    # The lifts' hours; the day of issue only.
    (
        "A weekend 2 h",
        SATURDAY,
        (SATURDAY, "15:00"),
        [(SATURDAY, "16:29", "in"), (SATURDAY, "16:30", "outside_window"), (SUNDAY, "09:00", "expired")],
    ),
    ("A weekday 2 h", SATURDAY, (SATURDAY, "09:00"), [(SATURDAY, "09:10", "blacked_out")]),
    ("A weekday 2 h", MONDAY, (MONDAY, "09:00"), [(MONDAY, "08:29", "outside_window"), (MONDAY, "09:10", "in")]),
    ("A weekday 2 h", WORKED_SATURDAY, (WORKED_SATURDAY, "09:00"), [(WORKED_SATURDAY, "09:10", "in")]),
    ("A weekday 2 h", FESTIVAL, (FESTIVAL, "09:00"), [(FESTIVAL, "09:10", "blacked_out")]),
    # A weekend ticket admits on weekdays too, not in the peak; a peak ticket always.
    ("A weekend 2 h", MONDAY, (MONDAY, "09:00"), [(MONDAY, "09:10", "in")]),
    ("A weekend 2 h", FESTIVAL, (FESTIVAL, "09:00"), [(FESTIVAL, "09:10", "blacked_out")]),
    ("A peak 2 h", FESTIVAL, (FESTIVAL, "09:00"), [(FESTIVAL, "09:10", "in"), (FESTIVAL, "11:10", "time_used_up")]),
    (
        "A 1.5 days",
        SATURDAY,
        (SATURDAY, "08:00"),
        [
            (SATURDAY, "08:30", "in"),
            (SATURDAY, "16:29", "in"),
            (SUNDAY, "12:29", "in"),
            (SUNDAY, "12:30", "time_used_up"),
            (MONDAY, "09:00", "expired"),
        ],
    ),
    (
        "A senior",
        MONDAY,
        (MONDAY, "12:00"),
        [(MONDAY, "12:29", "outside_window"), (MONDAY, "12:30", "in"), (MONDAY, "16:30", "outside_window")],
    ),
    ("A senior", FRIDAY, (FRIDAY, "12:00"), [(FRIDAY, "13:00", "blacked_out")]),
    ("A senior", FESTIVAL, (FESTIVAL, "12:00"), [(FESTIVAL, "13:00", "blacked_out")]),
    # Rolling from entry; out and in again; overtime to be paid at the desk; beyond it, a whole session more.
    (
        "B session",
        SATURDAY,
        (SATURDAY, "09:30"),
        [
            (SATURDAY, "10:00", "in"),
            (SATURDAY, "10:05", "already_inside"),
            (SATURDAY, "12:00", "out"),
            (SATURDAY, "12:30", "in"),
            (SATURDAY, "13:30", "out"),
            (SATURDAY, "14:00", "overtime"),
            (SATURDAY, "14:10", "out overtime"),
            (SATURDAY, "14:14", "overtime"),
            (SATURDAY, "14:30", "out overtime"),
            (SATURDAY, "14:31", "time_used_up"),
        ],
    ),
    ("B discount session", MONDAY, (MONDAY, "09:30"), [(MONDAY, "10:00", "in")]),
    ("B discount session", TUESDAY, (TUESDAY, "09:30"), [(TUESDAY, "10:00", "blacked_out")]),
    # Five hours in a row from the first passage, that day only.
    (
        "D 5 hours",
        SATURDAY,
        (SATURDAY, "08:00"),
        [
            (SATURDAY, "10:30", "in"),
            (SATURDAY, "15:29", "in"),
            (SATURDAY, "15:30", "time_used_up"),
            (SUNDAY, "09:00", "expired"),
        ],
    ),
    # Ten hours for the season: six on Saturday, an hour at least on Sunday, then what is left, to the last minute.
    (
        "D season hours",
        SATURDAY,
        (SATURDAY, "08:00"),
        [
            (SATURDAY, "09:00", "in"),
            (SATURDAY, "15:00", "in"),
            (SUNDAY, "09:00", "in"),
            (MONDAY, "09:00", "in"),
            (MONDAY, "11:59", "in"),
            (MONDAY, "12:01", "time_used_up"),
            (TUESDAY, "09:00", "in"),
            (TUESDAY, "09:01", "time_used_up"),
        ],
    ),
    # Three days of five, wherever they are; the same day again is no further day.
    (
        "E 3 of 5 days",
        SATURDAY,
        (SATURDAY, "08:00"),
        [
            (SATURDAY, "09:00", "in"),
            (SATURDAY, "15:00", "in"),
            (MONDAY, "09:00", "in"),
            (TUESDAY, "09:00", "in"),
            ("2026-01-21", "09:00", "days_used_up"),
            ("2026-01-22", "09:00", "expired"),
        ],
    ),
    (
        "E day from the eve",
        FRIDAY,
        (FRIDAY, "14:50"),
        [
            (FRIDAY, "14:55", "not_yet_valid"),
            (FRIDAY, "15:00", "in"),
            (SATURDAY, "16:29", "in"),
            (SATURDAY, "16:30", "time_used_up"),
        ],
    ),
]


async def before_the_calendar(cloud: Any, card: Any, name: str, visit: str) -> Claim:
    """A ticket for a day that became one without it after the sale; now the cloud does not sell for that day."""
    number, blackout = 100 + list(PRODUCTS).index(name), PRODUCTS[name]["terms"]["blackout"]
    body = {"site": 1, "channel": "window", "lines": [{"product": number, "visit_date": visit}]}
    body |= {"payment": {"method": "cash", "tendered": 100, "currency": "CNY"}}
    assert (await cloud.http.post("/orders", json=body)).json()["code"] == "not_sold_that_day"
    rule = next(each for each in CALENDARS if each["number"] == blackout)
    await cloud.post(f"/calendars/1/{blackout}/rule", {})
    claim = await ticket_on_card(cloud, card, number, visit)
    await cloud.post(f"/calendars/1/{blackout}/rule", {name: rule[name] for name in rule if name != "number"})
    return claim


@pytest.mark.parametrize(("name", "visit", "redeemed", "steps"), GUESTS)
async def test_published_rule(
    cloud: Any, new_card: Any, name: str, visit: str, redeemed: tuple[str, str], steps: list[Step]
) -> None:
    """What the area's own rules say at each of these times is what the gate says."""
    number = await open_area(cloud, name)
    at(cloud, *redeemed)
    sold_before = steps[0][2] == "blacked_out"
    sold = await (
        before_the_calendar(cloud, new_card(), name, visit)
        if sold_before
        else ticket_on_card(cloud, new_card(), number, visit)
    )
    guest = Guest(cloud, sold)
    told = [(day, time, guest.told(day, time, exit=word.split()[0] == "out")) for day, time, word in steps]
    assert told == steps


async def test_the_gate_shows_when_the_five_hours_end(cloud: Any, new_card: Any) -> None:
    """D: the display shows the end at the first passage; B and the bank show what is left."""
    number = await open_area(cloud, "D 5 hours")
    at(cloud, SATURDAY, "08:00")
    guest = Guest(cloud, await ticket_on_card(cloud, new_card(), number, SATURDAY))
    first = guest.tries(SATURDAY, "10:30")
    assert isinstance(first, Admit)
    assert first.prompt.ends == moment(SATURDAY, "15:30")


async def test_a_bank_of_hours_shows_what_is_left_and_can_be_topped_up(cloud: Any, new_card: Any) -> None:
    """Six of ten hours used: four left; an extension of two hours makes them six, at every gate that hears of it."""
    number = await open_area(cloud, "D season hours")
    at(cloud, SATURDAY, "08:00")
    guest = Guest(cloud, await ticket_on_card(cloud, new_card(), number, SATURDAY))
    guest.tries(SATURDAY, "09:00")
    last = guest.tries(SATURDAY, "15:00")
    assert isinstance(last, Admit)
    assert last.prompt.left_minutes == 240
    await cloud.post(f"/tickets/{guest.claim.ticket}/extend", {"minutes": 120, "reason": "sold at window 2"})
    more = guest.tries(SATURDAY, "15:00")
    assert isinstance(more, Admit)
    assert more.prompt.left_minutes == 360


async def test_a_card_of_the_group_opens_every_site_of_it(cloud: Any, new_card: Any) -> None:
    """一卡通: admitted at both sites of group 1, not at another group's; blacked out on the same day at both."""
    number = await open_area(cloud, "E group season")
    at(cloud, SATURDAY, "08:00")
    guest = Guest(cloud, await ticket_on_card(cloud, new_card(), number, SATURDAY))
    assert guest.told(SATURDAY, "09:00") == "in"
    assert guest.told(SATURDAY, "09:01") == "passback"
    assert guest.told(SATURDAY, "09:02", site=2) == "in"
    assert guest.told(SATURDAY, "09:30", site=3, group=9) == "wrong_site"
    assert guest.told(FESTIVAL, "09:30", site=2) == "blacked_out"


async def test_a_closed_area_stops_the_clock_where_the_operator_says_so(cloud: Any, new_card: Any) -> None:
    """Wind for 45 minutes: refused meanwhile, and five hours end 45 minutes later than they would have."""
    number = await open_area(cloud, "D 5 hours")
    at(cloud, SATURDAY, "08:00")
    guest = Guest(cloud, await ticket_on_card(cloud, new_card(), number, SATURDAY))
    assert guest.told(SATURDAY, "09:00") == "in"
    at(cloud, SATURDAY, "10:00")
    body = {"site": 1, "area": 0, "clocks_paused": True, "reason": "wind"}
    suspension = await cloud.post("/suspensions", body)
    assert guest.told(SATURDAY, "10:10") == "suspended"
    at(cloud, SATURDAY, "10:45")
    await cloud.post(f"/suspensions/{suspension['id']}/end", {})
    assert guest.told(SATURDAY, "14:44") == "in"
    assert guest.told(SATURDAY, "14:45") == "time_used_up"


async def test_a_gate_without_the_calendar_refuses_and_says_so(cloud: Any, new_card: Any) -> None:
    """It must not admit on days that it cannot know; once it hears of the calendar it decides."""
    number = await open_area(cloud, "A weekday 2 h")
    at(cloud, MONDAY, "09:00")
    guest = Guest(cloud, await ticket_on_card(cloud, new_card(), number, MONDAY))
    sent, cloud.wire.sent = cloud.wire.sent, []
    assert guest.told(MONDAY, "09:10") == "rules_missing"
    cloud.wire.sent = sent
    assert guest.told(MONDAY, "09:10") == "in"
