# SPDX-License-Identifier: Apache-2.0
"""Ways of paying, and how several of them make up a total to the minor unit. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.payments.provider import Way
from pistegate_cloud.payments.rules import check_payable


class Method(StrEnum):
    """How money comes."""

    CASH = "cash"
    WECHAT_NATIVE = "wechat_native"
    WECHAT_JSAPI = "wechat_jsapi"
    WECHAT_H5 = "wechat_h5"
    WECHAT_CODE = "wechat_code"  # 付款码
    ALIPAY = "alipay"  # on a machine of its own: its receipt's number is the reference
    TERMINAL = "terminal"  # the bank's 刷卡机, likewise
    ACCOUNT = "account"  # 签单
    WALLET = "wallet"  # 储值
    VOUCHER = "voucher"  # 代金券
    DEPOSIT = "deposit"  # what the guest left with us
    FREE = "free"


WAYS: Final = {
    Method.WECHAT_NATIVE: Way.SHOWN,
    Method.WECHAT_JSAPI: Way.IN_APP,
    Method.WECHAT_H5: Way.PAGE,
    Method.WECHAT_CODE: Way.CODE,
}
EXTERNAL: Final = frozenset({Method.ALIPAY, Method.TERMINAL})


def tender_of(method: str) -> str:
    """The ledger's account of a way: tenders:wechat for all four of WeChat Pay."""
    return method.partition("_")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tendered:
    """What a guest gives. `amount`, minor units; None: whatever is left to pay. `tendered`: cash as handed over.

    `means`: payment code, openid or address for a provider, never stored. `of`: number of the wallet or deposit, code
    of the account or the voucher. `approval`: of a second person, for a bill that is signed.
    """

    method: Method
    currency: str
    amount: int | None = None
    tendered: int | None = None
    reference: str | None = None
    means: str | None = None
    of: str | None = None
    approval: UUID | None = None


def allot(total: int, currency: str, tenders: Sequence[Tendered]) -> list[Tendered]:
    """The same with their amounts, which sum to `total`; Problem when they don't, or do in more than one way."""
    for tender in tenders:
        if tender.currency != currency:
            raise Problem("wrong_currency", expected=currency, got=tender.currency)
    if sum(tender.method in WAYS for tender in tenders) > 1:
        raise Problem("tenders_unclear", what="more than one payment through a provider")
    if sum(tender.amount is None for tender in tenders) > 1:
        raise Problem("tenders_unclear", what="more than one without an amount")
    left = total - sum(tender.amount or 0 for tender in tenders)
    if left < 0:
        raise Problem("tenders_too_much", total=total, tendered=total - left)
    if left and all(tender.amount is not None for tender in tenders):
        raise Problem("payment_too_small", total=total, tendered=total - left)
    return [_checked(tender, left if tender.amount is None else tender.amount, total) for tender in tenders]


def _checked(tender: Tendered, amount: int, total: int) -> Tendered:
    if tender.method is Method.CASH:
        given = amount if tender.tendered is None else tender.tendered
        if given < amount:
            raise Problem("payment_too_small", total=amount, tendered=given)
        return replace(tender, amount=amount, tendered=given)
    if amount == 0 and total and tender.method is not Method.FREE:
        raise Problem("tenders_unclear", what=f"{tender.method} of 0")
    if tender.method in WAYS:
        check_payable(amount, tender.currency)
    if tender.method in EXTERNAL and tender.reference is None:
        raise Problem("reference_missing", method=tender.method.value)
    if tender.method is Method.FREE and amount:
        raise Problem("tenders_unclear", what="free, of an order that costs something")
    return replace(tender, amount=amount, tendered=amount)
