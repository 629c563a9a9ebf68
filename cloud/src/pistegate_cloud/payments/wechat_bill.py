# SPDX-License-Identifier: Apache-2.0
"""WeChat's trade bill 交易账单 as text -> lines. Pure. Columns by name: their order differs between bill types."""

import csv
import io
from typing import Final

from pistegate_cloud.errors import CloudError
from pistegate_cloud.payments.provider import BillLine

_PAYMENT, _TRANSACTION, _STATE = "商户订单号", "微信订单号", "交易状态"
_REFUND, _CURRENCY = "商户退款单号", "货币种类"
_PAID, _BACK = "订单金额", "申请退款金额"
_NEEDED: Final = (_PAYMENT, _TRANSACTION, _STATE, _REFUND, _CURRENCY, _PAID, _BACK)
_PAID_STATES: Final = ("SUCCESS",)
_BACK_STATES: Final = ("REFUND", "REVOKED")


class BillError(CloudError, ValueError):
    """A bill that is not what WeChat's documents describe."""


def parse(text: str) -> list[BillLine]:
    """All lines of a bill; BillError when it cannot be read whole: lines, and the sums at its end."""
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    if len(rows) < 3:
        raise BillError("the bill has no header or no sums")
    header = [_bare(name) for name in rows[0]]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise BillError(f"the bill lacks columns: {', '.join(missing)}")
    lines = [_line(dict(zip(header, map(_bare, row), strict=True))) for row in rows[1:-2] if len(row) == len(header)]
    sums = dict(zip(map(_bare, rows[-2]), map(_bare, rows[-1]), strict=False))
    if len(lines) != len(rows) - 3 or sums.get("总交易单数") != str(len(lines)):
        raise BillError(f"the bill is not whole: {len(lines)} lines read, {sums.get('总交易单数')} told")
    return lines


def _bare(value: str) -> str:
    return value.strip().lstrip("`")


def _line(row: dict[str, str]) -> BillLine:
    state = row[_STATE]
    if state in _PAID_STATES:
        return BillLine(row[_PAYMENT], row[_TRANSACTION], None, fen(row[_PAID]), row[_CURRENCY])
    if state in _BACK_STATES:
        return BillLine(row[_PAYMENT], row[_TRANSACTION], row[_REFUND], -fen(row[_BACK]), row[_CURRENCY])
    raise BillError(f"a line of the bill has the unknown state {state!r}")


def fen(yuan: str) -> int:
    """Fen of a decimal number of yuan, exactly; BillError when it is none."""
    whole, _, part = yuan.partition(".")
    if not whole.isdecimal() or not (part == "" or part.isdecimal()) or len(part.rstrip("0")) > 2:
        raise BillError(f"{yuan!r} is no amount in yuan")
    return int(whole) * 100 + int((part + "00")[:2])
