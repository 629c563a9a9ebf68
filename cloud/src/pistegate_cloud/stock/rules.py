# SPDX-License-Identifier: Apache-2.0
"""What an order wants of counters, and how it is summed: pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Want:
    """So many pieces of one counter (stock.models.Stock.id)."""

    counter: int
    quantity: int


def summed(wants: Iterable[Want]) -> list[Want]:
    """Each counter once, in order of id, which is the order in which all take them: no two wait for each other."""
    total: Counter[int] = Counter()
    for want in wants:
        total[want.counter] += want.quantity
    return [Want(counter, total[counter]) for counter in sorted(total) if total[counter] > 0]
