# SPDX-License-Identifier: Apache-2.0
"""What the provider knows of one merchant: orders, refunds, and the money that refunds are taken from. No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

CHINA: Final = timezone(timedelta(hours=8))
NUMBER: Final = re.compile(r"[0-9A-Za-z_\-|*]{6,32}\Z")
REFUND_NUMBER: Final = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}\Z")
AUTH_CODE: Final = re.compile(r"1[0-5][0-9]{16}\Z")
LIVING: Final = ("NOTPAY", "USERPAYING")


class Refusal(Exception):
    """An error answer: HTTP status, code and words as the provider documents them."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Order:
    """One order at the provider; `state`: trade_state; amounts in fen. `pays_at_s`: when the password will be typed."""

    number: str
    kind: str
    total: int
    request: Mapping[str, Any]
    made_s: float
    state: str = "NOTPAY"
    transaction_id: str = ""
    openid: str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
    paid_s: float = 0.0
    pays_at_s: float | None = None

    def told(self, keys: Mapping[str, str]) -> dict[str, Any]:
        """The transaction as a query or a notification tells it."""
        words = {
            "SUCCESS": "支付成功",
            "NOTPAY": "订单未支付",
            "USERPAYING": "需要用户输入支付密码",
            "CLOSED": "订单已关闭",
            "REVOKED": "订单已撤销",
            "REFUND": "订单发生过退款",
            "PAYERROR": "支付失败",
        }
        told: dict[str, Any] = {
            **keys,
            "out_trade_no": self.number,
            "trade_state": self.state,
            "trade_state_desc": words[self.state],
        }
        if "attach" in self.request:
            told["attach"] = self.request["attach"]
        if self.transaction_id:
            told |= {
                "transaction_id": self.transaction_id,
                "trade_type": self.kind,
                "bank_type": "OTHERS",
                "success_time": china_time(self.paid_s),
                "payer": {"openid": self.openid},
                "amount": {
                    "total": self.total,
                    "payer_total": self.total,
                    "currency": "CNY",
                    "payer_currency": "CNY",
                },
            }
        return told


@dataclass(slots=True)
class Refund:
    """One refund; `status`: PROCESSING, SUCCESS, CLOSED or ABNORMAL. `reversal`: made by 撤销."""

    number: str
    order: Order
    amount: int
    refund_id: str
    made_s: float
    notify_url: str | None = None
    status: str = "PROCESSING"
    done_s: float = 0.0
    reversal: bool = False

    def told(self) -> dict[str, Any]:
        """The refund as the API answers it."""
        total = self.order.total
        told: dict[str, Any] = {
            "refund_id": self.refund_id,
            "out_refund_no": self.number,
            "transaction_id": self.order.transaction_id,
            "out_trade_no": self.order.number,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": china_time(self.made_s),
            "status": self.status,
            "funds_account": "AVAILABLE",
            "amount": {
                "total": total,
                "refund": self.amount,
                "from": [],
                "payer_total": total,
                "payer_refund": self.amount,
                "settlement_refund": self.amount,
                "settlement_total": total,
                "discount_refund": 0,
                "currency": "CNY",
            },
        }
        if self.status == "SUCCESS":
            told["success_time"] = china_time(self.done_s)
        return told

    def noticed(self, mchid: str) -> dict[str, Any]:
        """The refund as a notification tells it."""
        told = self.told()
        amount = {key: told["amount"][key] for key in ("total", "refund", "payer_total", "payer_refund")}
        kept = ("transaction_id", "out_trade_no", "refund_id", "out_refund_no", "user_received_account", "success_time")
        return {
            "mchid": mchid,
            **{key: told[key] for key in kept if key in told},
            "refund_status": self.status,
            "amount": amount,
        }


def china_time(seconds: float) -> str:
    """RFC 3339 with the provider's +08:00."""
    return datetime.fromtimestamp(int(seconds), UTC).astimezone(CHINA).isoformat()


def amount_of(body: Mapping[str, Any]) -> int:
    """The order's total in fen; Refusal when it is no amount in CNY."""
    amount = body.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if type(total) is not int or not 1 <= total <= 10_000_000_00:
        raise Refusal(400, "PARAM_ERROR", "amount.total")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise Refusal(400, "PARAM_ERROR", "amount.currency")
    return total


@dataclass(slots=True)
class Books:
    """All orders and refunds of the merchant. `balance`: fen for refunds; `dry_at_s`: from then on there is none."""

    orders: dict[str, Order] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    balance: int = 0
    dry_at_s: float | None = None
    _count: int = 0

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count:022d}"

    def begin(self, kind: str, body: Mapping[str, Any], now_s: float) -> Order:
        """A new order, or the one there is when the request is the same."""
        number = body.get("out_trade_no")
        if not isinstance(number, str) or not NUMBER.match(number):
            raise Refusal(400, "PARAM_ERROR", "out_trade_no")
        if not isinstance(body.get("description"), str) or not 1 <= len(body["description"]) <= 127:
            raise Refusal(400, "PARAM_ERROR", "description")
        known = self.orders.get(number)
        if known is None:
            known = self.orders[number] = Order(number, kind, amount_of(body), body, now_s)
        elif known.request != body:
            raise Refusal(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        elif known.state in ("SUCCESS", "REFUND"):
            raise Refusal(400, "ORDERPAID", "该订单已支付")
        elif known.state not in LIVING:
            raise Refusal(400, "ORDER_CLOSED", "该订单已关闭")
        return known

    def of(self, number: str) -> Order:
        """An order."""
        if number not in self.orders:
            raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在")
        return self.orders[number]

    def pay(self, order: Order, now_s: float) -> bool:
        """The guest has paid; False when the order cannot be paid any more."""
        if order.state not in LIVING:
            return False
        order.state, order.paid_s, order.pays_at_s = "SUCCESS", now_s, None
        order.transaction_id = self._name("420000")
        if not self._is_dry(now_s):
            self.balance += order.total
        return True

    def ripen(self, now_s: float) -> list[Order]:
        """Guests who have typed their password by now."""
        due = [order for order in self.orders.values() if order.pays_at_s is not None and order.pays_at_s <= now_s]
        return [order for order in due if self.pay(order, now_s)]

    def close(self, order: Order) -> None:
        """关单: what is not paid can never be; a paid one is refused."""
        if order.state in ("SUCCESS", "REFUND"):
            raise Refusal(400, "ORDERPAID", "该订单已支付")
        if order.state in LIVING:
            order.state, order.pays_at_s = "CLOSED", None

    def reverse(self, order: Order, now_s: float) -> None:
        """撤销: not paid: never will be; paid: all of it goes back to the guest."""
        if order.kind != "MICROPAY":
            raise Refusal(400, "INVALID_REQUEST", "非付款码支付订单")
        if order.state == "REFUND":
            raise Refusal(403, "TRADE_ERROR", "订单已退款")
        if order.state == "SUCCESS":
            self._take(order.total, now_s)
            name = self._name("500000")
            refund = Refund(name, order, order.total, name, now_s, None, "SUCCESS", now_s, reversal=True)
            self.refunds[name] = refund
        order.state, order.pays_at_s = "REVOKED", None

    def refund(self, body: Mapping[str, Any], now_s: float) -> Refund:
        """A new refund, or the one there is with this number."""
        number, amount = body.get("out_refund_no"), body.get("amount")
        if not isinstance(number, str) or not REFUND_NUMBER.match(number) or not isinstance(amount, dict):
            raise Refusal(400, "PARAM_ERROR", "out_refund_no")
        order = self._order_of_refund(body)
        wanted = amount.get("refund")
        if type(wanted) is not int or wanted < 1 or amount.get("total") != order.total:
            raise Refusal(400, "PARAM_ERROR", "amount")
        if amount.get("currency") != "CNY":
            raise Refusal(400, "PARAM_ERROR", "amount.currency")
        known = self.refunds.get(number)
        if known is not None:
            if (known.order.number, known.amount) != (order.number, wanted):
                raise Refusal(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致")
            return known
        if order.state not in ("SUCCESS", "REFUND"):
            raise Refusal(400, "INVALID_REQUEST", "订单状态不支持退款")
        before = sum(one.amount for one in self.refunds.values() if one.order is order and one.status != "CLOSED")
        if before + wanted > order.total:
            raise Refusal(400, "INVALID_REQUEST", "累计退款金额大于订单金额")
        self._take(wanted, now_s)
        order.state = "REFUND"
        made = Refund(number, order, wanted, self._name("503000"), now_s, body.get("notify_url"))
        self.refunds[number] = made
        return made

    def end_refund(self, refund: Refund, now_s: float, status: str = "SUCCESS") -> None:
        """The bank has answered: SUCCESS, CLOSED (the money is back with the merchant) or ABNORMAL."""
        refund.status, refund.done_s = status, now_s
        if status == "CLOSED":
            self.balance += refund.amount

    def _order_of_refund(self, body: Mapping[str, Any]) -> Order:
        if "transaction_id" in body:
            for order in self.orders.values():
                if order.transaction_id == body["transaction_id"]:
                    return order
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        number = body.get("out_trade_no")
        if not isinstance(number, str) or number not in self.orders:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        return self.orders[number]

    def _is_dry(self, now_s: float) -> bool:
        return self.dry_at_s is not None and now_s >= self.dry_at_s

    def _take(self, amount: int, now_s: float) -> None:
        if self._is_dry(now_s):
            self.balance = 0
        if amount > self.balance:
            raise Refusal(403, "NOT_ENOUGH", "基本账户余额不足,请充值后重新发起")
        self.balance -= amount
