# SPDX-License-Identifier: Apache-2.0
"""Rule set C, a one-card area: a deposit that is spent, equipment by its clock, top-up; settled to the fen."""

from math import ceil
from random import Random
from typing import Any

import pytest
from guests_at_gates import at
from ski_area import SATURDAY, Area, Visitor, named, told

from pistegate_cloud.wallets.invariants import disagreements

DAY, DEPOSIT = 30, 31
SHED, KITCHEN = 41, 42
PRODUCTS = [
    {"number": DAY, "name": named("Area day"), "price": 6000},
    {"number": DEPOSIT, "name": named("Deposit"), "price": 20000, "kind": "deposit"},
]
TERMS: dict[str, Any] = {
    "site": 1,
    "currency": "CNY",
    "clock": {
        "starts": ["boots", "skis"],
        "free": 15,
        "tiers": [{"up_to": 120, "fee": 8000}, {"up_to": 240, "fee": 12000}],
        "beyond": {"each": 60, "fee": 3000},
    },
    "damages": [
        {"code": "scratch", "kind": "skis", "price": 5000, "name": {"en": "Scratched skis", "zh-CN": "雪板划痕"}},
        {"code": "lost", "price": 15000, "name": {"en": "Lost", "zh-CN": "丢失"}},
    ],
    "once": True,
    "tax_bp": 600,
}
CASH = [{"method": "cash", "currency": "CNY"}]


@pytest.fixture
async def area(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> Area:
    """The area, open: a rental shed, a kitchen."""
    area = Area(sqlite_cloud, new_card, new_gate)
    await area.open(PRODUCTS, {})
    for till in (SHED, KITCHEN):
        await area.till(till)
    assert (await area.cloud.http.put("/rentals/terms", json=TERMS)).is_success
    terms = {"site": 1, "currency": "CNY", "offline_cap": 50000}
    assert (await area.cloud.http.put("/wallets/terms", json=terms)).is_success
    return area


async def with_one_card(area: Area) -> tuple[Visitor, int]:
    """At nine: ticket and deposit in one order; the deposit is spending money on the card. The visitor, the wallet."""
    at(area.cloud, SATURDAY, "09:00")
    order = await area.sell({"product": DAY, "visit_date": SATURDAY}, {"product": DEPOSIT, "visit_date": SATURDAY})
    assert order["total"] == 26000
    guest = await area.visitor(order["tickets"][0]["number"])
    [deposit] = (await area.cloud.get("/deposits", order=order["id"]))["items"]
    assert (deposit["held"], deposit["ticket"]) == (20000, guest.ticket)
    uid = guest.card.uid.hex()
    wallet = (await area.cloud.post("/wallets", {"site": 1, "currency": "CNY", "uid": uid}))["wallet"]
    await area.cloud.post(f"/deposits/{deposit['deposit']}/bind", {"uid": uid})
    await area.cloud.post(f"/deposits/{deposit['deposit']}/spendable", {"wallet": wallet})
    await put_on_card(area, guest, wallet, 20000)
    return guest, wallet


async def put_on_card(area: Area, guest: Visitor, wallet: int, amount: int) -> None:
    area.cloud.encoder().card = guest.card
    await area.cloud.post(f"/wallets/{wallet}/load", {"amount": amount, "site": 1, "encoder": 1, "wait_ms": 0})


async def deposit_of(area: Area, guest: Visitor) -> tuple[str, int, int]:
    [row] = (await area.cloud.get("/deposits", uid=guest.card.uid.hex()))["items"]
    return row["state"], row["spent"], row["returned"]


async def test_a_day_with_one_card(area: Area) -> None:
    """Skis for three hours and a half, lunch, a top-up, a scratch: every fen is where the list says.

    200 deposit + 100 top-up; lunch 45, boots and skis 3 h 30 = 120, scratch 50: 85 back, by the top-up.
    """
    guest, wallet = await with_one_card(area)
    assert guest.passes(SATURDAY, "09:20") == "in"
    guest.rents(SATURDAY, "09:05", SHED, "locker=L-7")
    guest.rents(SATURDAY, "09:10", SHED, "boots=B-12 skis=K2-1 jacket=J-3")
    guest.spends(SATURDAY, "11:30", KITCHEN, 4500, "noodles")
    at(area.cloud, SATURDAY, "11:45")
    topped = await area.cloud.post(
        f"/wallets/{wallet}/recharge", {"amount": 10000, "currency": "CNY", "payments": CASH}
    )
    assert topped["account"] == 10000
    await put_on_card(area, guest, wallet, 10000)
    guest.rents(SATURDAY, "12:30", SHED, "boots=B-12 jacket=J-3", back=True)
    guest.rents(SATURDAY, "12:40", SHED, "skis=K2-1 locker=L-7", back=True)
    await area.tell()
    seen = await guest.looks(SATURDAY, "12:50", damages=[{"code": "scratch", "kind": "skis"}])
    assert (seen["state"], seen["charges"], seen["missing"], seen["back"]) == ("preview", 17000, 0, 8500)
    answer = (await guest.checks_out(SATURDAY, "12:50", damages=[{"code": "scratch", "kind": "skis"}])).json()
    assert told(answer) == [
        ("rental", 12000),
        ("damage", 5000),
        ("consumption", 0),
        ("card_balance", 0),
        ("wallet_used", 0),
        ("wallet_back", -8500),
    ]
    words = answer["lines"][0]["words"]
    assert words["en"] == "Equipment from 2026-01-17 09:10 to 2026-01-17 12:40: 210 min, up to 240 min"
    assert "210 分钟" in words["zh-CN"]
    assert (answer["charges"], answer["back"]) == (17000, 8500)
    assert await deposit_of(area, guest) == ("kept", 20000, 0)
    assert await disagreements(1) == []
    await area.reconciles(SATURDAY)
    books = await area.balances()
    assert books["tenders:cash"] == 26000 + 10000 - 8500
    assert {name: books.get(name, 0) for name in ("deposits_held", "wallets", "wallet_cards", "recharges")} == {
        "deposits_held": 0,
        "wallets": 0,
        "wallet_cards": 0,
        "recharges": 0,
    }
    assert books["till_sales"] == -4500
    assert (books["revenue:rental"], books["output_tax"]) == (-11321 - 4717, -679 - 283)  # 6 % inside 120 and 50 yuan


async def test_what_is_left_of_the_deposit_goes_back_as_a_deposit(area: Area) -> None:
    """Lunch only: 155 of 200 back; nothing else is left anywhere."""
    guest, _ = await with_one_card(area)
    guest.spends(SATURDAY, "11:30", KITCHEN, 4500)
    await area.tell()
    answer = (await guest.checks_out(SATURDAY, "12:00")).json()
    assert (answer["charges"], answer["back"]) == (0, 15500)
    assert await deposit_of(area, guest) == ("part_kept", 4500, 15500)
    await area.reconciles(SATURDAY)
    assert (await area.balances())["tenders:cash"] == 26000 - 15500


async def test_nothing_is_settled_while_equipment_is_out(area: Area) -> None:
    """The answer says which; nothing was changed, and once it is back the same call settles."""
    guest, _ = await with_one_card(area)
    guest.rents(SATURDAY, "09:10", SHED, "boots=B-12 skis=K2-1")
    guest.rents(SATURDAY, "10:10", SHED, "boots=B-12", back=True)
    await area.tell()
    refused = (await guest.checks_out(SATURDAY, "10:15")).json()
    assert (refused["code"], "skis K2-1" in refused["detail"]) == ("settlement_equipment_out", True)
    assert (await deposit_of(area, guest))[0] == "held"
    assert (await area.cloud.get("/settlements", site=1))["items"] == []
    guest.rents(SATURDAY, "10:20", SHED, "skis=K2-1", back=True)
    await area.tell()
    answer = (await guest.checks_out(SATURDAY, "10:25")).json()
    assert (answer["charges"], answer["back"]) == (8000, 12000)


async def test_fifteen_minutes_are_free(area: Area) -> None:
    """Boots that do not fit, brought back: told, and nothing is charged."""
    guest, _ = await with_one_card(area)
    guest.rents(SATURDAY, "09:10", SHED, "boots")
    guest.rents(SATURDAY, "09:25", SHED, "boots", back=True)
    await area.tell()
    answer = (await guest.checks_out(SATURDAY, "09:30")).json()
    assert [line for line in told(answer) if line[0].startswith("rental")] == [("rental_free", 0)]
    assert answer["back"] == 20000
    assert (await deposit_of(area, guest))[0] == "returned"


async def test_what_only_the_card_knows_is_settled_and_told_apart(area: Area) -> None:
    """The shed and the kitchen have no network: the card's own memory has the clock and the lunch."""
    guest, _ = await with_one_card(area)
    guest.rents(SATURDAY, "09:10", SHED, "skis")
    guest.spends(SATURDAY, "10:00", KITCHEN, 3000)
    guest.rents(SATURDAY, "11:10", SHED, "skis", back=True)
    answer = (await guest.checks_out(SATURDAY, "11:15")).json()
    only = {line["key"] for line in answer["lines"] if line["only_card"]}
    assert only == {"rental", "consumption_untold"}
    assert (answer["charges"], answer["back"]) == (8000, 9000)
    await area.tell()
    assert await disagreements(1) == []
    assert (await area.balances())["till_sales"] == -3000


async def test_what_the_cards_memory_has_forgotten_is_still_charged(area: Area) -> None:
    """No network all day and many small things eaten: the card's rental file still has when the skis were taken."""
    guest, _ = await with_one_card(area)
    guest.rents(SATURDAY, "09:10", SHED, "skis")
    for minute in range(30):
        guest.spends(SATURDAY, f"10:{minute:02d}", KITCHEN, 100)
    guest.rents(SATURDAY, "11:10", SHED, "skis", back=True)
    answer = (await guest.checks_out(SATURDAY, "11:15")).json()
    assert (answer["charges"], answer["back"]) == (8000, 20000 - 3000 - 8000)


async def test_a_lost_piece_is_charged_and_what_is_missing_must_be_paid(area: Area) -> None:
    """Lost skis 150, an hour 80; 150 of 200 were eaten: 50 are on the card, 180 are missing, and are taken in cash."""
    guest, _ = await with_one_card(area)
    guest.rents(SATURDAY, "09:10", SHED, "skis=K2-1 boots=B-1")
    guest.spends(SATURDAY, "10:00", KITCHEN, 15000)
    guest.rents(SATURDAY, "10:10", SHED, "boots=B-1", back=True)
    await area.tell()
    lost = [{"code": "lost", "kind": "skis"}]
    refused = (await guest.checks_out(SATURDAY, "10:20", damages=lost)).json()
    assert (refused["code"], "18000" in refused["detail"]) == ("settlement_short", True)
    pays = [{"method": "cash", "currency": "CNY", "amount": 18000, "tendered": 20000}]
    answer = (await guest.checks_out(SATURDAY, "10:20", damages=lost, payments=pays)).json()
    assert (answer["charges"], answer["back"], answer["missing"]) == (23000, 0, 0)
    assert (await area.balances())["tenders:cash"] == 26000 + 18000


async def test_the_next_guest_with_the_same_card_begins_anew(area: Area) -> None:
    """Settled, the card is stock again: nothing of the guest before is on it or asked of the next."""
    guest, _ = await with_one_card(area)
    guest.rents(SATURDAY, "09:10", SHED, "skis")
    guest.rents(SATURDAY, "10:10", SHED, "skis", back=True)
    await area.tell()
    await guest.checks_out(SATURDAY, "10:15")
    assert (await area.cloud.get(f"/cards/{guest.card.uid.hex()}"))["status"] == "stock"
    at(area.cloud, SATURDAY, "10:30")
    order = await area.sell({"product": DAY, "visit_date": SATURDAY})
    area.cloud.encoder().card = guest.card
    await area.cloud.post(f"/tickets/{order['tickets'][0]['number']}/issue", {"encoder": 1, "wait_ms": 0})
    answer = (await guest.checks_out(SATURDAY, "11:00")).json()
    assert (answer["charges"], answer["back"], told(answer)) == (0, 0, [])


class Model:
    """What a day comes to, reckoned apart from the product: minutes after 09:00, fen."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.now, self.balance, self.topped = rng, 5, 20000, 0
        self.out: set[str] = set()
        self.had: set[str] = set()
        self.since: int | None = None
        self.last = 0

    @property
    def time(self) -> str:
        return f"{9 + self.now // 60:02d}:{self.now % 60:02d}"

    def take(self) -> str | None:
        free = sorted({"boots", "skis", "locker", "gloves"} - self.had)
        if not free:
            return None
        kind = self.rng.choice(free)
        self.out.add(kind)
        self.had.add(kind)
        if kind in ("boots", "skis") and self.since is None:
            self.since = self.now
        return kind

    def give_back(self) -> str | None:
        if not self.out:
            return None
        kind = self.rng.choice(sorted(self.out))
        self.out.remove(kind)
        self.last = self.now
        return kind

    @property
    def fee(self) -> int:
        minutes = 0 if self.since is None else max(self.since, self.last) - self.since
        if minutes <= 15:
            return 0
        for up_to, fee in ((120, 8000), (240, 12000)):
            if minutes <= up_to:
                return fee
        return 12000 + 3000 * ceil((minutes - 240) / 60)


@pytest.mark.parametrize("seed", range(4))
async def test_any_day_comes_to_what_a_plain_reckoning_says(area: Area, seed: int) -> None:
    """Kinds, times, lunches, top-ups by chance, tills with and without a network: the same charges, the same back."""
    guest, wallet = await with_one_card(area)
    model = Model(Random(seed))
    for _ in range(model.rng.randint(4, 9)):
        model.now += model.rng.randint(1, 70)
        match model.rng.choice(("take", "take", "back", "spend", "top-up", "tell")):
            case "take" if kind := model.take():
                guest.rents(SATURDAY, model.time, SHED, kind)
            case "back" if kind := model.give_back():
                guest.rents(SATURDAY, model.time, SHED, kind, back=True)
            case "spend":
                amount = model.rng.randint(1, 9000)
                if amount <= model.balance:
                    guest.spends(SATURDAY, model.time, KITCHEN, amount)
                    model.balance -= amount
            case "top-up":
                at(area.cloud, SATURDAY, model.time)
                body = {"amount": 3000, "currency": "CNY", "payments": CASH}
                await area.cloud.post(f"/wallets/{wallet}/recharge", body)
                await put_on_card(area, guest, wallet, 3000)
                model.balance, model.topped = model.balance + 3000, model.topped + 3000
            case "tell":
                await area.tell()
    while kind := model.give_back():
        model.now += 1
        model.last = model.now
        guest.rents(SATURDAY, model.time, SHED, kind, back=True)
    if model.rng.random() < 0.5:
        await area.tell()
    model.now += 1
    missing = max(0, model.fee - model.balance)
    pays = [{"method": "cash", "currency": "CNY", "amount": missing, "tendered": missing}] if missing else []
    answer = (await guest.checks_out(SATURDAY, model.time, payments=pays)).json()
    back = max(0, model.balance - model.fee)
    assert (answer["charges"], answer["back"]) == (model.fee, back), answer
    await area.tell()
    assert await disagreements(1) == []
    await area.reconciles(SATURDAY)
    assert (await area.balances())["tenders:cash"] == 26000 + model.topped + missing - back
