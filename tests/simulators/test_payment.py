# SPDX-License-Identifier: Apache-2.0
"""The payment provider against foreign software: the `wechatpayv3` package takes it for WeChat Pay."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from payment_desk import client_of, holding_provider, provider_keys
from wechatpayv3 import WeChatPay, WeChatPayType  # type: ignore[import-untyped]

from pistegate_simulators.payment.books import CHINA
from pistegate_simulators.payment.notices import Fate
from pistegate_simulators.payment.server import PaymentProvider

PAYS = "134567890123456789"
STORE = {"store_info": {"id": "1", "out_id": "window 1"}}


@pytest.fixture
def provider() -> Iterator[PaymentProvider]:
    """A provider that keeps its notifications."""
    with holding_provider() as running:
        yield running


def native(client: Any, number: str = "order-0001", total: int = 29800) -> dict[str, Any]:
    status, text = client.pay("全日票", number, {"total": total, "currency": "CNY"}, pay_type=WeChatPayType.NATIVE)
    assert status == 200, text
    return dict(json.loads(text))


def by_code(client: Any, number: str, code: str = PAYS, total: int = 4000) -> tuple[int, dict[str, Any]]:
    status, text = client.pay(
        "单次票",
        number,
        {"total": total, "currency": "CNY"},
        payer={"auth_code": code},
        scene_info=STORE,
        pay_type=WeChatPayType.CODEPAY,
    )
    return status, json.loads(text)


def state_of(client: Any, number: str) -> str:
    return str(json.loads(client.query(out_trade_no=number)[1])["trade_state"])


def opened(client: Any, provider: PaymentProvider, index: int = -1, *, public: bool = True) -> Any:
    notice = provider.post.held[index]
    return client.callback(notice.headers(provider.keys, provider.wall(), public=public), notice.body)


def test_a_native_order_is_paid_told_and_queried(provider: PaymentProvider) -> None:
    """Order, payment by the guest, a notification that the client opens, and the same by query."""
    client = client_of(provider)
    assert native(client)["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert state_of(client, "order-0001") == "NOTPAY"
    assert provider.guest_pays("order-0001")
    assert not provider.guest_pays("order-0001")
    told = opened(client, provider)
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    resource = told["resource"]
    assert (resource["out_trade_no"], resource["amount"]["total"]) == ("order-0001", 29800)
    assert json.loads(client.query(transaction_id=resource["transaction_id"])[1]) == resource


def test_other_ways_to_order(provider: PaymentProvider) -> None:
    """JSAPI and H5 give what a page needs; each refuses without its own fields."""
    client = client_of(provider)
    amount = {"total": 100, "currency": "CNY"}
    status, text = client.pay("x", "js-order", amount, payer={"openid": "o1"}, pay_type=WeChatPayType.JSAPI)
    assert (status, json.loads(text)) == (200, {"prepay_id": "wxjs-order"})
    scene = {"payer_client_ip": "10.0.0.1", "h5_info": {"type": "Wap"}}
    status, text = client.pay("x", "h5-order", amount, scene_info=scene, pay_type=WeChatPayType.H5)
    assert status == 200
    assert json.loads(text)["h5_url"].startswith("https://wx.tenpay.com/")
    assert client.pay("x", "h5-other", amount, scene_info={"a": 1}, pay_type=WeChatPayType.H5)[0] == 400


@pytest.mark.parametrize(
    ("end", "status", "code", "state"),
    [
        ("01", 202, "USERPAYING", "SUCCESS"),
        ("02", 202, "USERPAYING", "USERPAYING"),
        ("03", 500, "SYSTEM_ERROR", "SUCCESS"),
        ("04", 500, "SYSTEM_ERROR", "NOTPAY"),
        ("05", 403, "NOT_ENOUGH", "PAYERROR"),
    ],
)
def test_payment_codes_end_as_their_digits_say(
    provider: PaymentProvider,
    end: str,
    status: int,
    code: str,
    state: str,
) -> None:
    """What the answer says and what is true are two things; the query tells the truth."""
    provider.ways.password_s = 0.0
    client = client_of(provider)
    answered, body = by_code(client, "code-0001", PAYS[:-2] + end)
    assert (answered, body["code"]) == (status, code)
    assert state_of(client, "code-0001") == state


def test_a_reversal_gives_the_money_back_or_ends_the_order(provider: PaymentProvider) -> None:
    """Paid: refunded whole. Not paid: never will be. Both REVOKED, and again the same answer."""
    client = client_of(provider)
    assert by_code(client, "code-0001")[1]["trade_state"] == "SUCCESS"
    assert provider.books.balance == 4000
    by_code(client, "code-0002", PAYS[:-2] + "02")
    for number in ("code-0001", "code-0002", "code-0001"):
        assert client.codepay_reverse(number)[0] == 204
        assert state_of(client, number) == "REVOKED"
    assert provider.books.balance == 0
    assert not provider.guest_pays("code-0002")


def test_closing_and_paying_exclude_each_other(provider: PaymentProvider) -> None:
    """A closed order is never paid; a paid one is not closed."""
    client = client_of(provider)
    native(client, "order-0001")
    assert client.close("order-0001")[0] == 204
    assert not provider.guest_pays("order-0001")
    native(client, "order-0002")
    provider.guest_pays("order-0002")
    status, text = client.close("order-0002")
    assert (status, json.loads(text)["code"]) == (400, "ORDERPAID")


def test_refunds_are_idempotent_limited_and_told(provider: PaymentProvider) -> None:
    """The same number is the same refund; never more than was paid; the result comes as a notification."""
    client = client_of(provider)
    native(client)
    provider.guest_pays("order-0001")

    def refund(number: str, fen: int) -> tuple[int, dict[str, Any]]:
        amount = {"refund": fen, "total": 29800, "currency": "CNY"}
        status, text = client.refund(number, amount, out_trade_no="order-0001")
        return status, json.loads(text)

    assert refund("back-1", 10000)[1]["status"] == "PROCESSING"
    assert refund("back-1", 10000)[1]["status"] == "SUCCESS"
    assert refund("back-1", 1)[0] == 400
    assert refund("back-2", 19801)[0] == 400
    assert refund("back-2", 19800)[0] == 200
    assert provider.books.balance == 0
    told = opened(client, provider)
    assert (told["event_type"], told["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert told["resource"]["amount"] == {"total": 29800, "refund": 19800, "payer_total": 29800, "payer_refund": 19800}
    assert json.loads(client.query_refund("back-1")[1])["status"] == "SUCCESS"
    assert client.query_refund("back-3")[0] == 404


def test_the_balance_runs_out_at_its_time(provider: PaymentProvider) -> None:
    """From then on refunds are refused and leave no trace; paid in again, the same number goes through."""
    client = client_of(provider)
    native(client)
    provider.guest_pays("order-0001")
    provider.books.dry_at_s = provider.wall() - 1
    amount = {"refund": 100, "total": 29800, "currency": "CNY"}
    status, text = client.refund("back-1", amount, out_trade_no="order-0001")
    assert (status, json.loads(text)["code"]) == (403, "NOT_ENOUGH")
    assert client.query_refund("back-1")[0] == 404
    urllib.request.urlopen(f"{provider.gateway}/simulator/refill/100", b"").close()
    assert client.refund("back-1", amount, out_trade_no="order-0001")[0] == 200


def test_the_bill_adds_up(provider: PaymentProvider) -> None:
    """Packed or not, its digest fits, every value has its backtick, and the sums are those of its lines."""
    client = client_of(provider)
    day = datetime.fromtimestamp(provider.wall(), CHINA).date().isoformat()
    assert client.trade_bill(day)[0] == 400
    by_code(client, "code-0001")
    by_code(client, "code-0002", total=150)
    client.codepay_reverse("code-0002")
    told = json.loads(client.trade_bill(day)[1])
    status, packed = client.download_bill(told["download_url"])
    plain = gzip.decompress(packed)
    assert (status, told["hash_value"]) == (200, hashlib.sha1(plain).hexdigest())
    lines = plain.decode("utf-8-sig").split("\r\n")
    assert [line.split(",")[9] for line in lines[1:4]] == ["`SUCCESS", "`SUCCESS", "`REVOKED"]
    assert lines[5].split(",")[:3] == ["`3", "`41.50", "`1.50"]
    assert all(value.startswith("`") for line in lines[1:4] for value in line.split(","))


def test_the_client_in_certificate_mode_fetches_and_believes_the_certificate(
    provider: PaymentProvider,
    tmp_path: Path,
) -> None:
    """The sealed certificate opens with the merchant's key, and verifies answers and notifications."""
    keys = provider.keys
    keys.write(tmp_path, provider.gateway, "")
    client = WeChatPay(
        WeChatPayType.NATIVE,
        keys.mchid,
        keys.merchant_pem,
        keys.merchant_serial,
        keys.appid,
        keys.api_v3_key,
        "http://127.0.0.1:9/",
        cert_dir=str(tmp_path),
    )
    client._core._gate_way = provider.gateway
    client._core._cert_dir = None
    client._core._update_certificates()
    assert [found.serial_number for found in client._core._certificates] == [keys.platform_certificate.serial_number]
    native(client)
    provider.guest_pays("order-0001")
    assert opened(client, provider, public=False)["event_type"] == "TRANSACTION.SUCCESS"


def test_a_forged_notification_does_not_open(provider: PaymentProvider) -> None:
    """One bit of the body, another nonce, another time: the client's own check fails."""
    client = client_of(provider)
    native(client)
    provider.guest_pays("order-0001")
    notice = provider.post.held[0]
    headers = notice.headers(provider.keys, provider.wall())
    assert client.callback(headers, notice.body)
    assert client.callback(headers, notice.body.replace(b"TRANSACTION", b"TRANSACTIOM")) is None
    assert client.callback(headers | {"Wechatpay-Nonce": "0"}, notice.body) is None
    assert client.callback(headers | {"Wechatpay-Timestamp": "1"}, notice.body) is None


def ask(provider: PaymentProvider, target: str, authorization: str, body: bytes | None = None) -> tuple[int, str]:
    request = urllib.request.Request(provider.gateway + target, body, {"Authorization": authorization})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, str(json.loads(error.read())["code"])


def test_a_request_is_signed_byte_for_byte(provider: PaymentProvider) -> None:
    """Any byte of method, path, query, time, nonce or body changed, or a bit of the signature: 401 SIGN_ERROR."""
    from wechatpayv3.utils import build_authorization, load_private_key  # type: ignore[import-untyped]

    keys = provider.keys
    private = load_private_key(keys.merchant_pem)

    def signed(target: str, method: str = "GET", body: str | None = None) -> str:
        return str(build_authorization(target, method, keys.mchid, keys.merchant_serial, private, data=body))

    target = f"/v3/pay/transactions/out-trade-no/order-0001?mchid={keys.mchid}"
    good = signed(target)
    assert ask(provider, target, good) == (404, "ORDER_NOT_EXIST")
    signature = b64decode(re.findall(r'signature="([^"]+)"', good)[0])
    flipped = b64encode(bytes([signature[0] ^ 1]) + signature[1:]).decode()
    bad = [
        signed(target, "POST"),
        signed(target + "0"),
        signed(target, body=" "),
        good.replace(keys.mchid, "1900000108"),
        good.replace(b64encode(signature).decode(), flipped),
        re.sub(r'timestamp="\d+"', 'timestamp="1600000000"', good),
        re.sub(r'nonce_str="\w', 'nonce_str="-', good),
        good.replace("SHA256", "SM2"),
        good.replace("nonce_str", "nonce"),
        "",
    ]
    for authorization in bad:
        assert ask(provider, target, authorization) == (401, "SIGN_ERROR"), authorization
    body = json.dumps({"mchid": keys.mchid})
    path = "/v3/pay/transactions/out-trade-no/order-0001/close"
    assert ask(provider, path, signed(path, "POST", body), body.encode()) == (404, "ORDER_NOT_EXIST")
    assert ask(provider, path, signed(path, "POST", body), body.replace(" ", "").encode()) == (401, "SIGN_ERROR")


def test_notifications_are_lost_doubled_and_repeated_until_taken() -> None:
    """Half are lost and half doubled, all out of order, the receiver fails at first: in the end each was heard."""
    heard: list[str] = []
    complete = threading.Event()

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = client.callback(dict(self.headers), body)
            heard.append(told["resource"]["out_trade_no"])
            self.send_response(500 if len(heard) < 4 else 204)
            self.end_headers()
            if len(set(heard)) == 20 and len(heard) > 25:
                complete.set()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    shop = HTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=shop.serve_forever, args=(0.02,), daemon=True)
    fate = Fate(lose=0.5, duplicate=0.5, delay_s=(0.0, 0.2), retry_scale=0.01, seed=7)
    with PaymentProvider(provider_keys(), fate=fate) as running:
        client = client_of(running, f"http://127.0.0.1:{shop.server_address[1]}/notify")
        thread.start()
        for count in range(20):
            native(client, f"order-{count:04d}")
            running.guest_pays(f"order-{count:04d}")
        assert complete.wait(60)
    shop.shutdown()
    shop.server_close()
    first = list(dict.fromkeys(heard))
    assert first != sorted(first)


def test_the_command_prints_a_section_that_names_its_files(tmp_path: Path) -> None:
    """`pistegate-sim payment` until it is told to end; the files are the merchant's alone."""
    command = [sys.executable, "-c", "from pistegate_simulators.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "payment", "--keys", str(tmp_path), "--dry-at", "16:30"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("listening"):
            break
    process.terminate()
    process.wait()
    process.stdout.close()
    assert lines[0] == "[wechat]\n"
    assert (tmp_path / "apiclient_key.pem").stat().st_mode & 0o077 == 0
