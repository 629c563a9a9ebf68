# SPDX-License-Identifier: Apache-2.0
"""Stock: never oversold, whoever comes at once; given back once; on both databases."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from tortoise.transactions import in_transaction

from pistegate_cloud.errors import Problem
from pistegate_cloud.orders.models import Order
from pistegate_cloud.stock import queries, service
from pistegate_cloud.stock.models import Stock, StockHold
from pistegate_cloud.stock.rules import Want, summed
from pistegate_cloud.uuid7 import uuid7

DAY = date(2026, 1, 17)
NOW = 1768622400000


async def counter(code: str, capacity: int) -> Stock:
    return await Stock.create(site_id=1, code=code, day=DAY, capacity=capacity, left=capacity)


async def take(order: UUID, *wants: Want, until_ms: int | None = NOW) -> bool:
    try:
        async with in_transaction():
            await service.take(order, wants, until_ms, 1)
    except Problem as problem:
        if problem.code != "sold_out":
            raise
        return False
    return True


async def left(*rows: Stock) -> list[int]:
    return [(await Stock.get(id=row.id)).left for row in rows]


def test_wants_are_summed_in_the_order_in_which_all_take() -> None:
    """Each counter once, by id; nothing wanted is nothing."""
    assert summed([Want(7, 1), Want(2, 3), Want(7, 2), Want(5, 0)]) == [Want(2, 3), Want(7, 3)]


async def test_forty_at_once_get_no_more_than_there_is(cloud: Any) -> None:
    """Forty orders of one or two pieces for thirteen, in both orders of two counters: all or nothing each."""
    first, second = await counter("A", 13), await counter("B", 20)
    wants = [(Want(first.id, 1 + n % 2), Want(second.id, 1)) for n in range(40)]
    orders = [uuid7(NOW) for _ in wants]
    taken = await asyncio.gather(
        *(
            take(order, *(want if n % 3 else reversed(want)))
            for n, (order, want) in enumerate(zip(orders, wants, strict=True))
        )
    )
    sold = sum(want[0].quantity for want, got in zip(wants, taken, strict=True) if got)
    assert sold in (12, 13)  # the last piece is of no use to one who wants two
    assert await left(first, second) == [13 - sold, 20 - sum(taken)]
    assert await StockHold.all().count() == 2 * sum(taken)


async def test_an_order_gives_back_once(cloud: Any) -> None:
    """Twenty who release the same order at once put back what it had, and no more."""
    row = await counter("A", 5)
    order = uuid7(NOW)
    assert await take(order, Want(row.id, 3))

    async def release() -> None:
        async with in_transaction():
            await service.release(order)

    await asyncio.gather(*(release() for _ in range(20)))
    assert await left(row) == [5]


async def test_of_two_who_read_the_same_hold_one_lessens_it(sqlite_cloud: Any) -> None:
    """Whoever comes second finds nothing left of it, however long ago they looked."""
    row = await counter("A", 5)
    order = uuid7(NOW)
    assert await take(order, Want(row.id, 3))
    first, second = (await queries.holds_of(order))[0], (await queries.holds_of(order))[0]
    assert await queries.lessen(first, 3)
    assert not await queries.lessen(second, 3)


async def test_takers_and_givers_at_once_leave_the_sum(sqlite_cloud: Any) -> None:
    """What is left and what is held is always the capacity."""
    row = await counter("A", 6)

    async def come_and_go() -> None:
        order = uuid7(NOW)
        if await take(order, Want(row.id, 2)):
            async with in_transaction():
                await service.release(order, [Want(row.id, 1)])

    await asyncio.gather(*(come_and_go() for _ in range(24)))
    held = sum(hold.quantity for hold in await StockHold.all())
    assert await left(row) == [6 - held]
    assert held <= 6


async def test_what_is_refused_takes_nothing(sqlite_cloud: Any) -> None:
    """The first counter had room, the second had not."""
    first, second = await counter("A", 5), await counter("B", 1)
    assert not await take(uuid7(NOW), Want(first.id, 2), Want(second.id, 2))
    assert await left(first, second) == [5, 1]
    assert await StockHold.all().count() == 0


async def test_a_hold_that_runs_out_is_due_until_kept_or_released(sqlite_cloud: Any) -> None:
    """Due from its moment on; an order that is paid, or gave all back, is not."""
    row = await counter("A", 9)
    kept, gone, waiting, paid = (uuid7(NOW) for _ in range(4))
    for order in (kept, gone, waiting):
        assert await take(order, Want(row.id, 1), until_ms=NOW + 1000)
    assert await take(paid, Want(row.id, 1), until_ms=None)
    assert await service.due(NOW + 999) == []
    await service.keep(kept)
    await service.release(gone)
    assert await service.due(NOW + 1000) == [waiting]
    assert await left(row) == [6]


async def test_part_of_what_was_sold_comes_back(sqlite_cloud: Any) -> None:
    """Never more than the order has, whatever is asked."""
    row = await counter("A", 5)
    order = uuid7(NOW)
    assert await take(order, Want(row.id, 3), until_ms=None)
    await service.release(order, [Want(row.id, 2)])
    assert await left(row) == [4]
    await service.release(order, [Want(row.id, 2)])
    assert await left(row) == [5]


async def test_sold_out_says_what_and_how_many(sqlite_cloud: Any) -> None:
    """The message names the counter, its day, and what is left."""
    row = await counter("MORNING", 2)
    with pytest.raises(Problem) as caught:
        await service.take(uuid7(NOW), [Want(row.id, 3)], NOW, 1)
    assert caught.value.values == {"what": f"MORNING {DAY}", "left": 2, "asked": 3}


async def test_twenty_four_orders_at_once_for_a_slot_of_ten(cloud: Any) -> None:
    """Sold over HTTP: ten tickets, not one more; the others are told that none is left, and nothing of them is kept."""
    body = {"site": 1, "code": "S", "products": [1], "from": f"{DAY}", "to": f"{DAY}", "capacity": 10}
    body |= {"times": [{"from": "09:00", "to": "13:00"}]}
    slot = (await cloud.post("/stock", body))["counters"][0]
    lines = [{"product": 1, "visit_date": f"{DAY}", "slot": slot}]
    payment = {"method": "cash", "tendered": 100_000, "currency": "CNY"}
    order = {"site": 1, "channel": "window", "lines": lines, "payment": payment}
    answers = await asyncio.gather(*(cloud.http.post("/orders", json=order) for _ in range(24)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 14
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"sold_out"}
    assert await left(await Stock.get(id=slot)) == [0]
    assert await Order.all().count() == 10
    assert await StockHold.filter(until_ms__isnull=True).count() == 10


async def test_pieces_of_a_line_go_back_where_they_came_from(sqlite_cloud: Any) -> None:
    """To its own slot and quota; not to another slot, nor to a quota of a channel that it was not sold through."""
    plain = {"site": 1, "products": [1], "from": f"{DAY}", "to": f"{DAY}", "capacity": 10}
    times = [{"from": "09:00", "to": "12:00"}, {"from": "13:00", "to": "16:00"}]
    slots = (await sqlite_cloud.post("/stock", plain | {"code": "S", "times": times}))["counters"]
    quota, online = [
        (await sqlite_cloud.post("/stock", plain | more))["counters"][0]
        for more in ({"code": "Q"}, {"code": "O", "channel": "online"})
    ]
    order = uuid7(NOW)
    assert await take(order, Want(slots[0], 4), Want(slots[1], 2), Want(quota, 6), until_ms=None)
    await service.release_pieces(order, service.Piece(1, 1, DAY, slots[0]), 3)
    rows = [await Stock.get(id=each) for each in (*slots, quota, online)]
    assert [row.left for row in rows] == [9, 8, 7, 10]
