# SPDX-License-Identifier: Apache-2.0
"""What a refund posts for a line of an order, to the fen: what was owed, what was earned, its tax, and the fee."""

from collections.abc import Mapping

from pistegate_cloud.days import part_queries as queries
from pistegate_cloud.days.recognition import give_back
from pistegate_cloud.ledger import landing
from pistegate_cloud.ledger.service import Money
from pistegate_cloud.orders.models import OrderLine
from pistegate_cloud.pricing.rules import split, tax_of


async def moneys_of_line(line: OrderLine, gross: Mapping[int, int], fee: int = 0) -> list[Money]:
    """All of the event "refund" but its tender, in the transaction of the refund.

    `gross`: ticket (0 for a line without) -> how much of what was sold is undone, minor units with tax, before the fee.
    `fee`: of all that, what the guest does not get back; taxed like the line. The tender, or what is due, is
    sum(gross) - fee. ValueError: more than a ticket cost, or a fee on what is no revenue of ours.
    """
    whole = sum(gross.values())
    lands = "passthrough" if line.passthrough else landing.LANDS[line.kind]
    of = line.department or landing.NOBODYS
    if lands not in ("deferred", "revenue"):
        if fee:
            raise ValueError(f"a fee on a line of kind {line.kind}, which is no revenue of ours")
        return [Money(lands, whole, of if lands == "passthrough" else None)]
    nets = await _nets(line, gross)
    net = sum(nets.values())
    if lands == "deferred":
        given = await give_back(line.order_id, line.id, nets)
        moneys = [Money("deferred", given.deferred, of), Money("revenue", given.revenue, of)]
    else:
        moneys = [Money("revenue", net, of)]
    fee_tax = tax_of(fee, line.tax_bp)
    moneys += [Money("output_tax", whole - net), Money("fee", fee - fee_tax, of), Money("fee_tax", fee_tax)]
    return [money for money in moneys if money.amount]


async def _nets(line: OrderLine, gross: Mapping[int, int]) -> dict[int, int]:
    """Each ticket's amount without its tax: a whole ticket gives exactly what was owed for it."""
    numbers = [ticket.number for ticket in await queries.tickets_of([line.id])] or [0]
    weights = [1] * len(numbers)
    sold = dict(zip(numbers, split(line.amount, weights), strict=True))
    owed = dict(zip(numbers, split(line.amount - line.tax, weights), strict=True))
    found = {}
    for ticket, amount in gross.items():
        if not 0 <= amount <= sold.get(ticket, 0):
            raise ValueError(f"{amount} of ticket {ticket}, which cost {sold.get(ticket, 0)}")
        found[ticket] = owed[ticket] * amount // max(1, sold[ticket])
    return found
