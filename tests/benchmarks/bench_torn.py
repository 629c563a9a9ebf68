# SPDX-License-Identifier: Apache-2.0
"""How soon a till's operator reads that a card was torn out of the field, at each exchange of a debit.

The measure is what the till cannot help: its reader's wait for a card that answers no more (its frame waiting time,
twice within a transaction), as facts have it. UART and air take their real time.
"""

import tempfile
import time
from pathlib import Path

from figures import Figure, progress
from gate_bench import ski_card, wait_for
from till_running import Operator, running_till

from pistegate_simulators.reader import Cut, SimulatedReader

EXCHANGES = 20  # of such a debit, RATS included (tests/edge/test_till_torn.py counts them)
ROUNDS = 3
LONGEST_WAIT_S = 2 * (4096 / 13.56e6 * 256 + 49152 / 13.56e6)
WORST_LIMIT = 1.55  # a quarter of a second


def measure() -> list[Figure]:
    """The worst of all tears."""
    waits: list[float] = []
    with tempfile.TemporaryDirectory(prefix="pistegate-bench-") as name:
        folder = Path(name)
        with SimulatedReader(folder / "reader", paced=True) as reader, running_till(folder / "till", reader) as bench:
            for tear in range(ROUNDS * EXCHANGES):
                waits.append(_told_after(bench.operator, reader, tear))
                progress(tear + 1, ROUNDS * EXCHANGES)
    note = f"{len(waits)} tears, worst {max(waits) * 1000:.0f} ms, against {LONGEST_WAIT_S * 1000:.0f} ms of the reader"
    return [Figure("torn card: the till's word, worst", max(waits) / LONGEST_WAIT_S, "", WORST_LIMIT, note=note)]


def _told_after(operator: Operator, reader: SimulatedReader, tear: int) -> float:
    """Seconds from a tear to the operator's word."""
    id = f"r{tear}"
    operator.send(do="debit", id=id, amount=1800, currency="CNY")
    wait_for(lambda: [line for line in operator.lines if line["id"] == id])
    card, before = ski_card(tear % 40 + 1, purse=2000, loaded=3000, spent=2000), len(operator.lines)
    reader.cut_after(tear % EXCHANGES, Cut.BEFORE)
    reader.present(card)
    while card in reader.rf.cards:
        time.sleep(0.0005)
    torn_at = time.monotonic()
    (told, *_) = wait_for(
        lambda: [n for n, line in enumerate(operator.lines) if n >= before and "again" in line["code"]]
    )
    operator.send(do="cancel", id=id)
    operator.end(id)
    return operator.times[told] - torn_at
