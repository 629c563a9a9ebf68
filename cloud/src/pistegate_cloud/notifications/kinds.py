# SPDX-License-Identifier: Apache-2.0
"""What guests are told of, and the values that each message needs. Pure. Texts: notification.KIND in the catalogue."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """Why a message is sent."""

    ORDER_PAID = "order_paid"
    REFUND_DONE = "refund_done"
    EXTENSION = "extension"  # 延时
    LIFT_STOP = "lift_stop"  # 停运补偿
    PICKUP_CODE = "pickup_code"  # 取票码


# `amount` is {"amount": minor units, "currency": "CNY"}. `site` and `link` are filled in when it is sent.
NEEDS: Final[dict[Kind, frozenset[str]]] = {
    Kind.ORDER_PAID: frozenset({"amount", "count"}),
    Kind.REFUND_DONE: frozenset({"amount"}),
    Kind.EXTENSION: frozenset({"until"}),
    Kind.LIFT_STOP: frozenset({"what"}),
    Kind.PICKUP_CODE: frozenset({"code", "day"}),
}
LINKED: Final = frozenset({Kind.ORDER_PAID, Kind.EXTENSION, Kind.LIFT_STOP})
"""These hold a link: to the one ticket of `values["ticket"]` or of the order, or to the order's list."""


def check(kind: Kind, values: Mapping[str, Any]) -> None:
    """ValueError when a message could not be written with these values."""
    missing = NEEDS[kind] - set(values)
    if missing:
        raise ValueError(f"a message {kind} needs {', '.join(sorted(missing))}")
