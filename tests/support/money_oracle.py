# SPDX-License-Identifier: Apache-2.0
"""What must be true of a site's money after every step, asked of SQLite itself, past all of the cloud's own code."""

import sqlite3
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from pistegate_protocol.documents import DOCUMENTS, DenyList

PAID: Final = ("paid", "part_refunded", "refunded")
SOURCES: Final = ("wallet", "voucher", "account", "deposit")  # tenders that are no money


class Oracle:
    """Reads a database beside the cloud."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)

    def close(self) -> None:
        self._db.close()

    def rows(self, statement: str, *values: Any) -> list[Any]:
        return self._db.execute(statement, values).fetchall()

    def orders(self) -> set[str]:
        """Ids of all orders."""
        return {row[0] for row in self.rows("SELECT id FROM sales_order")}

    def balances(self) -> Counter[str]:
        """Account -> balance, debit positive."""
        found = self.rows(
            "SELECT a.code, sum(p.amount) FROM posting p JOIN account a ON a.id = p.account_id GROUP BY 1"
        )
        return Counter(dict(found))

    def check(self) -> None:
        """AssertionError names what is wrong."""
        self._sums_to_zero()
        self._orders_are_whole()
        self._refunds_within_payments()
        self._tenders()
        self._revoked_are_denied()
        self._stock()
        self._held_for_guests()
        self._notices()

    def answered(self, known: Collection[str], open_requests: int) -> None:
        """Every order is one that somebody was told of, or that a request waits to be told of."""
        unknown = self.orders() - set(known)
        assert len(unknown) <= open_requests, f"orders that nobody was told of: {unknown}"

    def _sums_to_zero(self) -> None:
        wrong = self.rows(
            "SELECT transaction_id, currency, sum(amount) FROM posting GROUP BY 1, 2 HAVING sum(amount) != 0"
        )
        assert not wrong, f"transactions that do not sum to zero: {wrong}"
        empty = self.rows(
            "SELECT kind FROM ledger_transaction t WHERE kind != 'free'"
            " AND NOT EXISTS (SELECT 1 FROM posting p WHERE p.transaction_id = t.id)"
        )
        assert not empty, f"transactions without postings: {empty}"

    def _orders_are_whole(self) -> None:
        """Paid once and with all tickets, or not at all and with nothing."""
        for order, status, total, done, held, tickets, sold, sales in self.rows(
            """SELECT o.id, o.status, o.total,
                (SELECT coalesce(sum(amount), 0) FROM payment WHERE order_id = o.id AND state = 'done'),
                (SELECT count(*) FROM payment WHERE order_id = o.id AND state IN ('held', 'waiting')),
                (SELECT count(*) FROM ticket WHERE order_id = o.id),
                (SELECT coalesce(sum(quantity), 0) FROM order_line WHERE order_id = o.id AND kind = 'ticket'),
                (SELECT count(*) FROM ledger_transaction WHERE order_id = o.id AND kind = 'sale')
            FROM sales_order o"""
        ):
            if status in PAID:
                assert (done, held, tickets) == (total, 0, sold), (
                    f"{order} {status} of {total}: {done} {held} {tickets}"
                )
                assert sales == (total > 0), f"{order} is posted {sales} times"
            else:
                assert (done, tickets, sales) == (0, 0, 0), f"{order} {status}: {done} {tickets} {sales}"
                assert status == "new" or not held, f"{order} {status} holds what it is not paid with"

    def _refunds_within_payments(self) -> None:
        for payment, amount, back, refunds in self.rows(
            """SELECT id, amount, given_back, (SELECT coalesce(sum(amount), 0) FROM refund WHERE payment_id = p.id)
            FROM payment p"""
        ):
            assert refunds == back <= amount, f"payment {payment} of {amount}: {back} given back, refunds of {refunds}"
        wrong = self.rows("SELECT id FROM order_line WHERE refunded_amount > amount OR refunded_quantity > quantity")
        assert not wrong, f"more was given back of lines than was sold: {wrong}"
        over = self.rows(
            "SELECT o.id FROM sales_order o JOIN order_line l ON l.order_id = o.id WHERE o.status IN (?, ?, ?)"
            " GROUP BY o.id HAVING sum(l.refunded_amount) > o.total",
            *PAID,
        )
        assert not over, f"more was given back than paid: {over}"

    def _tenders(self) -> None:
        """Each way of paying: what came less what went, and nothing in the ledger that is in no table."""
        found: Counter[str] = Counter()
        for method, amount in self.rows(
            "SELECT method, amount FROM payment WHERE state IN ('done', 'late', 'returned')"
        ):
            found[method.partition("_")[0]] += amount
        for method, amount in self.rows("SELECT method, amount FROM refund WHERE state IN ('done', 'cash')"):
            found[method.partition("_")[0]] -= amount
        for method, amount in self.rows("SELECT method, amount FROM account_entry WHERE kind = 'settled'"):
            found[method] -= amount  # what it takes from the bill
        for source in SOURCES:
            found[source] = 0
        for method, amount in self.rows("SELECT method, amount FROM payment WHERE state = 'held'"):
            if method in SOURCES:
                found[method] -= amount
        books = self.balances()
        told = {name.partition(":")[2]: amount for name, amount in books.items() if name.startswith("tenders:")}
        assert {k: v for k, v in told.items() if v} == {k: v for k, v in found.items() if v}
        waits = sum(row[0] for row in self.rows("SELECT amount FROM payment WHERE state = 'waiting'"))
        assert books["in_doubt:wechat"] == waits == -books["expected:wechat"]
        late = sum(row[0] for row in self.rows("SELECT amount FROM payment WHERE state = 'late'"))
        assert books["unassigned:wechat"] == -late
        due = self.rows("SELECT coalesce(sum(amount), 0) FROM refund WHERE state NOT IN ('done', 'cash')")[0][0]
        assert books["refunds_due:wechat"] == -due

    def _revoked_are_denied(self) -> None:
        """In the newest list that gates of the site are sent, too."""
        revoked = self.rows(
            "SELECT t.number, t.revision, d.below_revision FROM ticket t"
            " LEFT JOIN denial d ON d.ticket_id = t.number AND d.site_id = t.site_id WHERE t.status = 'revoked'"
        )
        for number, revision, below in revoked:
            assert (below or 0) > revision, f"ticket {number} is refunded and let in"
        newest = self.rows(
            "SELECT body FROM document WHERE site_id = 1 AND name = 'deny_list' ORDER BY version DESC LIMIT 1"
        )
        told = deny_list(newest[0][0]) if newest else {}
        missing = {number for number, _, below in revoked if told.get(number, 0) < below}
        assert not missing, f"refunded and in no deny list: {missing}"

    def _stock(self) -> None:
        """Never oversold; what is gone is what orders hold, and they hold what they are sold."""
        for stock, capacity, left, held in self.rows(
            """SELECT s.id, s.capacity, s.left,
                (SELECT coalesce(sum(quantity), 0) FROM stock_hold h WHERE h.stock_id = s.id) FROM stock s"""
        ):
            assert held == capacity - left <= capacity, f"stock {stock}: {left} of {capacity} left, {held} held"
        for order, status, held, sold in self.rows(
            """SELECT o.id, o.status,
                (SELECT coalesce(sum(h.quantity), 0) FROM stock_hold h WHERE h.order_id = o.id),
                (SELECT coalesce(sum(l.quantity - l.refunded_quantity), 0) FROM order_line l
                    JOIN product p ON p.id = l.product_id
                    JOIN stock_product s ON s.product = p.number AND s.day = l.visit_date AND s.site_id = l.site_id
                    WHERE l.order_id = o.id)
            FROM sales_order o"""
        ):
            mine = sold if status == "new" or status in PAID else 0
            assert held == mine, f"{order} {status} holds {held} pieces and should {mine}"

    def _held_for_guests(self) -> None:
        """Wallets, deposits, vouchers and signed bills: the ledger says what their own tables say."""
        books = self.balances()
        for wallet, account, moved in self.rows(
            "SELECT w.id, w.account, (SELECT coalesce(sum(m.account), 0) FROM wallet_movement m"
            " WHERE m.wallet_id = w.id) FROM wallet w"
        ):
            assert account == moved >= 0, f"wallet {wallet} has {account}, moved {moved}"
        assert books["wallets"] == -self.rows("SELECT coalesce(sum(account), 0) FROM wallet")[0][0]
        held = self.rows(
            "SELECT coalesce(sum(amount - spent - returned), 0) FROM deposit WHERE state = 'held' AND wallet_id IS NULL"
        )[0][0]
        assert books["deposits_held"] == -held
        assert not self.rows("SELECT id FROM deposit WHERE spent + returned > amount")
        assert books["vouchers"] == -self.rows("SELECT coalesce(sum(left), 0) FROM voucher")[0][0]
        for voucher, value, left, spent in self.rows(
            """SELECT v.id, b.value, v.left, (SELECT coalesce(sum(amount - given_back), 0) FROM payment p
                WHERE p.voucher_id = v.id AND p.state IN ('held', 'done')) FROM voucher v
                JOIN voucher_batch b ON b.id = v.batch_id"""
        ):
            assert left + spent == value, f"voucher {voucher} of {value}: {left} left, {spent} spent"
        for account, used, limit, entries in self.rows(
            "SELECT id, used, credit_limit, (SELECT coalesce(sum(amount), 0) FROM account_entry e"
            " WHERE e.account_id = a.id) FROM account_customer a"
        ):
            assert 0 <= entries == used == books[f"receivables:{account}"] <= limit, f"account {account}"
        twice = self.rows(
            "SELECT label FROM equipment_loan WHERE returned_ms IS NULL GROUP BY label HAVING count(*) > 1"
        )
        assert not twice, f"with two guests at once: {twice}"

    def _notices(self) -> None:
        """Who gave a phone number is told once of an order that is paid."""
        for order, status, phone, told in self.rows(
            "SELECT o.id, o.status, o.phone, (SELECT count(*) FROM notification n WHERE n.order_id = o.id"
            " AND n.kind = 'order_paid') FROM sales_order o"
        ):
            assert told == (status in PAID and phone is not None), f"{order} {status}: told {told} times"


def deny_list(body: bytes) -> dict[int, int]:
    """Ticket -> revision below which it is refused."""
    document = DOCUMENTS.decode(body)
    assert isinstance(document, DenyList)
    return dict(document.entries)
