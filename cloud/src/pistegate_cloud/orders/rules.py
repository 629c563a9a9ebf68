# SPDX-License-Identifier: Apache-2.0
"""What an order costs, and what its sale is in the books. Pure."""

from collections.abc import Sequence

from pistegate_cloud.errors import Problem
from pistegate_cloud.ledger import landing
from pistegate_cloud.ledger.money import Money
from pistegate_cloud.orders.kinds import LineKind
from pistegate_cloud.orders.models import OrderLine, Payment
from pistegate_cloud.schemas import MONEY_MAX
from pistegate_cloud.tenders.methods import tender_of

TICKETS_MAX = 500  # of one order


def total_of(lines: Sequence[OrderLine]) -> int:
    """What the lines cost together, minor units; Problem amount_too_large."""
    total: int = sum(line.amount for line in lines)
    pieces = sum(line.quantity for line in lines if line.kind == LineKind.TICKET)
    if pieces > TICKETS_MAX or not 0 <= total <= MONEY_MAX:
        raise Problem("amount_too_large", tickets=TICKETS_MAX)
    return total


def sold(lines: Sequence[OrderLine]) -> list[Money]:
    """The credit side of a sale: what is owed for it, earned by it, or another's."""
    return [
        money
        for line in lines
        if line.amount
        for money in landing.of_line(
            kind=line.kind,
            department=line.department,
            passthrough=line.passthrough,
            amount=line.amount,
            tax=line.tax,
        )
    ]


def came(payments: Sequence[Payment]) -> list[Money]:
    """The debit side: what came at once is a tender; what a provider told of is unassigned until now."""
    return [
        Money("unassigned" if row.provider_payment_id else "tender", row.amount, tender_of(row.method))
        for row in payments
        if row.amount
    ]
