# SPDX-License-Identifier: Apache-2.0
"""A gate process whose clock jumps a day ahead and a day back: no guest's event lost, misordered or misdated."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from gate_bench import ISSUER, claim, gate_tree, toml_of, wait_for
from gate_process import gate_process
from journal_reading import admissions, events, outcomes, refusals

from pistegate_protocol.claims import encode_claim
from pistegate_protocol.codes import BEARER, TicketCode, code_text, ticket_text
from pistegate_protocol.events import ClockState, Stream
from pistegate_protocol.instants import minute_of
from pistegate_protocol.rotating import LINK_BYTES, PERIOD_S, Rotating, anchor_of, chain_salt, step_at, walk
from pistegate_protocol.signing import Medium, MediumKind, sign_claim, split_signed_claim
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner.scanner import SimulatedScanner
from pistegate_simulators.timesource import TimeSource

NOON = datetime(2026, 1, 17, 12, 0, tzinfo=UTC)  # 20:00 at the bench's gate
DAY = timedelta(days=1)
PERIOD = timedelta(seconds=PERIOD_S)


@pytest.fixture
def time(tmp_path: Path) -> Iterator[TimeSource]:
    """The site's time source."""
    source = TimeSource(tmp_path / "time.page", NOON)
    yield source
    source.close()


@pytest.fixture
def scanner(tmp_path: Path, time: TimeSource) -> Iterator[SimulatedScanner]:
    """A scanner, and beside it the rest of the gate that gate.toml names."""
    changes = {
        "clock": {"source": str(time.path)},
        "scanner": {"path": str(tmp_path / "scanner"), "profile": "lines-9600"},
    }
    with (
        SimulatedReader(tmp_path / "reader") as reader,
        SimulatedScanner(link=tmp_path / "scanner") as scanner,
    ):
        (tmp_path / "gate.toml").write_text(toml_of(gate_tree(tmp_path, str(reader.link), **changes)))
        yield scanner


def day_ticket(number: int) -> str:
    """Good on the day of NOON alone."""
    day = NOON.date()
    return ticket_text(sign_claim(claim(ticket=number, valid_from=day, valid_until=day), BEARER, ISSUER))


def rotating(shown_at: datetime, number: int) -> str:
    """A phone's code as it is shown at that time."""
    what = claim(ticket=number)
    start = minute_of(NOON) - 60
    salt, seed, steps = chain_salt(encode_claim(what), start), b"seed of a chain"[:LINK_BYTES], 600
    step = step_at(start, shown_at)
    anchor = anchor_of(salt, walk(salt, seed, steps))
    signature = split_signed_claim(sign_claim(what, Medium(MediumKind.ROTATING, anchor), ISSUER))[3]
    return code_text(TicketCode(encode_claim(what), signature, Rotating(start, step, walk(salt, seed, steps - step))))


def states(directory: Path, stream: Stream = Stream.LEDGER) -> list[tuple[bool, str]]:
    """How the clock stood, in order."""
    return [(e.trusted, e.reason) for e in events(directory, stream) if isinstance(e, ClockState)]


def show(scanner: SimulatedScanner, text: str, done: Callable[[], object]) -> None:
    """Before the scanner until it is done; a busy lane has the guest wait."""
    wait_for(lambda: scanner.show(text) and done(), 30)


def test_guests_come_and_the_clock_jumps_a_day_ahead_and_a_day_back(
    tmp_path: Path, time: TimeSource, scanner: SimulatedScanner
) -> None:
    """Day tickets open all along; every event is dated on that day, in order; doubt is recorded and ends."""
    number = 0

    def guests(count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            show(scanner, day_ticket(number), lambda so_far=number: len(admissions(tmp_path)) == so_far)

    with gate_process(tmp_path):
        assert states(tmp_path)[-1] == (True, "outside")
        guests(3)
        time.set(time.now() + DAY, 1.0)
        guests(3)
        wait_for(lambda: states(tmp_path)[-1] == (False, "jumped"))
        time.set(time.now() - 2 * DAY, 1.0)
        guests(3)
        wait_for(lambda: states(tmp_path)[-1] == (False, "ran_back"))
        time.set(time.now() + DAY, 1.0)
        wait_for(lambda: states(tmp_path)[-1][0], 20)
        guests(2)
        wait_for(lambda: len(outcomes(tmp_path)) == number)
    assert [event.ticket for event in admissions(tmp_path)] == list(range(1, number + 1))
    times = [event.at for event in events(tmp_path, Stream.LEDGER)]  # type: ignore[attr-defined]
    assert all(before <= after for before, after in pairwise(times))
    assert times[-1] - times[0] < 3_600_000
    assert abs(times[0] / 1000 - NOON.timestamp()) < 600
    assert refusals(tmp_path) == []
    assert states(tmp_path) == states(tmp_path, Stream.NOTES)


def test_restart_in_between_does_not_take_the_wrong_day(
    tmp_path: Path, time: TimeSource, scanner: SimulatedScanner
) -> None:
    """Set a day back between two runs: the second goes on after the first's last event, in doubt."""
    with gate_process(tmp_path):
        show(scanner, day_ticket(1), lambda: admissions(tmp_path))
    time.set(time.now() - DAY, 1.0)
    with gate_process(tmp_path):
        assert states(tmp_path)[-1] == (False, "ran_back")
        show(scanner, day_ticket(2), lambda: len(admissions(tmp_path)) == 2)
    first, second = admissions(tmp_path)
    assert second.at >= first.at


def test_screenshot_of_a_rotating_code_is_dead_while_the_clock_is_trusted(
    tmp_path: Path, time: TimeSource, scanner: SimulatedScanner
) -> None:
    """A picture of 31 s ago is refused; in doubt the limit is minutes, and a code of another day is none."""
    with gate_process(tmp_path):
        show(scanner, rotating(time.now() - timedelta(seconds=31) - PERIOD, 1), lambda: refusals(tmp_path))
        assert refusals(tmp_path) == ["code_old"]
        show(scanner, rotating(time.now(), 1), lambda: admissions(tmp_path))
        time.set(time.now() + DAY, 1.0)
        wait_for(lambda: not states(tmp_path)[-1][0], 20)
        true = time.now() - DAY
        show(scanner, rotating(true - 8 * PERIOD, 2), lambda: len(admissions(tmp_path)) == 2)
        show(scanner, rotating(true + DAY, 3), lambda: "clock_doubt" in refusals(tmp_path))
    assert len(admissions(tmp_path)) == 2
