# SPDX-License-Identifier: Apache-2.0
"""From a scanner's line to the lane-open command, for static and for rotating codes, against the gate's floor.

The whole gate of the product runs, its scanner on a pseudo terminal: the time begins when the line is there, whole, and
so holds the serial driver, the scanner's thread, queue, loop, decision and journal. No hub is asked.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import NamedTuple

from figures import Figure, progress
from gate_bench import ISSUER, claim
from gate_rig import Rig, running_rig

from pistegate_protocol.code_sheets import sign_sheet
from pistegate_protocol.codes import BEARER, code_text, ticket_text
from pistegate_protocol.instants import minute_of
from pistegate_protocol.signing import sign_claim
from pistegate_simulators.scanner.scanner import SimulatedScanner

SAMPLES = 300
WARM_UP = 20  # codes first, not counted
PAUSE_S = 0.1  # twice between codes: the gate is asleep when one comes, as it mostly is
STATIC_LIMIT = 3.0
STEPS = 5760  # periods of a day's sheet
INTO_DAY = timedelta(hours=8)  # how far the sheet's day has gone: a gate walks 1,920 links for it


class Sample(NamedTuple):
    """Seconds of one code, and of the two references."""

    code: float
    verification: float
    commit: float


def measure() -> list[Figure]:
    """Static codes, then rotating ones."""
    with TemporaryDirectory(prefix="bench-scanner-") as name:
        link = Path(name) / "scanner"
        with SimulatedScanner(link=link) as scanner, running_rig(scanner={"path": str(link)}) as rig:
            static = [_one(rig, scanner, number, _static(number)) for number in range(WARM_UP + SAMPLES)]
            rotating = [_one(rig, scanner, SAMPLES + number, _rotating(number)) for number in range(WARM_UP + SAMPLES)]
    return _figures("static", static[WARM_UP:], STATIC_LIMIT) + _figures("rotating", rotating[WARM_UP:], None)


def _static(number: int) -> tuple[str, bytes]:
    signed = sign_claim(claim(ticket=10_000 + number), BEARER, ISSUER)
    return ticket_text(signed), signed


def _rotating(number: int) -> tuple[str, bytes]:
    now = datetime.now(UTC)
    sheet = sign_sheet(claim(ticket=20_000 + number), minute_of(now - INTO_DAY), STEPS, bytes(14), ISSUER)
    code = sheet.code_at(now)
    return code_text(code), code.signed


def _one(rig: Rig, scanner: SimulatedScanner, number: int, shown: tuple[str, bytes]) -> Sample:
    text, signed = shown
    sleep(PAUSE_S)
    verification, commit = rig.floor.take(signed)
    sleep(PAUSE_S)
    began = perf_counter()
    took = rig.until_open(lambda: scanner.show(text) or None) - began
    progress(number, 2 * SAMPLES)
    return Sample(took, verification, commit)


def _figures(kind: str, samples: list[Sample], limit: float | None) -> list[Figure]:
    took = [sample.code for sample in samples]
    reference = median(sample.verification + sample.commit for sample in samples)
    how = f"medians of {len(samples)}; reference: one Ed25519 verification + one durable commit"
    name = f"scanner: {kind} code to lane open"
    return [
        Figure(f"{name} / reference", median(took) / reference, "x", limit, "at most", how),
        Figure(name, median(took) * 1000, "ms", note="no hub"),
        Figure(f"{name}, 99 of 100", quantiles(took, n=100)[-1] * 1000, "ms"),
    ]
