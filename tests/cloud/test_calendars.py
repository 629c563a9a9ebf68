# SPDX-License-Identifier: Apache-2.0
"""Blackout sets: which days they hold, and that devices hear of every change and of days to come."""

import asyncio
import contextlib
from datetime import date, timedelta
from typing import Any

import pytest
from documents_down import opened, pushed

from pistegate_cloud import serve
from pistegate_cloud.calendars import service
from pistegate_cloud.calendars.rules import BEFORE, HORIZON, NOTE_MAX, BadCsv, Rule, dates_of_csv, days_of
from pistegate_protocol.documents import CalendarList
from pistegate_protocol.topics import Device, Role

TODAY = date(2026, 1, 17)  # a Saturday, the day of the tests' clock
WEEKEND = Rule(weekdays=frozenset({5, 6}))
DAY_MS = 86_400_000
NAME = {"en": "Set", "zh-CN": "日历"}


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("rule", "own", "held", "free"),
    [
        (WEEKEND, [], ["2026-01-17", "2026-01-18", "2026-02-14"], ["2026-01-16", "2026-01-19"]),
        # Tue 17 Feb 2026 is a holiday (set 1), Sat 14 Feb a working day that makes up for it (set 2).
        (
            Rule(frozenset({5, 6}), frozenset({1}), frozenset({2})),
            [],
            ["2026-02-17", "2026-02-15"],
            ["2026-02-14", "2026-02-18"],
        ),
        # An own date holds whatever the rule says.
        (Rule(frozenset({5, 6}), frozenset(), frozenset({2})), ["2026-02-14"], ["2026-02-14"], ["2026-01-19"]),
        (Rule(), ["2026-02-03"], ["2026-02-03"], ["2026-02-04", "2026-01-17"]),
        (Rule(frozenset({0, 2})), [], ["2026-01-19", "2026-01-21"], ["2026-01-20", "2026-01-17"]),
    ],
)
def test_days_of_a_rule(rule: Rule, own: list[str], held: list[str], free: list[str]) -> None:
    """Weekdays, except some sets' dates, and also others'; own dates always."""
    dates = {1: [day("2026-02-17")], 2: [day("2026-02-14")]}
    days = days_of([day(text) for text in own], rule, dates, TODAY)
    assert {day(text) for text in held} <= set(days)
    assert not {day(text) for text in free} & set(days)
    assert days == sorted(set(days))


def test_weekdays_reach_400_days_ahead_and_two_back() -> None:
    """The whole span, nothing beyond it, own dates included."""
    every = Rule(weekdays=frozenset(range(7)))
    far = TODAY + HORIZON + timedelta(days=1)
    days = days_of([far, TODAY - timedelta(days=30)], every, {}, TODAY)
    assert (days[0], days[-1], len(days)) == (TODAY - BEFORE, TODAY + HORIZON, 403)


def test_csv_as_spreadsheets_write_it() -> None:
    """A byte order mark, a header, slashes, quotes, blank lines and missing notes are all fine."""
    text = '\ufeffdate,note\r\n2026-02-17,春节\r\n\r\n2026/2/8,"New Year, of the farmers"\r\n2026-03-01\r\n'
    assert dates_of_csv(text) == {
        day("2026-02-17"): "春节",
        day("2026-02-08"): "New Year, of the farmers",
        day("2026-03-01"): "",
    }
    assert dates_of_csv("") == {}
    assert dates_of_csv(f"2026-03-01,{'x' * 200}")[day("2026-03-01")] == "x" * NOTE_MAX


@pytest.mark.parametrize("line", ["2026-02-30,x", "17.02.2026", "note", "2026-02", "2026-02-17T10:00", "1e9-1-1"])
def test_csv_that_is_none_names_its_line(line: str) -> None:
    """Nothing is taken of a file with a bad line."""
    with pytest.raises(BadCsv, match="line 2: "):
        dates_of_csv(f"2026-02-16,good\n{line}\n")


async def add_set(cloud: Any, number: int, **more: Any) -> Any:
    return await cloud.post("/calendars", {"site": 1, "number": number, "name": NAME} | more)


async def set_dates(cloud: Any, number: int, **change: Any) -> Any:
    return await cloud.post(f"/calendars/1/{number}/dates", change)


def told(cloud: Any, number: int, device: Device | None = None) -> frozenset[date]:
    documents = pushed(cloud, CalendarList, device) if device else pushed(cloud, CalendarList)
    return documents[-1].calendars()[number]


async def test_weekday_tickets_with_holidays_and_working_weekends(cloud: Any) -> None:
    """The rule of a weekday ticket as an operator enters it: three sets, of which the third is the one sold with."""
    await add_set(cloud, 1)
    await set_dates(cloud, 1, csv="date,note\n2026-02-17,春节\n2026-02-18,春节\n")
    await add_set(cloud, 2)
    await set_dates(cloud, 2, add=["2026-02-14"])
    answer = await add_set(cloud, 3, weekdays=["sat", "sun"], also=[1], **{"except": [2]})
    days = told(cloud, 3)
    assert {day("2026-01-17"), day("2026-02-15"), day("2026-02-17"), day("2026-02-18")} <= days
    assert not days & {day("2026-02-14"), day("2026-02-16"), day("2026-01-19")}
    assert [day(text) for text in answer["days"]] == sorted(days)
    assert answer["by"] == "test"


async def test_every_change_is_told_at_once(cloud: Any) -> None:
    """A new set, added, removed and replaced dates and a changed rule: each a version; unknown sets are refused."""
    await add_set(cloud, 1)
    await set_dates(cloud, 1, add=["2026-02-17", "2026-02-18"])
    assert told(cloud, 1) == {day("2026-02-17"), day("2026-02-18")}
    await set_dates(cloud, 1, remove=["2026-02-17"], csv="2026-02-19,note")
    assert told(cloud, 1) == {day("2026-02-18"), day("2026-02-19")}
    answer = await set_dates(cloud, 1, csv="2026-02-19,other note", replace=True)
    assert answer["dates"] == [{"day": "2026-02-19", "note": "other note"}]
    await cloud.post("/calendars/1/1/rule", {"weekdays": ["mon"]})
    assert {day("2026-01-19"), day("2026-02-19")} <= told(cloud, 1)
    assert [document.version for document in pushed(cloud, CalendarList)] == [1, 2, 3, 4, 5]
    wrong = await cloud.http.post("/calendars/1/9/dates", json={"add": ["2026-02-19"]})
    assert wrong.json()["code"] == "not_found"
    assert (await cloud.get("/calendars/1/1"))["weekdays"] == ["mon"]
    assert [item["number"] for item in (await cloud.get("/calendars", site=1))["items"]] == [1]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {"site": 1, "number": 1, "name": NAME}, "already_exists"),
        ("", {"site": 1, "number": 0, "name": NAME}, "invalid_request"),
        ("", {"site": 1, "number": 256, "name": NAME}, "invalid_request"),
        ("", {"site": 9, "number": 2, "name": NAME}, "unknown_reference"),
        ("", {"site": 1, "number": 2, "name": NAME, "weekdays": ["caturday"]}, "invalid_request"),
        ("", {"site": 1, "number": 2, "name": NAME, "also": [7]}, "unknown_reference"),
        ("", {"site": 1, "number": 2, "name": NAME, "except": [2]}, "unknown_reference"),
        ("/1/1/rule", {"also": [1]}, "unknown_reference"),
        ("/1/1/dates", {"csv": "2026-13-01"}, "calendar_csv"),
        ("/1/1/dates", {"add": ["soon"]}, "invalid_request"),
        ("/1/1/dates", {"csv": "\n".join(f"20{y:02}-{m}-1" for y in range(99) for m in range(1, 13))}, None),
    ],
)
async def test_what_makes_no_sense_is_refused(cloud: Any, path: str, body: Any, code: str | None) -> None:
    """Each with its code, and nothing is told; a long list is fine."""
    await add_set(cloud, 1)
    answer = await cloud.http.post(f"/calendars{path}", json=body)
    assert (answer.json().get("code") if not answer.is_success else None) == code, answer.text
    assert len(pushed(cloud, CalendarList)) == (1 if code else 2)


async def test_too_many_dates_are_refused_and_nothing_is_changed(cloud: Any) -> None:
    """The limit counts what would be there afterwards."""
    await add_set(cloud, 1)
    start = date(2026, 1, 1)
    first = [str(start + timedelta(days=at)) for at in range(service.DATES_MAX)]
    await set_dates(cloud, 1, add=first)
    answer = await cloud.http.post("/calendars/1/1/dates", json={"add": ["2040-01-01"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "calendar_full")
    assert len((await cloud.get("/calendars/1/1"))["dates"]) == service.DATES_MAX


async def test_a_set_of_the_group_is_known_at_every_site(cloud: Any) -> None:
    """Told at both sites; its number is taken at both; it may name only sets that are known at both."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Other", "zone": "Asia/Shanghai"})
    await cloud.post("/sites", {"number": 3, "group": 9, "name": "Foreign", "zone": "Asia/Shanghai"})
    for site in (2, 3):
        await cloud.post("/areas", {"site": site, "number": 0, "name": "A"})
        await cloud.post("/posts", {"site": site, "number": 1, "area": 0, "name": "P"})
        await cloud.post("/gates", {"site": site, "number": 1, "post": 1, "name": "Lane"})
    await add_set(cloud, 5)
    await add_set(cloud, 6, scope="group")
    await set_dates(cloud, 6, add=["2026-02-17"])
    assert told(cloud, 6) == told(cloud, 6, Device(2, Role.GATE, 1)) == {day("2026-02-17")}
    assert 5 not in pushed(cloud, CalendarList, Device(2, Role.GATE, 1))[-1].calendars()
    assert pushed(cloud, CalendarList, Device(3, Role.GATE, 1)) == []
    for wrong, code in [
        ({"site": 2, "number": 6, "name": NAME}, "already_exists"),
        ({"site": 2, "number": 5, "name": NAME, "scope": "group"}, "already_exists"),
        ({"site": 1, "number": 7, "name": NAME, "scope": "group", "also": [5]}, "unknown_reference"),
    ]:
        assert (await cloud.http.post("/calendars", json=wrong)).json()["code"] == code, wrong
    await cloud.post("/calendars", {"site": 2, "number": 5, "name": NAME, "also": [6]})
    assert told(cloud, 5, Device(2, Role.GATE, 1)) == {day("2026-02-17")}
    await cloud.post("/calendars", {"site": 3, "number": 6, "name": NAME})


async def test_a_serving_cloud_renews_its_calendars_by_itself(cloud: Any, monkeypatch: Any) -> None:
    """Nobody has to think of it; a failure is logged and tried again."""
    monkeypatch.setattr(serve, "RENEW_EVERY_S", 0.01)
    await add_set(cloud, 1, weekdays=["sat"])
    cloud.clock.now_ms += 8 * DAY_MS
    failures = iter([RuntimeError("planted")])
    renew = service.renew

    async def fails_once(*arguments: Any, **more: Any) -> list[int]:
        for failure in failures:
            raise failure
        return await renew(*arguments, **more)

    monkeypatch.setattr(service, "renew", fails_once)
    task = asyncio.create_task(serve._renew_for_ever(cloud.services))
    async with asyncio.timeout(20):
        while len(pushed(cloud, CalendarList)) < 2:  # noqa: ASYNC110 - the loop has no event for it
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert [document.version for document in pushed(cloud, CalendarList)] == [1, 2]


async def test_days_to_come_are_told_before_they_are_near(cloud: Any, new_gate: Any) -> None:
    """A document a week old is made anew, 400 days ahead; a younger one is not; a site without calendars has none."""
    await cloud.post("/sites", {"number": 2, "group": 2, "name": "Other", "zone": "Asia/Shanghai"})
    await add_set(cloud, 1, weekdays=["sat"])
    first = max(told(cloud, 1))
    cloud.clock.now_ms += 6 * DAY_MS
    assert await service.renew(cloud.services, older_than_ms=service.RENEW_MS) == []
    cloud.clock.now_ms += DAY_MS
    assert await service.renew(cloud.services, older_than_ms=service.RENEW_MS) == [1]
    assert max(told(cloud, 1)) == first + timedelta(days=7)
    assert await service.renew(cloud.services, older_than_ms=service.RENEW_MS) == []
    assert (await cloud.post("/calendars/renew", {})) == {"sites": [1]}
    answers = [message for _, message in await cloud.receive([new_gate().hello({"calendars": 2})])]
    assert [document.version for document in opened(cloud, 1, answers)] == [3]
