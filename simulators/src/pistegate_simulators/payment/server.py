# SPDX-License-Identifier: Apache-2.0
"""The provider as an HTTP server; what it knows is in books.py, how it signs in signing.py."""

import gzip
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from pistegate_simulators.payment import notices
from pistegate_simulators.payment.bill import bill
from pistegate_simulators.payment.books import AUTH_CODE, Books, Order, Refund, Refusal, china_time
from pistegate_simulators.payment.keys import ProviderKeys, serial_of
from pistegate_simulators.payment.serving import Hang, handler_of
from pistegate_simulators.payment.signing import check_request, seal

PREPAY: Final = {"native": "NATIVE", "jsapi": "JSAPI", "h5": "MWEB"}
_ORDER = re.compile(r"/v3/pay/transactions/out-trade-no/([^/]+)(/close|/reverse)?\Z")
_BY_ID = re.compile(r"/v3/pay/transactions/id/([^/]+)\Z")
_REFUND = re.compile(r"/v3/refund/domestic/refunds/([^/]+)\Z")
# Last two digits of a payment code 付款码 and what then happens; all others pay at once.
CODES: Final = {
    "01": "a password is typed, paid after `password_s`",
    "02": "a password is asked for and never typed",
    "03": "paid, but the answer is 500 SYSTEM_ERROR",
    "04": "not paid, and the answer is 500 SYSTEM_ERROR",
    "05": "403 NOT_ENOUGH: the guest lacks money",
    "06": "400 AUTH_CODE_INVALID",
    "07": "paid, and the connection ends without an answer",
}


@dataclass(slots=True)
class Ways:
    """How the provider behaves. `slow_s`: before each answer; `password_s`: until a guest's password is typed.

    `troubles`: for coming requests one after another: "unknown" (done, answered with 500), "refused" (not done, 500),
    "hang" (done, no answer), "" (as usual). `refunds_end`: at once, else `finish_refund` does it.
    """

    slow_s: float = 0.0
    password_s: float = 5.0
    troubles: list[str] = field(default_factory=list)
    refunds_end: bool = True


class PaymentProvider:
    """WeChat Pay's API v3 for one merchant on 127.0.0.1; `port` 0 takes a free one; `wall`: seconds since 1970."""

    def __init__(
        self,
        keys: ProviderKeys,
        *,
        port: int = 0,
        ways: Ways | None = None,
        fate: notices.Fate | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.keys, self.ways, self._wall = keys, ways or Ways(), wall
        self.books = Books()
        self.post = notices.Post(keys, fate or notices.Fate(), wall)
        self.requests: list[tuple[str, str, int]] = []
        """Method, target and status of everything that was asked."""
        self.lock = threading.RLock()
        self._bills: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def wall(self) -> float:
        """Seconds since 1970, as the provider reads them."""
        return self._wall()

    @property
    def slow_s(self) -> float:
        """Wait so long before each answer."""
        return self.ways.slow_s

    @property
    def gateway(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        self.post.start()

    def stop(self) -> None:
        """Answer and notify nobody more."""
        self._server.shutdown()
        self._server.server_close()
        self.post.stop()

    def guest_pays(self, number: str) -> bool:
        """The guest pays an order; False when it cannot be paid any more."""
        with self.lock:
            order = self.books.of(number)
            paid = self.books.pay(order, self.wall())
            if paid:
                self._notify_paid(order)
            return paid

    def finish_refund(self, number: str, status: str = "SUCCESS") -> None:
        """The bank has answered to a refund."""
        with self.lock:
            refund = self.books.refunds[number]
            self.books.end_refund(refund, self.wall(), status)
            self._notify_refund(refund)

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Status and answer (None: no body, bytes: a file) to a request; Refusal, SignError, Hang."""
        path = urlsplit(target).path
        if path.startswith("/simulator/"):
            return self._told_by_hand(method, path)
        now = self.wall()
        check_request(self.keys, headers.get("Authorization", ""), method, target, body, now)
        trouble = self.ways.troubles.pop(0) if self.ways.troubles else ""
        if trouble == "refused":
            raise Refusal(500, "SYSTEM_ERROR", "系统异常,请稍后重试")
        with self.lock:
            for order in self.books.ripen(now):
                self._notify_paid(order)
            result = self._route(method, path, parse_qs(urlsplit(target).query), body, now)
        if trouble == "unknown":
            raise Refusal(500, "SYSTEM_ERROR", "系统异常,请稍后重试")
        if trouble == "hang":
            raise Hang
        return result

    def _route(self, method: str, path: str, query: dict[str, list[str]], body: bytes, now: float) -> tuple[int, Any]:
        if (method, path) == ("GET", "/v3/certificates"):
            return 200, self._certificates()
        if (method, path) == ("GET", "/v3/bill/tradebill"):
            return 200, self._bill(query)
        if (method, path) == ("GET", "/v3/billdownload/file"):
            return 200, self._bill_file(query)
        if found := _REFUND.match(path):
            refund = self.books.refunds.get(found[1])
            if method != "GET" or refund is None:
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
            return 200, refund.told()
        if method == "GET":
            return self._query(path, query)
        if method != "POST":
            raise Refusal(405, "INVALID_REQUEST", "method")
        return self._do(path, self._json(body), now)

    def _do(self, path: str, body: dict[str, Any], now: float) -> tuple[int, Any]:
        if path == "/v3/refund/domestic/refunds":
            return self._refund(body, now)
        if body.get("mchid") != self.keys.mchid:
            raise Refusal(400, "PARAM_ERROR", "mchid")
        if found := _ORDER.match(path):
            order = self.books.of(found[1])
            if found[2] == "/close":
                self.books.close(order)
                return 204, None
            if found[2] == "/reverse":
                self.books.reverse(order, now)
                return 204, None
        if body.get("appid") != self.keys.appid:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
        kind = path.removeprefix("/v3/pay/transactions/")
        if kind == "codepay":
            return self._codepay(body, now)
        if kind in PREPAY:
            return self._prepay(kind, body, now)
        raise Refusal(404, "NOT_FOUND", path)

    def _prepay(self, kind: str, body: dict[str, Any], now: float) -> tuple[int, Any]:
        if not str(body.get("notify_url", "")).startswith(("http://", "https://")):
            raise Refusal(400, "PARAM_ERROR", "notify_url")
        if kind == "jsapi" and not body.get("payer", {}).get("openid"):
            raise Refusal(400, "PARAM_ERROR", "payer.openid")
        scene = body.get("scene_info", {})
        if kind == "h5" and not (scene.get("payer_client_ip") and scene.get("h5_info", {}).get("type")):
            raise Refusal(400, "PARAM_ERROR", "scene_info")
        order = self.books.begin(PREPAY[kind], body, now)
        if kind == "native":
            return 200, {"code_url": f"weixin://wxpay/bizpayurl?pr={order.number[-9:]}"}
        if kind == "jsapi":
            return 200, {"prepay_id": f"wx{order.number}"}
        return 200, {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx{order.number}"}

    def _codepay(self, body: dict[str, Any], now: float) -> tuple[int, Any]:
        code = body.get("payer", {}).get("auth_code")
        if not isinstance(code, str) or not AUTH_CODE.match(code):
            raise Refusal(400, "PARAM_ERROR", "payer.auth_code")
        if not body.get("scene_info", {}).get("store_info"):
            raise Refusal(400, "PARAM_ERROR", "scene_info.store_info")
        end = code[-2:]
        if end == "06":
            raise Refusal(400, "AUTH_CODE_INVALID", "付款码无效")
        order = self.books.begin("MICROPAY", body, now)
        if order.state == "USERPAYING" or end in ("01", "02"):
            order.state = "USERPAYING"
            if end == "01" and order.pays_at_s is None:
                order.pays_at_s = now + self.ways.password_s
            raise Refusal(202, "USERPAYING", "需要用户输入支付密码")
        if end == "04":
            raise Refusal(500, "SYSTEM_ERROR", "系统异常,请稍后重试")
        if end == "05":
            order.state = "PAYERROR"
            raise Refusal(403, "NOT_ENOUGH", "用户余额不足")
        self.books.pay(order, now)
        self._notify_paid(order)
        if end == "03":
            raise Refusal(500, "SYSTEM_ERROR", "系统异常,请稍后重试")
        if end == "07":
            raise Hang
        return 200, order.told(self._names)

    def _query(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if query.get("mchid") != [self.keys.mchid]:
            raise Refusal(400, "PARAM_ERROR", "mchid")
        if found := _ORDER.match(path):
            return 200, self.books.of(found[1]).told(self._names)
        if found := _BY_ID.match(path):
            for order in self.books.orders.values():
                if order.transaction_id == found[1]:
                    return 200, order.told(self._names)
        raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")

    def _refund(self, body: dict[str, Any], now: float) -> tuple[int, Any]:
        known = len(self.books.refunds)
        refund = self.books.refund(body, now)
        if len(self.books.refunds) > known and self.ways.refunds_end:
            told = refund.told()  # PROCESSING, as the provider answers first
            self.books.end_refund(refund, now)
            self._notify_refund(refund)
            return 200, told
        return 200, refund.told()

    @property
    def _names(self) -> dict[str, str]:
        return {"appid": self.keys.appid, "mchid": self.keys.mchid}

    def _notify_paid(self, order: Order) -> None:
        """Orders by payment code have no notify_url: their result is asked for."""
        url = order.request.get("notify_url")
        if url:
            told = order.told(self._names)
            self.post.send(notices.make(self.keys, str(url), "TRANSACTION.SUCCESS", told, self.wall()))

    def _notify_refund(self, refund: Refund) -> None:
        if refund.notify_url:
            kind = f"REFUND.{refund.status}"
            told = refund.noticed(self.keys.mchid)
            self.post.send(notices.make(self.keys, refund.notify_url, kind, told, self.wall()))

    def _certificates(self) -> dict[str, Any]:
        certificate = self.keys.platform_certificate
        sealed = seal(self.keys.api_v3_key, self.keys.platform_pem.encode(), "certificate")
        one = {
            "serial_no": serial_of(certificate),
            "effective_time": china_time(certificate.not_valid_before_utc.timestamp()),
            "expire_time": china_time(certificate.not_valid_after_utc.timestamp()),
            "encrypt_certificate": sealed,
        }
        return {"data": [one]}

    def _bill(self, query: dict[str, list[str]]) -> dict[str, str]:
        day = query.get("bill_date", [""])[0]
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            raise Refusal(400, "PARAM_ERROR", "bill_date")
        plain = bill(self.books, day, self.keys.appid, self.keys.mchid)
        if plain.count(b"\r\n") == 3:
            raise Refusal(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        token = secrets.token_hex(16)
        self._bills[token] = gzip.compress(plain) if query.get("tar_type") == ["GZIP"] else plain
        return {
            "hash_type": "SHA1",
            "hash_value": sha1(plain, usedforsecurity=False).hexdigest(),  # of the file before it is packed
            "download_url": f"{self.gateway}/v3/billdownload/file?token={token}",
        }

    def _bill_file(self, query: dict[str, list[str]]) -> bytes:
        found = self._bills.get(query.get("token", [""])[0])
        if found is None:
            raise Refusal(400, "INVALID_REQUEST", "token")
        return found

    @staticmethod
    def _json(body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refusal(400, "PARAM_ERROR", "body")
        return value

    def _told_by_hand(self, method: str, path: str) -> tuple[int, Any]:
        """POST /simulator/pay/NUMBER, /simulator/refill/FEN: for a person at the command line; not signed."""
        _, _, what, value = [*path.split("/", 3), ""][:4]
        if method == "POST" and what == "pay":
            return 200, {"paid": self.guest_pays(value)}
        if method == "POST" and what == "refill" and value.isdecimal():
            with self.lock:
                self.books.dry_at_s = None
                self.books.balance += int(value)
            return 200, {"balance": self.books.balance}
        raise Refusal(404, "NOT_FOUND", path)
