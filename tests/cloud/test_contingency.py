# SPDX-License-Identifier: Apache-2.0
"""A window with the WAN down: its box sells pre-signed tickets, and afterwards the cloud knows of each one, once."""

import asyncio
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from contingency_box import BOX, PIN, RUNNING, WINDOW, BoxOfTests, admitted, denied_at, set_up
from enrolled import Keyed
from staff_hands import hired, sign_in

from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.authority.models import DeviceKey
from pistegate_cloud.contingency import nightly
from pistegate_cloud.contingency.models import ContingencyTicket
from pistegate_cloud.days import recognition
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.orders.models import Order, OrderLine, Payment
from pistegate_cloud.stock.models import Stock, StockHold
from pistegate_cloud.tickets.models import Ticket
from pistegate_edge.contingency.desk import Refused
from pistegate_edge.contingency.store import NoneLeft
from pistegate_edge.errors import CloudRefused
from pistegate_protocol.codes import TicketCode, parse
from pistegate_protocol.enrolment import public_bytes
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind
from pistegate_protocol.signing import claim_digest
from pistegate_protocol.topics import Device
from pistegate_protocol.usage import Usage, encode_counters

DAY_MS = 86_400_000
USED = encode_counters(Usage(claim=bytes(8), used_total=1))
CUT_S = 120  # long enough to count as cut


@pytest.fixture(autouse=True)
def _switched_off() -> Iterator[None]:
    """No box outlives its test."""
    yield
    for box in list(RUNNING):
        box.switch_off()


async def ready(cloud: Any, path: Path, offers: dict[int, int]) -> BoxOfTests:
    """A box that has today's tickets, and a cloud that has gone away."""
    box = await set_up(cloud, path / "box", offers)
    box.switch_on()
    await nightly.run(cloud.services)
    assert await box.round()
    return box


async def cut(box: BoxOfTests, seconds: float = CUT_S) -> None:
    """The WAN is down for so long."""
    box.cut = True
    await box.pass_time(seconds)


async def heal(box: BoxOfTests) -> None:
    """The WAN is back, and everything is told."""
    box.cut = False
    await box.pass_time(60)


async def opened_shift(cloud: Any) -> str:
    """Of a seller at the window, with 500 yuan of change in the drawer."""
    await cloud.post("/windows", {"site": 1, "number": WINDOW, "name": "Window 3"})
    seller = await hired(cloud, "ann", "seller", 1)
    body = {"site": 1, "window": WINDOW, "currency": "CNY", "float": 50_000}
    answer = await cloud.http.post("/shifts", json=body, headers=seller)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def status(cloud: Any) -> Any:
    return await cloud.get("/contingency", site=1, since="2026-01-17")


async def first_batch(cloud: Any) -> Any:
    return (await status(cloud))["batches"][0]


async def test_each_night_a_batch_is_made_for_each_window_and_the_day_after(cloud: Any, tmp_path: Path) -> None:
    """Today's at once, tomorrow's from eight in the evening, each once; serials go on without a gap."""
    await set_up(cloud, tmp_path / "box", {1: 5, 2: 3})
    assert [await nightly.run(cloud.services) for _ in range(2)] == [1, 0]
    cloud.clock.now_ms += 9 * 3_600_000  # 21:00 in Shanghai
    assert [await nightly.run(cloud.services) for _ in range(2)] == [1, 0]
    made = (await status(cloud))["batches"]
    assert [(each["day"], each["first_serial"], each["last_serial"]) for each in made] == [
        ("2026-01-17", 1, 8),
        ("2026-01-18", 9, 16),
    ]
    rows = await ContingencyTicket.all().order_by("serial")
    assert [row.serial for row in rows] == list(range(1, 17))
    assert {row.state for row in rows} == {"held"}
    assert await Ticket.all().count() == 0


async def test_products_that_cannot_be_signed_the_night_before_are_refused(sqlite_cloud: Any, tmp_path: Path) -> None:
    """A ticket of two days would hold on a day whose batch is closed: told in words, and no batch is made."""
    cloud = sqlite_cloud
    await set_up(cloud, tmp_path / "box", {1: 5, 3: 5})
    answer = await cloud.http.post(f"/contingency/windows/{WINDOW}/batches?site=1", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "contingency_unfit")
    assert "Product 3" in answer.json()["detail"]
    assert await nightly.run(cloud.services) == 0
    assert (await status(cloud))["without"] == [WINDOW]


async def test_a_batch_arrives_whole_however_often_the_line_breaks(sqlite_cloud: Any, tmp_path: Path) -> None:
    """Pieces that came are kept; a box that does not have all of them sells none."""
    cloud = sqlite_cloud
    box = await set_up(cloud, tmp_path / "box", {1: 450})
    box.switch_on()
    await nightly.run(cloud.services)
    box.drop = True
    for _ in range(3):
        await box.round()
    box.drop = False
    asked = box._ask
    pieces = 0

    def breaking(method: str, path: str, body: bytes) -> bytes:
        nonlocal pieces
        if "/tickets" in path:
            pieces += 1
            box.cut = pieces == 2
        return asked(method, path, body)

    box.syncing._ask = breaking
    await box.round()
    (batch,) = box.store.batches()
    assert (batch.state, box.store.last_serial(batch.head.id)) == ("fetching", 200)
    box.cut = False
    assert await box.round()
    (batch,) = box.store.batches()
    assert (batch.state, box.store.left(batch.head.id)) == ("ready", {1: 450})
    assert pieces == 4  # one was lost, the first was not fetched again


async def test_a_window_sells_only_when_the_cloud_is_gone_for_a_minute(sqlite_cloud: Any, tmp_path: Path) -> None:
    """59 s: no; 60 s: yes; back for good: no. A line that comes and goes does not stop it."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 5})
    with pytest.raises(Refused, match="why_online"):
        box.pay({1: 1})
    box.cut = True
    cloud.clock.now_ms += 59_000
    await box.round()
    with pytest.raises(Refused, match="why_online"):
        box.pay({1: 1})
    cloud.clock.now_ms += 1_000
    box.sell({1: 1})
    box.cut = False
    await box.round()
    cloud.clock.now_ms += 10_000
    box.cut = True
    await box.round()
    box.sell({1: 1})
    await heal(box)
    with pytest.raises(Refused, match="why_online"):
        box.pay({1: 1})


async def test_a_box_that_is_not_sure_of_the_day_sells_nothing(sqlite_cloud: Any, tmp_path: Path) -> None:
    """After a power cut; with a batch of yesterday. A clock that was set is known better, a restart forgets nothing."""
    cloud = sqlite_cloud
    box = await set_up(cloud, tmp_path / "box", {1: 5})
    box.switch_on(b"one boot")
    await nightly.run(cloud.services)
    await box.round()
    await cut(box)
    box.system.off_ms = 3 * DAY_MS
    assert box.sell({1: 1}).at_ms == cloud.clock.now_ms
    box.switch_off()
    box.switch_on(b"one boot")  # the process alone
    cloud.clock.now_ms += CUT_S * 1000
    box.sell({1: 1})
    box.switch_off()
    box.switch_on()  # power was cut: nobody has told the time since
    cloud.clock.now_ms += CUT_S * 1000
    with pytest.raises(Refused, match="why_clock"):
        box.pay({1: 1})
    box.clock.signed(cloud.clock.now_ms, 1)
    box.sell({1: 1})
    cloud.clock.now_ms += DAY_MS
    with pytest.raises(Refused, match="why_no_batch"):
        box.pay({1: 1})


async def test_two_hours_alone_three_hundred_sold_and_everything_adds_up(cloud: Any, tmp_path: Path) -> None:
    """300 tickets in 150 receipts, admitted at gates; afterwards books, drawer and gates agree, nothing twice."""
    shift = await opened_shift(cloud)
    box = await ready(cloud, tmp_path, {1: 320, 2: 80})
    await cut(box)
    sales = []
    for n in range(150):
        cloud.clock.now_ms += 48_000
        counts = {1: 2} if n % 3 else {1: 1, 2: 1}
        sales.append(box.sell(counts, "terminal" if n % 5 == 0 else "cash", tendered=100_000 if n % 5 else None))
        if n == 70:  # power fails, and comes back
            box.switch_off()
            box.switch_on()
            box.clock.signed(cloud.clock.now_ms, 1)
            cloud.clock.now_ms += CUT_S * 1000
    void = box.pay({1: 2})
    box.desk.void(WINDOW, void.batch, void.receipt)
    given = [ticket for sale in sales for ticket in box.codes(sale)]
    assert len({ticket.number for ticket in given}) == len({ticket.code for ticket in given}) == 300
    assert all(admitted(cloud, ticket.code) for ticket in given)
    totals = box.desk.day(WINDOW)[0][1]
    assert (totals.sales, totals.tickets, totals.voids) == (150, 300, 1)
    await heal(box)

    batch = await first_batch(cloud)
    assert (batch["state"], batch["receipts"], batch["heard"], batch["missing"]) == ("done", 151, 151, [])
    assert batch["tickets"] == {"sold": 300, "spoilt": 2, "unsold_denied": 98}
    assert batch["booked"] == dict(totals.by_method)
    assert batch["told"] == {"drawer": 0, **totals.by_method}
    assert batch["troubles"] == 0
    orders = await Order.all()
    assert ({order.kind for order in orders}, {order.status for order in orders}) == ({"contingency"}, {"paid"})
    assert (len(orders), {order.window for order in orders}) == (150, {WINDOW})
    paid = dict.fromkeys(totals.by_method, 0)
    for payment in await Payment.all():
        paid[payment.method] += payment.amount
    assert paid == dict(totals.by_method)
    assert sum(line.amount for line in await OrderLine.all()) == sum(paid.values())
    assert {ticket.number for ticket in await Ticket.all()} == {ticket.number for ticket in given}
    deny = denied_at(cloud)
    assert len(deny) == 98
    assert not deny.keys() & {ticket.number for ticket in given}
    assert all(admitted(cloud, ticket.code, deny) for ticket in given)
    left = await ContingencyTicket.filter(state="unsold_denied").values_list("number", flat=True)
    assert set(left) == deny.keys()
    books = await ledger.balances(1)
    assert (books["tenders:cash", "CNY"], books["tenders:terminal", "CNY"]) == (50_000 + paid["cash"], paid["terminal"])
    counted = {"cash": 50_000 + paid["cash"], "terminal": paid["terminal"]}
    seller = await sign_in(cloud, "ann")  # the session did not last the two hours
    answer = await cloud.http.post(f"/shifts/{shift}/count", json=counted, headers=seller)
    assert set(answer.json()["difference"].values()) == {0}, answer.text
    assert (await cloud.http.post(f"/shifts/{shift}/close", headers=seller)).json()["state"] == "closed"
    assert await ledger.imbalance(1) == 0


async def test_gates_may_tell_of_a_passage_before_its_sale_is_told(
    sqlite_cloud: Any, new_gate: Any, tmp_path: Path
) -> None:
    """Gates are back sooner than the box: nothing is odd about their tickets, and the revenue is recognised later."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 3})
    await cut(box)
    sale = box.sell({1: 1})
    (ticket,) = box.codes(sale)
    parsed = parse(ticket.code)
    assert isinstance(parsed, TicketCode)
    claim = claim_digest(parsed.signed)
    gate, at_ms = new_gate(1), cloud.clock.now_ms
    seq = gate.add(Admitted(at_ms, ticket.number, b"\x02", claim, 1, 1, USED, bytes(8)))
    gate.add(Outcome(at_ms + 2_000, gate.epoch, seq, OutcomeKind.PASSED, 1, 0))
    await cloud.receive([gate.batch()])
    await cloud.services.ingest.apply_pending()
    await recognition.run(cloud.clock.now_ms)
    assert await cloud.exceptions() == []
    await heal(box)
    await recognition.run(cloud.clock.now_ms)
    books = await ledger.balances(1)
    assert sum(amount for (account, _), amount in books.items() if account.startswith("revenue")) == -29_800
    assert not any(amount for (account, _), amount in books.items() if account.startswith("deferred"))


async def test_a_number_that_nobody_bought_and_a_gate_let_in_is_shown(
    sqlite_cloud: Any, new_gate: Any, tmp_path: Path
) -> None:
    """Somebody got at the codes: told when the box says what it sold, and when a gate tells of it later."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 3})
    await cut(box)
    box.sell({1: 1})
    rows = await ContingencyTicket.filter(serial__gt=1).order_by("serial")
    for gate, row in zip((new_gate(1), new_gate(2)), rows, strict=True):
        if gate.device.number == 2:
            await heal(box)
        seq = gate.add(Admitted(cloud.clock.now_ms, row.number, b"\x02", bytes(8), 1, 1, USED, bytes(8)))
        gate.add(Outcome(cloud.clock.now_ms + 9, gate.epoch, seq, OutcomeKind.PASSED, 1, 0))
        await cloud.receive([gate.batch()])
        await cloud.services.ingest.apply_pending()
    assert await cloud.exceptions() == ["unsold_admitted"] * 2


async def test_what_is_done_to_contingency_tickets_is_on_record(sqlite_cloud: Any, tmp_path: Path) -> None:
    """Setting up, making, selling, ending; by whom. The PIN is nowhere."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 3})
    await cut(box)
    box.sell({1: 1})
    await heal(box)
    rows = await AuditEntry.filter(action__contains="contingency").order_by("id")
    assert [(row.action, row.actor) for row in rows] == [
        ("contingency.window", "test"),
        ("contingency.make", "system"),
        ("order.contingency", "encoder 1"),
        ("contingency.done", "encoder 1"),
    ]
    assert not any(PIN in json.dumps([row.before, row.after]) for row in rows)


async def test_a_batch_holds_its_share_of_a_quota_until_it_is_closed(cloud: Any, tmp_path: Path) -> None:
    """Nobody else is sold what a box may sell; what it did not sell is free again, what it sold is not."""
    quota = {"site": 1, "code": "DAILY", "products": [1], "from": "2026-01-17", "to": "2026-01-17", "capacity": 12}
    (counter,) = (await cloud.post("/stock", quota))["counters"]

    async def free() -> int:
        return int((await Stock.get(id=counter)).left)

    box = await ready(cloud, tmp_path, {1: 10})
    assert await free() == 2
    with pytest.raises(AssertionError, match="sold_out"):
        await cloud.sell(quantity=3)
    await cut(box)
    box.sell({1: 3})
    await heal(box)
    assert await free() == 9
    order = (await Order.all())[0]
    assert [hold.quantity for hold in await StockHold.filter(order_id=order.id)] == [3]
    assert await nightly.run(cloud.services) == 0  # ten more are not there: told in the log, nothing half-made
    assert (await free(), await ContingencyTicket.filter(state="held").count()) == (9, 0)


async def test_the_same_receipts_at_once_are_booked_once(cloud: Any, tmp_path: Path) -> None:
    """A box that asks again before the first request is answered; and a manager who says lost meanwhile."""
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    sales = [box.sell({1: 1}) for _ in range(4)]
    box.cut = False
    told = {"sales": [box.syncing._told(sale) for sale in sales]}
    path = f"/api/v1/contingency/box/{sales[0].batch}/sales"
    lost = cloud.http.post(f"/contingency/batches/{sales[0].batch}/lost", json={"reason": "test"})
    answers = await asyncio.gather(*(_post(box, path, told) for _ in range(3)), lost, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, CloudRefused)]
    assert {answer.code for answer in refused} <= {"state_conflict"}  # another was faster: the box asks again
    await heal(box)
    assert (await Order.all().count(), await Payment.all().count(), await Ticket.all().count()) == (4, 4, 4)
    states = (await first_batch(cloud))["tickets"]
    assert states.get("sold", 0) + states.get("sold_denied", 0) == 4
    assert states["unsold_denied"] == 6
    denied = denied_at(cloud)
    assert len(denied) == 6 + states.get("sold_denied", 0)
    assert await ledger.imbalance(1) == 0


async def test_every_receipt_is_booked_once_though_every_answer_is_lost(cloud: Any, tmp_path: Path) -> None:
    """The box tells again what was not answered; the cloud gives the same answer and books nothing twice."""
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    for _ in range(4):
        box.sell({1: 1})
    box.cut, box.drop = False, True
    asked = box._ask

    def lost_after_sales(method: str, path: str, body: bytes) -> bytes:
        box.drop = path.endswith("/sales")
        return asked(method, path, body)

    box.syncing._ask = lost_after_sales
    for _ in range(3):
        await box.round()
    assert (await Order.all().count(), len(box.store.untold(box.store.batches()[0].head.id))) == (4, 4)
    box.syncing._ask, box.drop = asked, False
    await heal(box)
    assert (await Order.all().count(), await Payment.all().count()) == (4, 4)
    assert (await first_batch(cloud))["state"] == "done"


async def test_unsold_ones_are_denied_only_when_everything_was_told(cloud: Any, tmp_path: Path) -> None:
    """A box that says it is done while a receipt is missing is refused, and the missing number is shown."""
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    sales = [box.sell({1: 1}) for _ in range(3)]
    box.cut = False
    batch = box.store.batches()[0].head.id
    told = [box.syncing._told(sale) for sale in sales]
    path = f"/api/v1/contingency/box/{batch}"
    await _post(box, f"{path}/sales", {"sales": [told[0], told[2]]})
    found = await first_batch(cloud)
    assert (found["missing"], found["tickets"]) == ([2], {"held": 8, "sold": 2})
    with pytest.raises(Exception, match="contingency_missing"):
        await _post(box, f"{path}/done", {"receipts": 3})
    assert denied_at(cloud) == {}
    await _post(box, f"{path}/sales", {"sales": told})
    await _post(box, f"{path}/done", {"receipts": 3})
    await _post(box, f"{path}/done", {"receipts": 3})
    assert len(denied_at(cloud)) == 7
    assert await Order.all().count() == 3


async def _post(box: BoxOfTests, path: str, body: Any) -> bytes:
    return await asyncio.to_thread(box._ask, "POST", path, json.dumps(body).encode())


async def test_a_late_sale_of_a_denied_number_is_booked_stays_denied_and_is_shown(cloud: Any, tmp_path: Path) -> None:
    """The manager took the box for lost; it comes back with money in its drawer."""
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    sale = box.sell({1: 2})
    (batch,) = box.store.batches()
    await cloud.post(f"/contingency/batches/{batch.head.id}/lost", {"reason": "stolen"})
    deny = denied_at(cloud)
    assert len(deny) == 10
    assert not any(admitted(cloud, ticket.code, deny) for ticket in box.codes(sale))
    await heal(box)
    found = await first_batch(cloud)
    assert (found["state"], found["booked"], found["troubles"]) == ("done", {"cash": 59600}, 1)
    assert found["tickets"] == {"sold_denied": 2, "unsold_denied": 8}
    (trouble,) = (await cloud.get("/contingency/troubles", site=1))["items"]
    assert (trouble["trouble"], trouble["state"], trouble["amount"]) == ("late", "booked", 59600)
    assert {ticket.status for ticket in await Ticket.all()} == {"revoked"}
    assert len(denied_at(cloud)) == 10
    await cloud.post(f"/contingency/sales/{trouble['id']}/settle", {"note": "paid back in cash"})
    assert (await cloud.get("/contingency/troubles", site=1))["items"] == []
    again = await cloud.http.post(f"/contingency/sales/{trouble['id']}/settle", json={"note": "again"})
    assert again.json()["code"] == "state_conflict"
    with pytest.raises(Refused):
        box.pay({1: 1})


async def test_a_number_that_two_receipts_name_is_sold_once(cloud: Any, tmp_path: Path) -> None:
    """A copied box: what comes second is kept unbooked for a person, as are amounts and numbers that cannot be."""
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    sale = box.sell({1: 1})
    box.cut = False
    told = box.syncing._told(sale)
    path = f"/api/v1/contingency/box/{sale.batch}/sales"
    odd = [
        told,
        told | {"receipt": 2},
        told | {"receipt": 3, "serials": [999]},
        told | {"receipt": 4, "serials": [5], "amount": 1, "tendered": 1},
        told | {"receipt": 5, "serials": [5], "method": "terminal"},
        told | {"receipt": 6, "serials": [6]},
    ]
    await _post(box, path, {"sales": odd})
    await _post(box, path, {"sales": [told | {"serials": [7]}]})
    found = (await cloud.get("/contingency/troubles", site=1))["items"]
    assert {each["receipt"]: (each["state"], each["trouble"]) for each in found} == {
        1: ("booked", "differs"),
        2: ("trouble", "sold_twice"),
        3: ("trouble", "unknown_serial"),
        4: ("trouble", "amount"),
        5: ("trouble", "reference_missing"),
    }
    assert (await Order.all().count(), await Ticket.all().count()) == (2, 2)


async def test_a_sale_belongs_to_its_own_day(sqlite_cloud: Any, tmp_path: Path) -> None:
    """Told the morning after, it is an order of the day on which it was made; unsold ones are over, and not denied."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    box.sell({1: 1})
    box.store.set_drawer(box.store.batches()[0].head.id, 50_000)
    cloud.clock.now_ms += DAY_MS
    await heal(box)
    (order,) = await Order.all()
    assert order.day == date(2026, 1, 17)
    found = await first_batch(cloud)
    assert (found["state"], found["tickets"], found["told"]["drawer"]) == ("done", {"sold": 1, "expired": 9}, 50_000)
    assert denied_at(cloud) == {}


async def test_a_day_that_was_closed_meanwhile_stays_closed_and_both_days_reconcile(
    sqlite_cloud: Any, tmp_path: Path
) -> None:
    """The box is out of reach overnight: its sales post to the first open day, and say on which they were made."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    sale = box.sell({1: 2})
    cloud.clock.now_ms += DAY_MS
    closed = await cloud.post("/days/close", {"site": 1, "day": "2026-01-17"})
    await heal(box)
    assert (await Order.all())[0].day == date(2026, 1, 17)
    cloud.clock.now_ms += DAY_MS
    next_day = await cloud.post("/days/close", {"site": 1, "day": "2026-01-18"})
    events = {(row["event"], row["account"]): row["amount"] for row in next_day["events"]}
    assert events["contingency_sale", "tenders:cash"] == sale.amount
    assert [each["operating_day"] for each in next_day["other_days"] if each["event"] == "contingency_sale"] == [
        "2026-01-17"
    ]
    assert (await cloud.post("/days/close", {"site": 1, "day": "2026-01-17"}))["digest"] == closed["digest"]


async def test_after_an_outage_the_window_gets_a_new_batch_at_once(sqlite_cloud: Any, tmp_path: Path) -> None:
    """A second cut on the same day: other numbers, other receipts; without a sale the batch stays."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 10})
    await cut(box)
    await heal(box)
    assert await nightly.run(cloud.services) == 0  # nothing was sold: nothing to close
    await cut(box)
    first = box.sell({1: 1})
    await heal(box)
    assert await nightly.run(cloud.services) == 1
    await box.round()
    await cut(box)
    second = box.sell({1: 1})
    assert first.batch != second.batch
    assert {ticket.serial for ticket in box.codes(second)} == {11}


async def test_a_box_reads_and_tells_only_what_is_its_own(sqlite_cloud: Any, tmp_path: Path) -> None:
    """Another device of the site, or nobody: refused; a box is told of no other window's tickets."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 2})
    (batch,) = box.store.batches()
    del cloud.http.headers["Authorization"]
    query = f"?box={box.store.box}"
    for path in (f"/contingency/box{query}", f"/contingency/box/{batch.head.id}/tickets{query}"):
        answer = await cloud.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "device_refused")
    other = Keyed(Device(1, BOX.role, 2))
    public = public_bytes(other.key.public_key()).hex()
    await DeviceKey(site_id=1, role="encoder", number=2, public=public, enrolled_ms=1).save(force_create=True)
    path = f"/api/v1/contingency/box/{batch.head.id}/tickets{query}"
    headers = other.headers("GET", path, cloud.clock.now_ms)
    answer = await cloud.http.get(path.removeprefix("/api/v1"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "device_refused")


async def test_a_wiped_or_new_box_is_not_given_what_was_given_before(sqlite_cloud: Any, tmp_path: Path) -> None:
    """The disk of the first one died in the outage, with sales on it: nobody sells its numbers again."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 5})
    await cut(box)
    box.sell({1: 1})
    (first,) = box.store.batches()
    box.switch_off()
    box.directory = tmp_path / "new disk"
    box.switch_on()
    box.cut = False
    assert await box.round()
    assert box.store.batches() == []
    with pytest.raises(CloudRefused, match="contingency_off"):
        await asyncio.to_thread(
            box._ask, "GET", f"/api/v1/contingency/box/{first.head.id}/tickets?box={box.store.box}", b""
        )
    await cloud.post(f"/contingency/batches/{first.head.id}/lost", {"reason": "its disk died"})
    assert len(denied_at(cloud)) == 5
    assert await nightly.run(cloud.services) == 1
    assert await box.round()
    (second,) = box.store.batches()
    assert (second.head.first_serial, second.state) == (6, "ready")


async def test_pressed_twice_it_is_one_sale_and_more_than_there_are_is_none(sqlite_cloud: Any, tmp_path: Path) -> None:
    """The same form again shows the same receipt; half a sale is never recorded."""
    cloud = sqlite_cloud
    box = await ready(cloud, tmp_path, {1: 3, 2: 1})
    await cut(box)
    head = box.store.batches()[0].head
    values: dict[str, Any] = {"at_ms": 1, "method": "cash", "reference": None, "tendered": 99}
    one = box.store.sell(head, {1: 1}, "form", **values)
    assert box.store.sell(head, {1: 1}, "form", **values) == one
    with pytest.raises(NoneLeft):
        box.store.sell(head, {1: 1, 2: 2}, "other", **values)
    assert (box.store.receipts(head.id), box.store.left(head.id)) == (1, {1: 2, 2: 1})
    assert box.store.sell(head, {1: 1}, "third", **values).receipt == 2
