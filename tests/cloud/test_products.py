# SPDX-License-Identifier: Apache-2.0
"""Products: every term of a claim as data; what a claim cannot tell is refused before it is sold."""

from datetime import date
from typing import Any

import pytest
from documents_down import issuer_keys
from guests_at_gates import Guest, at, ticket_on_card

from pistegate_cloud.database import open_database
from pistegate_cloud.migrate import migrate
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.schemas import TermsBody
from pistegate_cloud.products.terms import last_day, terms_of
from pistegate_cloud.settings import DatabaseSettings
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.claims import Bank, Claim, ClockStart, ClockTerm, Scope, Window
from pistegate_protocol.signing import Medium, MediumKind, open_claim
from pistegate_simulators.stock import claim_content

DAY = "2026-01-17"
PLAIN: dict[str, Any] = {"site": 1, "number": 50, "code": "X", "name": {"en": "X", "zh-CN": "票"}, "price": 100}
PLAIN |= {"currency": "CNY", "areas": [0]}


def product(terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    return PLAIN | more | {"terms": terms}


async def refused(cloud: Any, body: dict[str, Any]) -> Any:
    answer = await cloud.http.post("/products", json=body)
    assert answer.status_code == 422, answer.text
    assert await Product.filter(number=50).count() == 0
    return answer.json()


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, {}),
        (
            {"windows": [{"from": "08:30", "to": "12:00"}, {"from": "18:00", "to": "24:00"}]},
            {"windows": (Window(510, 720), Window(1080, 1440))},
        ),
        ({"days": 3}, {"days": 3}),
        ({"bank": {"minutes": 3000, "minimum": 30}}, {"bank": Bank(3000, 30)}),
        ({"clock": {"minutes": 300}}, {"clock": ClockTerm(300, ClockStart.FIRST_PASSAGE)}),
        ({"clock": {"minutes": 60, "start": "each_day"}}, {"clock": ClockTerm(60, ClockStart.EACH_DAY)}),
        (
            {"clock": {"minutes": 1680, "start": "fixed", "at": "08:30"}},
            {"clock": ClockTerm(1680, ClockStart.FIXED, 510)},
        ),
        (
            {"clock": {"minutes": 120, "start": "sale", "within": 60}, "overtime": 15},
            {"clock": ClockTerm(120, ClockStart.SALE, 12 * 60, 60), "overtime": 15},
        ),
        ({"tracked": True}, {"tracked": True}),
    ],
)
async def test_each_term_is_on_the_card_as_it_was_sold(
    cloud: Any, new_card: Any, terms: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Created through the API, listed as it was created, sold, put on a card at noon, read off the card."""
    body = product(terms, scope="group")
    await cloud.post("/products", body)
    listed = (await cloud.get("/products", site=1))["items"][-1]
    assert {name: listed["terms"][name] for name in terms}.keys() == terms.keys()
    assert listed["scope"] == "group"
    claim = await ticket_on_card(cloud, new_card(), 50, DAY)
    day = date.fromisoformat(DAY)
    plain = Claim(
        key_id=1,
        ticket=claim.ticket,
        scope=Scope(1, group=True),
        product=50,
        areas=frozenset({0}),
        valid_from=day,
        valid_until=day,
        **expected,
    )
    assert claim == plain
    again = await cloud.http.post("/products", json=listed | {"number": 51, "code": "Y"})
    assert again.is_success, again.text
    assert (await cloud.get("/products", site=1))["items"][-1]["terms"] == listed["terms"]


MANY = {
    "windows": [{"from": "08:30", "to": "12:00"}, {"from": "13:00", "to": "16:30"}],
    "clock": {"minutes": 240, "start": "sale", "within": 60},
    "overtime": 15,
}


async def test_too_many_terms_say_which_to_drop(cloud: Any) -> None:
    """Twelve bytes of terms and one of entries do not fit into eleven; each way out that is named works."""
    answer = await refused(cloud, product(MANY, reentry_s=600, entries_per_day=20))
    assert answer["code"] == "terms_too_many"
    assert "2 bytes too long" in answer["detail"]
    assert "reentry_s / window / second_window / clock" in answer["detail"]
    one_window = MANY | {"windows": MANY["windows"][:1]}
    await cloud.post("/products", product(one_window, reentry_s=600, entries_per_day=20))


async def test_several_terms_are_named_together_when_one_is_not_enough(cloud: Any) -> None:
    """The fewest that do; with the clock go `within` and overtime, which make no sense without it."""
    body = product(MANY, reentry_s=600, entries_per_day=20, entries_total=200, batch=2)
    answer = await refused(cloud, body)
    assert "5 bytes too long" in answer["detail"]
    assert "Drop one of: clock." in answer["detail"]
    await cloud.post("/products", body | {"terms": {"windows": MANY["windows"]}})
    answer = await cloud.http.post(
        "/products", json=body | {"number": 51, "code": "Y", "terms": MANY | {"days": 3, "blackout": 1}}
    )
    assert "entries_total + clock" in answer.json()["detail"]
    assert " / clock /" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (product({"bank": {"minutes": 60}, "clock": {"minutes": 60}}), "terms_impossible"),
        (product({"tracked": True}, reentry_s=600), "terms_impossible"),
        (product({"days": 3}, party=100, entries_per_day=3), "terms_impossible"),
        (product({"windows": [{"from": "12:00", "to": "08:30"}]}), "terms_impossible"),
        (product({"windows": [{"from": "08:10", "to": "12:00"}]}), "invalid_request"),
        (product({"windows": [{"from": "08:15", "to": "24:15"}]}), "invalid_request"),
        (product({"windows": [{"from": "08:15", "to": "09:00"}] * 3}), "invalid_request"),
        (product({"clock": {"minutes": 60, "start": "fixed"}}), "invalid_request"),
        (product({"clock": {"minutes": 60, "at": "08:30"}}), "invalid_request"),
        (product({"clock": {"minutes": 60, "within": 30}}), "invalid_request"),
        (product({"clock": {"minutes": 0}}), "invalid_request"),
        (product({"clock": {"minutes": 65536}}), "invalid_request"),
        (product({"bank": {"minutes": 60, "minimum": 256}}), "invalid_request"),
        (product({"days": 0}), "invalid_request"),
        (product({"overtime": 256}), "invalid_request"),
        (product({"unknown": 1}), "invalid_request"),
        (product({"blackout": 7}), "unknown_reference"),
        (product({}, scope="planet"), "invalid_request"),
        (product({}, areas=[5]), "unknown_reference"),
        (product({}, site=9), "unknown_reference"),
        (product({}, valid_until="9999-12-31"), "invalid_request"),
    ],
)
async def test_what_a_claim_cannot_tell_is_refused(cloud: Any, body: dict[str, Any], code: str) -> None:
    """With its code, before anything is sold."""
    assert (await refused(cloud, body))["code"] == code


async def test_a_group_product_needs_a_calendar_of_the_group(cloud: Any) -> None:
    """A gate of another site would refuse every ticket for want of the rules."""
    name = {"en": "Set", "zh-CN": "日历"}
    await cloud.post("/calendars", {"site": 1, "number": 1, "name": name})
    await cloud.post("/calendars", {"site": 1, "number": 2, "name": name, "scope": "group"})
    assert (await refused(cloud, product({"blackout": 1}, scope="group")))["code"] == "unknown_reference"
    await cloud.post("/products", product({"blackout": 2}, scope="group"))
    await cloud.post("/products", product({"blackout": 1}, number=51, code="Y"))


async def test_a_season_ends_on_its_day_whenever_it_was_sold(cloud: Any) -> None:
    """Both visits end with the season; after it nothing is sold."""
    await cloud.post("/products", product({}, valid_until="2026-03-31"))

    async def sell(visit: str) -> Any:
        lines = [{"product": 50, "visit_date": visit}]
        payment = {"method": "cash", "tendered": 100, "currency": "CNY"}
        return await cloud.http.post("/orders", json={"site": 1, "channel": "w", "lines": lines, "payment": payment})

    for visit in (DAY, "2026-03-31"):
        ticket = (await sell(visit)).json()["tickets"][0]
        assert (ticket["valid_from"], ticket["valid_until"]) == (visit, "2026-03-31")
    assert (await sell("2026-04-01")).json()["code"] == "season_over"


SALE = {"clock": {"minutes": 120, "start": "sale", "within": 60}}


@pytest.mark.parametrize(
    ("redeemed", "visit", "valid_from", "clock"),
    [
        ((DAY, "09:07"), DAY, DAY, ClockTerm(120, ClockStart.SALE, 547, 60)),
        # The day before there is no minute of the first day yet: the clock waits for the first passage.
        (("2026-01-16", "16:00"), DAY, DAY, ClockTerm(120, ClockStart.FIRST_PASSAGE)),
        # Days after its first one, its first day is the one of the redemption.
        (("2026-01-20", "10:00"), DAY, "2026-01-20", ClockTerm(120, ClockStart.SALE, 600, 60)),
        (("2026-02-28", "23:59"), DAY, "2026-02-28", ClockTerm(120, ClockStart.SALE, 1439, 60)),
        # Expired: the window sees it on the card, and so does every gate.
        (("2026-05-01", "08:00"), DAY, "2026-03-17", ClockTerm(120, ClockStart.SALE, 1439, 60)),
    ],
)
async def test_a_clock_that_starts_at_the_redemption_tells_its_minute(
    cloud: Any, new_card: Any, redeemed: tuple[str, str], visit: str, valid_from: str, clock: ClockTerm
) -> None:
    """Sold in advance, put on the card at some time: the claim holds the minute of that, from its own first day on."""
    await cloud.post("/products", product(SALE, days=60))
    at(cloud, *redeemed)
    sold_at = cloud.clock.now_ms
    at(cloud, "2026-01-10", "12:00")
    claim = await redeemed_claim(cloud, new_card(), visit, sold_at)
    assert (claim.clock, claim.valid_from) == (clock, date.fromisoformat(valid_from))


async def redeemed_claim(cloud: Any, card: Any, visit: str, at_ms: int) -> Claim:
    """Sold now, put on the card at a later time."""
    sell = cloud.post

    async def later(path: str, body: dict[str, Any], **headers: str) -> Any:
        if path.endswith("/issue"):
            cloud.clock.now_ms = at_ms
        return await sell(path, body, **headers)

    cloud.post = later
    return await ticket_on_card(cloud, card, 50, visit)


async def test_a_replaced_card_keeps_its_clock(cloud: Any, new_card: Any) -> None:
    """The clock began with the first card: a lost one does not buy two hours more."""
    await cloud.post("/products", product(SALE))
    at(cloud, DAY, "09:00")
    first = new_card()
    claim = await ticket_on_card(cloud, first, 50, DAY)
    at(cloud, DAY, "10:30")
    await cloud.post(f"/cards/{first.uid.hex()}/lost", {"reason": "lost on the piste", "found_by": "card"})
    second = new_card()
    encoder = cloud.encoder()
    encoder.card = second
    await cloud.post(f"/cards/{first.uid.hex()}/replace", {"site": 1, "encoder": 1, "wait_ms": 0})
    signed = claim_in_file(claim_content(second))
    assert signed is not None
    again = open_claim(signed, Medium(MediumKind.CARD, second.uid), issuer_keys(cloud))
    assert (again.revision, again.clock) == (claim.revision + 1, claim.clock)
    assert claim.clock == ClockTerm(120, ClockStart.SALE, 540, 60)


async def test_without_terms_nothing_limits_the_ticket(cloud: Any, new_card: Any) -> None:
    """A plain day ticket passes at any hour, on that day alone."""
    await cloud.post("/products", product({}))
    guest = Guest(cloud, await ticket_on_card(cloud, new_card(), 50, DAY))
    tries = [(DAY, "00:00"), (DAY, "23:59"), ("2026-01-18", "00:00"), ("2026-01-16", "23:59")]
    assert [guest.told(*each) for each in tries] == ["in", "in", "expired", "not_yet_valid"]


async def test_products_of_release_0_1_go_on(database_url: str) -> None:
    """A row from before these terms: of its site, without terms, valid for its days."""
    settings = DatabaseSettings(database_url)
    await migrate(settings, "0004_events")
    async with open_database(settings) as connection:
        await connection.execute_query("INSERT INTO site VALUES (1, 1, 'x', 'UTC')")
        await connection.execute_query(
            "INSERT INTO product (site_id, number, code, name, price, currency, areas, holder, party, days)"
            " VALUES (1, 1, 'DAY', '{\"en\": \"Day\"}', 100, 'CNY', '[0]', 'adult', 1, 2)"
        )
    await migrate(settings)
    async with open_database(settings):
        row = await Product.get()
        assert (row.scope, row.terms, terms_of(row)) == ("site", None, TermsBody())
        assert last_day(row, date(2026, 1, 17)) == date(2026, 1, 18)
        assert (row.kind, row.unit, row.department, row.tax_bp, row.passthrough) == (
            "ticket",
            "ticket",
            "lift",
            0,
            False,
        )
