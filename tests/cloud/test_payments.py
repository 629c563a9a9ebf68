# SPDX-License-Identifier: Apache-2.0
"""Payments through WeChat Pay, on both databases, against a provider on real sockets that misbehaves."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from payment_desk import holding_provider

from pistegate_cloud.errors import Problem, SettingsError
from pistegate_cloud.payments import bills, queries, refunds, reversing, service
from pistegate_cloud.payments.models import ProviderNotice, ProviderPayment
from pistegate_cloud.payments.provider import Unclear, Way
from pistegate_cloud.payments.rules import PAYABLE_MS, REVERSE_AFTER_MS
from pistegate_cloud.payments.service import Wish
from pistegate_cloud.payments.settling import settle
from pistegate_cloud.payments.wechat import FRESH_MS, WeChatProvider
from pistegate_cloud.serve import running_services
from pistegate_cloud.settings import WeChatSettings
from pistegate_cloud.uuid7 import uuid7
from pistegate_simulators.payment.books import CHINA
from pistegate_simulators.payment.server import PaymentProvider

PAYS = "134567890123456700"
NEVER_SENT = {"failed", "closed"}
PATH = "/payments/wechat/notifications"


@dataclass
class Desk:
    """A cloud, its adapter, and the provider."""

    cloud: Any
    sim: PaymentProvider
    wechat: WeChatProvider

    @property
    def clock(self) -> Any:
        return self.cloud.clock

    def wish(self, way: Way = Way.SHOWN, amount: int = 29800, means: str | None = None, **more: Any) -> Wish:
        made = more.pop("id", None) or uuid7(self.clock.now_ms)
        return Wish(made, 1, way, amount, more.pop("currency", "CNY"), "全日票", "window 1", means)

    async def begin(self, *args: Any, **more: Any) -> ProviderPayment:
        return (await service.begin(self.wish(*args, **more), self.wechat, self.clock))[0]

    async def by_code(self, end: str = "00", amount: int = 4000) -> ProviderPayment:
        return await self.begin(Way.CODE, amount, PAYS[:-2] + end)

    async def paid(self, amount: int = 29800) -> ProviderPayment:
        """A payment that was paid and told."""
        row = await self.begin(Way.SHOWN, amount)
        self.sim.guest_pays(row.number)
        await self.deliver(-1)
        return await self.now(row)

    async def now(self, row: ProviderPayment) -> ProviderPayment:
        return await queries.payment(row.id)

    async def later(self, ms: int = 20_001) -> None:
        """Time passes, and the loop of `serve` comes round."""
        self.clock.now_ms += ms
        await settle(self.wechat, self.clock)

    def signed(self, index: int) -> tuple[dict[str, str], bytes]:
        notice = self.sim.post.held[index]
        return notice.headers(self.sim.keys, self.clock.now_ms / 1000), notice.body

    async def post(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        answer = await self.cloud.http.post(PATH, headers={"Authorization": "", **headers}, content=body)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    async def deliver(self, index: int) -> tuple[int, str]:
        return await self.post(*self.signed(index))

    async def refund(self, row: ProviderPayment, amount: int, refund_id: UUID | None = None) -> Any:
        made = refund_id or uuid7(self.clock.now_ms)
        return await refunds.refund(made, row.id, amount, "退票", "window 1", self.wechat, self.clock)

    async def attention(self) -> list[str]:
        return [item["number"] for item in (await self.cloud.get("/payments", attention=True))["items"]]


@pytest.fixture
async def desk(cloud: Any, tmp_path: Path) -> AsyncIterator[Desk]:
    """At this moment: the client package signs with the computer's time."""
    cloud.clock.now_ms = int(time.time() * 1000)
    with holding_provider() as sim:
        sim.ways.password_s = 0.0
        wechat = WeChatProvider(wechat_settings(sim, tmp_path))
        cloud.services.wechat = wechat
        yield Desk(cloud, sim, wechat)


def wechat_settings(sim: PaymentProvider, directory: Path) -> WeChatSettings:
    section = sim.keys.write(directory, sim.gateway, f"http://127.0.0.1:9/api/v1{PATH}")
    return msgspec.convert(msgspec.toml.decode(section)["wechat"], WeChatSettings)


async def refused(code: str, work: Any) -> None:
    with pytest.raises(Problem) as caught:
        await work
    assert caught.value.code == code


async def test_a_shown_code_is_paid_and_told(desk: Desk) -> None:
    """Asked for, paid by the guest, told: paid once, with the provider's own number."""
    row, link = await service.begin(desk.wish(), desk.wechat, desk.clock)
    assert (row.state, row.number) == ("pending", row.id.hex)
    assert link is not None
    assert link.startswith("weixin://")
    desk.sim.guest_pays(row.number)
    assert await desk.deliver(0) == (204, "")
    told = await desk.now(row)
    assert (told.state, told.transaction) == ("paid", desk.sim.books.orders[row.number].transaction_id)
    items = (await desk.cloud.get("/payments", site=1, state="paid"))["items"]
    assert [(item["number"], item["amount"]) for item in items] == [(row.number, 29800)]


async def test_other_ways_give_what_the_guests_device_needs(desk: Desk) -> None:
    """Inside the app a prepay id, in a browser an address."""
    _, prepay = await service.begin(desk.wish(Way.IN_APP, means="o1"), desk.wechat, desk.clock)
    _, page = await service.begin(desk.wish(Way.PAGE, means="10.0.0.1"), desk.wechat, desk.clock)
    assert (prepay or "").startswith("wx")
    assert (page or "").startswith("https://wx.tenpay.com/")


async def test_a_lost_notification_is_asked_for(desk: Desk) -> None:
    """Nothing is told: the next question finds it paid; the late notification changes nothing."""
    row = await desk.begin()
    desk.sim.guest_pays(row.number)
    await desk.later()
    assert (await desk.now(row)).state == "paid"
    assert await desk.deliver(0) == (204, "")
    assert (await desk.now(row)).state == "paid"


async def test_an_event_told_again_has_no_effect_and_a_copied_one_is_refused(desk: Desk) -> None:
    """Signed anew, as the provider repeats: taken, no effect. The same signature: notice_replayed."""
    row = await desk.begin()
    desk.sim.guest_pays(row.number)
    first = desk.signed(0)
    assert await desk.post(*first) == (204, "")
    assert await desk.post(*first) == (409, "notice_replayed")
    for _ in range(3):
        assert await desk.deliver(0) == (204, "")
    assert await ProviderNotice.all().count() == 4
    assert (await desk.now(row)).state == "paid"


async def test_copies_that_arrive_at_once_are_taken_once(desk: Desk) -> None:
    """Ten copies of one signature at the same moment: one 204, nine notice_replayed."""
    row = await desk.begin()
    desk.sim.guest_pays(row.number)
    copy = desk.signed(0)
    answers = await asyncio.gather(*(desk.post(*copy) for _ in range(10)))
    assert sorted(answers) == [(204, "")] + [(409, "notice_replayed")] * 9


async def test_notifications_in_any_order(desk: Desk) -> None:
    """The refund is told before the payment: both are right in the end."""
    row = await desk.begin()
    desk.sim.guest_pays(row.number)
    await desk.later()
    await desk.refund(row, 10000)
    assert [await desk.deliver(index) for index in (1, 0)] == [(204, ""), (204, "")]
    told = await desk.now(row)
    assert (told.state, told.held) == ("part_refunded", 10000)


async def test_forged_notifications(desk: Desk) -> None:
    """Body, nonce, time, signature, serial, kind of signature: notice_forged, and nothing moved."""
    row = await desk.begin()
    desk.sim.guest_pays(row.number)
    headers, body = desk.signed(0)
    certificate = desk.sim.post.held[0].headers(desk.sim.keys, desk.clock.now_ms / 1000, public=False)
    for changed in (
        headers | {"Wechatpay-Nonce": "0"},
        headers | {"Wechatpay-Timestamp": str(int(headers["Wechatpay-Timestamp"]) + 1)},
        headers | {"Wechatpay-Timestamp": "soon"},
        headers | {"Wechatpay-Signature": headers["Wechatpay-Signature"][:-8] + "AAAAAA=="},
        headers | {"Wechatpay-Signature": "é".encode("latin-1").decode("latin-1")},
        headers | {"Wechatpay-Serial": "nothing"},
        headers | {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"},
        certificate,
        {},
    ):
        encoded = {name: value.encode("latin-1") for name, value in changed.items()}
        assert await desk.post(encoded, body) == (401, "notice_forged"), changed  # type: ignore[arg-type]
    assert await desk.post(headers, body.replace(b"SUCCESS", b"SUCCESs")) == (401, "notice_forged")
    assert (await desk.now(row)).state == "pending"
    assert await ProviderNotice.all().count() == 0
    asked = [target for _, target, _ in desk.sim.requests]
    assert not [target for target in asked if "certificates" in target]


async def test_old_and_future_notifications_are_stale(desk: Desk) -> None:
    """The package takes a genuine one of any age; five minutes either way is the limit."""
    row = await desk.begin()
    desk.sim.guest_pays(row.number)
    for shift in (FRESH_MS + 2000, -FRESH_MS - 2000):
        copy = desk.signed(0)
        desk.clock.now_ms += shift
        assert await desk.post(*copy) == (401, "notice_stale")
        desk.clock.now_ms -= shift
    assert (await desk.now(row)).state == "pending"


async def test_genuine_but_not_ours(desk: Desk) -> None:
    """Another merchant's, one of an unknown payment, one without a body that fits."""
    from pistegate_simulators.payment import notices

    now_s = desk.clock.now_ms / 1000
    for told, code in (
        ({"mchid": "1"}, "notice_unreadable"),
        ({"mchid": desk.sim.keys.mchid, "trade_state": "SUCCESS", "out_trade_no": "x"}, "notice_unreadable"),
        ({"mchid": desk.sim.keys.mchid, "trade_state": "CLOSED", "out_trade_no": "x"}, "payment_unknown"),
    ):
        notice = notices.make(desk.sim.keys, "", "TRANSACTION.SUCCESS", told, now_s)
        assert (await desk.post(notice.headers(desk.sim.keys, now_s), notice.body))[1] == code
    notice = notices.make(desk.sim.keys, "", "OTHER.KIND", {"mchid": desk.sim.keys.mchid}, now_s)
    assert await desk.post(notice.headers(desk.sim.keys, now_s), notice.body) == (204, "")
    desk.cloud.services.wechat = None
    assert await desk.post({}, b"") == (409, "payments_off")


@pytest.mark.parametrize("change", ["amount", "transaction"])
async def test_money_that_does_not_fit_is_shown_and_moves_nothing(desk: Desk, change: str) -> None:
    """Another amount, or the number of another payment: payment_mismatch, for a person to look at."""
    first = await desk.paid()
    row = await desk.begin()
    order = desk.sim.books.orders[row.number]
    if change == "amount":
        order.total -= 1
    desk.sim.guest_pays(row.number)
    if change == "transaction":
        order.transaction_id = first.transaction or ""
        await desk.later()
    else:
        assert await desk.deliver(-1) == (409, "payment_mismatch")
    told = await desk.now(row)
    assert (told.state, told.strange, told.transaction) == ("pending", True, None)
    assert await desk.attention() == [row.number]


@pytest.mark.parametrize(
    ("end", "at_once", "in_the_end", "balance"),
    [
        ("00", "paid", "paid", 4000),
        ("01", "pending", "paid", 4000),
        ("02", "pending", "reversed", 0),
        ("03", "in_doubt", "paid", 4000),
        ("04", "in_doubt", "reversed", 0),
        ("05", "failed", "failed", 0),
        ("06", "failed", "failed", 0),
        ("07", "in_doubt", "paid", 4000),
    ],
)
async def test_payment_codes(desk: Desk, end: str, at_once: str, in_the_end: str, balance: int) -> None:
    """Unknown results are asked for until known; what stays open is reversed after its time; the code is sent once."""
    row = await desk.by_code(end)
    assert row.state == at_once
    await desk.later()
    await desk.later(REVERSE_AFTER_MS)
    await desk.later()
    assert ((await desk.now(row)).state, desk.sim.books.balance) == (in_the_end, balance)
    assert len([target for _, target, _ in desk.sim.requests if target.endswith("/codepay")]) == 1


async def test_no_provider_at_all(desk: Desk) -> None:
    """Nobody answers: in doubt, then reversing, for as long as it takes; once heard again, it is ended."""
    desk.sim.ways.troubles = ["refused"] * 4
    row = await desk.by_code()
    assert row.state == "in_doubt"
    await desk.later()
    await desk.later(REVERSE_AFTER_MS)
    await desk.later(0)
    assert (await desk.now(row)).state == "reversing"
    assert await desk.attention() == [row.number]
    await desk.later(60_000)
    assert (await desk.now(row)).state == "failed"  # the code never arrived there
    assert desk.sim.books.orders == {}


async def test_a_reversal_whose_answer_is_lost_is_done_once(desk: Desk) -> None:
    """Paid, reversed by the cashier, no answer, asked again: the guest has the money back, once."""
    row = await desk.by_code()
    await refused("reverse_too_early", reversing.reverse(row.id, desk.wechat, desk.clock))
    desk.clock.now_ms += 15_000
    desk.sim.ways.troubles = ["hang"]
    assert (await reversing.reverse(row.id, desk.wechat, desk.clock)).state == "reversing"
    await desk.later()
    assert ((await desk.now(row)).state, desk.sim.books.balance) == ("reversed", 0)
    assert len(desk.sim.books.refunds) == 1
    await refused("state_conflict", desk.refund(row, 1))


async def test_a_process_that_died_before_sending(desk: Desk) -> None:
    """The row is there, nothing was sent: it is found in doubt and ended; nobody paid anything."""
    made = service._row(desk.wish(Way.CODE), "wechat", desk.clock.now_ms)
    await queries.add_payment(made)
    await desk.later()
    assert (await desk.now(made)).state == "in_doubt"
    await desk.later(REVERSE_AFTER_MS)
    assert (await desk.now(made)).state == "failed"


async def test_an_order_that_nobody_paid_is_closed_and_one_paid_at_the_last_moment_is_paid(desk: Desk) -> None:
    """After its 15 minutes: closed at the provider first; a refused closing means that it was paid."""
    rows = [await desk.begin() for _ in range(2)]
    before = desk.sim.answer

    def late(method: str, target: str, headers: Any, body: bytes) -> Any:
        if target.endswith(f"{rows[1].number}/close"):
            desk.sim.guest_pays(rows[1].number)
        return before(method, target, headers, body)

    desk.sim.answer = late  # type: ignore[method-assign]
    await desk.later(PAYABLE_MS)
    assert [(await desk.now(row)).state for row in rows] == ["closed", "paid"]
    assert not desk.sim.guest_pays(rows[0].number)


async def test_asking_again_with_the_same_id_is_the_same_payment(desk: Desk) -> None:
    """A repeated request sends no code twice; another amount under the same id is refused."""
    row = await desk.by_code("02")
    again = await desk.begin(Way.CODE, 4000, PAYS, id=row.id)
    assert (again.id, again.state) == (row.id, "pending")
    await refused("idempotency_key_reused", desk.begin(Way.CODE, 4001, PAYS, id=row.id))
    desk.sim.ways.troubles = ["hang"]
    shown = await desk.begin()
    assert shown.state == "in_doubt"
    _, link = await service.begin(desk.wish(id=shown.id), desk.wechat, desk.clock)
    # until_ms is kept, so the repeated order is the same to the byte
    assert link is not None


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (0, "CNY", "payment_amount"),
        (-1, "CNY", "payment_amount"),
        (10**12, "CNY", "payment_amount"),
        (100, "USD", "wrong_currency"),
    ],
)
async def test_amounts_that_cannot_be(desk: Desk, amount: int, currency: str, code: str) -> None:
    """Nothing is stored and nothing is sent."""
    await refused(code, desk.begin(Way.SHOWN, amount, currency=currency))
    assert (await ProviderPayment.all().count(), desk.sim.requests) == (0, [])


async def test_refunds_in_parts_and_never_more_than_was_paid(desk: Desk) -> None:
    """Two parts, each told; a third that is too large is refused here, before the provider is asked."""
    row = await desk.paid()
    assert (await desk.refund(row, 10000)).state == "processing"
    await refused("refund_too_large", desk.refund(row, 19801))
    await refused("refund_too_large", desk.refund(row, 0))
    await desk.refund(row, 19800)
    assert (await desk.now(row)).state == "refund_pending"
    for index in (-1, -2, -2):
        assert await desk.deliver(index) == (204, "")
    told = await desk.now(row)
    assert (told.state, told.held, desk.sim.books.balance) == ("refunded", 29800, 0)
    await refused("state_conflict", desk.refund(row, 1))


async def test_refunds_at_once_never_exceed_the_payment(desk: Desk) -> None:
    """Ten at the same moment, each half of it: two are made."""
    row = await desk.paid()
    done = await asyncio.gather(*(desk.refund(row, 14900) for _ in range(10)), return_exceptions=True)
    kept = [one for one in done if not isinstance(one, BaseException)]
    assert len(kept) == 2
    assert {one.code for one in done if isinstance(one, Problem)} <= {"refund_too_large", "state_conflict"}
    assert desk.sim.books.balance == 0


@pytest.mark.parametrize("trouble", ["hang", "unknown", "refused"])
async def test_a_refund_whose_answer_is_lost_is_made_once(desk: Desk, trouble: str) -> None:
    """Done or not done: asked for, sent again if it never arrived, under the same number."""
    row = await desk.paid()
    desk.sim.ways.troubles = [trouble]
    made = await desk.refund(row, 10000)
    assert made.state == "in_doubt"
    again = await desk.refund(row, 10000, made.id)
    assert again.id == made.id
    await desk.later()
    await desk.later()
    assert ((await queries.refund(made.id)).state, (await desk.now(row)).state) == ("done", "part_refunded")  # type: ignore[union-attr]
    assert desk.sim.books.balance == 19800


async def test_an_empty_balance_queues_refunds_and_cash_excludes_the_provider(desk: Desk) -> None:
    """At 16:30 the balance is gone: the refund waits. Given in cash, it is never sent; sent later, never given."""
    first, second = await desk.paid(50000), await desk.paid(50000)
    desk.sim.books.dry_at_s = desk.sim.wall()
    short = [await desk.refund(row, 50000) for row in (first, second)]
    assert [one.state for one in short] == ["short", "short"]
    assert sorted(await desk.attention()) == sorted([first.number, second.number])
    cash = await refunds.give_in_cash(short[0].id, desk.wechat, desk.clock)
    assert (cash.state, (await desk.now(first)).state) == ("cash", "refunded")
    desk.sim.books.dry_at_s, desk.sim.books.balance = None, 50000
    await refused("state_conflict", refunds.retry(short[0].id, desk.wechat, desk.clock))
    await refunds.retry(short[1].id, desk.wechat, desk.clock)
    await refused("state_conflict", refunds.give_in_cash(short[1].id, desk.wechat, desk.clock))
    await desk.later()
    assert (await desk.now(second)).state == "refunded"
    assert (desk.sim.books.balance, list(desk.sim.books.refunds)) == (0, [short[1].number])


async def test_cash_and_retry_at_once_give_one_of_them(desk: Desk) -> None:
    """Two cashiers, one refund: it goes back once."""
    row = await desk.paid()
    desk.sim.books.dry_at_s = desk.sim.wall()
    made = await desk.refund(row, 29800)
    desk.sim.books.dry_at_s, desk.sim.books.balance = None, 29800
    await asyncio.gather(
        refunds.give_in_cash(made.id, desk.wechat, desk.clock),
        refunds.retry(made.id, desk.wechat, desk.clock),
        return_exceptions=True,
    )
    await desk.later()
    state = (await queries.refund(made.id)).state  # type: ignore[union-attr]
    assert (state, len(desk.sim.books.refunds)) in {("cash", 0), ("done", 1)}


async def test_a_refund_of_another_amount_is_shown_and_keeps_nobody_waiting(desk: Desk) -> None:
    """The provider tells of another amount than was asked for: noted; the refund after it is settled all the same."""
    row = await desk.paid()
    desk.sim.ways.refunds_end = False
    odd, good = await desk.refund(row, 100), await desk.refund(row, 200)
    desk.sim.books.refunds[odd.number].amount = 99
    desk.sim.finish_refund(odd.number)
    desk.sim.finish_refund(good.number)
    await desk.later()
    told = [await queries.refund(one.id) for one in (odd, good)]
    assert [one.state for one in told if one] == ["processing", "done"]
    assert "payment_mismatch" in str(told[0] and told[0].trouble)
    assert await desk.deliver(-2) == (409, "payment_mismatch")


async def test_no_cash_for_what_went_through_after_all(desk: Desk) -> None:
    """Told to be short, and done in the end by a request that was still on its way: the provider's word counts."""
    row = await desk.paid()
    desk.sim.books.dry_at_s = desk.sim.wall()
    made = await desk.refund(row, 29800)
    desk.sim.books.dry_at_s, desk.sim.books.balance = None, 29800
    amount = {"refund": 29800, "total": 29800, "currency": "CNY"}
    late = {"out_refund_no": made.number, "out_trade_no": row.number, "amount": amount}
    desk.sim.books.end_refund(desk.sim.books.refund(late, desk.sim.wall()), desk.sim.wall())
    await refused("state_conflict", refunds.give_in_cash(made.id, desk.wechat, desk.clock))
    assert ((await queries.refund(made.id)).state, (await desk.now(row)).state) == ("done", "refunded")  # type: ignore[union-attr]


async def test_cash_waits_for_the_providers_word(desk: Desk) -> None:
    """Without an answer nobody knows whether it went through: not given."""
    row = await desk.paid()
    desk.sim.books.dry_at_s = desk.sim.wall()
    made = await desk.refund(row, 29800)
    desk.sim.ways.troubles = ["refused"]
    with pytest.raises(Unclear):
        await refunds.give_in_cash(made.id, desk.wechat, desk.clock)
    assert (await queries.refund(made.id)).state == "short"  # type: ignore[union-attr]


async def test_refunds_that_the_bank_refuses(desk: Desk) -> None:
    """CLOSED: the money is ours again, another may be made. ABNORMAL: shown to a person."""
    desk.sim.ways.refunds_end = False
    row = await desk.paid()
    closed = await desk.refund(row, 29800)
    desk.sim.finish_refund(closed.number, "CLOSED")
    await desk.deliver(-1)
    told = await desk.now(row)
    assert (told.state, told.held) == ("paid", 0)
    stuck = await desk.refund(row, 29800)
    desk.sim.finish_refund(stuck.number, "ABNORMAL")
    await desk.later()
    assert await desk.attention() == [row.number]


async def test_the_bill_matches_and_every_difference_is_found(desk: Desk) -> None:
    """A day with payments, a refund and a reversal matches to the fen; each planted difference is told."""
    paid, part, back = await desk.paid(), await desk.paid(4000), await desk.by_code()
    made = await desk.refund(part, 1000)
    desk.clock.now_ms += 15_000
    await reversing.reverse(back.id, desk.wechat, desk.clock)
    lines = await desk.wechat.bill(datetime.fromtimestamp(desk.sim.wall(), CHINA).date())
    held = [
        bills.Held(paid.number, None, 29800, "CNY"),
        bills.Held(part.number, None, 4000, "CNY"),
        bills.Held(part.number, made.number, -1000, "CNY"),
    ]
    assert bills.compare(lines, held, {back.number}) == []
    assert {one.kind for one in bills.compare(lines, held[1:], {back.number})} == {bills.Difference.NOT_OURS}
    assert {one.kind for one in bills.compare(lines[1:], held, {back.number})} == {bills.Difference.NOT_BILLED}
    assert {one.kind for one in bills.compare([*lines, lines[0]], held, {back.number})} == {bills.Difference.TWICE}
    wrong = [bills.Held(paid.number, None, 1, "CNY"), *held[1:]]
    assert [(one.kind, one.billed, one.held) for one in bills.compare(lines, wrong, {back.number})] == [
        (bills.Difference.AMOUNT, 29800, 1)
    ]
    assert await desk.wechat.bill(datetime(2020, 1, 1, tzinfo=CHINA).date()) == []


@pytest.mark.parametrize("seed", range(4))
async def test_a_day_on_which_everything_goes_wrong(desk: Desk, seed: int) -> None:
    """Answers and notifications lost, doubled, out of order, refunds at random: at last both books are the same."""
    chance = Random(seed)
    rows, made = [], []
    for _ in range(24):
        desk.sim.ways.troubles = [chance.choice(["", "", "unknown", "refused", "hang"]) for _ in range(3)]
        if chance.random() < 0.5:
            rows.append(await desk.by_code(f"{chance.randrange(8):02d}", chance.randrange(1, 9000)))
        else:
            rows.append(await desk.begin(Way.SHOWN, chance.randrange(1, 9000)))
            if rows[-1].number in desk.sim.books.orders and chance.random() < 0.7:
                desk.sim.guest_pays(rows[-1].number)
        if chance.random() < 0.5:
            await desk.later(chance.randrange(10_000))
        row = await desk.now(chance.choice(rows))
        if row.state in queries.REFUNDABLE and row.held < row.amount:
            made.append((await desk.refund(row, chance.randrange(1, row.amount - row.held + 1))).id)
        for index in chance.sample(range(len(desk.sim.post.held)), min(2, len(desk.sim.post.held))):
            assert (await desk.deliver(index))[0] == 204
    desk.sim.ways.troubles = []
    for _ in range(6):
        await desk.later(PAYABLE_MS)
    ours = [await desk.now(row) for row in rows]
    theirs = {"SUCCESS": "paid", "REFUND": "paid", "REVOKED": "reversed", "CLOSED": "closed", "PAYERROR": "failed"}
    for row in ours:
        order = desk.sim.books.orders.get(row.number)
        came = "paid" if row.state in (*queries.REFUNDABLE, "refunded") else row.state
        expected = {theirs[order.state]} | ({"closed"} if order.state == "PAYERROR" else set()) if order else NEVER_SENT
        assert (came in expected, row.strange) == (True, False), (row.state, order and order.state)
    held = [
        bills.Held(one.number, None, one.amount, "CNY") for one in ours if one.transaction and one.state != "reversed"
    ]
    for refund_id in made:
        found = await queries.refund(refund_id)
        assert found is not None
        assert found.state == "done"
        held.append(bills.Held((await queries.payment(found.payment_id)).number, found.number, -found.amount, "CNY"))
    lines = await desk.wechat.bill(datetime.fromtimestamp(desk.sim.wall(), CHINA).date())
    assert bills.compare(lines, held, {one.number for one in ours if one.state == "reversed"}) == []
    assert sum(one.amount for one in held) == desk.sim.books.balance


async def test_a_serving_cloud_asks_by_itself(sqlite_settings: Any, tmp_path: Path) -> None:
    """With [wechat] in cloud.toml `serve` asks for what is open; no notification ever comes."""
    with holding_provider() as sim:
        wechat = wechat_settings(sim, tmp_path)
        settings = msgspec.structs.replace(sqlite_settings, wechat=wechat)
        async with running_services(settings) as services:
            now_ms = services.clock.wall_ms()
            wish = Wish(uuid7(now_ms), 1, Way.SHOWN, 100, "CNY", "全日票", "window 1")
            assert services.wechat is not None
            row, _ = await service.begin(wish, services.wechat, services.clock)
            sim.guest_pays(row.number)
            for _ in range(600):
                if (await queries.payment(row.id)).state == "paid":
                    break
                await asyncio.sleep(0.1)
            assert (await queries.payment(row.id)).state == "paid"


async def test_keys_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """Before anything is served: which file, and what it should hold."""
    with holding_provider() as sim:
        good = wechat_settings(sim, tmp_path)
        WeChatProvider(good)
        (tmp_path / "short").write_text("x")
        for changed in (
            {"private_key": str(tmp_path / "missing")},
            {"api_v3_key": str(tmp_path / "short")},
            {"private_key": str(tmp_path / "short")},
        ):
            with pytest.raises(SettingsError, match=r"\[wechat\]"):
                WeChatProvider(msgspec.structs.replace(good, **changed))
