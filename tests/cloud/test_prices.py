# SPDX-License-Identifier: Apache-2.0
"""Price lists through the API: published after a check, asked for as guests would, kept for what was quoted."""

from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from guests_at_gates import at
from price_lists import CONTENT, PRODUCTS, TYPES, insurance, open_catalogue, other, product

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing import checking, checks, holes, service
from pistegate_cloud.pricing.lists import Policy, Tiers
from pistegate_cloud.pricing.models import Quote
from pistegate_cloud.pricing.rules import Facts, overtime_fee, refund_fee
from pistegate_cloud.pricing.service import Asked, At, Priced
from pistegate_cloud.stock import checks as stock_checks
from pistegate_protocol.texts import catalogue

SATURDAY, MONDAY, TUESDAY = "2026-01-17", "2026-01-19", "2026-01-20"
FESTIVAL, WORKED_SATURDAY = "2026-02-17", "2026-02-14"


RULE_B_SESSION = PRODUCTS["B"][0]


async def ask(cloud: Any, *lines: Asked, channel: str = "window", **more: Any) -> list[Priced]:
    return await service.price(lines, At(1, channel, cloud.clock.now_ms, **more))


def line(number: int, day: str = SATURDAY, quantity: int = 1, **more: Any) -> Asked:
    return Asked(number, quantity, date.fromisoformat(day), **more)


async def refused(cloud: Any, *lines: Asked, **more: Any) -> str:
    with pytest.raises(Problem) as caught:
        await ask(cloud, *lines, **more)
    return caught.value.code


@pytest.mark.parametrize("rules", list(CONTENT))
async def test_each_published_rule_set_is_a_list_without_contradictions(sqlite_cloud: Any, rules: str) -> None:
    """A to E, published and checked again: nothing is found."""
    at(sqlite_cloud, "2026-01-10", "12:00")
    await open_catalogue(sqlite_cloud, rules)
    found = await sqlite_cloud.get("/catalogue/check", site=1)
    assert (found["version"], found["findings"]) == (1, [])
    kept = await sqlite_cloud.get("/price-lists", site=1)
    assert (await sqlite_cloud.get(f"/price-lists/{kept['items'][0]['id']}"))["content"]["day_types"]


async def test_rule_set_a_costs_what_it_says(sqlite_cloud: Any) -> None:
    """Weekday, weekend, peak; a Saturday that is worked; half for a child, nothing for a small one with insurance."""
    at(sqlite_cloud, "2026-01-17", "09:00")
    await open_catalogue(sqlite_cloud, "A")
    days = (TUESDAY, SATURDAY, FESTIVAL, WORKED_SATURDAY)
    assert [(await ask(sqlite_cloud, line(102, day)))[0].unit_price for day in days] == [26000, 32000, 38000, 26000]
    assert [(await ask(sqlite_cloud, line(101, day)))[0].amount for day in days] == [16000, 20000, 26000, 16000]
    child = line(107, proof="height:135")
    assert (await ask(sqlite_cloud, child))[0].amount == 16000
    assert await refused(sqlite_cloud, line(107)) == "proof_needed"
    assert await refused(sqlite_cloud, line(107, proof="height:151")) == "proof_unsuitable"
    small = line(106, proof="height:110")
    assert await refused(sqlite_cloud, small) == "companion_needed"
    free, insured = await ask(sqlite_cloud, small, line(110))
    assert (free.amount, insured.amount, insured.tax, insured.passthrough) == (0, 2000, 0, True)
    assert await refused(sqlite_cloud, small, small, line(110)) == "companion_needed"
    senior = line(108, MONDAY, proof="born:1961-01-19")
    assert [each.amount for each in await ask(sqlite_cloud, senior, line(110, MONDAY))] == [0, 2000]
    friday = line(108, "2026-01-23", proof="age:70")
    assert await refused(sqlite_cloud, friday, line(110, "2026-01-23")) == "not_sold_that_day"
    assert await refused(sqlite_cloud, line(103, SATURDAY)) == "not_sold_that_day"
    assert (await ask(sqlite_cloud, line(109, FESTIVAL, proof="document:disability")))[0].amount == 10000
    policy = Policy.model_validate((await ask(sqlite_cloud, line(110)))[0].terms["policy"])
    gone = Facts(
        kind="insurance", paid=2000, first_day=date(2026, 1, 17), handed_in=datetime.fromisoformat("2026-01-16")
    )
    assert refund_fee(policy, gone).back == 0


async def test_rule_set_b_is_a_bundle_with_deposit_and_overtime(sqlite_cloud: Any) -> None:
    """Discount on Mondays; the parts sum to the price; a deposit by day type; overtime as published."""
    at(sqlite_cloud, "2026-01-17", "09:00")
    await open_catalogue(sqlite_cloud, "B")
    assert [(await ask(sqlite_cloud, line(203, day)))[0].amount for day in (MONDAY, TUESDAY, SATURDAY)] == [
        15800,
        22800,
        29800,
    ]
    (bundle,) = await ask(sqlite_cloud, line(203, quantity=3))
    assert [(child.kind, child.department, child.amount) for child in bundle.children] == [
        ("ticket", "lift", 67050),
        ("rental", "rental", 22350),
    ]
    assert (sum(child.amount for child in bundle.children), bundle.tax) == (
        bundle.amount,
        sum(child.tax for child in bundle.children),
    )
    session = bundle.children[0].terms
    assert session["deposit"] | {"methods": []} == {
        "code": "person",
        "amount": 70000,
        "per": "person",
        "day_type": "weekend",
        "methods": [],
    }
    tiers = Tiers.model_validate(session["overtime"])
    assert [overtime_fee(minutes, tiers).amount for minutes in (15, 16)] == [5000, 19800]


async def test_a_bundle_of_five_with_shares_of_another_site(sqlite_cloud: Any) -> None:
    """Ticket, rental, coach, meal and insurance: the insurer's 20 yuan whole, the rest exact; 分成 is kept."""
    await sqlite_cloud.post("/sites", {"number": 2, "group": 1, "name": "Second", "zone": "Asia/Shanghai"})
    for number, kind in enumerate(("rental", "coach", "meal"), 602):
        await sqlite_cloud.post("/products", other(number, kind.upper(), 9999, kind))
    await sqlite_cloud.post("/products", insurance(605))
    await sqlite_cloud.post("/products", other(600, "ALL", 59999, "bundle"))
    parts = [{"product": 1, "bp": 3333}, {"product": 602, "bp": 3333}, {"product": 603, "bp": 2222}]
    parts += [{"product": 604, "quantity": 2, "bp": 1112}, {"product": 605, "amount": 2000}]
    shares = [{"site": 1, "bp": 7000}, {"site": 2, "department": "coach", "bp": 3000}]
    offers = [{"product": 600, "parts": parts}, {"product": 603, "shares": shares}]
    await sqlite_cloud.post("/price-lists", {"site": 1, "content": {"offers": offers}})
    (bundle,) = await ask(sqlite_cloud, line(600, quantity=3))
    assert [(each.quantity, each.amount) for each in bundle.children] == [
        (3, 57993),
        (3, 57993),
        (3, 38661),
        (6, 19350),
        (3, 6000),
    ]
    assert sum(each.amount for each in service.leaves([bundle])) == bundle.amount == 3 * 59999
    coach, insured = bundle.children[2], bundle.children[4]
    assert coach.terms["shares"] == [
        {"site": 1, "department": None, "bp": 7000},
        {"site": 2, "department": "coach", "bp": 3000},
    ]
    assert (insured.passthrough, insured.tax, insured.department) == (True, 0, "insurance")


async def test_a_bundle_that_is_free_is_free_in_all_its_parts(sqlite_cloud: Any) -> None:
    """Beside what an adult buys; the second one is paid, and its parts sum to it."""
    await sqlite_cloud.post("/products", other(600, "CHILDREN", 9000, "bundle"))
    await sqlite_cloud.post("/products", other(602, "RENT", 5000, "rental"))
    parts = [{"product": 1, "bp": 5000}, {"product": 602, "bp": 5000}]
    offers = [{"product": 600, "parts": parts, "free_with": {"products": [2]}}]
    await sqlite_cloud.post("/price-lists", {"site": 1, "content": {"offers": offers}})
    free, paid, _ = await ask(sqlite_cloud, line(600, quantity=2), line(2))
    assert [(each.amount, [child.amount for child in each.children]) for each in (free, paid)] == [
        (0, [0, 0]),
        (9000, [4500, 4500]),
    ]


async def test_a_quote_of_last_night_is_not_for_last_night(sqlite_cloud: Any) -> None:
    """Quoted at 23:55, ordered at 00:03: the visit day is over, the other one has its price."""
    at(sqlite_cloud, SATURDAY, "23:55")
    lines = [{"product": 1, "visit_date": SATURDAY}, {"product": 1, "visit_date": MONDAY}]
    quote = await sqlite_cloud.post("/quotes", {"site": 1, "channel": "window", "lines": lines})
    at(sqlite_cloud, "2026-01-18", "00:03")
    named = {"quote": UUID(quote["id"])}
    assert await refused(sqlite_cloud, line(1), **named) == "visit_date_past"
    assert (await ask(sqlite_cloud, line(1, MONDAY), **named))[0].amount == 29800


async def test_a_holders_date_of_birth_is_not_kept(sqlite_cloud: Any) -> None:
    """Neither with the line nor in the quote: what was shown, not what it said."""
    at(sqlite_cloud, "2026-01-17", "09:00")
    await open_catalogue(sqlite_cloud, "A")
    lines = [{"product": 108, "visit_date": MONDAY, "proof": "born:1955-05-05"}, {"product": 110, "visit_date": MONDAY}]
    quote = await sqlite_cloud.post("/quotes", {"site": 1, "channel": "window", "lines": lines})
    assert quote["lines"][0]["terms"]["holder"]["shown"] == "born"
    (kept,) = await Quote.all()
    assert kept.asked[0]["proof"] == "born"
    assert "1955" not in str([quote, kept.asked])


async def test_rule_set_c_and_d_are_told_with_the_line(sqlite_cloud: Any) -> None:
    """A card's clock with its free minutes and deposit; yen on weekdays and weekends."""
    at(sqlite_cloud, "2026-01-17", "09:00")
    await open_catalogue(sqlite_cloud, "C")
    (clock,) = await ask(sqlite_cloud, line(301))
    tiers = Tiers.model_validate(clock.terms["overtime"])
    assert [overtime_fee(minutes, tiers).amount for minutes in (15, 16, 120, 121, 181)] == [
        0,
        12000,
        12000,
        18000,
        24000,
    ]
    assert (clock.terms["deposit"]["per"], clock.terms["deposit"]["amount"]) == ("card", 20000)
    for each in PRODUCTS["D"]:
        await sqlite_cloud.post("/products", each)
    await sqlite_cloud.post("/price-lists", {"site": 1, "content": CONTENT["D"]})
    assert [(await ask(sqlite_cloud, line(401, day)))[0].amount for day in (MONDAY, SATURDAY)] == [6500, 7000]
    assert (await ask(sqlite_cloud, line(402)))[0].amount == 40000  # no row: its own price


async def test_rule_set_e_sells_from_the_eve_and_takes_children_along(sqlite_cloud: Any) -> None:
    """From 15:00 on the day before; one child free with each adult of the same day; the refund's prices are kept."""
    at(sqlite_cloud, "2026-01-16", "14:59")
    await open_catalogue(sqlite_cloud, "E")
    assert await refused(sqlite_cloud, line(501)) == "not_sold_yet"
    at(sqlite_cloud, "2026-01-16", "15:00")
    children = line(511, quantity=3, proof="born:2015")
    lines = await ask(sqlite_cloud, children, line(501, quantity=2))
    assert [(each.quantity, each.unit_price, each.amount, each.list_price) for each in lines] == [
        (2, 0, 0, 3500),
        (1, 3500, 3500, 3500),
        (2, 7000, 14000, 7000),
    ]
    assert lines[0].terms["price_rule"]["free_with"] == [501]
    again = await ask(sqlite_cloud, line(501), line(511, proof="born:2015"), line(511, proof="born:2016"))
    assert [each.amount for each in again] == [7000, 0, 3500]  # an adult takes one along, not one on each line
    assert [each.amount for each in await ask(sqlite_cloud, line(511, proof="born:2015"), line(502))] == [3500, 13000]
    at(sqlite_cloud, "2026-02-09", "09:00")
    (six,) = await ask(sqlite_cloud, line(506, "2026-02-09"))
    assert six.amount == 31000  # the high season
    policy = Policy.model_validate(six.terms["policy"])
    assert [_handed_in(policy, six.amount, hour) for hour in ("11T09:59", "11T10:00", "12T10:00")] == [
        31000 - 13000,
        31000 - 18000,
        0,  # of four days there is no pass: the price of six
    ]


def _handed_in(policy: Policy, paid: int, when: str) -> int:
    facts = Facts(
        kind="ticket",
        paid=paid,
        days=6,
        first_day=date(2026, 2, 9),
        handed_in=datetime.fromisoformat(f"2026-02-{when}"),
        reason="accident",
        documents=frozenset({"doctor"}),
    )
    return refund_fee(policy, facts).back


async def test_what_was_published_before_keeps_its_prices_until_the_next_holds(sqlite_cloud: Any) -> None:
    """A list valid from tomorrow changes nothing today; from its moment on it holds; the old one can be read."""
    await sqlite_cloud.post("/price-lists", _rows({"product": 1, "price": 100}))
    later = _rows({"product": 1, "price": 200}) | {"valid_from": "2026-01-18T00:00:00+08:00"}
    await sqlite_cloud.post("/price-lists", later)
    assert (await ask(sqlite_cloud, line(1)))[0].amount == 100
    at(sqlite_cloud, "2026-01-17", "23:59")
    assert (await ask(sqlite_cloud, line(1)))[0].amount == 100
    at(sqlite_cloud, "2026-01-18", "00:00")
    assert (await ask(sqlite_cloud, line(1, "2026-01-18")))[0].amount == 200
    assert [each["version"] for each in (await sqlite_cloud.get("/price-lists", site=1))["items"]] == [2, 1]
    answer = await sqlite_cloud.http.post("/price-lists", json=later | {"valid_from": "2026-01-17T12:00:00+08:00"})
    assert answer.json()["code"] == "price_list_past"


def _rows(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"site": 1, "content": {"day_types": TYPES[2:], "rows": list(rows)} | more}


async def test_a_site_without_a_list_sells_at_the_products_own_prices(sqlite_cloud: Any) -> None:
    """As before there were lists; the check says that there is none."""
    (day,) = await ask(sqlite_cloud, line(1, quantity=2))
    assert (day.unit_price, day.amount, day.terms) == (29800, 59600, {"price_rule": {"by": "product"}})
    found = await sqlite_cloud.get("/catalogue/check", site=1)
    assert [(each["code"], each["error"]) for each in found["findings"]] == [("no_list", False)]


async def test_a_day_on_which_every_gate_refuses_is_not_sold(sqlite_cloud: Any) -> None:
    """With and without a list; a season's ticket may be bought on any day."""
    words = {"en": "Weekends", "zh-CN": "周末"}
    await sqlite_cloud.post("/calendars", {"site": 1, "number": 9, "name": words, "weekdays": ["sat", "sun"]})
    for number, more in ((700, {}), (701, {"valid_until": "2026-04-01"})):
        body = product(number, f"P{number}", 100, terms={"blackout": 9}, **more)
        await sqlite_cloud.post("/products", body)
    for _ in range(2):
        assert await refused(sqlite_cloud, line(700)) == "not_sold_that_day"
        assert [each.amount for each in await ask(sqlite_cloud, line(700, MONDAY), line(701))] == [100, 100]
        await sqlite_cloud.post("/price-lists", _rows({"product": 1, "price": 100}))


async def test_a_quote_keeps_its_prices_for_ten_minutes(cloud: Any) -> None:
    """Whatever is published and whatever the calendars say since; then it is over. Not for more, nor elsewhere."""
    await open_catalogue(cloud, "A")
    body = {"site": 1, "channel": "window", "lines": [{"product": 102, "quantity": 2, "visit_date": SATURDAY}]}
    quote = await cloud.post("/quotes", body, **{"Idempotency-Key": "q1"})
    assert (quote["total"], quote["lines"][0]["unit_price"]) == (64000, 32000)
    assert await cloud.post("/quotes", body, **{"Idempotency-Key": "q1"}) == quote
    content = deepcopy(CONTENT["A"])
    content["rows"][4]["price"] = 99900
    await cloud.post("/price-lists", {"site": 1, "content": content})
    await cloud.post("/calendars/1/1/dates", {"add": [SATURDAY]})
    named = {"quote": UUID(quote["id"])}
    assert (await ask(cloud, line(102)))[0].amount == 38000  # a holiday by now
    assert (await ask(cloud, line(102, quantity=2), **named))[0].amount == 64000
    assert await refused(cloud, line(102, quantity=3), **named) == "quote_differs"
    assert await refused(cloud, line(102, TUESDAY), **named) == "quote_differs"
    assert await refused(cloud, line(102), channel="online", **named) == "quote_differs"
    cloud.clock.now_ms += 10 * 60_000 - 1
    assert (await ask(cloud, line(102), **named))[0].amount == 32000
    cloud.clock.now_ms += 1
    assert await refused(cloud, line(102), **named) == "quote_expired"


async def test_slots_are_asked_for_and_quotas_counted(cloud: Any) -> None:
    """A product with slots needs one of that day; a channel's quota counts only its own sales."""
    slots = {"site": 1, "code": "HALL", "products": [1], "from": SATURDAY, "to": SATURDAY, "capacity": 30}
    slots |= {"times": [{"from": "09:00", "to": "13:00"}, {"from": "14:00", "to": "18:00"}]}
    made = (await cloud.post("/stock", slots))["counters"]
    quota = {"site": 1, "code": "ONLINE", "products": [1], "from": SATURDAY, "to": MONDAY, "capacity": 20}
    made += (await cloud.post("/stock", quota | {"channel": "online"}))["counters"]
    assert await refused(cloud, line(1)) == "slot_needed"
    assert await refused(cloud, line(1, slot=made[2])) == "slot_unknown"
    assert await refused(cloud, line(2, slot=made[0])) == "slot_unknown"  # it has no slots at all
    assert await refused(cloud, line(1, MONDAY, slot=made[0])) == "slot_unknown"
    (at_window,) = await ask(cloud, line(1, quantity=3, slot=made[1]))
    (online,) = await ask(cloud, line(1, quantity=3, slot=made[1]), channel="online")
    assert [(want.counter, want.quantity) for want in at_window.wants] == [(made[1], 3)]
    assert [(want.counter, want.quantity) for want in online.wants] == [(made[2], 3), (made[1], 3)]
    listed = (await cloud.get("/stock", site=1, first=SATURDAY, product=1))["items"]
    assert [(each["code"], each["starts"], each["left"]) for each in listed] == [
        ("HALL-0900", "09:00", 30),
        ("HALL-1400", "14:00", 30),
        ("ONLINE", None, 20),
    ]
    grown = await cloud.post(f"/stock/{made[0]}/capacity", {"capacity": 35})
    assert (grown["capacity"], grown["left"]) == (35, 35)
    answer = await cloud.http.post("/stock", json=slots)
    assert answer.json()["code"] == "already_exists"


async def test_the_time_of_a_slot_decides_a_price_by_time(sqlite_cloud: Any) -> None:
    """In advance too, where a price by the time of the sale does not hold yet."""
    afternoon = {"product": 1, "price": 50, "times": {"from": "12:30", "to": "16:30"}}
    await sqlite_cloud.post("/price-lists", _rows({"product": 1, "price": 100}, afternoon))
    at(sqlite_cloud, SATURDAY, "12:29")
    assert (await ask(sqlite_cloud, line(1)))[0].amount == 100
    at(sqlite_cloud, SATURDAY, "12:30")
    assert [(await ask(sqlite_cloud, line(1, day)))[0].amount for day in (SATURDAY, MONDAY)] == [50, 100]
    slots = {"site": 1, "code": "S", "products": [1], "from": MONDAY, "to": MONDAY, "capacity": 3}
    made = await sqlite_cloud.post("/stock", slots | {"times": [{"from": "13:00", "to": "15:00"}]})
    assert (await ask(sqlite_cloud, line(1, MONDAY, slot=made["counters"][0])))[0].amount == 50


# What contradicts: how rule set A or B is broken, and what is found.
def _broken(rules: str, **changes: Any) -> dict[str, Any]:
    content = deepcopy(CONTENT[rules])
    for name, change in changes.items():
        change(content[name])
    return content


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "overlap": (
        _broken("A", rows=lambda rows: rows.append({"product": 102, "price": 1, "day_types": ["weekend"]})),
        "A",
    ),
    "hole": (_broken("A", rows=lambda rows: rows.pop(3)), "A"),
    "day_without_type": (
        _broken("A", day_types=lambda types: types[2].update(weekdays=["mon", "tue", "wed", "thu"])),
        "A",
    ),
    "unknown": (_broken("A", rows=lambda rows: rows.append({"product": 999, "price": 1})), "A"),
    "twice": (_broken("A", offers=lambda offers: offers.append({"product": 102})), "A"),
    "shares_sum": (
        _broken("A", offers=lambda offers: offers[0].update(shares=[{"department": "lift", "bp": 9999}])),
        "A",
    ),
    "parts_of_none": (_broken("A", offers=lambda offers: offers[0].update(parts=[{"product": 110, "bp": 10000}])), "A"),
    "bundle_parts": (_broken("B", offers=lambda offers: offers[1].pop("parts")), "B"),
    "parts_sum": (_broken("B", offers=lambda offers: offers[1]["parts"][0].update(bp=7400)), "B"),
    "parts_currency": (_broken("B", offers=lambda offers: offers[1]["parts"][1].update(product=900)), "B"),
    "parts_nested": (_broken("B", offers=lambda offers: offers[1]["parts"][1].update(product=203)), "B"),
    "tiers_end": (_broken("B", overtime=lambda tiers: tiers[0]["tiers"].pop()), "B"),
    "tiers_order": (_broken("B", overtime=lambda tiers: tiers[0]["tiers"].insert(0, {"up_to": 15, "fee": 1})), "B"),
    "deposit_hole": (_broken("B", deposits=lambda deposits: deposits[0]["by"].pop("peak")), "B"),
    "ladder_missing": (_broken("E", policies=lambda policies: policies[0].pop("ladder")), "E"),
    "ladder_days": (_broken("E", policies=lambda policies: policies[0]["ladder"][0].update(days=4)), "E"),
}


@pytest.mark.parametrize("code", list(BROKEN))
async def test_a_list_that_contradicts_itself_is_not_published(sqlite_cloud: Any, code: str) -> None:
    """The check names it in both languages; publication is refused with the same words; nothing is stored."""
    content, rules = BROKEN[code]
    await open_catalogue(sqlite_cloud, rules)
    await sqlite_cloud.post("/products", other(900, "EURO", 100, "meal", currency="EUR"))
    body = {"site": 1, "content": content}
    found = (await sqlite_cloud.post("/price-lists/check", body))["findings"]
    assert {each["code"] for each in found} == {code}
    assert all(each["error"] and each["en"] and each["zh-CN"] != each["en"] for each in found)
    for language, name in (("en", "en"), ("zh", "zh-CN")):
        answer = await sqlite_cloud.http.post("/price-lists", json=body, headers={"Accept-Language": language})
        assert (answer.status_code, answer.json()["code"]) == (422, "catalogue_contradicts")
        assert found[0][name] in answer.json()["detail"]
    assert len((await sqlite_cloud.get("/price-lists", site=1))["items"]) == 1


async def test_warnings_do_not_keep_a_list_from_being_published(sqlite_cloud: Any) -> None:
    """A child's ticket shorter than the adult's, a product that is never sold, a tier that is cheaper."""
    content = deepcopy(CONTENT["E"])
    content["offers"][-1]["free_with"]["products"] = [502]
    content["offers"][0]["to"] = "2025-12-31"
    content["overtime"] = [{"code": "x", "name": TYPES[0]["name"], "tiers": [{"up_to": 5, "fee": 9}, {"fee": 1}]}]
    content["offers"].append({"product": 201})
    await open_catalogue(sqlite_cloud, "E")
    await sqlite_cloud.post("/products", RULE_B_SESSION)
    body = {"site": 1, "content": content}
    found = (await sqlite_cloud.post("/price-lists/check", body))["findings"]
    codes = sorted(each["code"] for each in found)
    assert codes == ["fee_falls", "free_with_duration", "never_sold", "overtime_unpriced"]
    assert (await sqlite_cloud.post("/price-lists", body))["version"] == 2


async def test_stock_that_contradicts_products_is_named(sqlite_cloud: Any) -> None:
    """A slot outside a product's hours is refused; a quota above its slots, a slot on a day without it are found."""
    await open_catalogue(sqlite_cloud, "A")
    plain = {"site": 1, "from": MONDAY, "to": MONDAY}
    early = plain | {"code": "E", "products": [102], "capacity": 9, "times": [{"from": "08:00", "to": "12:00"}]}
    answer = await sqlite_cloud.http.post("/stock", json=early)
    assert answer.json()["code"] == "catalogue_contradicts"
    assert "08:00-12:00" in answer.json()["detail"]
    await sqlite_cloud.post("/stock", early | {"code": "S", "times": [{"from": "09:00", "to": "12:00"}]})
    await sqlite_cloud.post("/stock", plain | {"code": "Q", "products": [102], "capacity": 10})
    off = {"code": "S", "products": [103], "capacity": 9, "times": [{"from": "09:00", "to": "12:00"}]}
    await sqlite_cloud.post("/stock", plain | off | {"from": SATURDAY, "to": SATURDAY})
    found = (await sqlite_cloud.get("/catalogue/check", site=1))["findings"]
    assert [each["code"] for each in found] == ["slot_blackout", "quota_above_slots"]


def test_every_finding_has_its_words() -> None:
    """Whatever the checks may say is in both languages."""
    source = "".join(Path(module.__file__).read_text() for module in (checks, holes, checking, stock_checks))
    told = {part.split('"')[0] for part in source.split('Finding("')[1:]}
    for locale in ("en", "zh-CN"):
        assert {f"catalogue.{code}" for code in told} <= catalogue(locale).keys()


async def test_a_price_is_missing_by_name_when_a_calendar_changes_later(sqlite_cloud: Any) -> None:
    """The list had every price that its days needed; a new kind of day is refused in words and found by the check."""
    types = [TYPES[0], TYPES[2]]
    for number in (1, 2):
        await sqlite_cloud.post("/calendars", {"site": 1, "number": number, "name": TYPES[0]["name"]})
    row = {"product": 1, "price": 100, "day_types": ["weekday"]}
    await sqlite_cloud.post("/price-lists", _rows(row) | {"content": {"day_types": types, "rows": [row]}})
    await sqlite_cloud.post("/calendars/1/1/dates", {"add": [TUESDAY]})
    assert await refused(sqlite_cloud, line(1, TUESDAY)) == "price_missing"
    (found,) = (await sqlite_cloud.get("/catalogue/check", site=1))["findings"]
    assert found["code"] == "hole"
    assert "DAY" in found["en"]
    assert TUESDAY in found["en"]
    days = await sqlite_cloud.get("/day-types", site=1, first=MONDAY, days=2)
    assert [(each["day"], each["type"]) for each in days["items"]] == [(MONDAY, "weekday"), (TUESDAY, "peak")]


async def test_what_changes_a_catalogue_is_on_record(sqlite_cloud: Any) -> None:
    """A product, a list, stock and its capacity: who, and what; a repeated request leaves one entry."""
    await sqlite_cloud.post("/products", product(700, "P700", 100))
    body = _rows({"product": 700, "price": 100})
    for _ in range(2):
        await sqlite_cloud.post("/price-lists", body, **{"Idempotency-Key": "list"})
    stock = {"site": 1, "code": "Q", "products": [700], "from": MONDAY, "to": TUESDAY, "capacity": 5}
    made = await sqlite_cloud.post("/stock", stock)
    await sqlite_cloud.post(f"/stock/{made['counters'][0]}/capacity", {"capacity": 7})
    words = ["products.add", "prices.publish", "stock.make", "stock.resize"]
    entries = (await AuditEntry.filter(action__in=words).order_by("id"))[-4:]  # products of the fixture come before
    assert [each.action for each in entries] == words
    assert {each.actor for each in entries} == {"test"}
    assert (entries[3].before, entries[3].after) == ({"capacity": 5}, {"capacity": 7})


async def test_a_price_calendar_shows_days_prices_and_what_is_left(sqlite_cloud: Any) -> None:
    """A senior's days, the peak, yesterday; the least of quota and slots; another channel's quota does not count."""
    at(sqlite_cloud, "2026-01-17", "09:00")
    await open_catalogue(sqlite_cloud, "A")
    plain = {"site": 1, "products": [102], "from": SATURDAY, "to": SATURDAY}
    times = [{"from": "09:00", "to": "12:00"}, {"from": "13:00", "to": "16:00"}]
    await sqlite_cloud.post("/stock", plain | {"code": "S", "capacity": 10, "times": times})
    await sqlite_cloud.post("/stock", plain | {"code": "Q", "capacity": 15})
    await sqlite_cloud.post("/stock", plain | {"code": "O", "capacity": 7, "channel": "online"})

    async def shown(number: int, channel: str, first: str) -> list[tuple[Any, ...]]:
        found = await sqlite_cloud.get("/prices", site=1, product=number, channel=channel, first=first, days=3)
        return [(each["type"], each["price"], each["left"]) for each in found["items"]]

    saturday, sunday, friday = ("weekend", 32000, 15), ("weekend", 32000, None), ("weekday", None, None)
    assert await shown(102, "window", "2026-01-16") == [friday, saturday, sunday]
    assert (await shown(102, "online", SATURDAY))[0] == ("weekend", 32000, 7)
    peak = ("peak", 38000, None)
    assert await shown(102, "window", "2026-02-16") == [("weekday", 26000, None), peak, peak]
    senior = [each[1] for each in await shown(108, "window", "2026-01-21")]
    assert senior == [0, 0, None]  # Friday
    answer = await sqlite_cloud.http.get("/prices?site=1&product=999&channel=window&first=2026-01-17")
    assert answer.json()["code"] == "unknown_reference"
