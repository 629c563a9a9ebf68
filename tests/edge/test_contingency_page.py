# SPDX-License-Identifier: Apache-2.0
"""The box's page as a browser sees it: real HTTP, a real store; what it shows, and what it refuses."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from box_browser import Browser
from contingency_box import TestClock

from pistegate_edge.contingency.desk import Desk
from pistegate_edge.contingency.rules import CUT_MS, VOID_MS, Line
from pistegate_edge.contingency.server import BoxServer
from pistegate_edge.contingency.shapes import Head, Offer, Ticket
from pistegate_edge.contingency.store import open_store
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_protocol.contingency import batch_digest, pin_hash
from pistegate_protocol.texts import text

PIN, SALT = "402817", b"s" * 16
NOON_MS = 1768622400000  # 2026-01-17 12:00 in Shanghai
CODES = [f"1{serial:0244d}" for serial in range(1, 9)]
TICKETS = [Ticket(serial, 10_000 + serial, 1 if serial < 6 else 2, CODES[serial - 1]) for serial in range(1, 9)]


@dataclass
class Bench:
    """A box whose cloud is away. `clock.now_ms` moves time."""

    desk: Desk
    server: BoxServer
    clock: SimpleNamespace

    def browser(self, locale: str = "en") -> Browser:
        browser = Browser(self.server.port)
        browser.get(f"/language/{locale}")
        return browser


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A whole batch of five of one product and three of another."""
    clock = SimpleNamespace(now_ms=NOON_MS)
    guarded = GuardedClock(TestClock(clock))
    guarded.signed(NOON_MS, 1)
    digest = batch_digest((each.serial, each.number, each.product, each.code) for each in TICKETS)
    offers = [Offer(1, {"en": "Day <b>", "zh-CN": "全日票"}, 29_800, 5), Offer(2, {"en": "One"}, 4_000, 3)]
    about = ("CNY", "Asia/Shanghai", "Snow Valley 雪谷", SALT.hex(), pin_hash(PIN, SALT).hex())
    head = Head("b1", 3, 1, "2026-01-17", "held", 1, 8, *about, offers, digest, NOON_MS + 12 * 3_600_000)
    with open_store(tmp_path / "box", "1/encoder/1") as store:
        store.begin_batch(head)
        store.add_tickets("b1", TICKETS)
        store.finish_batch(head)
        desk = Desk(store, guarded, Line(guarded.steady_ms()))
        server = BoxServer("127.0.0.1", 0, desk, "zh-CN")
        server.start()
        clock.now_ms += CUT_MS
        try:
            yield Bench(desk, server, clock)
        finally:
            server.stop()


def test_a_seller_logs_in_sells_shows_and_prints(bench: Bench) -> None:
    """From the PIN to the codes: the price, the change, a big code for each ticket, the receipt's number."""
    browser = bench.browser()
    assert text("contingency.pin") in browser.get("/")
    desk = browser.log_in(PIN)
    assert text("contingency.may_sell") in desk
    assert "Day &lt;b&gt;" in desk
    receipt = browser.sell(desk, count_1="2", count_2="1", tendered="700")
    assert browser.path == "/receipt/b1/1"
    assert "636.00 CNY" in receipt
    assert "64.00 CNY" in receipt  # change
    assert "Y3-20260117-1-0001" in receipt
    assert "<svg" not in receipt  # nobody sees a code before it is said to be given
    codes = browser.post("/give/b1/1")
    assert browser.path == "/codes/b1/1"
    assert codes.count("<svg") == 3
    assert all(word in codes for word in ("Y3-000001", "Y3-000002", "Y3-000006", "Snow Valley 雪谷", "2026-01-17"))
    assert codes.count("Y3-20260117-1-0001") >= 3
    assert browser.get("/codes/b1/1").count("<svg") == 3  # again, for a printer that had no paper


def test_the_page_needs_nothing_from_elsewhere(bench: Bench) -> None:
    """No script, no address of another host, in either language."""
    for locale, word in (("en", "Sell"), ("zh-CN", "售票")):
        browser = bench.browser(locale)
        desk = browser.log_in(PIN)
        receipt = browser.sell(desk, count_1="1")
        pages = [browser.get("/"), desk, receipt, browser.post(f"/give{browser.path[8:]}"), browser.get("/day")]
        assert all(word in page for page in pages)
        assert not any("<script" in page or "src=" in page for page in pages)
        assert not any(re.search(r'(href|action)="(?!/)', page) for page in pages)
        assert not any("http://" in page.replace("http://www.w3.org/2000/svg", "") for page in pages)


def test_a_sale_is_voided_before_its_codes_are_seen_and_not_after(bench: Bench) -> None:
    """Nor ten minutes later; the numbers are spoilt and go to nobody."""
    browser = bench.browser()
    browser.sell(browser.log_in(PIN), count_1="1")
    assert text("contingency.state_void") in browser.post("/void/b1/1")
    assert text("contingency.voided") in browser.post("/give/b1/1")
    browser.sell(browser.get("/"), count_1="1")
    browser.post("/give/b1/2")
    assert text("contingency.void_late") in browser.post("/void/b1/2")
    browser.sell(browser.get("/"), count_1="1")
    bench.clock.now_ms += VOID_MS
    assert text("contingency.void_late") in browser.post("/void/b1/3")
    assert bench.desk.store.left("b1") == {1: 2, 2: 3}
    assert [sale.state for sale in bench.desk.store.sales("b1")] == ["open", "given", "void"]


def test_the_drawer_is_what_it_began_with_and_the_cash(bench: Bench) -> None:
    """Terminal and voided sales are not in it."""
    browser = bench.browser()
    browser.sell(browser.log_in(PIN), count_1="1", tendered="500")
    browser.sell(browser.get("/"), count_2="2", method="terminal", reference="T-77")
    browser.sell(browser.get("/"), count_2="1")
    browser.post("/void/b1/3")
    day = browser.post("/drawer", amount="500")
    rows = dict(re.findall(r"<tr><td>([^<]+)</td><td class=n>([^<]+)</td></tr>", day))
    assert rows[text("contingency.in_drawer").replace("'", "&#x27;")] == "798.00 CNY"
    assert (rows["Cash"], rows["Bank terminal"], rows["Voided"]) == ("298.00 CNY", "80.00 CNY", "1")


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({"count_1": "0"}, "count_wrong"),
        ({"count_1": "-1"}, "count_wrong"),
        ({"count_1": "1e9"}, "count_wrong"),
        ({"count_1": "９"}, "count_wrong"),
        ({"count_9": "1"}, "count_wrong"),
        ({"count_1": "999"}, "count_wrong"),
        ({"count_1": "6"}, "too_few"),
        ({"count_1": "1", "tendered": "297.99"}, "too_little"),
        ({"count_1": "1", "tendered": "much"}, "amount_wrong"),
        ({"count_1": "1", "method": "terminal"}, "reference_missing"),
        ({"count_1": "1", "method": "terminal", "reference": "a b"}, "reference_missing"),
        ({"count_1": "1", "method": "cheque"}, "count_wrong"),
    ],
)
def test_what_cannot_be_is_told_and_sells_nothing(bench: Bench, form: dict[str, str], key: str) -> None:
    """In words, on the same page."""
    browser = bench.browser()
    page = browser.sell(browser.log_in(PIN), **form)
    assert text(f"contingency.{key}").replace("'", "&#x27;") in page
    if "count_1" in form:
        assert f'name="count_1" inputmode="numeric" value="{form["count_1"]}"' in page  # nothing is typed twice
    assert bench.desk.store.receipts("b1") == 0


def test_pressed_twice_it_is_one_sale(bench: Bench) -> None:
    """The browser's own repetition of a form gives the same receipt."""
    browser = bench.browser()
    desk = browser.log_in(PIN)
    for _ in range(3):
        browser.sell(desk, count_1="1")
        assert browser.path == "/receipt/b1/1"
    assert bench.desk.store.receipts("b1") == 1


def test_nobody_sells_without_the_pin(bench: Bench) -> None:
    """Wrong ones are refused, five a minute; another window's receipts and codes are nobody's business."""
    stranger = bench.browser()
    for path in ("/day", "/codes/b1/1", "/receipt/b1/1"):
        assert text("contingency.pin") in stranger.get(path)
    stranger.post("/sell", form="x", count_1="1", method="cash")
    assert bench.desk.store.receipts("b1") == 0
    for pin in ("000000", "", "402817x", "1" * 5000, "４０２８１７"):
        assert text("contingency.pin_wrong") in stranger.log_in(pin)
    assert text("contingency.pin_wait") in stranger.log_in(PIN)
    bench.clock.now_ms += 61_000
    assert text("contingency.may_sell") in stranger.log_in(PIN)
    stranger.post("/logout")
    assert text("contingency.pin") in stranger.get("/day")


def test_another_sites_page_cannot_post_here(bench: Bench) -> None:
    """A browser says where a form came from; too large and unreadable ones are refused too."""
    browser = bench.browser()
    browser.log_in(PIN)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for headers in ({"Origin": "http://evil.example"}, {"Content-Length": "99999"}, {"Content-Length": "-1"}):
        connection = http.client.HTTPConnection("127.0.0.1", bench.server.port, timeout=10)
        connection.putrequest("POST", "/sell")
        for name, value in ({"Cookie": cookie, "Content-Length": "0"} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 400
        connection.close()


def test_online_or_in_doubt_the_page_shows_why_and_has_no_button(bench: Bench) -> None:
    """The cloud is back; the day is over."""
    browser = bench.browser()
    browser.log_in(PIN)
    bench.desk.line.answered(bench.desk.clock.steady_ms())
    bench.clock.now_ms += 30_000
    bench.desk.line.answered(bench.desk.clock.steady_ms())
    page = browser.get("/")
    assert text("contingency.why_online", seconds=60) in page
    assert 'action="/sell"' not in page
    bench.clock.now_ms += 12 * 3_600_000 - 31_000  # still logged in
    assert text("contingency.why_no_batch") in browser.get("/")
