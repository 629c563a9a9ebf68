# SPDX-License-Identifier: Apache-2.0
"""The audit record: nothing is done without an entry, and no entry is ever changed."""

import json
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import msgspec
import pytest
from enrolled import Keyed, new_authority
from staff_hands import PASSWORD, code, hire, hired, sign_in
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.transactions import in_transaction

from pistegate_cloud.app import create_app
from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.audit.service import note
from pistegate_cloud.settings import EnrolmentSettings
from pistegate_cloud.staff.caller import Caller, system
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.identity import check_character
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.stock import blank_stock

DESK = {"site": 1, "encoder": 1, "wait_ms": 0}
DAY_MS = 86_400_000

# Endpoints that are no GET and are not done here: they leave no entry, or (it says so) the same as another. Why.
NO_ENTRY = {
    "POST /enrolment": "a device; kept in device_key, its code is in the record",
    "POST /enrolment/renew": "a device; kept in device_certificate",
    "POST /devices/batches": "a device; kept in the event store",
    "POST /payments/wechat/notifications": "the provider; kept in provider_notice",
    "POST /cards/read": "changes nothing",
    "POST /rentals/checkout": "changes nothing",
    "POST /orders/{order_id}/codes.pdf": "prints what was given out; each code has its entry",
    "POST /quotes": "an offer for ten minutes; the order that takes it has an entry",
    "POST /orders/{order_id}/arrival/quote": "changes nothing",
    "POST /price-lists/check": "changes nothing",
    "POST /settlements/preview": "changes nothing",
    "POST /contingency/box/{batch_id}/done": "a site's box; kept in contingency_batch",
    "POST /contingency/box/{batch_id}/sales": "a site's box; each sale becomes an order with its entry",
    "POST /tickets/{number}/return": "has one, by the same way as extend; see test_returns.py",
    "POST /tickets/{number}/link": "has one; see test_links.py",
    "POST /tickets/{number}/link/end": "has one; see test_links.py",
    "POST /t/{token}/links": "has one; see test_links.py",
    "POST /t/{token}/code": "has one, as POST /tickets/{number}/code",
    "POST /calendars/renew": "what the cloud does by itself every week",
}
# Nouns whose entries are looked at by their own tests.
ELSEWHERE = (
    "bill-findings",
    "compensations",
    "contingency",
    "days",
    "deposits",
    "invoices",
    "ledger",
    "member-levels",
    "members",
    "notifications",
    "payments",
    "price-lists",
    "refunds",
    "settlements",
)


class Deeds:
    """Does one thing after the other, and looks after each whether it is on record."""

    def __init__(self, cloud: Any, headers: dict[str, str]) -> None:
        self.cloud, self.headers = cloud, headers
        self.done: set[str] = set()
        self.missing: list[str] = []

    async def do(self, endpoint: str, body: Any = None, headers: dict[str, str] | None = None, **ids: Any) -> Any:
        method, path = endpoint.split()
        before = await AuditEntry.all().count()
        url = path.format(**ids)
        answer = await self.cloud.http.request(method, url, json=body, headers=headers or self.headers)
        assert answer.is_success, f"{endpoint} {answer.text}"
        if await AuditEntry.all().count() == before:
            self.missing.append(endpoint)
        self.done.add(endpoint)
        return answer.json() if answer.content else None


async def places_and_devices(deeds: Deeds, tmp_path: Path) -> None:
    cloud = deeds.cloud
    await deeds.do("POST /sites", {"number": 2, "group": 1, "name": "Ice Peak", "zone": "Asia/Shanghai"})
    await deeds.do("POST /areas", {"site": 2, "number": 0, "name": "Main"})
    await deeds.do("POST /posts", {"site": 2, "number": 1, "area": 0, "name": "Main"})
    await deeds.do("POST /gates", {"site": 2, "number": 1, "post": 1, "name": "Lane 1"})
    await deeds.do("POST /gates/retire", {"site": 2, "number": 1})
    await deeds.do("POST /encoders", {"site": 2, "number": 1, "name": "Window 1"})
    await deeds.do("POST /encoders/{number}/trust", {"site": 1, "trusted": True}, number=2)
    await deeds.do("POST /windows", {"site": 1, "number": 1, "name": "Window 1"})
    await deeds.do("POST /documents/renew", {"site": 1})
    await deeds.do("POST /takeovers", {"site": 1, "spare": 2, "gates": [1], "days": 30})
    where = new_authority(tmp_path / "authority", cloud.clock.now_ms)
    enrolment = EnrolmentSettings(authority=str(where), unsigned=True)
    cloud.services.settings = msgspec.structs.replace(cloud.services.settings, enrolment=enrolment)
    device = Keyed(Device(1, Role.GATE, 1))
    made = await deeds.do("POST /devices/codes", device.body)
    await cloud.post("/enrolment", device.body | {"code": made["code"], "csr": device.csr()})
    now_ms = cloud.clock.now_ms
    cloud.clock.now_ms += 91 * DAY_MS
    body = json.dumps({"csr": device.csr()}).encode()
    headers = device.headers("POST", "/api/v1/enrolment/renew", cloud.clock.now_ms, body)
    await cloud.http.post("/enrolment/renew", content=body, headers=headers | {"Content-Type": "application/json"})
    cloud.clock.now_ms = now_ms
    await deeds.do("POST /devices/approve", device.body)
    await deeds.do("POST /devices/accept", device.body)
    await deeds.do("POST /devices/revoke", device.body | {"reason": "stolen"})


async def after_the_sale(deeds: Deeds) -> None:
    cloud = deeds.cloud
    machine = {"Authorization": cloud.http.headers["Authorization"]}  # has no drawer and needs no shift
    lines = [{"product": 1, "quantity": 1, "visit_date": "2026-01-17"}]
    about = {"channel": "window", "reason": "x"}
    paid = {"payments": [{"method": "terminal", "currency": "CNY", "reference": "r"}]}
    await deeds.do("POST /orders/free", about | {"site": 1, "lines": lines})
    body = {"site": 1, "channel": "window", "kind": "group", "lines": [lines[0] | {"quantity": 4}]}
    group = await cloud.post("/orders", body | paid)
    code = await deeds.do("POST /orders/{order_id}/pickup-code", order_id=group["id"])
    await deeds.do("POST /orders/{order_id}/codes", order_id=group["id"])
    await deeds.do("POST /pickups", {"site": 1, "code": code["code"]})
    ticket = group["tickets"][0]["number"]
    dearer = {"number": 900, "code": "P900", "name": {"en": "P", "zh-CN": "P"}, "currency": "CNY", "areas": [0]}
    await cloud.post("/products", dearer | {"site": 1, "price": 99900})
    wish = about | {"product": 900, "visit_date": "2026-01-17"}
    await deeds.do("POST /tickets/{number}/supplement", wish | paid, machine, number=ticket)
    longer = about | {"valid_until": "2026-01-20", "amount": 100}
    await deeds.do("POST /tickets/{number}/extension", longer | paid, machine, number=ticket)
    await deeds.do("POST /tickets/{number}/exchange", wish | paid, machine, number=ticket)
    await deeds.do("POST /orders/{order_id}/arrival", {"arrived": 3, "reason": "x"}, machine, order_id=group["id"])
    other = await cloud.post("/orders", {"site": 1, "channel": "window", "lines": lines} | paid)
    await deeds.do("POST /orders/{order_id}/refund", {"reason": "x"}, machine, order_id=other["id"])


async def tickets_and_media(deeds: Deeds) -> None:
    cloud = deeds.cloud
    order = await cloud.sell(quantity=2)
    ticket, other = (each["number"] for each in order["tickets"])
    await deeds.do("POST /tickets/{number}/code", number=ticket)
    await deeds.do("POST /tickets/{number}/extend", {"valid_until": "2026-01-18", "reason": "x"}, number=ticket)
    one = (await cloud.sell(2))["tickets"][0]["number"]
    await deeds.do("POST /tickets/{number}/areas", {"areas": [0, 1], "reason": "x"}, number=one)
    await deeds.do("POST /tickets/{number}/hold", {"reason": "x"}, number=ticket)
    await deeds.do("POST /tickets/{number}/unhold", {"reason": "x"}, number=ticket)
    digits = "99999919900307001"
    document = {"kind": "resident_id", "number": digits + check_character(digits)}
    bound = await deeds.do("POST /bindings", {"ticket": ticket, "document": document})
    number = bound["id"] if "id" in bound else bound["number"]
    await deeds.do("POST /bindings/find", {"site": 1, "document": document})
    await deeds.do("POST /bindings/{number}/reveal", {"reason": "lost child"}, number=number)
    await deeds.do("POST /bindings/{number}/withdraw", {"reason": "x"}, number=number)
    yes = {"staff": "Li Na", "text_version": "finger-1", "words": "I agree.", "locale": "en"}
    finger = await deeds.do("POST /fingers", {"ticket": ticket} | yes)
    await deeds.do("POST /fingers/withdrawals", {"finger": finger["id"], "reason": "asked"})
    await deeds.do("POST /tickets/{number}/revoke", {"reason": "x"}, number=other)
    await deeds.do("POST /tickets/{number}/allow", number=ticket)
    began = await deeds.do("POST /suspensions", {"site": 1, "area": 1, "reason": "wind"})
    await deeds.do("POST /suspensions/{number}/end", {}, number=began["number"] if "number" in began else began["id"])
    rule = {"weekdays": ["mon"]}
    names = {"en": "Mondays", "zh-CN": "周一"}
    await deeds.do("POST /calendars", rule | {"site": 1, "number": 9, "name": names})
    await deeds.do("POST /calendars/{site}/{number}/rule", {"weekdays": ["tue"]}, site=1, number=9)
    await deeds.do("POST /calendars/{site}/{number}/dates", {"add": ["2026-02-17"]}, site=1, number=9)


async def cards(deeds: Deeds, new_card: Any) -> None:
    cloud = deeds.cloud
    order = await cloud.sell(quantity=2)
    first, second = (each["number"] for each in order["tickets"])
    encoder, card = cloud.encoder(), new_card()
    encoder.card, uid = card, card.uid.hex()
    await deeds.do("POST /cards", {"site": 1, "uids": ["04aabbccddeeff"]})
    await deeds.do("POST /tickets/{number}/issue", {"encoder": 1, "wait_ms": 0}, number=first)
    await deeds.do("POST /cards/{uid}/lost", {"reason": "x"}, uid=uid)
    await deeds.do("POST /cards/{uid}/found", uid=uid)
    await deeds.do("POST /cards/roll", DESK)
    await deeds.do("POST /cards/{uid}/lost", {"reason": "x", "found_by": "card"}, uid=uid)
    encoder.card = new_card()
    await deeds.do("POST /cards/{uid}/replace", DESK, uid=uid)
    await deeds.do("POST /cards/take-back", DESK | {"wipe": True})
    issue = await deeds.do("POST /group-issues", {"order": order["id"]})
    encoder.card = new_card()
    await cloud.post(f"/tickets/{first}/revoke", {"reason": "x"})
    await deeds.do("POST /group-issues/{number}/cards", {"encoder": 1, "wait_ms": 0}, number=issue["id"])
    await deeds.do("POST /cards/{uid}/void", {"reason": "broken"}, uid="04aabbccddeeff")
    assert second
    blank = cloud.encoder(2)
    blank.card = blank_stock(Random(11))
    await deeds.do("POST /cards/personalise", DESK | {"encoder": 2})


async def people(deeds: Deeds) -> None:
    cloud = deeds.cloud
    made = await deeds.do("POST /staff/users", {"login": "xu", "name": "Xu", "memberships": []})
    number = made["number"]
    group = {"group": "seller", "site": 1}
    await deeds.do("PUT /staff/users/{number}/memberships", {"memberships": [group]}, number=number)
    await deeds.do("POST /staff/users/{number}/password", number=number)
    await deeds.do("POST /staff/users/{number}/deactivate", number=number)
    await deeds.do("POST /staff/users/{number}/activate", number=number)
    await deeds.do("PUT /staff/groups/{name}", {"scopes": ["orders:read"]}, name="readers")
    await hire(cloud, "ann", "seller", 1)
    await hire(cloud, "bo", "seller", 1)
    await hire(cloud, "mei", "manager", 1)
    ann, bo, mei = [await sign_in(cloud, login) for login in ("ann", "bo", "mei")]
    login = {"login": "ann", "password": PASSWORD}
    opened = await deeds.do("POST /sessions", login)
    other = {"Authorization": f"Bearer {opened['token']}"}
    await deeds.do("POST /sessions/mine/password", {"old": PASSWORD, "new": "lift9-moon-rice"}, headers=other)
    ann = other
    agreed = {"site": 1, "action": "refund", "subject": "order:7", "amount": 5}
    await deeds.do("POST /approvals", agreed, headers=mei)
    here = agreed | {"login": "mei", "password": PASSWORD}
    await deeds.do("POST /approvals/here", here, headers=ann)
    body = {"site": 1, "window": 1, "currency": "CNY", "float": 50000}
    shift = (await deeds.do("POST /shifts", body, headers=ann))["id"]
    cash = {"kind": "to_safe", "amount": 100}
    await deeds.do("POST /shifts/{number}/cash", cash, headers=ann, number=shift)
    await deeds.do("POST /shifts/{number}/count", {"cash": 1}, headers=ann, number=shift)
    await deeds.do("POST /shifts/{number}/reopen", headers=mei, number=shift)
    await deeds.do("POST /shifts/{number}/count", {"cash": 49900}, headers=ann, number=shift)
    after = await deeds.do("POST /shifts/{number}/take-over", {"cash": 49900}, headers=bo, number=shift)
    await deeds.do("POST /shifts/{number}/count", {"cash": 49900}, headers=bo, number=after["id"])
    await deeds.do("POST /shifts/{number}/close", headers=bo, number=after["id"])
    await deeds.do("DELETE /sessions/mine", headers=ann)


async def money(deeds: Deeds, new_card: Any) -> None:
    cloud = deeds.cloud
    product = {
        "site": 1,
        "number": 9,
        "code": "NEW",
        "name": {"en": "New", "zh-CN": "新"},
        "price": 1000,
        "currency": "CNY",
    }
    await deeds.do("POST /products", product | {"areas": [0], "holder": "adult"})
    hall = {"site": 1, "code": "HALL", "capacity": 300, "products": [9], "from": "2026-01-17", "to": "2026-01-18"}
    stock = await deeds.do("POST /stock", hall)
    await deeds.do("POST /stock/{stock_id}/capacity", {"capacity": 350}, stock_id=stock["counters"][0])
    lines = [{"product": 9, "quantity": 1, "visit_date": "2026-01-17"}]
    order = {"site": 1, "channel": "window", "lines": lines}
    cash = {"method": "cash", "currency": "CNY", "tendered": 1000}
    headers = await cloud.token(*Scope)  # a machine: it needs no shift
    await deeds.do("POST /orders", order | {"payment": cash}, headers=headers)
    waiting = (await deeds.do("POST /orders", order, headers=headers))["id"]
    await deeds.do("POST /orders/{order_id}/payments", {"payments": [cash]}, headers=headers, order_id=waiting)
    waiting = (await deeds.do("POST /orders", order, headers=headers))["id"]
    await deeds.do("POST /orders/{order_id}/cancel", {"reason": "x"}, headers=headers, order_id=waiting)
    account = {
        "site": 1,
        "code": "HOTEL",
        "name": "Hotel",
        "currency": "CNY",
        "credit_limit": 5000,
        "approval_over": 5000,
    }
    number = (await deeds.do("POST /accounts", account))["number"]
    await deeds.do("POST /accounts/{account}/terms", {"credit_limit": 6000, "approval_over": 5000}, account=number)
    signed = {"method": "account", "currency": "CNY", "account": "HOTEL"}
    await deeds.do("POST /orders", order | {"payments": [signed]}, headers=headers)
    paid = {"amount": 1000, "method": "cash"}
    await deeds.do("POST /accounts/{account}/payments", paid, headers=headers, account=number)
    batch = {"site": 1, "name": "Opening", "currency": "CNY", "value": 5000, "quantity": 2}
    dates = {"valid_from": "2026-01-17", "valid_until": "2026-03-31"}
    made = await deeds.do("POST /voucher-batches", batch | dates)
    await deeds.do("POST /voucher-batches/{batch}/void", batch=made["number"])
    await deeds.do("PUT /wallets/terms", {"site": 1, "currency": "CNY", "offline_cap": 50000})
    wallet = (await deeds.do("POST /wallets", {"site": 1, "currency": "CNY"}))["wallet"]
    card = new_card()
    cloud.encoder().card = card
    await deeds.do("POST /wallets/{number}/card", {"uid": card.uid.hex()}, number=wallet)
    await deeds.do("POST /wallets/{number}/top-up", {"amount": 20000, "currency": "CNY"}, number=wallet)
    await deeds.do("POST /wallets/{number}/refund", {"amount": 1000, "currency": "CNY"}, number=wallet)
    recharge = {"amount": 1000, "currency": "CNY", "payments": [cash]}
    await deeds.do("POST /wallets/{number}/recharge", recharge, headers=headers, number=wallet)
    await deeds.do(
        "POST /wallets/{number}/load", {"amount": 1000, "site": 1, "encoder": 1, "wait_ms": 0}, number=wallet
    )
    await deeds.do("POST /wallets/{number}/load-statement", {"amount": 1000}, number=wallet)
    await deeds.do("PUT /rentals/terms", {"site": 1, "currency": "CNY", "flat": {"locker": 1000}})
    pieces = {"site": 1, "pieces": [{"kind": "skis", "label": "K2-1"}]}
    await deeds.do("POST /rentals/pieces", pieces)
    ticket = (await cloud.sell())["tickets"][0]["number"]
    await deeds.do("POST /rentals/loans", pieces | {"ticket": ticket})
    await deeds.do("POST /rentals/loans/return", {"site": 1, "ticket": ticket, "labels": ["K2-1"]})
    await deeds.do("POST /rentals/pieces/change", {"site": 1, "label": "K2-1", "event": "damage"})


async def test_nothing_is_done_without_an_entry(sqlite_cloud: Any, new_card: Any, tmp_path: Path) -> None:
    """Every endpoint that is no GET, once; a new one belongs here, or to NO_ENTRY with its reason."""
    deeds = Deeds(sqlite_cloud, await hired(sqlite_cloud, "boss", "admin"))
    await places_and_devices(deeds, tmp_path)
    await tickets_and_media(deeds)
    await cards(deeds, new_card)
    await people(deeds)
    await after_the_sale(deeds)
    await money(deeds, new_card)
    assert deeds.missing == []
    paths = create_app().openapi()["paths"]
    wanted = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in paths.items()
        for method in methods
        if method != "get"
    }
    there = {each for each in wanted if each.split("/")[1] not in ELSEWHERE} - set(NO_ENTRY)
    assert there - deeds.done == set()
    assert deeds.done <= wanted


async def test_an_entry_cannot_be_changed_or_deleted(cloud: Any) -> None:
    """The database itself refuses, on SQLite and on PostgreSQL, also to empty the table."""
    await note(system("test"), "test.deed", 1, "test:1", now_ms=1)
    entry = await AuditEntry.get(subject="test:1")
    for change in (
        AuditEntry.filter(id=entry.id).update(actor="another"),
        AuditEntry.filter(id=entry.id).delete(),
    ):
        with pytest.raises((IntegrityError, OperationalError), match="append-only"):
            await change
    if not cloud.services.settings.database.is_sqlite:
        database = await asyncpg.connect(cloud.services.settings.database.url)
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await database.execute("TRUNCATE audit_entry")
        await database.close()
    assert (await AuditEntry.get(id=entry.id)).actor == "system"


async def test_what_was_rolled_back_was_not_done(sqlite_cloud: Any) -> None:
    """The entry goes with the deed."""

    async def fails() -> None:
        async with in_transaction():
            await note(system("test"), "test.deed", 1, "test:2", now_ms=1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert not await AuditEntry.filter(subject="test:2").exists()


async def test_no_secret_is_on_record(sqlite_cloud: Any) -> None:
    """Neither passwords, nor sessions, nor what a wrong password was."""
    await hire(sqlite_cloud, "ann", "seller", 1)
    headers = await sign_in(sqlite_cloud, "ann")
    wrong = await sqlite_cloud.http.post("/sessions", json={"login": "ann", "password": "lift7-noon-teA"})
    assert wrong.status_code == 401
    text = json.dumps([dict(row) for row in await AuditEntry.all().values()], default=str)
    assert "session.refused" in text
    for secret in (PASSWORD, "lift7-noon-teA", headers["Authorization"].removeprefix("Bearer ps_"), "argon2"):
        assert secret not in text


async def test_the_record_is_searched_and_exported(sqlite_cloud: Any) -> None:
    """By subject, action, who and when, by pages, and as CSV that runs no formula; who has one site sees its own."""
    cloud = sqlite_cloud
    await cloud.post("/sites", {"number": 2, "group": 1, "name": "Ice Peak", "zone": "Asia/Shanghai"})
    for number, site in enumerate((1, 2, 1)):
        await note(Caller("=1+1", "system:test"), "test.deed", site, f"test:{number}", now_ms=number * 1000)
    boss, accountant = await hired(cloud, "boss", "admin"), await hired(cloud, "acc", "accountant", 1)

    async def subjects(headers: dict[str, str], **query: Any) -> list[str]:
        answer = await cloud.http.get("/audit", params=query | {"action": "test."}, headers=headers)
        return [item["subject"] for item in answer.json()["items"]]

    assert await subjects(boss) == ["test:0", "test:1", "test:2"]
    assert await subjects(boss, subject="test:1") == ["test:1"]
    assert await subjects(boss, site=1) == ["test:0", "test:2"]
    assert await subjects(boss, who="system:test", limit=2) == ["test:0", "test:1"]
    since, until = (datetime.fromtimestamp(at).astimezone().isoformat() for at in (1, 2))
    assert await subjects(boss, since=since, until=until) == ["test:1"]
    assert await subjects(accountant) == ["test:0", "test:2"]
    assert code(await cloud.http.get("/audit?site=2", headers=accountant)) == "site_not_allowed"
    csv = (await cloud.http.get("/audit?format=csv&action=test.", headers=boss)).text
    assert csv.startswith("\ufeff")
    assert csv.count("'=1+1") == 3
