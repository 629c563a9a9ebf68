# SPDX-License-Identifier: Apache-2.0
"""WeChat Pay through the `wechatpayv3` package: API v3, public key mode, one merchant.

The package asks with blocking sockets, so each call runs in one of few threads of its own: a slow provider keeps
neither the event loop nor other threads waiting.
"""

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

from requests.exceptions import RequestException
from wechatpayv3 import WeChatPay, WeChatPayType  # type: ignore[import-untyped]

from pistegate_cloud.clock import from_ms, ms_of
from pistegate_cloud.errors import Problem, SettingsError
from pistegate_cloud.payments.provider import (
    Asked,
    BillLine,
    Declined,
    Fact,
    Notice,
    RefundAsked,
    RefundFact,
    RefundTold,
    Told,
    Unclear,
    Way,
)
from pistegate_cloud.payments.wechat_bill import parse
from pistegate_cloud.settings import WeChatSettings

THREADS: Final = 8
FRESH_MS: Final = 300_000  # the package itself takes a notification of any age (facts: one day old was accepted)
_CHINA: Final = timezone(timedelta(hours=8))
_KINDS: Final = {Way.SHOWN: WeChatPayType.NATIVE, Way.IN_APP: WeChatPayType.JSAPI, Way.PAGE: WeChatPayType.H5}
_LINKS: Final = {Way.SHOWN: "code_url", Way.IN_APP: "prepay_id", Way.PAGE: "h5_url"}
_FACTS: Final = {
    "SUCCESS": Fact.PAID,
    "REFUND": Fact.PAID,
    "NOTPAY": Fact.WAITING,
    "USERPAYING": Fact.WAITING,
    "ACCEPT": Fact.WAITING,
    "CLOSED": Fact.CLOSED,
    "PAYERROR": Fact.CLOSED,
    "REVOKED": Fact.REVERSED,
}
_REFUND_FACTS: Final = {
    "SUCCESS": RefundFact.DONE,
    "PROCESSING": RefundFact.UNDERWAY,
    "CLOSED": RefundFact.FAILED,
    "ABNORMAL": RefundFact.STUCK,
}
_HEADERS: Final = ("Signature", "Timestamp", "Nonce", "Serial", "Signature-Type")
# Answers to a payment by code that say the number was used before: only a query tells what became of it.
_ASK: Final = frozenset({"ORDERPAID", "ORDER_PAID", "OUT_TRADE_NO_USED", "TRADE_ERROR", "BANK_ERROR", "BANKERROR"})
# Only these say that there is none: another 404 may come from anything on the way.
_NO_ORDER: Final = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST"})
_NO_REFUND: Final = frozenset({"RESOURCE_NOT_EXISTS"})


class WeChatProvider:
    """One merchant's account; SettingsError when a file of [wechat] is missing or wrong."""

    name = "wechat"

    def __init__(self, settings: WeChatSettings) -> None:
        self._settings = settings
        self._client = _client(settings)
        self._threads = ThreadPoolExecutor(THREADS, "wechat")

    async def create(self, asked: Asked, way: Way, payer: str | None) -> str:
        """`payer`: the guest's openid in the app (IN_APP), the guest's address (PAGE)."""
        more: dict[str, Any] = {}
        if way is Way.IN_APP:
            more["payer"] = {"openid": payer}
        if way is Way.PAGE:
            more["scene_info"] = {"payer_client_ip": payer, "h5_info": {"type": "Wap"}}
        until = from_ms(asked.until_ms).astimezone(_CHINA).isoformat(timespec="seconds")
        status, told = await self._ask(
            partial(self._client.pay, asked.words, asked.number, _money(asked), time_expire=until, **more),
            pay_type=_KINDS[way],
        )
        if status != 200 or not isinstance(link := told.get(_LINKS[way]), str):
            raise _error(status, told)
        return link

    async def pay_by_code(self, asked: Asked, code: str) -> Told:
        """The code is sent once and kept nowhere."""
        status, told = await self._ask(
            partial(self._client.pay, asked.words, asked.number, _money(asked), payer={"auth_code": code}),
            scene_info={"store_info": {"out_id": asked.window}},
            pay_type=WeChatPayType.CODEPAY,
        )
        if told.get("code") == "USERPAYING":
            return Told(asked.number, Fact.WAITING)
        if status != 200:
            error = _error(status, told)
            raise Unclear(str(error)) if told.get("code") in _ASK else error
        return _told(told)

    async def query(self, number: str) -> Told:
        """By our number."""
        status, told = await self._ask(self._client.query, out_trade_no=number)
        if status == 404 and told.get("code") in _NO_ORDER:
            return Told(number, Fact.ABSENT)
        if status != 200 or told.get("out_trade_no") != number:
            raise Unclear(f"query answered {status} {told.get('code')}")
        return _told(told)

    async def close(self, number: str) -> None:
        """关单."""
        status, told = await self._ask(self._client.close, number)
        if status not in (200, 204):
            raise _error(status, told)

    async def reverse(self, number: str) -> None:
        """撤销: only payments by code have it."""
        status, told = await self._ask(self._client.codepay_reverse, number)
        if status not in (200, 204):
            raise _error(status, told)

    async def refund(self, asked: RefundAsked) -> RefundTold:
        """From what the merchant has available."""
        amount = {"refund": asked.amount, "total": asked.total, "currency": asked.currency}
        status, told = await self._ask(
            self._client.refund, asked.number, amount, out_trade_no=asked.payment, reason=asked.reason
        )
        if status != 200:
            raise _error(status, told)
        return _refund_told(told, "status")

    async def query_refund(self, number: str) -> RefundTold:
        """By our number."""
        status, told = await self._ask(self._client.query_refund, number)
        if status == 404 and told.get("code") in _NO_REFUND:
            return RefundTold(number, RefundFact.ABSENT)
        if status != 200 or told.get("out_refund_no") != number:
            raise Unclear(f"query of a refund answered {status} {told.get('code')}")
        return _refund_told(told, "status")

    def open_notice(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notice | None:
        """Problem notice_forged, notice_stale or notice_unreadable; nothing is believed before its signature."""
        lower = {name.lower(): value for name, value in headers.items()}
        signed = {f"Wechatpay-{name}": lower.get(f"wechatpay-{name}".lower(), "") for name in _HEADERS}
        opened = self._opened(signed, body)
        signed_ms = int(signed["Wechatpay-Timestamp"]) * 1000
        if abs(now_ms - signed_ms) > FRESH_MS:
            raise Problem("notice_stale", signed=from_ms(signed_ms).isoformat(timespec="seconds"))
        try:
            told = self._noticed(opened["event_type"], opened["resource"])
            event, nonce = str(opened["id"])[:64], signed["Wechatpay-Nonce"][:64]
        except (KeyError, TypeError, ValueError, Unclear) as error:
            raise Problem("notice_unreadable", what=str(error)[:100]) from error
        return None if told is None else Notice(event, nonce, told)

    async def bill(self, day: date) -> Sequence[BillLine]:
        """From 10:00 on of the day after; Unclear before, or when it does not fit its digest."""
        status, told = await self._ask(self._client.trade_bill, day.isoformat())
        if told.get("code") in ("NO_STATEMENT_EXIST", "NO_STATEMENT_EXIST_ERROR"):
            return []
        if status != 200:
            raise _error(status, told)
        status, packed = await self._call(partial(self._client.download_bill, told["download_url"]))
        if status != 200 or not isinstance(packed, bytes):
            raise Unclear(f"the bill's file answered {status}")
        plain = gzip.decompress(packed)
        if sha1(plain, usedforsecurity=False).hexdigest() != str(told.get("hash_value", "")).lower():
            raise Unclear("the bill's file does not fit its digest")
        return parse(plain.decode("utf-8"))

    def _opened(self, signed: dict[str, str], body: bytes) -> dict[str, Any]:
        # The package would fetch certificates for a serial it does not know, and raises whatever comes up.
        if signed["Wechatpay-Serial"] != self._settings.public_key_id:
            raise Problem("notice_forged")
        if not signed["Wechatpay-Timestamp"].isdecimal() or len(signed["Wechatpay-Timestamp"]) > 12:
            raise Problem("notice_forged")
        try:
            opened = self._client.callback(signed, body)
        except Exception as error:
            raise Problem("notice_forged") from error
        if not isinstance(opened, dict):
            raise Problem("notice_forged")
        return opened

    def _noticed(self, kind: str, resource: dict[str, Any]) -> Told | RefundTold | None:
        if resource["mchid"] != self._settings.mchid:
            raise ValueError("it is for another merchant")
        if kind == "TRANSACTION.SUCCESS":
            return _told(resource)
        if kind.startswith("REFUND."):
            return _refund_told(resource, "refund_status")
        return None

    async def _ask(self, function: Callable[..., Any], /, *args: Any, **words: Any) -> tuple[int, dict[str, Any]]:
        status, text = await self._call(partial(function, *args, **words))
        try:
            told = json.loads(text) if text else {}
        except ValueError:
            told = {}
        return status, told if isinstance(told, dict) else {}

    async def _call(self, function: Callable[[], Any]) -> tuple[int, Any]:
        try:
            status, text = await asyncio.get_running_loop().run_in_executor(self._threads, function)
        except RequestException as error:
            raise Unclear(f"no answer: {type(error).__name__}") from error
        except Exception as error:
            raise Unclear(f"no genuine answer: {error}") from error
        return int(status), text


def _client(settings: WeChatSettings) -> Any:
    try:
        texts = [Path(name).read_text("ascii") for name in (settings.private_key, settings.public_key)]
        api_key = Path(settings.api_v3_key).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"[wechat]: a key cannot be read: {error}") from error
    if len(api_key) != 32:
        raise SettingsError(f"[wechat] api_v3_key: {settings.api_v3_key} must hold the 32 characters of the APIv3 key")
    try:
        client = WeChatPay(
            WeChatPayType.NATIVE,
            settings.mchid,
            texts[0],
            settings.certificate_serial,
            settings.appid,
            api_key,
            settings.notify_url,
            timeout=(settings.timeout_s, settings.timeout_s),
            public_key=texts[1],
            public_key_id=settings.public_key_id,
        )
    except Exception as error:
        raise SettingsError(f"[wechat]: private_key or public_key is no PEM key: {error}") from error
    client._core._gate_way = settings.gateway  # it has no argument for it; the package is pinned exactly
    return client


def _money(asked: Asked) -> dict[str, Any]:
    return {"total": asked.amount, "currency": asked.currency}


def _error(status: int, told: Mapping[str, Any]) -> Unclear | Declined:
    """5xx and 429 leave it open whether it was done; other refusals say that it was not."""
    code, message = str(told.get("code", status))[:40], str(told.get("message", ""))[:120]
    if status >= 500 or status == 429 or status < 400:
        return Unclear(f"answered {status} {code}")
    return Declined(code, message, short=code in ("NOT_ENOUGH", "NOTENOUGH"))


def _told(told: Mapping[str, Any]) -> Told:
    """From a transaction; Unclear when a part is missing or of another kind."""
    try:
        fact = _FACTS[told["trade_state"]]
        number = str(told["out_trade_no"])
        if fact is not Fact.PAID:
            return Told(number, fact)
        total, currency = told["amount"]["total"], str(told["amount"]["currency"])
        if type(total) is not int:
            raise ValueError("amount.total is no integer")
        paid_ms = ms_of(datetime.fromisoformat(told["success_time"]).astimezone(UTC))
        return Told(number, fact, str(told["transaction_id"])[:40], total, currency, paid_ms)
    except (KeyError, TypeError, ValueError) as error:
        raise Unclear(f"a transaction without or with a wrong {error}") from error


def _refund_told(told: Mapping[str, Any], status: str) -> RefundTold:
    try:
        amount = told["amount"]["refund"]
        return RefundTold(str(told["out_refund_no"]), _REFUND_FACTS[told[status]], amount, str(told["refund_id"])[:40])
    except (KeyError, TypeError) as error:
        raise Unclear(f"a refund without or with a wrong {error}") from error
