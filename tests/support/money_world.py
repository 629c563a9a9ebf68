# SPDX-License-Identifier: Apache-2.0
"""A ski area whose windows, guests, provider and cloud may each fail at any moment; what they do, one deed at a time.

A request that died is repeated with its key, at once or whenever somebody gets to it. Everything that a guest or a
seller does is a method of `World`; after each of them, and after each death, `Oracle` looks.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from crash_points import CrashPoints, Point
from money_oracle import Oracle
from money_provider import MoneyProvider

from pistegate_cloud.days import recognition, reporting
from pistegate_cloud.days.checking import differences
from pistegate_cloud.ledger import exporting
from pistegate_cloud.orders import cancelling
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.payments.settling import settle
from pistegate_cloud.stock.models import Stock, StockProduct

DAY_TICKET, RIDES, MEAL, INSURANCE, SESSION = 30, 31, 32, 33, 34
FIRST, DAYS = date(2026, 1, 17), 12  # the clock of tests/cloud/conftest.py begins on the first, at noon
CAPACITY, VALUE, CREDIT = 9, 1000, 60_000
DAY_MS = 86_400_000
CNY: Final = "CNY"
CASH: Final = {"method": "cash", "currency": CNY}
# What guests buy: (product, quantity)
BASKETS: Final = (
    ((DAY_TICKET, 1),),
    ((DAY_TICKET, 3),),
    ((RIDES, 2), (MEAL, 1)),
    ((DAY_TICKET, 1), (MEAL, 2), (INSURANCE, 1)),
    ((SESSION, 1),),
)
MIXES: Final = ("cash", "native", "code", "account", "voucher", "voucher and native", "wallet", "account and code", "")


def named(words: str) -> dict[str, str]:
    """In both languages."""
    return {"en": words, "zh-CN": words}


async def furnish(cloud: Any) -> list[str]:
    """Products, prices, stock, an account, a wallet, equipment; codes of vouchers. Once: worlds get copies."""
    plain = {"site": 1, "currency": CNY, "areas": [0], "tax_bp": 600}
    clock = {"clock": {"minutes": 120}, "overtime": 60, "tracked": True}
    for number, price, more in (
        (DAY_TICKET, 29800, {}),
        (RIDES, 4001, {"entries_total": 3, "days": 3}),
        (MEAL, 3333, {"areas": [], "kind": "meal"}),
        (INSURANCE, 2000, {"areas": [], "kind": "insurance", "passthrough": True, "tax_bp": 0}),
        (SESSION, 20000, {"terms": clock}),
    ):
        body = plain | {"number": number, "code": f"P{number}", "name": named("P"), "price": price} | more
        await cloud.post("/products", body)
    rules = [{"kinds": ["insurance"], "back": "nothing"}, {"used": False, "back": "all", "fee": 501}]
    offers = [{"product": number, "policy": "fee"} for number in (DAY_TICKET, MEAL, INSURANCE)]
    content = {
        "day_types": [{"code": "day", "name": named("Day")}],
        "policies": [{"code": "fee", "name": named("Fee"), "rules": rules}],
        "deposits": [{"code": "hall", "name": named("Deposit"), "otherwise": 30000}],
        "offers": [*offers, {"product": SESSION, "deposit": "hall"}],
    }
    await cloud.post("/price-lists", {"site": 1, "content": content})
    for day in range(DAYS):
        when = FIRST + timedelta(days=day)
        stock = await Stock.create(site_id=1, code="HILL", day=when, capacity=CAPACITY, left=CAPACITY)
        for product in (DAY_TICKET, SESSION):
            await StockProduct.create(site_id=1, stock=stock, product=product, day=when)
    account = {"site": 1, "code": "HOTEL", "name": "Hotel", "currency": CNY, "credit_limit": CREDIT}
    await cloud.post("/accounts", account | {"approval_over": 10**9})
    await _put(cloud, "/wallets/terms", {"site": 1, "currency": CNY, "offline_cap": 50000})
    await cloud.post("/wallets", {"site": 1, "currency": CNY})
    await _put(
        cloud,
        "/rentals/terms",
        {"site": 1, "currency": CNY, "clock": {"free": 15, "tiers": [{"up_to": 120, "fee": 8000}]}},
    )
    pieces = [{"kind": "skis", "label": f"S-{n}"} for n in range(3)]
    await cloud.post("/rentals/pieces", {"site": 1, "pieces": pieces})
    batch = {"site": 1, "name": "x", "value": VALUE, "currency": CNY, "quantity": 10, "keeps_rest": True}
    days = {"valid_from": FIRST.isoformat(), "valid_until": (FIRST + timedelta(days=90)).isoformat()}
    made = await cloud.post("/voucher-batches", batch | days)
    return list(made["codes"])


async def _put(cloud: Any, path: str, body: dict[str, Any]) -> None:
    answer = await cloud.http.put(path, json=body)
    assert answer.is_success, answer.text


@dataclass
class Request:
    """A request that somebody makes, with its key; `done`: what it was answered."""

    path: str
    body: dict[str, Any]
    key: str
    done: httpx.Response | None = None


class World:
    """One example."""

    def __init__(self, cloud: Any, database: Path, points: CrashPoints, codes: list[str]) -> None:
        self.cloud, self.points, self.codes = cloud, points, codes
        self.provider = MoneyProvider(points, cloud.clock)
        self.oracle = Oracle(database)
        cloud.services.wechat = self.provider
        self.orders: list[str] = []
        self.tickets: list[int] = []
        self.pending: list[Request] = []
        self.requests: list[Request] = []
        self.closed = 0
        self.days = 0
        self.steps = 0

    @property
    def today(self) -> date:
        return FIRST + timedelta(days=self.days)

    def looks(self) -> None:
        """All that must be true now."""
        self.oracle.check()
        self.oracle.answered(self.orders, len(self.pending))
        assert not self.provider.wrong, self.provider.wrong

    # Requests and jobs, and how they die

    async def request(self, path: str, body: dict[str, Any], point: Point | None, *, later: bool) -> Any:
        """A new request; what it was answered, None while nobody knows."""
        made = Request(path, body, f"k{len(self.requests)}")
        self.requests.append(made)
        return await self.attempt(made, point, later=later)

    async def attempt(self, made: Request, point: Point | None, *, later: bool) -> Any:
        """Send it; if that dies it is sent again, now or `later`."""
        self.pending = [one for one in self.pending if one is not made]
        self.points.arm(point)
        answer = await self._send(made)
        if self.points.restart():
            self.pending.append(made)
            if later:
                return None
            self.looks()
            return await self.attempt(made, None, later=False)
        assert answer.status_code < 500, f"{made}: {answer.text}"
        return self._heard(made, answer)

    async def _send(self, made: Request) -> httpx.Response:
        return await self.cloud.http.post(made.path, json=made.body, headers={"Idempotency-Key": made.key})

    def _heard(self, made: Request, answer: httpx.Response) -> Any:
        made.done = answer
        if not answer.is_success:
            return None
        told = answer.json()
        self._learn(told)
        self._learn(told.get("after") or {})
        if "refund" not in made.path and "order" in told:
            self._learn({"id": told["order"]})
        return told

    def _learn(self, told: Any) -> None:
        if "id" in told and told["id"] not in self.orders:
            self.orders.append(told["id"])
        for one in told.get("tickets", ()):
            if isinstance(one, dict) and one["number"] not in self.tickets:
                self.tickets.append(one["number"])

    async def repeats(self, made: Request) -> None:
        """A request that was answered comes again: the same answer, and nothing more."""
        before = self.oracle.orders()
        again = await self._send(made)
        assert self.oracle.orders() == before, f"{made} made something twice"
        if made.done is not None and made.done.is_success:
            assert again.is_success, again.text
            assert _name(again.json()) == _name(made.done.json())

    async def job(self, work: Callable[[], Awaitable[Any]], point: Point | None) -> None:
        """A loop of `serve` comes round; when it dies it comes round again in a new process."""
        self.points.arm(point)
        try:
            await work()
        except Exception:
            if not self.points.dead:
                raise
        if self.points.restart():
            self.looks()
            await work()

    # Deeds

    def tendered(self, mix: str, nth: int) -> list[dict[str, Any]]:
        """Ways of paying; the last one pays what is left."""
        code = {"method": "wechat_code", "code": f"13456789012345670{nth % 4}", "currency": CNY}
        native = {"method": "wechat_native", "currency": CNY}
        signed = {"method": "account", "account": "HOTEL", "amount": 1501, "currency": CNY}
        voucher = {"method": "voucher", "voucher": self.codes[nth % len(self.codes)], "currency": CNY, "amount": 700}
        wallet = {"method": "wallet", "wallet": 1, "amount": 2000, "currency": CNY}
        return {
            "cash": [CASH],
            "native": [native],
            "code": [code],
            "account": [signed, CASH],
            "voucher": [voucher, CASH],
            "voucher and native": [voucher, native],
            "wallet": [wallet, CASH],
            "account and code": [signed, code],
            "": [],
        }[mix]

    async def sells(self, basket: int, mix: str, nth: int, point: Point | None, *, later: bool) -> None:
        """An order, for today or tomorrow."""
        day = (self.today + timedelta(days=nth % 2)).isoformat()
        lines = [{"product": product, "quantity": count, "visit_date": day} for product, count in BASKETS[basket]]
        body = {"site": 1, "channel": "window", "lines": lines, "payments": self.tendered(mix, nth)}
        await self.request("/orders", body | ({"phone": "13800138000"} if nth % 3 else {}), point, later=later)

    async def pays(self, nth: int, mix: str, point: Point | None, *, later: bool) -> None:
        """An order that waits, or another: it is refused."""
        if self.orders:
            body = {"payments": self.tendered(mix or "cash", nth), "instead": bool(nth % 2)}
            await self.request(f"/orders/{self.order(nth)}/payments", body, point, later=later)

    def order(self, nth: int) -> str:
        """One of the newest ones."""
        return self.orders[-1 - nth % min(len(self.orders), 6)]

    async def cancels(self, nth: int, point: Point | None) -> None:
        if self.orders:
            await self.request(f"/orders/{self.order(nth)}/cancel", {"reason": "left"}, point, later=False)

    async def refunds(self, nth: int, point: Point | None, *, whole: bool, later: bool) -> None:
        """All of an order, or one ticket."""
        if self.orders:
            order, body = self.order(nth), {"reason": "ill"}
            rows = self.oracle.rows("SELECT number FROM ticket WHERE order_id = ? AND status != 'revoked'", order)
            if rows and not whole:
                body["tickets"] = [min(rows)[0]]  # type: ignore[assignment]
            await self.request(f"/orders/{order}/refund", body, point, later=later)

    async def recharges(self, nth: int, mix: str, point: Point | None, *, later: bool) -> None:
        payments = self.tendered(mix, nth)
        await self.request(
            "/wallets/1/recharge", {"amount": 5000, "currency": CNY, "payments": payments}, point, later=later
        )

    async def leaves_deposit(self, nth: int, mix: str, point: Point | None, *, later: bool) -> None:
        """For a session ticket; others have none."""
        if ticket := self.session(nth):
            body = {"site": 1, "tickets": [ticket], "payments": self.tendered(mix, nth)}
            await self.request("/deposits", body, point, later=later)

    def session(self, nth: int) -> int | None:
        found = self.oracle.rows(
            "SELECT t.number FROM ticket t JOIN product p ON p.id = t.product_id WHERE p.number = ?"
            " ORDER BY t.order_id",
            SESSION,
        )
        return found[nth % len(found)][0] if found else None

    async def takes_skis(self, nth: int, point: Point | None, *, back: bool) -> None:
        """Handed out or taken back at the counter; these have no keys: again, they are refused."""
        if ticket := self.session(nth):
            label = f"S-{nth % 3}"
            body = {"site": 1, "ticket": ticket, "labels": [label]}
            if not back:
                body = {"site": 1, "ticket": ticket, "pieces": [{"kind": "skis", "label": label}]}
            await self.request(f"/rentals/loans{'/return' * back}", body, point, later=False)

    async def checks_out(self, nth: int, point: Point | None, *, later: bool) -> None:
        """Everything of a session ticket is settled."""
        if ticket := self.session(nth):
            body: dict[str, Any] = {"site": 1, "ticket": ticket, "payments": [CASH] if nth % 2 else []}
            await self.request("/settlements", body, point, later=later)

    async def account_pays(self, nth: int, point: Point | None, *, later: bool) -> None:
        await self.request("/accounts/1/payments", {"amount": 1 + nth * 300, "method": "cash"}, point, later=later)

    async def guest_pays(self, nth: int) -> None:
        """What the guest was shown, sometimes when nobody wants it any more."""
        if waits := list(self.provider.payments):
            self.provider.guest_pays(waits[-1 - nth % min(len(waits), 4)])

    async def tells(self, nth: int, point: Point | None) -> None:
        """A notification of the provider, whichever; one that died is sent again."""
        if self.provider.notices:
            index = len(self.provider.notices) - 1 - nth % min(len(self.provider.notices), 5)
            self.points.arm(point)
            answer = await self._notify(index)
            if self.points.restart():
                self.looks()
                answer = await self._notify(index)
            assert answer.status_code < 500, answer.text

    async def _notify(self, index: int) -> httpx.Response:
        body = self.provider.notice(index)
        return await self.cloud.http.post("/payments/wechat/notifications", content=body, headers={"Authorization": ""})

    async def settles_late(self, nth: int, point: Point | None) -> None:
        """Money without an order goes back, or to an order that waits."""
        late = self.oracle.rows("SELECT provider_payment_id FROM payment WHERE state = 'late' ORDER BY id")
        if late:
            body: dict[str, Any] = {"reason": "left"}
            if nth % 2:
                body["order"] = self.order(nth)
            await self.request(f"/payments/{late[0][0]}/settle", body, point, later=False)

    async def passes(self, nth: int) -> None:
        """A gate tells that somebody passed with a ticket that still holds."""
        found = self.oracle.rows(
            "SELECT number FROM ticket WHERE status != 'revoked' AND valid_from <= ?", str(self.today)
        )
        if found:
            self.steps += 1
            number = sorted(found)[nth % len(found)][0]
            plain = {
                "site_id": 1,
                "gate": 1,
                "post": 1,
                "area": 0,
                "epoch": 1,
                "seq": self.steps,
                "medium": "01" + "0" * 14,
            }
            told = {"ticket": number, "claim": "00", "n": 1, "charged": 1, "prev": "00", "day": self.today, "hour": 10}
            at_ms = self.cloud.clock.now_ms
            await Admission.create(name=f"{self.steps:016x}", at_ms=at_ms, state="passed", passed=1, **plain, **told)

    async def time_passes(self, ms: int, point: Point | None) -> None:
        """And the loops of `serve` come round."""
        self.cloud.clock.now_ms = min(self.cloud.clock.now_ms + ms, self._midnight_ms() - 1)
        await self.loops(point)

    def _midnight_ms(self) -> int:
        """Of the coming night at the site: 16:00 UTC."""
        return (self.today.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS + 16 * 3_600_000

    async def loops(self, point: Point | None) -> None:
        clock = self.cloud.clock
        await self.job(lambda: settle(self.provider, clock), point)
        await self.job(lambda: cancelling.expire_due(clock), point)

    async def evening(self, point: Point | None) -> None:
        """Revenue is recognised; the books are compared with everything that they are about."""
        await self.job(lambda: recognition.run(self.cloud.clock.now_ms), point)
        found = await reporting.report(1, self.today, "open")
        assert differences(found.checks) == []

    async def next_day(self) -> None:
        """Eight in the morning."""
        if self.days < DAYS - 2:
            self.cloud.clock.now_ms = self._midnight_ms() + 8 * 3_600_000
            self.days += 1

    async def closes_day(self, point: Point | None) -> None:
        """The oldest day that is over and not closed: it reconciles, and never changes again."""
        if self.closed < self.days:
            day = (FIRST + timedelta(days=self.closed)).isoformat()
            told = await self.request("/days/close", {"site": 1, "day": day}, point, later=False)
            assert told is not None, self.requests[-1].done and self.requests[-1].done.text
            self.closed += 1

    async def retries(self, nth: int, point: Point | None) -> None:
        """Somebody gets to a request of which nobody knows what became."""
        if self.pending:
            await self.attempt(self.pending[nth % len(self.pending)], point, later=False)

    async def again(self, nth: int) -> None:
        done = [
            one for one in self.requests if one.done is not None and one.done.is_success and "loans" not in one.path
        ]
        if done:
            await self.repeats(done[-1 - nth % min(len(done), 8)])

    def done(self) -> Counter[str]:
        """How many requests of each kind were done, and how many refused."""
        found: Counter[str] = Counter()
        for made in self.requests:
            kind = "/".join(part for part in made.path.split("/") if part.isalpha())
            if made.done is not None:
                found[kind if made.done.is_success else f"{kind} {made.done.json()['code']}"] += 1
        return found

    async def quiet(self) -> str:
        """Nothing goes wrong any more and everything comes to its end: our book of it, for bean-check."""
        self.provider.moods = []
        for made in list(self.pending):
            await self.attempt(made, None, later=False)
        for index in range(len(self.provider.notices)):
            assert (await self._notify(index)).status_code < 500
        for _ in range(8):
            self.cloud.clock.now_ms += 15 * 60_000
            await self.loops(None)
        self.looks()
        self.oracle.answered(self.orders, 0)
        books = self.oracle.balances()
        assert books["in_doubt:wechat"] == books["refunds_due:wechat"] == 0
        assert books["tenders:wechat"] == self.provider.balance
        await recognition.run(self.cloud.clock.now_ms)
        for day in range(self.closed, self.days + 2):
            found = await reporting.report(1, FIRST + timedelta(days=day), "open")
            assert differences(found.checks) == []
        return await exporting.beancount_book(1, FIRST, FIRST + timedelta(days=DAYS))


def _name(answer: Any) -> str:
    """What an answer is about: an order as it stands may have moved on."""
    return str(answer.get("id") or answer.get("order") or answer.get("settlement") or sorted(answer.items()))
