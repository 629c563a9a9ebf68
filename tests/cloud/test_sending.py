# SPDX-License-Identifier: Apache-2.0
"""Messages leave the outbox over real sockets to providers that are slow, lose, double, refuse and limit."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from staff_hands import code
from tortoise.transactions import in_transaction

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.notifications import queries, rules, sending, service
from pistegate_cloud.notifications.models import Notification
from pistegate_cloud.settings import MemberSettings, NotificationSettings
from pistegate_simulators.messages.cli import section
from pistegate_simulators.messages.server import MessageProviders

PHONE = "13800138000"
OPEN_ID = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
AMOUNT = {"amount": 29800, "currency": "CNY"}
SECRET, APP_SECRET = "s" * 32, "a" * 32


def is_wiped(row: Notification) -> bool:
    """Whether nothing personal is left of a message."""
    return all(value is None for value in (row.to, row.values, row.body))


@dataclass
class Outbox:
    """A cloud that sends; `post` as `serve` has it."""

    cloud: Any
    sim: MessageProviders
    post: sending.Post

    async def put(self, kind: str = "refund_done", to: str = PHONE, **values: Any) -> UUID:
        async with in_transaction():
            number = await service.put(
                kind, to, {"amount": AMOUNT, **values}, site=1, order=None, now_ms=self.cloud.clock.now_ms
            )
        assert number is not None
        return number

    async def after(self, ms: int = 0) -> None:
        """Time passes, and the loop of `serve` comes round."""
        self.cloud.clock.now_ms += ms
        await sending.run(self.post)

    async def state(self, number: UUID) -> str:
        return (await queries.one(number)).state

    async def until_ended(self, number: UUID) -> str:
        """What becomes of it within a day."""
        for _ in range(40):
            row = await queries.one(number)
            if row.ended_ms is not None:
                return row.state
            self.cloud.clock.now_ms = max(self.cloud.clock.now_ms, row.due_ms)
            await sending.run(self.post)
        raise AssertionError("it is still under way")


async def _outbox(cloud: Any, directory: Path) -> AsyncIterator[Outbox]:
    with MessageProviders(SECRET, APP_SECRET, wall=lambda: cloud.clock.now_ms / 1000) as sim:
        raw = msgspec.toml.decode(section(sim.address, directory, SECRET, APP_SECRET))["notifications"]
        raw["ticket_page"] = "https://tickets.example/t/"
        raw["sms"]["timeout_s"] = raw["wechat"]["timeout_s"] = 0.5
        found = msgspec.convert(raw, NotificationSettings)
        cloud.services.settings = msgspec.structs.replace(cloud.services.settings, notifications=found)
        yield Outbox(cloud, sim, sending.open_post(cloud.services.settings, cloud.clock))


@pytest.fixture
async def box(sqlite_cloud: Any, tmp_path: Path) -> AsyncIterator[Outbox]:
    async for one in _outbox(sqlite_cloud, tmp_path):
        yield one


@pytest.fixture
async def both(cloud: Any, tmp_path: Path) -> AsyncIterator[Outbox]:
    async for one in _outbox(cloud, tmp_path):
        yield one


async def test_a_sale_with_a_phone_sends_a_link_that_opens_the_ticket(box: Outbox) -> None:
    """From POST /orders to the guest's phone; afterwards nothing personal is left in the outbox."""
    lines = [{"product": 1, "quantity": 1, "visit_date": "2026-01-17"}]
    payment = {"method": "cash", "tendered": 29800, "currency": "CNY"}
    body = {"site": 1, "channel": "window", "lines": lines, "payment": payment, "phone": PHONE}
    order = await box.cloud.post("/orders", body)
    await box.after()
    (words,) = box.sim.phones[PHONE]
    assert "Snow Valley 雪谷" in words
    assert "298.00元" in words
    token = words.split("https://tickets.example/t/")[1].split()[0]
    told = await box.cloud.http.get(f"/t/{token}", headers={"Authorization": ""})
    assert [one["number"] for one in told.json()["tickets"]] == [order["tickets"][0]["number"]]
    (row,) = await Notification.all()
    assert (row.state, row.last4) == ("sent", "8000")
    assert is_wiped(row)


async def test_a_sale_that_is_rolled_back_tells_nobody(box: Outbox) -> None:
    """The message is in the transaction of what it tells of."""

    async def fails() -> None:
        async with in_transaction():
            await service.put("refund_done", PHONE, {"amount": AMOUNT}, site=1, order=None, now_ms=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    await box.after()
    assert box.sim.requests == []


@pytest.mark.parametrize("trouble", ["unknown", "hang"])
async def test_an_answer_that_was_lost_is_no_second_message(box: Outbox, trouble: str) -> None:
    """It arrived, and we do not know: the same key again, and the guest got it once."""
    box.sim.habits.troubles = [trouble]
    number = await box.put()
    await box.after()
    assert await box.state(number) == "waiting"
    assert await box.until_ended(number) == "sent"
    assert len(box.sim.phones[PHONE]) == 1
    assert box.sim.requests == ["/sms", "/sms"]


@pytest.mark.parametrize("trouble", ["broken", "cut"])
async def test_a_message_that_did_not_arrive_is_sent_again(box: Outbox, trouble: str) -> None:
    """The provider had trouble: it arrives later, once."""
    box.sim.habits.troubles = [trouble] * 3
    number = await box.put()
    assert await box.until_ended(number) == "sent"
    assert len(box.sim.phones[PHONE]) == 1


async def test_where_keys_are_not_known_for_long_doubt_ends_with_a_person(box: Outbox) -> None:
    """WeChat knows a key for ten minutes: after that it is not sent again, and the outbox shows it."""
    number = await box.put("order_paid", f"wechat:{OPEN_ID}", count=1)
    box.sim.habits.troubles = ["hang"]
    await box.after()
    box.cloud.clock.now_ms += 11 * 60_000
    await box.after()
    row = await queries.one(number)
    assert (row.state, row.trouble) == ("given_up", "nobody knows whether it arrived")
    assert len(box.sim.phones[OPEN_ID]) == 1


async def test_a_provider_s_limit_is_kept_and_is_no_doubt(box: Outbox) -> None:
    """Not before Retry-After; and however long it lasts, it was certainly not sent, so it still goes out."""
    box.sim.habits.retry_after_s = 600
    box.sim.habits.troubles = ["limit"]
    number = await box.put()
    await box.after()
    await box.after(599_000)
    assert box.sim.requests == ["/sms"]
    await box.after(1_000)
    assert await box.state(number) == "sent"


async def test_what_is_refused_is_not_asked_again(box: Outbox) -> None:
    """A number that does not exist; who it was for is forgotten after thirty days."""
    box.sim.habits.troubles = ["never"]
    number = await box.put()
    await box.after()
    row = await queries.one(number)
    assert (row.state, row.trouble, row.to) == ("failed", "422 number", PHONE)
    await box.after(sending.KEPT_MS + 1)
    row = await queries.one(number)
    assert is_wiped(row)
    assert box.sim.requests == ["/sms"]


async def test_a_provider_that_is_down_for_a_day_gives_up(box: Outbox) -> None:
    """Nobody wants to hear of yesterday's ticket."""
    box.sim.habits.troubles = ["broken"] * 100
    number = await box.put()
    assert await box.until_ended(number) == "given_up"
    assert box.sim.phones[PHONE] == []
    assert len(box.sim.requests) < 40


async def test_a_sender_that_never_came_back_is_followed_by_another(box: Outbox) -> None:
    """A process died between claim and answer: after its lease the message goes out, by the same key."""
    number = await box.put()
    row = await queries.one(number)
    now_ms = box.cloud.clock.now_ms
    assert await queries.claim(row, "sending", now_ms + rules.LEASE_MS, now_ms)
    await box.after(rules.LEASE_MS - 1)
    assert box.sim.requests == []
    await box.after(1)
    assert await box.state(number) == "sent"
    assert len(box.sim.phones[PHONE]) == 1


async def test_several_processes_send_each_message_once(both: Outbox) -> None:
    """Four loops at once over twelve messages, at a provider that knows no keys."""
    both.sim.habits.knows_keys = False
    for index in range(12):
        await both.put(to=f"1380013800{index}")
    await asyncio.gather(*(sending.run(both.post) for _ in range(4)))
    await asyncio.gather(*(sending.run(both.post) for _ in range(4)))
    assert sorted(len(got) for got in both.sim.phones.values()) == [1] * 12


async def test_a_slow_provider_keeps_no_transaction_waiting(box: Outbox) -> None:
    """The database answers while a message is under way."""
    box.sim.habits.slow_s = 0.3
    await box.put()
    sent = asyncio.create_task(sending.run(box.post))
    assert await asyncio.to_thread(box.sim.asked.wait, 5)
    assert not sent.done()
    await box.put(to="13900139000")
    assert not sent.done()
    await sent


async def test_an_access_token_is_kept_and_asked_for_again_when_it_is_over(box: Outbox) -> None:
    """One token for many messages; ended before its time, the message goes out with the next one."""
    numbers = [await box.put("order_paid", f"wechat:{OPEN_ID}{n}", count=1) for n in range(3)]
    await box.after()
    assert box.sim.tokens == 1
    box.sim.habits.troubles = ["token"]
    numbers.append(await box.put("order_paid", f"wechat:{OPEN_ID}9", count=1))
    await box.after()
    assert [await box.state(number) for number in numbers] == ["sent"] * 4
    assert box.sim.tokens == 2


async def test_what_waits_is_sealed(box: Outbox) -> None:
    """A copy of the database opens no ticket."""
    box.sim.habits.troubles = ["broken"]
    order = await box.cloud.sell()
    async with in_transaction():
        values = {"until": "18:00", "ticket": order["tickets"][0]["number"]}
        number = await service.put("extension", PHONE, values, site=1, order=None, now_ms=box.cloud.clock.now_ms)
    assert number is not None
    await box.after()
    row = await queries.one(number)
    assert row.body is not None
    assert b"tickets.example" not in bytes(row.body)
    assert "tickets.example" not in json.dumps(row.values)
    await box.until_ended(number)
    assert "https://tickets.example/t/" in box.sim.phones[PHONE][0]


async def test_without_a_sender_nothing_waits_and_nothing_personal_stays(sqlite_cloud: Any) -> None:
    """A cloud without [notifications]."""
    async with in_transaction():
        number = await service.put("refund_done", PHONE, {"amount": AMOUNT}, site=1, order=None, now_ms=1)
    assert number is not None
    await sending.run(sending.open_post(sqlite_cloud.services.settings, sqlite_cloud.clock))
    row = await queries.one(number)
    assert row.state == "given_up"
    assert is_wiped(row)


async def test_a_message_without_its_values_is_refused_where_it_is_put(sqlite_cloud: Any) -> None:
    """Not in the night, when it is to be sent."""
    with pytest.raises(ValueError, match="needs amount"):
        await service.put("refund_done", PHONE, {}, site=1, order=None, now_ms=1)


async def test_what_failed_is_listed_and_sent_again_by_a_person(box: Outbox) -> None:
    """On record; not what has arrived, and not what nobody knows the address of any more."""
    box.sim.habits.troubles = ["never"]
    number = await box.put()
    await box.after()
    (listed,) = (await box.cloud.get("/notifications", site=1, state="failed"))["items"]
    assert (listed["to_ends"], listed["trouble"]) == ("8000", "422 number")
    await box.cloud.post(f"/notifications/{number}/retry", {})
    assert await AuditEntry.filter(action="notification.retry", subject=f"notification:{number}").count() == 1
    await box.after()
    assert await box.state(number) == "sent"
    assert code(await box.cloud.http.post(f"/notifications/{number}/retry")) == "state_conflict"


async def test_a_member_is_told_by_wechat_where_there_is_a_template_and_else_by_phone(box: Outbox) -> None:
    """The address is looked up when it is sent; an erased member is told nothing."""
    members = MemberSettings(lookup="0a" * 32, seal="0b" * 32)
    settings = msgspec.structs.replace(box.cloud.services.settings, members=members)
    box.cloud.services.settings = settings
    box.post = sending.open_post(settings, box.cloud.clock)
    body = {"site": 1, "name": "Ann", "phone": PHONE, "wechat": OPEN_ID}
    member = (await box.cloud.post("/members", body))["number"]
    for kind in ("order_paid", "refund_done"):
        await box.put(kind, f"member:{member}", count=1)
    await box.after()
    assert {to: len(got) for to, got in box.sim.phones.items()} == {OPEN_ID: 1, PHONE: 1}
    await box.cloud.post(f"/members/{member}/erase", {"reason": "asked"})
    number = await box.put("refund_done", f"member:{member}")
    await box.after()
    assert await box.state(number) == "given_up"
