# SPDX-License-Identifier: Apache-2.0
"""Members: found by phone, levels that price, passes with photo, families; export and erasure."""

import asyncio
import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from price_lists import TYPES
from staff_hands import code

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.members import rules
from pistegate_cloud.members.models import Member
from pistegate_cloud.notifications.models import Notification
from pistegate_cloud.orders.models import Order
from pistegate_cloud.settings import MemberSettings
from pistegate_cloud.wallets.models import Wallet

NAME, PHONE = "王小雪", "13812345678"
DAY = "2026-01-17"
JPEG = b"\xff\xd8\xff\xe0" + b"snow" * 100 + b"\xff\xd9"
SETTINGS = MemberSettings(lookup="0a" * 32, seal="0b" * 32)
SEASON = {
    "site": 1,
    "number": 9,
    "code": "SEASON",
    "name": {"en": "Season", "zh-CN": "季票"},
    "price": 300000,
    "currency": "CNY",
    "areas": [0, 1],
    "holder": "adult",
    "days": 30,
}


def with_members(cloud: Any) -> Any:
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, members=SETTINGS)
    return cloud


@pytest.fixture
async def desk(sqlite_cloud: Any) -> Any:
    return with_members(sqlite_cloud)


async def make(cloud: Any, phone: str | None = PHONE, name: str = NAME, **more: Any) -> int:
    body = {"site": 1, "name": name, "phone": phone, **more}
    return int((await cloud.post("/members", body))["number"])


async def buy(cloud: Any, member: int, product: int = 1, quantity: int = 1, **more: Any) -> Any:
    lines = [{"product": product, "quantity": quantity, "visit_date": DAY}]
    payment = {"method": "cash", "tendered": 1_000_000, "currency": "CNY"}
    body = {"site": 1, "channel": "window", "lines": lines, "payment": payment, "member": member, **more}
    return await cloud.post("/orders", body)


async def refused(cloud: Any, path: str, body: Any, method: str = "POST") -> str:
    return code(await cloud.http.request(method, path, json=body))


async def test_a_phone_is_one_member_of_a_group_however_it_is_written(desk: Any) -> None:
    """With and without +86; the search is on record, the phone is in no answer."""
    number = await make(desk)
    assert await refused(desk, "/members", {"site": 1, "name": "Other", "phone": f"+86{PHONE}"}) == "member_phone_used"
    assert await Member.all().count() == 1
    (found,) = (await desk.post("/members/find", {"site": 1, "phone": f"86{PHONE}"}))["items"]
    assert (found["number"], found["name"], found["phone_ends"]) == (number, NAME, "5678")
    assert PHONE not in json.dumps(found)
    assert (await desk.post("/members/find", {"site": 1, "phone": "13900000000"}))["items"] == []
    assert await AuditEntry.filter(action="member.find").count() == 2


async def test_ten_desks_that_make_the_same_member_make_one(cloud: Any) -> None:
    """On both databases."""
    with_members(cloud)
    body = {"site": 1, "name": NAME, "phone": PHONE}
    told = await asyncio.gather(*(cloud.http.post("/members", json=body) for _ in range(10)))
    assert sorted(code(each) for each in told) == ["201"] + ["member_phone_used"] * 9
    assert await Member.all().count() == 1


async def test_a_lost_answer_makes_no_second_child(desk: Any) -> None:
    """Children have no phone to know them by: the key does it, and what is kept for it holds no name."""
    body = {"site": 1, "name": "小朋友"}
    first = await desk.post("/members", body, **{"Idempotency-Key": "child-1"})
    assert await desk.post("/members", body, **{"Idempotency-Key": "child-1"}) == first
    assert await Member.all().count() == 1


async def test_nothing_personal_is_in_the_database_in_the_clear(desk: Any) -> None:
    """Who copies it without cloud.toml learns four digits."""
    number = await make(desk, wechat="o6_bmjrPTlm6_2sgVt7hMZOPfL2M")
    await desk.http.patch(f"/members/{number}", json={"name": "李大雪"})
    path = Path(desk.services.settings.database.sqlite_path)
    with closing(sqlite3.connect(path)) as database:
        everything = "\n".join(database.iterdump())
    for secret in (NAME, "李大雪", PHONE, "o6_bmjr", NAME.encode().hex(), PHONE.encode().hex()):
        assert secret.lower() not in everything.lower()


async def test_a_level_prices_the_order_of_its_member_alone(desk: Any) -> None:
    """From POST /member-levels to the price list to what is paid; by a quote too, and not after its last day."""
    rows = [{"product": 1, "price": 29800}, {"product": 1, "price": 20000, "level": "GOLD"}]
    await desk.post("/price-lists", {"site": 1, "content": {"day_types": TYPES[2:], "rows": rows}})
    await desk.post("/member-levels", {"site": 1, "code": "GOLD", "name": {"en": "Gold", "zh-CN": "金卡"}})
    gold, plain = await make(desk), await make(desk, "13800000001")
    body = {"code": "GOLD", "valid_from": DAY, "valid_until": DAY}
    assert (await desk.post(f"/members/{gold}/levels", body))["level"] == "GOLD"
    assert (await buy(desk, gold))["total"] == 20000
    assert (await buy(desk, plain))["total"] == 29800
    child = await make(desk, None, "小朋友", head=gold)
    assert (await buy(desk, child))["total"] == 20000
    lines = [{"product": 1, "quantity": 1, "visit_date": DAY}]
    quote = await desk.post("/quotes", {"site": 1, "channel": "window", "member_level": "GOLD", "lines": lines})
    assert (await buy(desk, gold, quote=quote["id"]))["total"] == 20000
    body = {"site": 1, "channel": "window", "lines": lines, "quote": quote["id"]}
    assert await refused(desk, "/orders", body) == "quote_differs"
    assert await refused(desk, "/orders", body | {"member": plain}) == "quote_differs"
    past = {"code": "GOLD", "valid_from": "2026-01-01", "valid_until": "2026-01-16"}
    await desk.post(f"/members/{plain}/levels", past)
    assert (await buy(desk, plain))["total"] == 29800


async def test_a_member_who_is_not_there_buys_nothing(desk: Any) -> None:
    """Also one of another group of sites."""
    number = await make(desk)
    await desk.post("/sites", {"number": 5, "group": 2, "name": "Far", "zone": "Asia/Shanghai"})
    lines = [{"product": 1, "quantity": 1, "visit_date": DAY}]
    body = {"site": 1, "channel": "window", "lines": lines, "member": number + 1}
    assert await refused(desk, "/orders", body) == "member_unknown"
    assert (await desk.post("/members/find", {"site": 5, "phone": PHONE}))["items"] == []
    assert await make_at(desk, 5) != number


async def make_at(cloud: Any, site: int) -> int:
    return int((await cloud.post("/members", {"site": site, "name": NAME, "phone": PHONE}))["number"])


@pytest.mark.parametrize(
    "data",
    [b"GIF89a" + b"0" * 50, b"<svg onload=alert(1)>", JPEG[:-2], b"", b"\xff\xd8\xff" + b"0" * rules.PHOTO_MAX],
    ids=["gif", "svg", "cut", "empty", "large"],
)
async def test_what_is_no_photo_is_not_kept(desk: Any, data: bytes) -> None:
    """By its first bytes and its end, whatever it is called."""
    number = await make(desk)
    body = {"data": base64.b64encode(data).decode()}
    assert await refused(desk, f"/members/{number}/photo", body, "PUT") in ("photo_unfit", "invalid_request")
    assert await refused(desk, f"/members/{number}/photo", None, "GET") == "not_found"


async def test_a_season_s_pass_needs_the_photo_of_its_member_and_is_nobody_else_s(desk: Any) -> None:
    """Eight days or more; the photo is shown to staff as the type that it is."""
    await desk.post("/products", SEASON)
    number, other = await make(desk), await make(desk, "13800000001")
    season, day = await buy(desk, number, 9), await buy(desk, number)
    ticket = {"ticket": season["tickets"][0]["number"]}
    await desk.post(f"/members/{number}/passes", {"ticket": day["tickets"][0]["number"]})
    assert await refused(desk, f"/members/{number}/passes", ticket) == "photo_needed"
    body = {"data": base64.b64encode(JPEG).decode()}
    assert (await desk.http.put(f"/members/{number}/photo", json=body)).status_code == 204
    shown = await desk.http.get(f"/members/{number}/photo")
    assert (shown.content, shown.headers["content-type"]) == (JPEG, "image/jpeg")
    told = await desk.post(f"/members/{number}/passes", ticket)
    assert [one["ticket"] for one in told["passes"]][1:] == [ticket["ticket"]]
    assert await refused(desk, f"/members/{other}/passes", ticket) == "pass_of_another"


async def test_a_family_has_one_head_who_pays(desk: Any) -> None:
    """Two steps at most, in one group; a pass that the head bought may be the child's."""
    head, child, third = await make(desk), await make(desk, None, "小朋友"), await make(desk, "13800000001")
    told = await desk.http.patch(f"/members/{child}", json={"head": head})
    assert told.json()["payer"] == head
    assert (await desk.get(f"/members/{head}"))["family"] == [child]
    assert await refused(desk, f"/members/{third}", {"head": child}, "PATCH") == "member_family"
    assert await refused(desk, f"/members/{head}", {"head": third}, "PATCH") == "member_family"
    assert await refused(desk, f"/members/{third}", {"head": third}, "PATCH") == "member_family"
    bought = (await buy(desk, head))["tickets"][0]["number"]
    assert (await desk.post(f"/members/{child}/passes", {"ticket": bought}))["passes"][0]["ticket"] == bought


async def test_the_export_holds_what_is_the_member_s_and_nothing_of_others(desk: Any) -> None:
    """Documents of a group's people are not shown to who paid for the group."""
    number = await make(desk)
    own = (await buy(desk, number, phone=PHONE))["tickets"][0]["number"]
    group = (await buy(desk, number, quantity=2))["tickets"][0]["number"]
    await bind(desk, own, "999999199003070012")
    await bind(desk, group, "999999199003070020")
    told = await desk.post(f"/members/{number}/export", {})
    assert (told["member"]["name"], told["member"]["phone"]) == (NAME, PHONE)
    assert [one["last4"] for one in told["bindings"]] == ["0012"]
    assert (len(told["orders"]), len(told["tickets"]), len(told["notifications"])) == (2, 3, 2)
    assert "0020" not in json.dumps(told["bindings"])
    assert await AuditEntry.filter(action="member.export").count() == 1


async def test_erasing_waits_for_a_word_while_something_is_open(desk: Any) -> None:
    """A ticket that is still good; nothing is touched before."""
    number = await make(desk)
    ticket = (await buy(desk, number))["tickets"][0]["number"]
    bound = await bind(desk, ticket, "999999199003070012")
    path, body = f"/members/{number}/erase", {"reason": "asked"}
    answer = await desk.http.post(path, json=body)
    assert code(answer) == "member_owed"
    assert "valid_tickets 1" in answer.json()["detail"]
    assert (await desk.get("/bindings", ticket=ticket))["items"][0]["withdrawn"] is None
    done = await desk.post(path, body | {"confirm": True})
    assert (done["removed"]["bindings"], done["left_open"]) == (1, {"valid_tickets": 1})
    assert (await desk.get("/bindings", ticket=ticket))["items"][0]["withdrawn"] is not None
    assert bound["id"]


async def test_after_the_erasure_the_books_stand_and_nobody_is_in_them(desk: Any) -> None:
    """Orders, sums and tickets are as before; name, phone and photo are nowhere; the same receipt again."""
    number = await make(desk)
    child = await make(desk, None, "小朋友", head=number)
    await buy(desk, number, phone=PHONE)
    await buy(desk, child, phone=PHONE)
    await desk.http.put(f"/members/{number}/photo", json={"data": base64.b64encode(JPEG).decode()})
    before = await Order.all().order_by("id").values_list("id", "total", "status")
    entries = await AuditEntry.all().count()
    desk.clock.now_ms += 5 * 86_400_000
    receipt = await desk.post(f"/members/{number}/erase", {"reason": "asked"})
    removed = {"orders": 2, "notifications": 2, "photos": 1, "family": 1, "fields": 2}
    assert (receipt["removed"], receipt["left_open"]) == (removed, {})
    assert await desk.post(f"/members/{number}/erase", {"reason": "again"}) == receipt
    assert await desk.get(f"/members/{number}/erasure") == receipt
    assert await AuditEntry.all().count() == entries + 1
    assert await Order.all().order_by("id").values_list("id", "total", "status") == before
    assert await Order.filter(phone__isnull=False).count() == 0
    assert await Notification.filter(to__isnull=False).count() == 0
    told = await desk.get(f"/members/{number}")
    assert (told["name"], told["phone_ends"], told["photo"], told["family"]) == (None, None, False, [])
    assert await refused(desk, f"/members/{number}", {"name": "back"}, "PATCH") == "member_erased"
    lines = [{"product": 1, "quantity": 1, "visit_date": "2026-01-22"}]
    body = {"site": 1, "channel": "window", "lines": lines, "member": number}
    assert await refused(desk, "/orders", body) == "member_unknown"
    path = Path(desk.services.settings.database.sqlite_path)
    with closing(sqlite3.connect(path)) as database:
        assert PHONE not in "\n".join(database.iterdump())


async def test_another_key_is_told_and_shows_nothing(desk: Any) -> None:
    """cloud.toml was put back from another place."""
    number = await make(desk)
    other = MemberSettings(lookup="0a" * 32, seal="0c" * 32)
    desk.services.settings = msgspec.structs.replace(desk.services.settings, members=other)
    assert await refused(desk, f"/members/{number}", None, "GET") == "member_unreadable"


async def test_without_the_section_there_are_no_members(sqlite_cloud: Any) -> None:
    """And it says what to do."""
    assert await refused(sqlite_cloud, "/members", {"site": 1, "name": NAME}) == "members_off"


async def bind(cloud: Any, ticket: int, number: str) -> Any:
    document = {"kind": "resident_id", "number": number}
    return await cloud.post("/bindings", {"ticket": ticket, "document": document, "entered": "typed"})


async def test_a_finger_of_the_member_s_own_ticket_is_withdrawn(desk: Any) -> None:
    """By its own service, so that the gates are told to erase."""
    number = await make(desk)
    ticket = (await buy(desk, number))["tickets"][0]["number"]
    consent = {"ticket": ticket, "text_version": "1", "words": "May we?", "locale": "en", "staff": "Ann"}
    await desk.post("/fingers", consent | {"alone": False})
    done = await desk.post(f"/members/{number}/erase", {"reason": "asked", "confirm": True})
    assert done["removed"]["fingers"] == 1
    (given,) = (await desk.get("/fingers", ticket=ticket))["items"]
    assert given["ended"] is not None


async def test_a_wallet_with_money_is_named_and_stays_without_the_person(desk: Any) -> None:
    """Found by the phone that was given for it."""
    number = await make(desk)
    wallet = await Wallet.create(
        site_id=1, group_number=1, currency="CNY", holder=NAME, phone=PHONE, account=500, created_ms=1
    )
    answer = await desk.http.post(f"/members/{number}/erase", json={"reason": "asked"})
    assert "wallets_with_money 1" in answer.json()["detail"]
    assert [one["id"] for one in (await desk.post(f"/members/{number}/export", {}))["wallets"]] == [wallet.id]
    await desk.post(f"/members/{number}/erase", {"reason": "asked", "confirm": True})
    left = await Wallet.get(id=wallet.id)
    assert (left.account, left.holder, left.phone) == (500, None, None)
