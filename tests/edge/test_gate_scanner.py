# SPDX-License-Identifier: Apache-2.0
"""A whole gate with a scanner of codes beside its card reader, on simulated devices."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import ISSUER, claim, running_gate, wait_for
from journal_reading import admissions, incidents, outcomes, refusals

from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.events import OutcomeKind
from pistegate_protocol.signing import sign_claim
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner.scanner import SimulatedScanner


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedScanner]:
    """A plugged-in scanner behind a stable link."""
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        yield scanner


def code(**terms: object) -> str:
    """A static code."""
    return ticket_text(sign_claim(claim(**terms), BEARER, ISSUER))


def test_code_opens_the_lane_and_counts_once_over_a_restart(
    tmp_path: Path, reader: SimulatedReader, scanner: SimulatedScanner
) -> None:
    """One entry: shown, passed; shown again, also to the next run of the gate: used up."""
    section = {"path": str(tmp_path / "scanner"), "profile": "lines-9600"}
    journal = tmp_path / "journal"
    with running_gate(journal, reader, scanner=section) as bench:
        scanner.show(code(entries_total=1))
        wait_for(lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
    (outcome,) = outcomes(journal)
    assert (outcome.kind, outcome.passed, outcome.proof) == (OutcomeKind.PASSED, 1, None)
    with running_gate(journal, reader, scanner=section):
        scanner.show(code(entries_total=1))
        wait_for(lambda: refusals(journal))
    assert refusals(journal) == ["used_up"]
    assert len(admissions(journal)) == 1


def test_foreign_code_and_an_unplugged_scanner_leave_the_gate_working(
    tmp_path: Path, reader: SimulatedReader, scanner: SimulatedScanner
) -> None:
    """A link is refused by its own reason; a scanner pulled out is told, and reads again when it is back."""
    section = {"path": str(tmp_path / "scanner"), "profile": "lines-9600"}
    journal = tmp_path / "journal"
    with running_gate(journal, reader, scanner=section) as bench:
        scanner.show("https://example.org/menu")
        wait_for(lambda: refusals(journal) == ["code_link"])
        scanner.unplug()
        wait_for(lambda: "scanner_lost" in incidents(journal))
        assert bench.in_service()
        scanner.plug()
        wait_for(lambda: scanner.show(code()) and bench.unlocks() == 1, 20)
