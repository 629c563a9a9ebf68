# SPDX-License-Identifier: Apache-2.0
"""Groups that an operator starts with; made by `pistegate-cloud staff add`, changed as the house wants it."""

from dataclasses import dataclass
from typing import Final

from pistegate_cloud.staff.rules import EVERYTHING, NO_LIMITS, Action, Limits
from pistegate_cloud.tokens.service import Scope


@dataclass(frozen=True, slots=True)
class Role:
    """A group to begin with."""

    scopes: frozenset[str]
    limits: Limits


_EACH_READ: Final = {scope for scope in Scope if scope.value.endswith(":read")}
_SELLING: Final = {
    Scope.SITES_READ,
    Scope.PRODUCTS_READ,
    Scope.PRICES_READ,
    Scope.ORDERS_READ,
    Scope.ORDERS_WRITE,
    Scope.ORDERS_REFUND,
    Scope.PAYMENTS_READ,
    Scope.TICKETS_READ,
    Scope.TICKETS_ISSUE,
    Scope.TICKETS_CODE,
    Scope.TICKETS_AMEND,
    Scope.BINDINGS_READ,
    Scope.BINDINGS_WRITE,
    Scope.FINGERS_READ,
    Scope.FINGERS_WRITE,
    Scope.CARDS_READ,
    Scope.CARDS_WRITE,
    Scope.WALLETS_READ,
    Scope.WALLETS_WRITE,
    Scope.RENTALS_READ,
    Scope.RENTALS_WRITE,
    Scope.DEPOSITS_WRITE,
    Scope.ACCOUNTS_READ,
    Scope.MEMBERS_READ,
    Scope.MEMBERS_WRITE,
    Scope.SHIFTS_WRITE,
    Scope.CONTINGENCY_READ,
}
_MANAGING: Final = {
    *_EACH_READ,
    *_SELLING,
    Scope.ORDERS_APPROVE,
    Scope.ORDERS_FREE,
    Scope.PAYMENTS_SETTLE,
    Scope.PRICES_WRITE,
    Scope.STOCK_WRITE,
    Scope.PRODUCTS_WRITE,
    Scope.CALENDARS_WRITE,
    Scope.SUSPENSIONS_WRITE,
    Scope.TICKETS_REVOKE,
    Scope.BINDINGS_REVEAL,
    Scope.CARDS_PERSONALISE,
    Scope.ACCOUNTS_WRITE,
    Scope.STAFF_WRITE,
    Scope.DAYS_CLOSE,
    Scope.CONTINGENCY_WRITE,
    Scope.NOTIFICATIONS_WRITE,
}
_BOOKKEEPING: Final = {
    *(_EACH_READ - {Scope.BINDINGS_READ, Scope.FINGERS_READ, Scope.TABLES_READ, Scope.STAFF_READ, Scope.MEMBERS_READ}),
    Scope.PAYMENTS_SETTLE,
    Scope.ACCOUNTS_WRITE,
    Scope.DAYS_CLOSE,
    Scope.LEDGER_WRITE,
}
_INSTALLING: Final = {
    Scope.SITES_READ,
    Scope.SITES_WRITE,
    Scope.DEVICES_WRITE,
    Scope.TABLES_READ,
    Scope.PASSAGES_READ,
    Scope.CARDS_READ,
    Scope.CARDS_PERSONALISE,
    Scope.CONTINGENCY_READ,
}


def _names(scopes: set[Scope]) -> frozenset[str]:
    return frozenset(scope.value for scope in scopes)


_SELLER_ALONE: Final = Limits({Action.REFUND: 20_000, Action.DISCOUNT: 5_000, Action.VOID: 0, Action.FREE: 0})
_MANAGER_ALONE: Final = Limits({action.value: 500_000 for action in Action})

# Amounts in fen: a seller gives back a day ticket of 200 yuan alone, a manager 5,000 yuan.
ROLES: Final[dict[str, Role]] = {
    "admin": Role(frozenset({EVERYTHING}), NO_LIMITS),
    "manager": Role(_names(_MANAGING), _MANAGER_ALONE),
    "seller": Role(_names(_SELLING), _SELLER_ALONE),
    "accountant": Role(_names(_BOOKKEEPING), Limits()),
    "technician": Role(_names(_INSTALLING), Limits()),
}
