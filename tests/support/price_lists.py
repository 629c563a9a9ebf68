# SPDX-License-Identifier: Apache-2.0
"""Rules that real ski areas publish (A to E), as products and price lists."""

from typing import Any

HOLIDAYS, WORKED, SENIORS_OFF, WEEKDAY_OFF, WEEKEND_OFF = 1, 2, 3, 4, 5
CALENDARS: list[dict[str, Any]] = [
    {"number": HOLIDAYS},
    {"number": WORKED},
    {"number": SENIORS_OFF, "weekdays": ["fri", "sat", "sun"], "also": [HOLIDAYS]},
    {"number": WEEKDAY_OFF, "weekdays": ["sat", "sun"], "also": [HOLIDAYS], "except": [WORKED]},
    {"number": WEEKEND_OFF, "also": [HOLIDAYS]},
]
LIFTS = [{"from": "08:30", "to": "16:30"}]
TWO_HOURS = {"windows": LIFTS, "clock": {"minutes": 120, "start": "sale", "within": 60}}


def name(en: str, zh: str) -> dict[str, str]:
    """In both languages."""
    return {"en": en, "zh-CN": zh}


TYPES: list[dict[str, Any]] = [
    {"code": "peak", "name": name("Peak", "高峰"), "sets": [HOLIDAYS]},
    {"code": "weekend", "name": name("Weekend", "周末"), "weekdays": ["sat", "sun"], "except": [WORKED]},
    {"code": "weekday", "name": name("Weekday", "平日")},
]
# B: Mondays and Wednesdays that are not holidays are discount days.
HALL_TYPES = [
    TYPES[0],
    TYPES[1],
    {"code": "discount", "name": name("Discount day", "特惠日"), "weekdays": ["mon", "wed"]},
    TYPES[2],
]


def product(number: int, code: str, price: int, **more: Any) -> dict[str, Any]:
    """A ticket for adults that opens the lifts, unless `more` says otherwise."""
    plain: dict[str, Any] = {"site": 1, "number": number, "code": code, "name": name(code, code), "price": price}
    plain |= {"currency": "CNY", "areas": [0], "tax_bp": 600}
    return plain | more


def other(number: int, code: str, price: int, kind: str, **more: Any) -> dict[str, Any]:
    """What opens no gate."""
    return product(number, code, price, areas=[], kind=kind, department=kind, **more)


def insurance(number: int) -> dict[str, Any]:
    """20 yuan, passed through to the insurer."""
    return other(number, f"INSURANCE{number}", 2000, "insurance", passthrough=True, tax_bp=0)


PRODUCTS: dict[str, list[dict[str, Any]]] = {
    "A": [
        product(101, "A-2H", 16000, terms=TWO_HOURS),
        product(102, "A-DAY", 26000, terms={"windows": LIFTS}),
        product(103, "A-2D-WEEKDAY", 40000, days=2, terms={"windows": LIFTS, "blackout": WEEKDAY_OFF}),
        product(104, "A-2D-WEEKEND", 52000, days=2, terms={"windows": LIFTS, "blackout": WEEKEND_OFF}),
        product(105, "A-2D-PEAK", 64000, days=2, terms={"windows": LIFTS}),
        product(106, "A-DAY-SMALL", 0, holder="child", terms={"windows": LIFTS}),
        product(107, "A-DAY-CHILD", 13000, holder="child", terms={"windows": LIFTS}),
        product(
            108,
            "A-SENIOR",
            0,
            holder="senior",
            terms={"windows": [{"from": "12:30", "to": "16:30"}], "blackout": SENIORS_OFF},
        ),
        product(109, "A-SIGHT", 8000, entries_total=2, terms={"windows": LIFTS}),
        insurance(110),
    ],
    "B": [
        product(201, "B-SESSION", 19800, terms={"clock": {"minutes": 240}, "overtime": 15}),
        other(202, "B-RENT", 5000, "rental"),
        product(203, "B-ALL", 0, areas=[], kind="bundle"),
        other(204, "B-LOCKER", 2000, "rental"),
    ],
    "C": [other(301, "C-CLOCK", 0, "rental", unit="hour"), other(302, "C-DEPOSIT", 20000, "deposit", tax_bp=0)],
    "D": [
        product(401, "D-5H", 6500, currency="JPY", terms={"clock": {"minutes": 300}}),
        product(402, "D-HOURS", 40000, currency="JPY", valid_until="2026-04-05", terms={"bank": {"minutes": 3000}}),
    ],
    "E": [
        *(product(500 + d, f"E-{d}D", 0, currency="EUR", days=d) for d in (1, 2, 3, 6)),
        product(511, "E-CHILD", 3500, currency="EUR", holder="child", days=1),
    ],
}

CONTENT: dict[str, dict[str, Any]] = {
    "A": {
        "day_types": TYPES,
        "holders": [
            {"code": "small", "name": name("Up to 1.2 m", "1.2米以下"), "height_cm": {"to": 120}, "guardian": True},
            {"code": "child", "name": name("1.21 to 1.5 m", "1.21至1.5米"), "height_cm": {"from": 121, "to": 150}},
            {"code": "senior", "name": name("From 65", "65岁以上"), "age": {"from": 65}},
            {"code": "disabled", "name": name("Disabled", "残疾人"), "document": "disability"},
        ],
        "policies": [
            {
                "code": "a",
                "name": name("Until the day before", "提前一天可退"),
                "rules": [
                    {"kinds": ["insurance"], "back": "nothing"},
                    {"used": False, "hours_before": 0, "back": "all"},
                ],
            }
        ],
        "rows": [
            *(
                {"product": 101, "price": 16000 + 4000 * n, "day_types": [t]}
                for n, t in enumerate(("weekday", "weekend"))
            ),
            {"product": 101, "price": 26000, "day_types": ["peak"]},
            {"product": 102, "price": 26000},
            {"product": 102, "price": 32000, "day_types": ["weekend"]},
            {"product": 102, "price": 38000, "day_types": ["peak"]},
            {"product": 107, "price": 13000},
            {"product": 107, "price": 16000, "day_types": ["weekend"]},
            {"product": 107, "price": 19000, "day_types": ["peak"]},
            {"product": 109, "price": 8000},
            {"product": 109, "price": 10000, "day_types": ["peak"]},
        ],
        "offers": [
            {"product": 102, "policy": "a"},
            {"product": 103, "day_types": ["weekday"], "policy": "a"},
            {"product": 104, "day_types": ["weekend"], "policy": "a"},
            {"product": 105, "policy": "a"},
            {"product": 106, "holder": "small", "needs": [110]},
            {"product": 107, "holder": "child", "policy": "a"},
            {"product": 108, "holder": "senior", "needs": [110]},
            {"product": 109, "holder": "disabled"},
            {"product": 110, "policy": "a"},
        ],
    },
    "B": {
        "day_types": HALL_TYPES,
        "deposits": [
            {
                "code": "person",
                "name": name("Deposit", "押金"),
                "methods": ["cash", "wechat_native", "alipay", "terminal"],
            }
            | {"by": {"weekday": 50000, "discount": 50000, "weekend": 70000, "peak": 70000}}
        ],
        "overtime": [
            {"code": "hall", "name": name("Overtime", "超时")}
            | {"tiers": [{"up_to": 15, "fee": 5000}, {"fee": "list_price", "each": 240}]}
        ],
        "rows": [
            {"product": 203, "price": 22800},
            {"product": 203, "price": 15800, "day_types": ["discount"]},
            {"product": 203, "price": 29800, "day_types": ["weekend", "peak"]},
            {"product": 201, "price": 19800},
        ],
        "offers": [
            {"product": 201, "deposit": "person", "overtime": "hall"},
            {"product": 203, "parts": [{"product": 201, "bp": 7500}, {"product": 202, "bp": 2500}]},
        ],
    },
    "C": {
        "day_types": TYPES,
        "deposits": [{"code": "card", "name": name("Card", "一卡通"), "per": "card", "otherwise": 20000}],
        "overtime": [
            {"code": "clock", "name": name("By the clock", "计时"), "free": 15}
            | {"tiers": [{"up_to": 120, "fee": 12000}, {"fee": 6000, "each": 60}]}
        ],
        "rows": [{"product": 301, "price": 0}],
        "offers": [{"product": 301, "deposit": "card", "overtime": "clock"}],
    },
    "D": {
        "day_types": TYPES,
        "rows": [{"product": 401, "price": 6500}, {"product": 401, "price": 7000, "day_types": ["weekend", "peak"]}],
    },
    "E": {
        "day_types": TYPES,
        "seasons": [{"code": "high", "name": name("High", "旺季"), "from": "2026-02-07", "to": "2026-03-07"}],
        "holders": [
            {"code": "child", "name": name("Born 2010 to 2019", "2010至2019年出生"), "born": {"from": 2010, "to": 2019}}
        ],
        "policies": [
            {
                "code": "accident",
                "name": name("Only after an accident", "仅限受伤"),
                "count": "elapsed",
                "day_counts_from": "10:00",
                "rules": [{"reasons": ["accident"], "documents": ["doctor"], "back": "days_at_price"}],
                "ladder": [{"days": days, "product": 500 + days} for days in (1, 2, 3, 6)],
            }
        ],
        "rows": [
            *(
                {"product": 500 + days, "price": price}
                for days, price in ((1, 7000), (2, 13000), (3, 18000), (6, 28000))
            ),
            {"product": 506, "price": 31000, "season": "high"},
            {"product": 511, "price": 3500},
        ],
        "offers": [
            *({"product": 500 + days, "eve_from": "15:00", "policy": "accident"} for days in (1, 2, 3, 6)),
            {"product": 511, "eve_from": "15:00", "holder": "child", "free_with": {"products": [501]}},
        ],
    },
}


async def open_catalogue(cloud: Any, rules: str = "A") -> None:
    """The calendars and products of a rule set, and its price list published."""
    for each in CALENDARS:
        await cloud.post("/calendars", {"site": 1, "name": name("Set", "日历")} | each)
    festival = [f"2026-02-{day}" for day in range(17, 24)]
    await cloud.post(f"/calendars/1/{HOLIDAYS}/dates", {"add": ["2026-01-01", *festival]})
    await cloud.post(f"/calendars/1/{WORKED}/dates", {"add": ["2026-02-14", "2026-02-28"]})
    for each in PRODUCTS[rules]:
        await cloud.post("/products", each)
    await cloud.post("/price-lists", {"site": 1, "content": CONTENT[rules]})
