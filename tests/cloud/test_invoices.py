# SPDX-License-Identifier: Apache-2.0
"""E-invoices 数电票: one that counts for each order, amounts by tax rate, taken back by a red letter."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.invoices import rules, service
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.staff.caller import system
from pistegate_cloud.states import INVOICE

NOON_MS = 1768622400000
COMPANY = {"buyer": "雪友科技有限公司", "company": True, "tax_number": "91110108MA01ABCD2X"}


async def taxed_order(cloud: Any) -> str:
    """298.00 at 6 %, and a deposit that is no revenue, as a price list would sell them together."""
    order = (await cloud.sell(1))["id"]
    await OrderLine.filter(order_id=order).update(tax_bp=600, tax=1687)
    line = await OrderLine.get(order_id=order)
    await OrderLine.create(
        site_id=1, order_id=order, product_id=line.product_id, quantity=1, visit_date=line.visit_date,
        unit_price=20000, amount=20000, kind="deposit",
    )  # fmt: skip
    return str(order)


async def post(cloud: Any, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    answer = await cloud.http.post(f"/invoices{path}", json=body)
    return answer.status_code, answer.json()


async def test_an_invoice_says_what_is_revenue_by_rate(cloud: Any) -> None:
    """The deposit is not on it; issued with the platform's number, twice told is once."""
    order = await taxed_order(cloud)
    status, invoice = await post(cloud, "", {"order": order} | COMPANY)
    assert (status, invoice["state"], invoice["amount"], invoice["tax"]) == (201, "requested", 29800, 1687)
    assert invoice["rates"] == [{"tax_bp": 600, "amount": 29800, "tax": 1687}]
    status, problem = await post(cloud, "", {"order": order} | COMPANY)
    assert (status, problem["code"]) == (409, "invoice_exists")
    for _ in range(2):
        status, invoice = await post(cloud, f"/{invoice['id']}/issued", {"number": "25312000000123456789"})
        assert (status, invoice["state"]) == (200, "issued")
    assert (await post(cloud, f"/{invoice['id']}/cancel"))[1]["code"] == "state_conflict"
    deeds = [deed["action"] for deed in (await cloud.get("/audit", site=1))["items"]]
    assert [deed for deed in deeds if deed.startswith("invoice.")] in (
        ["invoice.request", "invoice.issued"],
        ["invoice.issued", "invoice.request"],
    )
    # Another order's invoice cannot have the same number.
    _, other = await post(cloud, "", {"order": await taxed_order(cloud)} | COMPANY)
    status, problem = await post(cloud, f"/{other['id']}/issued", {"number": "25312000000123456789"})
    assert (status, problem["code"]) == (409, "invoice_number_used")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"company": False}, "invoice_buyer"),
        ({"tax_number": None}, "invoice_buyer"),
        ({"buyer": " "}, "invalid_request"),
    ],
)
async def test_a_company_has_a_tax_number_and_a_person_none(
    sqlite_cloud: Any, change: dict[str, Any], code: str
) -> None:
    """Refused before anything is kept."""
    order = (await sqlite_cloud.sell(1))["id"]
    assert (await post(sqlite_cloud, "", {"order": order} | COMPANY | change))[1]["code"] == code


async def test_a_refund_after_the_invoice_needs_its_red_letter_first(cloud: Any) -> None:
    """Asked for only: cancelled with the refund. Issued: refused until red; then what is left is invoiced anew."""
    order, caller = await taxed_order(cloud), system("test")
    await post(cloud, "", {"order": order, "buyer": "李雷"})
    async with in_transaction():
        await service.before_refund(order, caller, NOON_MS)
    _, invoice = await post(cloud, "", {"order": order, "buyer": "李雷"})
    await post(cloud, f"/{invoice['id']}/issued", {"number": "25312000000000000001"})
    with pytest.raises(Problem, match="invoice_reddened_first"):
        async with in_transaction():
            await service.before_refund(order, caller, NOON_MS)
    status, red = await post(cloud, f"/{invoice['id']}/red", {"reason": "退票"})
    assert (status, red["amount"], red["tax"], red["red_of"]) == (200, -29800, -1687, invoice["id"])
    assert (await post(cloud, f"/{invoice['id']}/red", {"reason": "退票"}))[1]["id"] == red["id"]  # asked twice
    with pytest.raises(Problem, match="invoice_reddened_first"):
        async with in_transaction():
            await service.before_refund(order, caller, NOON_MS)
    await post(cloud, f"/{red['id']}/issued", {"number": "25312000000000000002"})
    assert (await cloud.get(f"/invoices/{invoice['id']}"))["state"] == "red"
    await service.before_refund(order, caller, NOON_MS)
    await OrderLine.filter(order_id=order, kind="ticket").update(refunded_amount=10000)
    status, again = await post(cloud, "", {"order": order, "buyer": "李雷"})
    assert (status, again["amount"], again["tax"]) == (201, 19800, 1121)


async def test_a_refused_red_letter_leaves_the_invoice(sqlite_cloud: Any) -> None:
    """The platform says no: the invoice counts as before, and another red letter may be asked for."""
    order = (await sqlite_cloud.sell(1))["id"]
    _, invoice = await post(sqlite_cloud, "", {"order": order, "buyer": "李雷"})
    await post(sqlite_cloud, f"/{invoice['id']}/issued", {"number": "25312000000000000003"})
    _, red = await post(sqlite_cloud, f"/{invoice['id']}/red", {"reason": "换票"})
    await post(sqlite_cloud, f"/{red['id']}/cancel")
    assert (await sqlite_cloud.get(f"/invoices/{invoice['id']}"))["state"] == "issued"
    _, second = await post(sqlite_cloud, f"/{invoice['id']}/red", {"reason": "换票"})
    assert second["id"] != red["id"]


async def test_the_export_has_a_line_for_each_item_asked_for(sqlite_cloud: Any) -> None:
    """Net, rate, tax and gross; the red letter negative and with the number that it takes back; no formula runs."""
    order = await taxed_order(sqlite_cloud)
    _, first = await post(sqlite_cloud, "", {"order": order, "buyer": "=1+1"})
    await post(sqlite_cloud, f"/{first['id']}/issued", {"number": "25312000000000000004"})
    await post(sqlite_cloud, f"/{first['id']}/red", {"reason": "x"})
    await post(sqlite_cloud, "", {"order": (await sqlite_cloud.sell(2))["id"], "buyer": "韩梅梅"})
    answer = await sqlite_cloud.http.get("/invoices/export", params={"site": 1})
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    told = [(row["buyer"], row["item"], row["net"], row["tax_rate"], row["tax"], row["gross"]) for row in rows]
    assert sorted(told) == [
        ("'=1+1", "全日票", "-281.13", "6%", "-16.87", "-298.00"),
        ("韩梅梅", "单次票", "40.00", "0%", "0.00", "40.00"),
    ]
    assert sorted(row["red_letter_of"] for row in rows) == ["", "25312000000000000004"]


_sold = st.builds(
    rules.Sold,
    kind=st.sampled_from(["ticket", "rental", "fee", "deposit", "insurance", "recharge"]),
    words=st.just("x"),
    quantity=st.integers(1, 5),
    amount=st.integers(0, 10**9),
    tax_bp=st.sampled_from([0, 100, 300, 600, 900, 1300]),
    passthrough=st.booleans(),
    refunded=st.integers(0, 10**9),
)


@given(st.lists(_sold, max_size=8))
def test_an_invoice_and_its_red_letter_are_nothing_together(sold: list[rules.Sold]) -> None:
    """By rate and in all; and no line without revenue of ours is on it."""
    lines = rules.lines_of(sold)
    assert all(line.amount > 0 and 0 <= line.tax < line.amount for line in lines)
    sums = rules.by_rate([*lines, *rules.red(lines)])
    assert set(sums.values()) <= {(0, 0)}
    ours = [one for one in sold if one.kind in ("ticket", "rental", "fee") and not one.passthrough]
    assert sum(line.amount for line in lines) == sum(max(0, one.amount - one.refunded) for one in ours)


def test_every_state_of_an_invoice_ends() -> None:
    """From each there is a way to an end; nothing leaves an end."""
    ends = {state for state, moves in INVOICE.moves.items() if not moves}
    assert ends == {"red", "cancelled"}
    for state in INVOICE.moves:
        seen, front = {state}, [state]
        while front:
            front = [after for each in front for after in INVOICE.moves[each].values() if after not in seen]
            seen |= set(front)
        assert seen & ends
