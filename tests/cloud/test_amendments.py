# SPDX-License-Identifier: Apache-2.0
"""Amendments: what changes after the sale is signed, numbered and cumulative, and every device is told."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from documents_down import GATE_1, issuer_keys, opened, pushed

from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_protocol.amendments import Amendment, open_amendment
from pistegate_protocol.claims import Claim, Scope
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.documents import AmendmentList, DenyList
from pistegate_protocol.reasons import Reason
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import Usage

NOON = datetime(2026, 1, 17, 4, tzinfo=UTC)  # in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")
DAY_MS = 86_400_000
HOURS = {"site": 1, "number": 11, "code": "HOURS", "name": {"en": "4 h", "zh-CN": "四小时"}, "price": 1}
HOURS |= {"currency": "CNY", "areas": [0], "terms": {"clock": {"minutes": 240}}}


async def sold(cloud: Any, product: int = 1) -> int:
    return int((await cloud.sell(product))["tickets"][0]["number"])


async def amend(cloud: Any, ticket: int, change: str, **body: Any) -> Any:
    return await cloud.post(f"/tickets/{ticket}/{change}", {"reason": "said the guest"} | body)


async def refused(cloud: Any, ticket: int, change: str, **body: Any) -> tuple[int, str]:
    answer = await cloud.http.post(f"/tickets/{ticket}/{change}", json={"reason": "said the guest"} | body)
    return answer.status_code, answer.json()["code"]


def told(cloud: Any, device: Device = GATE_1) -> list[Amendment]:
    """What the newest document says, each amendment verified with the issuer's key."""
    entries = pushed(cloud, AmendmentList, device)[-1].entries
    return [open_amendment(signed, issuer_keys(cloud)) for signed in entries]


def day_ticket(ticket: int, **terms: Any) -> Claim:
    day = date(2026, 1, 17)
    plain: dict[str, Any] = {"key_id": 1, "scope": Scope(1), "product": 1, "areas": frozenset({0, 1})}
    return Claim(ticket=ticket, valid_from=day, valid_until=day, **plain | terms)


def at_gate(claim: Claim, knowledge: Knowledge, area: int = 0, usage: Usage | None = None, **later: float) -> Any:
    """What gate 1 of site 1 decides, so much later than noon."""
    gate = GateProfile(site=1, group=1, gate=1, post_gates=frozenset({1, 2}), area=area, zone=ZONE)
    return decide(claim, usage or Usage(claim=bytes(8)), gate, NOON + timedelta(**later), knowledge)


async def test_an_extension_is_signed_numbered_and_cumulative(cloud: Any) -> None:
    """A later day, then minutes, then more minutes: the highest number alone says all of it, and alone is told."""
    await cloud.post("/products", HOURS)
    ticket = await sold(cloud, 11)
    await amend(cloud, ticket, "extend", valid_until="2026-01-19")
    await amend(cloud, ticket, "extend", minutes=60)
    assert (told(cloud)[0].valid_until, told(cloud)[0].extra_minutes) == (date(2026, 1, 19), 60)
    answer = await amend(cloud, ticket, "extend", minutes=30, valid_until="2026-01-20")
    assert told(cloud) == [
        Amendment(key_id=1, ticket=ticket, number=3, valid_until=date(2026, 1, 20), extra_minutes=90),
    ]
    assert [len(document.entries) for document in pushed(cloud, AmendmentList)] == [1, 1, 1]
    assert (answer["number"], answer["change"], answer["extra_minutes"]) == (3, "extend", 90)
    kept = (await cloud.get(f"/tickets/{ticket}/amendments"))["items"]
    assert [(item["number"], item["newest"], item["extra_minutes"]) for item in kept] == [
        (1, False, 0),
        (2, False, 60),
        (3, True, 90),
    ]
    assert {(item["by"], item["reason"]) for item in kept} == {("test", "said the guest")}
    shown = await cloud.get(f"/tickets/{ticket}")
    assert (shown["valid_until"], shown["last_day"]) == ("2026-01-17", "2026-01-20")


async def test_a_gate_decides_by_the_amendment_that_it_was_told(cloud: Any) -> None:
    """Refused tomorrow as sold, admitted tomorrow as extended; refused on hold; admitted when taken off."""
    ticket = await sold(cloud)
    claim = day_ticket(ticket)
    assert at_gate(claim, Knowledge(), days=1) == Refuse(Reason.EXPIRED)
    await amend(cloud, ticket, "extend", valid_until="2026-01-18")
    assert isinstance(at_gate(claim, Knowledge(amendment=told(cloud)[0]), days=1), Admit)
    await amend(cloud, ticket, "hold")
    assert at_gate(claim, Knowledge(amendment=told(cloud)[0]), days=1) == Refuse(Reason.ON_HOLD)
    await amend(cloud, ticket, "unhold")
    assert isinstance(at_gate(claim, Knowledge(amendment=told(cloud)[0]), days=1), Admit)


async def test_added_areas_come_to_those_that_were_sold(cloud: Any) -> None:
    """An upgrade opens the other area, keeps the first, and the next one adds to it."""
    await cloud.post("/areas", {"site": 1, "number": 2, "name": "Glacier"})
    ticket = await sold(cloud, 2)
    claim = day_ticket(ticket, areas=frozenset({0}))
    assert at_gate(claim, Knowledge(), area=1) == Refuse(Reason.WRONG_AREA)
    await amend(cloud, ticket, "areas", areas=[1])
    knowledge = Knowledge(amendment=told(cloud)[0])
    assert all(isinstance(at_gate(claim, knowledge, area=area), Admit) for area in (0, 1))
    await amend(cloud, ticket, "areas", areas=[1, 2])
    assert told(cloud)[0].areas == {0, 1, 2}
    assert await refused(cloud, ticket, "areas", areas=[0, 2]) == (409, "areas_held_already")
    assert await refused(cloud, ticket, "areas", areas=[9]) == (422, "unknown_reference")
    assert await refused(cloud, ticket, "areas", areas=[32]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("product", "body", "code"),
    [
        (1, {}, "extension_empty"),
        (1, {"minutes": 30}, "extension_without_clock"),
        (1, {"valid_until": "2026-01-17"}, "extension_not_later"),
        (1, {"valid_until": "2026-01-16"}, "extension_not_later"),
        (1, {"valid_until": "9999-12-31"}, "invalid_request"),
        (1, {"minutes": -5}, "invalid_request"),
        (1, {"valid_until": "2026-01-18", "reason": ""}, "invalid_request"),
        (11, {"minutes": 65535}, "extension_too_long"),
    ],
)
async def test_what_is_no_extension_is_refused(cloud: Any, product: int, body: dict[str, Any], code: str) -> None:
    """Each with its code; nothing is stored or told."""
    await cloud.post("/products", HOURS)
    ticket = await sold(cloud, product)
    if product == 11:
        await amend(cloud, ticket, "extend", minutes=1)
    before = len(pushed(cloud, AmendmentList))
    assert (await refused(cloud, ticket, "extend", **body))[1] == code
    assert len(pushed(cloud, AmendmentList)) == before == await TicketAmendment.all().count()


async def test_a_revoked_ticket_is_not_amended_any_more(cloud: Any) -> None:
    """Whatever the change; and a ticket that nobody sold is not found."""
    ticket = await sold(cloud)
    await amend(cloud, ticket, "hold")
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "stolen"})
    for change, body in [
        ("extend", {"valid_until": "2026-01-18"}),
        ("areas", {"areas": [1]}),
        ("hold", {}),
        ("unhold", {}),
        ("return", {}),
    ]:
        assert await refused(cloud, ticket, change, **body) == (409, "state_conflict"), change
        assert await refused(cloud, 5, change, **body) == (404, "not_found"), change
    assert await TicketAmendment.all().count() == 1


async def test_on_hold_twice_or_off_hold_twice(cloud: Any) -> None:
    """What is so already is not said again."""
    ticket = await sold(cloud)
    assert await refused(cloud, ticket, "unhold") == (409, "state_conflict")
    await amend(cloud, ticket, "hold")
    assert await refused(cloud, ticket, "hold") == (409, "state_conflict")


async def test_a_repeated_request_amends_once(cloud: Any) -> None:
    """The same key gives the same amendment, also when both run at once; another content under it is refused."""
    await cloud.post("/products", HOURS)
    ticket = await sold(cloud, 11)
    headers = {"Idempotency-Key": "till-1-0001"}
    path, body = f"/tickets/{ticket}/extend", {"minutes": 60, "reason": "wind"}
    answers = await asyncio.gather(*(cloud.post(path, body, **headers) for _ in range(3)))
    assert {answer["extra_minutes"] for answer in answers} == {60}
    assert [amendment.extra_minutes for amendment in told(cloud)] == [60]
    other = await cloud.http.post(path, json=body | {"minutes": 61}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_windows_that_amend_one_ticket_at_once_lose_nothing(cloud: Any) -> None:
    """Six extensions at the same time: numbers 1 to 6, and the last one holds them all."""
    await cloud.post("/products", HOURS)
    ticket = await sold(cloud, 11)
    answers = await asyncio.gather(*(amend(cloud, ticket, "extend", minutes=10) for _ in range(6)))
    assert sorted(answer["number"] for answer in answers) == list(range(1, 7))
    newest = max(pushed(cloud, AmendmentList), key=lambda document: document.version)
    assert open_amendment(newest.entries[0], issuer_keys(cloud)).extra_minutes == 60
    assert await TicketAmendment.filter(newest=True).count() == 1


async def test_the_document_holds_tickets_that_are_still_valid(cloud: Any) -> None:
    """An expired ticket leaves it two days later, an extended one stays to its new end, a revoked one goes at once."""
    plain, extended, revoked = [await sold(cloud) for _ in range(3)]
    await amend(cloud, plain, "hold")
    await amend(cloud, extended, "extend", valid_until="2026-01-27")
    await amend(cloud, revoked, "hold")
    assert {amendment.ticket for amendment in told(cloud)} == {plain, extended, revoked}
    await cloud.post(f"/tickets/{revoked}/revoke", {"reason": "stolen"})

    async def told_on(day: int) -> set[int]:
        cloud.clock.now_ms += (day - 17) * DAY_MS
        probe = await sold_for(cloud, date(2026, 1, day))
        await amend(cloud, probe, "hold")
        cloud.clock.now_ms -= (day - 17) * DAY_MS
        found = {amendment.ticket for amendment in told(cloud)}
        await cloud.post(f"/tickets/{probe}/revoke", {"reason": "probe"})
        return found - {probe}

    assert await told_on(19) == {plain, extended}
    assert await told_on(20) == {extended}
    assert await told_on(29) == {extended}
    assert await told_on(30) == set()


async def sold_for(cloud: Any, day: date) -> int:
    lines = [{"product": 1, "quantity": 1, "visit_date": str(day)}]
    payment = {"method": "cash", "tendered": 10_000_000, "currency": "CNY"}
    order = await cloud.post("/orders", {"site": 1, "channel": "window", "lines": lines, "payment": payment})
    return int(order["tickets"][0]["number"])


async def test_a_revoked_ticket_stays_denied_to_its_extended_end(cloud: Any) -> None:
    """The card still holds the extension: a denial that left with the date that was sold would open the lane again."""
    ticket = await sold(cloud)
    await amend(cloud, ticket, "extend", valid_until="2026-01-27")
    await cloud.post(f"/tickets/{ticket}/revoke", {"reason": "stolen"})
    cloud.clock.now_ms += 10 * DAY_MS
    other = await sold_for(cloud, date(2026, 1, 27))
    await cloud.post(f"/tickets/{other}/revoke", {"reason": "stolen"})
    assert (ticket, 1) in pushed(cloud, DenyList)[-1].entries


async def test_a_ticket_of_the_group_is_amended_at_every_site(cloud: Any, new_gate: Any) -> None:
    """Told at both sites of the group; a ticket of one site at that site alone; a returning gate hears of it."""
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Other", "zone": "Asia/Shanghai"})
    await cloud.post("/areas", {"site": 2, "number": 0, "name": "A"})
    await cloud.post("/posts", {"site": 2, "number": 1, "area": 0, "name": "P"})
    await cloud.post("/gates", {"site": 2, "number": 1, "post": 1, "name": "Lane"})
    await cloud.post("/products", HOURS | {"number": 12, "code": "GROUP", "scope": "group"})
    ours, everywhere = await sold(cloud), await sold(cloud, 12)
    await amend(cloud, ours, "hold")
    await amend(cloud, everywhere, "hold")
    other = Device(2, Role.GATE, 1)
    assert {amendment.ticket for amendment in told(cloud)} == {ours, everywhere}
    assert {amendment.ticket for amendment in told(cloud, other)} == {everywhere}
    answers = [message for _, message in await cloud.receive([new_gate().hello()])]
    assert [type(document) for document in opened(cloud, 1, answers)] == [AmendmentList]


async def test_after_255_changes_it_is_over(cloud: Any) -> None:
    """Their number has 8 bits: refused in words, never signed as a lower number."""
    ticket = await sold(cloud)
    await amend(cloud, ticket, "hold")
    await TicketAmendment.all().update(number=254)
    await amend(cloud, ticket, "unhold")
    assert told(cloud)[0].number == 255
    assert await refused(cloud, ticket, "hold") == (409, "amendments_exhausted")
    assert told(cloud)[0].number == 255


async def test_a_card_with_an_extended_ticket_is_not_given_away(cloud: Any, new_card: Any) -> None:
    """After the day that was sold the card still holds something: another ticket on it needs to be asked for."""
    card = new_card()
    ticket, other = await sold(cloud), await sold_for(cloud, date(2026, 1, 19))
    encoder = cloud.encoder()
    encoder.card = card
    await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
    await amend(cloud, ticket, "extend", valid_until="2026-01-19")
    cloud.clock.now_ms += 2 * DAY_MS
    answer = await cloud.http.post(f"/tickets/{other}/issue", json={"encoder": 1, "wait_ms": 0})
    assert (answer.status_code, answer.json()["code"]) == (409, "card_holds_ticket")
    assert "2026-01-19" in answer.json()["detail"]
    cloud.clock.now_ms += DAY_MS
    assert (await cloud.http.post(f"/tickets/{other}/issue", json={"encoder": 1, "wait_ms": 0})).is_success


async def test_a_lost_card_with_an_extended_ticket_is_replaced_with_it(cloud: Any, new_card: Any) -> None:
    """The ticket moves although the day that was sold is over, and its amendment holds for the new card too."""
    first, second = new_card(), new_card()
    ticket = await sold(cloud)
    encoder = cloud.encoder()
    encoder.card = first
    await cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
    await amend(cloud, ticket, "extend", valid_until="2026-01-19")
    cloud.clock.now_ms += 2 * DAY_MS
    uid = first.uid.hex()
    await cloud.post(f"/cards/{uid}/lost", {"reason": "on the piste", "found_by": "card"})
    encoder.card = second
    await cloud.post(f"/cards/{uid}/replace", {"site": 1, "encoder": 1, "wait_ms": 0})
    held = await cloud.get(f"/cards/{second.uid.hex()}")
    assert (held["ticket"], held["revision"]) == (ticket, 1)
    assert isinstance(at_gate(day_ticket(ticket, revision=1), Knowledge(amendment=told(cloud)[0]), days=2), Admit)
