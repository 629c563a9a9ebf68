# SPDX-License-Identifier: Apache-2.0
"""The trade bill 交易账单 of a day: CSV in UTF-8 with a BOM, yuan with two decimals, a backtick before each value."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from pistegate_simulators.payment.books import CHINA, Books, Order, Refund

HEADER: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY: Final = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


def bill(books: Books, day: str, appid: str, mchid: str) -> bytes:
    """The bill of a day (YYYY-MM-DD, in China's time): what was paid and what was refunded then."""
    paid = [order for order in books.orders.values() if order.transaction_id and _day(order.paid_s) == day]
    back = [one for one in books.refunds.values() if one.status == "SUCCESS" and _day(one.made_s) == day]
    rows = [_row(_head(order, order.paid_s, appid, mchid, "SUCCESS"), order, None) for order in paid]
    for refund in back:
        state = "REVOKED" if refund.reversal else "REFUND"
        rows.append(_row(_head(refund.order, refund.made_s, appid, mchid, state), refund.order, refund))
    sums = (sum(order.total for order in paid), sum(one.amount for one in back))
    total = [str(len(rows)), _yuan(sums[0]), _yuan(sums[1]), "0.00", "0.00000", _yuan(sums[0]), _yuan(sums[1])]
    lines = [HEADER, *rows, SUMMARY, _line(total)]
    return ("\ufeff" + "".join(f"{line}\r\n" for line in lines)).encode()


def _head(order: Order, at_s: float, appid: str, mchid: str, state: str) -> list[str]:
    names = [order.transaction_id, order.number, order.openid, order.kind, state]
    return [_time(at_s), appid, mchid, "0", "", *names, "OTHERS", "CNY"]


def _row(head: list[str], order: Order, refund: Refund | None) -> str:
    name = str(order.request["description"]).replace(",", " ")
    if refund is None:
        money = [_yuan(order.total), "0.00", "0", "0", "0.00", "0.00", "", ""]
        tail = [_yuan(order.total), "0.00", ""]
    else:
        kind = ["ORIGINAL", "SUCCESS"]
        money = ["0.00", "0.00", refund.refund_id, refund.number, _yuan(refund.amount), "0.00", *kind]
        tail = ["0.00", _yuan(refund.amount), ""]
    return _line([*head, *money, name, str(order.request.get("attach", "")), "0.00000", "0.60%", *tail])


def _line(values: Iterable[str]) -> str:
    return ",".join(f"`{value}" for value in values)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _day(seconds: float) -> str:
    return _time(seconds)[:10]
