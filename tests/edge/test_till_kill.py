# SPDX-License-Identifier: Apache-2.0
"""A till process that is killed: what was durable is there, and the card is charged once, whenever the kill came."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gate_bench import ski_card, toml_of, wait_for
from journal_reading import settlements
from till_running import Operator, charged, results, till_tree, uses

from pistegate_protocol.events import UseResult
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import purse

# Exchanges of a debit from the purse alone, counted after RATS: 13 to read, two to authenticate anew, then these.
AUTHENTICATED, DEBITED, RECORDED, COMMITTED = 15, 16, 17, 18

PATIENCE_S = 30  # a killed till leaves the chip at a fast baud rate: the next one asks it back first


@contextmanager
def till_process(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Operator]]:
    """`pistegate-gate run`, and an operator's program connected to it; the process is killed at the end."""
    log = (directory / f"log-{time.monotonic_ns()}").open("wb")
    command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(directory / "till.toml")]
    process = subprocess.Popen(command, stderr=log, env=dict(os.environ))
    try:
        wait_for(lambda: _connects(directory / "till" / "till.sock"), PATIENCE_S)
        operator = Operator(directory / "till" / "till.sock", PATIENCE_S)
        try:
            yield process, operator
        finally:
            operator.close()
    finally:
        process.kill()
        process.wait()
        log.close()


def _connects(path: Path) -> bool:
    try:
        Operator(path).close()
    except OSError:
        return False
    return True


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A paced reader, so that a kill hits between two exchanges, and a till.toml that names it."""
    with SimulatedReader(tmp_path / "reader", paced=True) as reader:
        (tmp_path / "till.toml").write_text(toml_of(till_tree(tmp_path / "till", str(tmp_path / "reader"))))
        yield reader


def kill_after(process: subprocess.Popen[bytes], reader: SimulatedReader, exchange: int) -> None:
    """Stop the reader's answers once the card has executed this exchange, and kill the till."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with reader._lock:  # the simulated line is silent while this is held
            if reader.counters.exchanges >= exchange:
                assert reader.counters.exchanges == exchange
                process.send_signal(signal.SIGKILL)
                process.wait()
                return
        time.sleep(0.0002)
    raise AssertionError("the exchange did not come")


def buy(operator: Operator) -> None:
    """A debit of 18.00 as r1."""
    operator.send(do="debit", id="r1", amount=1800, currency="CNY")


@pytest.mark.parametrize("exchange", [AUTHENTICATED, DEBITED, RECORDED, COMMITTED])
def test_till_killed_between_the_durable_use_and_the_cards_answer(
    tmp_path: Path, reader: SimulatedReader, exchange: int
) -> None:
    """The next run knows that it does not know; the same request with the same card then settles and pays once."""
    card = ski_card(purse=5000)
    with till_process(tmp_path) as (process, operator):
        reader.present(card)
        reader.reset_counters()
        buy(operator)
        kill_after(process, reader, exchange)
    reader.remove(card)
    changed = exchange == COMMITTED
    assert purse(card) == (3200 if changed else 5000)
    with till_process(tmp_path) as (process, operator):
        wait_for(lambda: results(tmp_path / "till") == [UseResult.INTERRUPTED])
        buy(operator)
        operator.told("hold_same_again")
        other = ski_card(2, purse=5000)
        reader.present(other)
        operator.told("other_card")
        reader.remove(other)
        reader.present(card)
        done = operator.end("r1")
        assert done["event"] == "done"
        assert bool(done.get("late")) == changed
        assert [settled.charged for settled in settlements(tmp_path / "till")] == [changed]
    assert (purse(card), purse(other)) == (3200, 5000)
    assert charged(tmp_path / "till").count(True) == 1


def test_till_killed_after_the_cards_answer_has_remembered_it(tmp_path: Path, reader: SimulatedReader) -> None:
    """The operator was told; the next run tells the same."""
    card = ski_card(purse=5000)
    reader.present(card)
    with till_process(tmp_path) as (process, operator):
        buy(operator)
        first = operator.end("r1")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with till_process(tmp_path) as (process, operator):
        buy(operator)
        assert operator.end("r1")["use"] == first["use"]
    assert purse(card) == 3200
    assert len(uses(tmp_path / "till")) == 1


def test_till_told_to_stop_ends_in_order(tmp_path: Path, reader: SimulatedReader) -> None:
    """SIGTERM: whoever waits is told that nothing was changed, the socket goes, the status is 0."""
    with till_process(tmp_path) as (process, operator):
        buy(operator)
        operator.told("hold_card")
        process.send_signal(signal.SIGTERM)
        assert operator.end("r1")["code"] == "stopping"
        assert process.wait(10) == 0
    assert not (tmp_path / "till" / "till.sock").exists()


def test_second_till_on_the_same_configuration_does_not_start(tmp_path: Path, reader: SimulatedReader) -> None:
    """It says that another one runs, and leaves that one alone."""
    with till_process(tmp_path) as (_, operator):
        command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(tmp_path / "till.toml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert "another gate process" in done.stderr
        assert operator.ask(do="last", id="l")["requests"] == []
