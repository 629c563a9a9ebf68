# SPDX-License-Identifier: Apache-2.0
"""A card session at the gate in the paced simulator, against the physical floor of a fixed reference.

The whole gate of the product runs on nfcpy's own driver; the simulated reader takes the time that a UART, 106 kbit/s
and a card's computing take. A session is everything from the card's coming into the field (activation included) to the
answer to its commit, the gate's decision and its durable commit in between. Cards are known here, as of nearly every
passage of a season: of a first meeting the claim is read too.

The reference is what one session of 361 RF bytes in 7 exchanges cannot be done without, however good reader and gate
are; it stays fixed, so that a session that gets longer shows. The machine's own speed is in the session, not in the
reference: on a busy machine the ratio rises.
"""

import logging
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any

from figures import Figure, progress
from gate_bench import Bench, running_gate, ski_card, wait_for

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.presentation import JOIN_S
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.signing import claim_digest
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import claim_content

SAMPLES = 100
FEWER = 40  # of what has no limit
WARM_UP = 5
SESSION_LIMIT = 1.5
OPEN_LIMIT_MS = 200.0  # 95 of 100; TfL asks for 500 and wants 350 (facts)
FAST, SLOW = 921600, 115200
ROOT = Path(__file__).resolve().parent.parent.parent

# The reference: facts/cards-and-readers.md. A byte on the air is 8 bits and parity at 106 kbit/s.
REFERENCE_BYTES, REFERENCE_EXCHANGES = 361, 7
AIR_S = REFERENCE_BYTES * 9 / 106e3
TURNS_S = REFERENCE_EXCHANGES * 0.17e-3  # both frame delays of an exchange
ACTIVATION_S = 0.011  # field on, call, anticollision, selection, RATS; estimate of the facts
COMPUTE_S = 0.021  # AES and EEPROM of the seven commands; estimate of the facts
FLOOR_S = AIR_S + TURNS_S + ACTIVATION_S + COMPUTE_S


@dataclass
class Watch:
    """Notes when the reader confirmed a card and when the lane was told to open, in seconds since `began`."""

    bench: Bench
    began: float = 0.0
    written: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        desk, perform = self.bench.gate._reader._desk, self.bench.gate._perform  # type: ignore[attr-defined]
        tell, open_lane = desk._tell, perform[a.OpenLane]

        def told(what: i.Input) -> None:
            if isinstance(what, i.CardWritten) and what.result is i.WriteResult.OK:
                self.written.append(perf_counter() - self.began)
            tell(what)

        def opened(action: Any, now: Any) -> None:
            open_lane(action, now)
            self.opened.append(perf_counter() - self.began)

        desk._tell = told
        perform[a.OpenLane] = opened


@dataclass(frozen=True)
class Measured:
    """Seconds of each session, and from each card's coming to the open lane; RF bytes of one session."""

    sessions: list[float]
    opens: list[float]
    rf_bytes: int


def measure() -> list[Figure]:
    """Sessions at both baud rates."""
    logging.disable(logging.WARNING)  # the broker that nobody runs here
    (ROOT / "run").mkdir(exist_ok=True)
    try:
        fast = _measure(FAST, SAMPLES, known=True, done=0)
        slow = _measure(SLOW, FEWER, known=True, done=SAMPLES)
        first = _measure(FAST, FEWER, known=False, done=SAMPLES + FEWER)
    finally:
        logging.disable(logging.NOTSET)
    return _figures(fast, slow, first)


def _measure(baud: int, samples: int, *, known: bool, done: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "run") as name:
        path = Path(name) / "reader"
        with (
            SimulatedReader(path, paced=True) as reader,
            running_gate(Path(name), reader, reader={"path": str(path), "fastest": baud}) as bench,
        ):
            watch = Watch(bench)
            for number in range(1, WARM_UP + samples + 1):
                rf_bytes = _pass(bench, watch, number, known)
                progress(done + max(0, number - WARM_UP), SAMPLES + 2 * FEWER)
            return Measured(watch.written[WARM_UP:], watch.opened[WARM_UP:], rf_bytes)


def _pass(bench: Bench, watch: Watch, number: int, known: bool) -> int:
    """One guest through; the session's RF bytes."""
    card = ski_card(number)
    if known:
        signed = claim_in_file(claim_content(card))
        assert signed is not None
        bench.gate._known.learn(claim_digest(signed), signed)
    sleep(JOIN_S + 0.1)  # another guest, not the same pocket; the gate is asleep
    bench.reader.reset_counters()
    before = len(watch.opened)
    watch.began = perf_counter()
    bench.reader.present(card)
    wait_for(lambda: len(watch.opened) > before)
    rf_bytes = bench.reader.counters.rf_bytes
    bench.reader.remove(card)
    bench.turn()
    wait_for(lambda: bench.state() == "idle")
    return rf_bytes


def _figures(fast: Measured, slow: Measured, first: Measured) -> list[Figure]:
    session, p95 = median(fast.sessions), quantiles(fast.opens, n=20)[-1] * 1000
    load = f"machine load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    how = f"median of {SAMPLES} at {FAST} baud; floor {FLOOR_S * 1000:.1f} ms: {REFERENCE_BYTES} RF bytes; {load}"
    return [
        Figure("card: session / floor of the reference", session / FLOOR_S, "x", SESSION_LIMIT, "at most", how),
        Figure(
            "card: in the field to lane open, 95 of 100", p95, "ms", OPEN_LIMIT_MS, "at most", "everything included"
        ),
        Figure("card: session, known claim", session * 1000, "ms", note=f"{fast.rf_bytes} RF bytes"),
        Figure("card: session at 115200 baud", median(slow.sessions) * 1000, "ms", note=f"{FEWER} samples"),
        Figure("card: session / floor at 115200 baud", median(slow.sessions) / FLOOR_S, "x", note="no limit"),
        Figure("card: session, first meeting", median(first.sessions) * 1000, "ms", note=f"{first.rf_bytes} RF bytes"),
    ]
