# SPDX-License-Identifier: Apache-2.0
"""The peer of bench_orders: POST /orders with the product's shapes and the product's statements, by hand on asyncpg.

By itself: .venv/bin/python tests/benchmarks/orders_by_hand.py DSN PORT
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import uvicorn
from fastapi import FastAPI, Header, Request

from pistegate_cloud.clock import SystemClock
from pistegate_cloud.orders.schemas import OrderAnswer, OrderBody
from pistegate_cloud.tickets.queries import new_number
from pistegate_cloud.uuid7 import uuid7

_SITE = "SELECT number, group_number, zone, name FROM site WHERE number = $1 LIMIT 2"
_DAYS = """
    SELECT zone, NULL AS day, NULL AS minutes FROM site WHERE number = $1 UNION ALL
    SELECT NULL, from_day, minutes FROM cut_over WHERE site_id = $1 UNION ALL
    SELECT NULL, day, NULL FROM business_day WHERE site_id = $1 AND state <> 'open' AND day >= $2
"""
_PRODUCTS = "SELECT * FROM product WHERE site_id = $1 AND number = ANY($2)"
_STOCK = "SELECT * FROM stock_product WHERE site_id = $1 AND day = ANY($2) AND product = ANY($3) ORDER BY stock_id"
_COUNTERS = "SELECT * FROM stock WHERE id = ANY($1)"
_ORDER = """
    INSERT INTO sales_order (id, channel, status, total, currency, created_ms, day, phone, kind, "window", shift_id,
        operator, member_id, expires_ms, paid_ms, paying, selling_site, approver, reason, before_id, leader, agency,
        expected, trouble, site_id)
    VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25)
"""
_LINE = """
    INSERT INTO order_line (quantity, visit_date, unit_price, amount, kind, parent_id, words, department, passthrough,
        list_price, tax_bp, tax, terms, slot_id, refunded_quantity, refunded_amount, order_id, product_id, site_id)
    VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19) RETURNING id
"""
_PAYMENT = """
    INSERT INTO payment (method, tendered, change, amount, currency, reference, at_ms, state, given_back,
        provider_payment_id, voucher_id, account_id, wallet_id, shift_id, operator, order_id, site_id)
    VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17) RETURNING id
"""
_TICKET = """
    INSERT INTO ticket (number, status, revision, valid_from, valid_until, amended_until, created_ms, line_id, order_id,
        product_id, site_id) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)
"""
_POSTING = "INSERT INTO posting (amount, currency, account_id, site_id, transaction_id) VALUES ($1,$2,$3,$4,$5)"
_MOVE = """
    UPDATE sales_order SET status = $1, paid_ms = $2, paying = NULL WHERE id = $3 AND status = $4 AND paying IS NULL
"""
_AUDIT = """
    INSERT INTO audit_entry (at_ms, caller, actor, action, subject, before, after, site_id)
    VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
"""
_REPLY = """
    INSERT INTO kept_reply (caller, operation, key, request_digest, answer, at_ms) VALUES ($1,$2,$3,$4,$5,$6)
"""
_DEFERRED, _CASH = "deferred:lift", "tenders:cash"
Row = Any


def app_for(dsn: str) -> FastAPI:
    """One endpoint; only what a sale for cash needs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/v1/orders", status_code=201)
    async def sell(
        body: OrderBody,
        request: Request,
        authorization: Annotated[str, Header()],
        idempotency_key: Annotated[str, Header()],
    ) -> OrderAnswer:
        digest = sha256(body.model_dump_json().encode()).hexdigest()
        async with request.app.state.pool.acquire() as db:
            return await _sell(db, body, authorization.removeprefix("Bearer "), idempotency_key, digest)

    return app


async def _sell(db: Any, body: OrderBody, token: str, key: str, digest: str) -> OrderAnswer:
    caller = await db.fetchrow("SELECT * FROM api_token WHERE prefix = $1 LIMIT 2", token.partition("_")[0])
    assert caller is not None
    assert caller["digest"] == sha256(token.encode()).hexdigest()
    name = f"token:{caller['id']}"
    kept = "SELECT * FROM kept_reply WHERE caller = $1 AND operation = $2 AND key = $3 LIMIT 2"
    assert await db.fetchrow(kept, name, "sell", key) is None
    now_ms = SystemClock().wall_ms()
    async with db.transaction():
        return await _made(db, body, caller, name, key, digest, now_ms)


async def _made(db: Any, body: OrderBody, caller: Row, name: str, key: str, digest: str, now_ms: int) -> OrderAnswer:
    zone = ZoneInfo((await db.fetch(_DAYS, body.site, date.max))[0]["zone"])
    day = datetime.fromtimestamp(now_ms / 1000, zone).date()
    await db.fetchrow(_SITE, body.site)
    found = "SELECT id FROM price_list WHERE site_id = $1 AND from_ms <= $2 ORDER BY from_ms DESC, version DESC LIMIT 1"
    assert await db.fetchrow(found, body.site, now_ms) is None
    products = {
        row["number"]: row for row in await db.fetch(_PRODUCTS, body.site, [line.product for line in body.lines])
    }
    days = list({line.visit_date for line in body.lines})
    counters = {row["stock_id"] for row in await db.fetch(_STOCK, body.site, days, list(products))}
    await db.fetch(_COUNTERS, list(counters))
    order, total = uuid7(now_ms), sum(products[line.product]["price"] * line.quantity for line in body.lines)
    blank = (None,) * 4
    head = (order, body.channel, "new", total, "CNY", now_ms, day, body.phone, "individual", None, None)
    await db.execute(_ORDER, *head, caller["name"], *blank, *blank, *blank, body.site)
    lines = [await _line(db, order, body, line, products[line.product]) for line in body.lines]
    await _take(db, order, body, list(counters))
    payment = await _pay(db, order, body, total, caller["name"], now_ms)
    assert await db.execute(_MOVE, "paid", now_ms, order, "new") == "UPDATE 1"
    tickets = [ticket for line in lines for ticket in _tickets(order, body.site, line, now_ms)]
    await db.executemany(_TICKET, tickets)
    await _post(db, order, body.site, total, now_ms, day)
    await db.execute(_AUDIT, now_ms, name, caller["name"], "order.individual", f"order:{order}", None, None, body.site)
    answer = _answer(order, body, total, now_ms, caller["name"], lines, payment, tickets)
    await db.execute(_REPLY, name, "sell", key, digest, answer.model_dump_json(), now_ms)
    return answer


async def _line(db: Any, order: UUID, body: OrderBody, line: Any, product: Row) -> tuple[int, Any, Row]:
    price, amount = product["price"], product["price"] * line.quantity
    agreed = (
        product["department"],
        product["passthrough"],
        price,
        product["tax_bp"],
        0,
        '{"price_rule":{"by":"product"}}',
    )
    number = await db.fetchval(
        *(_LINE, line.quantity, line.visit_date, price, amount, "ticket", None, None),
        *(*agreed, None, 0, 0, order, product["id"], body.site),
    )
    return number, line, product


async def _take(db: Any, order: UUID, body: OrderBody, counters: list[int]) -> None:
    wanted = sum(line.quantity for line in body.lines)
    take = 'UPDATE stock SET "left" = "left" - $1 WHERE id = $2 AND "left" >= $3'
    for counter in counters:
        assert await db.execute(take, wanted, counter, wanted) == "UPDATE 1"
    hold = "INSERT INTO stock_hold (order_id, quantity, until_ms, site_id, stock_id) VALUES ($1,$2,$3,$4,$5)"
    await db.executemany(hold, [(order, wanted, None, body.site, counter) for counter in counters])


async def _pay(db: Any, order: UUID, body: OrderBody, total: int, operator: str, now_ms: int) -> tuple[int, int]:
    tendered = body.tenders()[0].tendered
    assert tendered is not None
    assert tendered >= total
    money = ("cash", tendered, tendered - total, total, "CNY", None, now_ms, "done", 0)
    number = await db.fetchval(_PAYMENT, *money, None, None, None, None, None, operator, order, body.site)
    return number, tendered


def _tickets(order: UUID, site: int, made: tuple[int, Any, Row], now_ms: int) -> list[tuple[Any, ...]]:
    number, line, product = made
    last: date = product["valid_until"] or line.visit_date + timedelta(days=product["days"] - 1)
    about = ("sold", 0, line.visit_date, last, None, now_ms, number, order, product["id"], site)
    return [(new_number(), *about) for _ in range(line.quantity)]


async def _post(db: Any, order: UUID, site: int, total: int, now_ms: int, day: date) -> None:
    await db.fetch(_DAYS, site, day)
    codes = "SELECT code, id FROM account WHERE site_id = $1 AND code = ANY($2)"
    accounts = {row["code"]: row["id"] for row in await db.fetch(codes, site, [_DEFERRED, _CASH])}
    transaction = uuid7(now_ms)
    posted = """
        INSERT INTO ledger_transaction (id, kind, at_ms, day, operating_day, partner, order_id, site_id)
        VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
    """
    await db.execute(posted, transaction, "sale", now_ms, day, None, None, order, site)
    both = [(total, "CNY", accounts[_CASH], site, transaction), (-total, "CNY", accounts[_DEFERRED], site, transaction)]
    await db.executemany(_POSTING, both)


def _answer(
    order: UUID,
    body: OrderBody,
    total: int,
    now_ms: int,
    operator: str,
    lines: list[tuple[int, Any, Row]],
    payment: tuple[int, int],
    tickets: list[tuple[Any, ...]],
) -> OrderAnswer:
    numbers = {row["id"]: row["number"] for _, _, row in lines}
    return OrderAnswer.model_validate(
        {
            "id": order,
            "site": body.site,
            "channel": body.channel,
            "status": "paid",
            "total": total,
            "currency": "CNY",
            "created": datetime.fromtimestamp(now_ms / 1000, UTC),
            "kind": "individual",
            "operator": operator,
            **dict.fromkeys(("window", "selling_site", "expires", "before", "leader", "agency", "expected", "trouble")),
            "lines": [_line_answer(number, line, row) for number, line, row in lines],
            "payments": [_payment_answer(total, payment)],
            "tickets": [
                {"number": t[0], "product": numbers[t[9]], "status": t[1], "valid_from": t[3], "valid_until": t[4]}
                for t in tickets
            ],
        }
    )


def _line_answer(number: int, line: Any, product: Row) -> dict[str, Any]:
    price = product["price"]
    said = {"product": product["number"], "quantity": line.quantity, "visit_date": line.visit_date}
    blank = {"words": None, "tax": 0, "refunded_quantity": 0, "refunded_amount": 0}
    return said | blank | {"unit_price": price, "amount": price * line.quantity, "id": number, "kind": "ticket"}


def _payment_answer(total: int, payment: tuple[int, int]) -> dict[str, Any]:
    number, tendered = payment
    money = {"method": "cash", "tendered": tendered, "change": tendered - total, "amount": total, "currency": "CNY"}
    return money | {"id": number, "state": "done", "reference": None, "given_back": 0, "provider_payment": None}


if __name__ == "__main__":
    uvicorn.run(app_for(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
