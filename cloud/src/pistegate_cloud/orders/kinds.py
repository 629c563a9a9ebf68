# SPDX-License-Identifier: Apache-2.0
"""Kinds of orders and of their lines."""

from enum import StrEnum


class OrderKind(StrEnum):
    """Why an order was made."""

    INDIVIDUAL = "individual"  # 散客
    GROUP = "group"  # 团体
    SUPPLEMENTARY = "supplementary"  # 补票
    EXCHANGE = "exchange"
    EXTENSION = "extension"  # 延时
    FREE = "free"  # 免费票
    CONTINGENCY = "contingency"  # 应急票
    RECHARGE = "recharge"  # 充值
    SETTLEMENT = "settlement"


class LineKind(StrEnum):
    """What a line is."""

    TICKET = "ticket"
    RENTAL = "rental"
    COACH = "coach"
    MEAL = "meal"
    INSURANCE = "insurance"
    DEPOSIT = "deposit"
    FEE = "fee"
    OVERTIME = "overtime"
    EXTENSION = "extension"
    DIFFERENCE = "difference"
    DAMAGE = "damage"
    RECHARGE = "recharge"
    VOUCHER = "voucher"
