# SPDX-License-Identifier: Apache-2.0
"""Rule set B, an indoor hall: sessions by day type, deposit by day type, overtime; sold, used, settled to the fen."""

from typing import Any

import pytest
from ski_area import FESTIVAL, HOLIDAYS, MONDAY, SATURDAY, TUESDAY, WORKED, WORKED_SATURDAY, Area, named, told

SESSION = 20
CONTENT: dict[str, Any] = {
    "day_types": [
        {"code": "holiday", "name": named("Holiday"), "sets": [HOLIDAYS]},
        {"code": "weekend", "name": named("Weekend"), "weekdays": ["sat", "sun"], "except": [WORKED]},
        {"code": "discount", "name": named("Discount"), "weekdays": ["mon", "wed"]},
        {"code": "weekday", "name": named("Weekday")},
    ],
    "rows": [
        {"product": SESSION, "price": 26800},
        {"product": SESSION, "price": 18800, "day_types": ["discount"]},
        {"product": SESSION, "price": 36800, "day_types": ["weekend"]},
        {"product": SESSION, "price": 45800, "day_types": ["holiday"]},
    ],
    "deposits": [
        {
            "code": "hall",
            "name": named("Deposit"),
            "by": {"weekend": 70000, "holiday": 70000},
            "otherwise": 50000,
            "methods": ["cash", "wechat_native", "wechat_code", "alipay", "terminal"],
        }
    ],
    "overtime": [
        {"code": "hall", "name": named("Overtime"), "tiers": [{"up_to": 15, "fee": 5000}, {"fee": "list_price"}]}
    ],
    "offers": [{"product": SESSION, "deposit": "hall", "overtime": "hall"}],
}
PRODUCTS = [
    {
        "number": SESSION,
        "name": named("4 hours"),
        "tax_bp": 600,
        "department": "hall",
        "terms": {"clock": {"minutes": 240}, "overtime": 15, "tracked": True},
    }
]
# Kind of day, price of a session, deposit; all in fen.
DAYS = [
    (SATURDAY, 36800, 70000),
    (MONDAY, 18800, 50000),
    (TUESDAY, 26800, 50000),
    (WORKED_SATURDAY, 26800, 50000),
    (FESTIVAL, 45800, 70000),
]


@pytest.fixture
async def hall(sqlite_cloud: Any, new_card: Any, new_gate: Any) -> Area:
    """The hall, open."""
    area = Area(sqlite_cloud, new_card, new_gate)
    await area.open(PRODUCTS, CONTENT)
    return area


async def guest_with_deposit(area: Area, day: str, **payment: Any) -> Any:
    """Buys at half past nine, leaves the deposit, gets the card."""
    from guests_at_gates import at

    at(area.cloud, day, "09:30")
    order = await area.sell({"product": SESSION, "visit_date": day})
    ticket = order["tickets"][0]["number"]
    guest = await area.visitor(ticket)
    pays = [{"method": "cash", "currency": "CNY"} | payment]
    taken = await area.cloud.post("/deposits", {"site": 1, "tickets": [ticket], "payments": pays})
    guest.order, guest.taken = order, taken  # type: ignore[attr-defined]
    return guest


@pytest.mark.parametrize(("day", "price", "deposit"), DAYS)
async def test_price_and_deposit_follow_the_kind_of_day(hall: Area, day: str, price: int, deposit: int) -> None:
    """A worked Saturday is a weekday; Monday is a discount day; a holiday is one whatever weekday it is."""
    guest = await guest_with_deposit(hall, day)
    assert (guest.order["total"], guest.taken["total"]) == (price, deposit)
    assert guest.passes(day, "10:00") == "in"
    assert guest.passes(day, "13:30", 2, exit=True) == "out"
    await hall.tell()
    answer = (await guest.checks_out(day, "13:40")).json()
    assert (answer["charges"], answer["back"], told(answer)) == (0, deposit, [("deposit_back", -deposit)])


@pytest.mark.parametrize(
    ("left", "charged"),
    [("14:00", 0), ("14:01", 5000), ("14:15", 5000), ("14:16", 36800), ("16:00", 36800)],
)
async def test_overtime_is_kept_of_the_deposit(hall: Area, left: str, charged: int) -> None:
    """In at 10:00, the clock ends at 14:00: up to a quarter of an hour 50 yuan, beyond it a whole session."""
    guest = await guest_with_deposit(hall, SATURDAY)
    assert guest.passes(SATURDAY, "10:00") == "in"
    assert guest.passes(SATURDAY, left, 2, exit=True).startswith("out")
    await hall.tell()
    answer = (await guest.checks_out(SATURDAY, "16:30")).json()
    assert (answer["charges"], answer["back"]) == (charged, 70000 - charged)
    assert ("overtime" in dict(told(answer))) == bool(charged)
    [deposit] = (await hall.cloud.get("/deposits", ticket=guest.ticket))["items"]
    assert deposit["state"] == ("part_kept" if charged else "returned")
    await hall.reconciles(SATURDAY)
    books = await hall.balances()
    assert books.get("deposits_held", 0) == 0
    assert books["tenders:cash"] == 36800 + charged
