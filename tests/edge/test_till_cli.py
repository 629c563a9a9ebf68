# SPDX-License-Identifier: Apache-2.0
"""`pistegate-gate till ...`: what an operator types, sees, and gets as a status."""

import contextlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import ski_card, toml_of
from till_running import running_till, till_tree

from pistegate_edge.cli import main
from pistegate_simulators.reader import Cut, SimulatedReader
from pistegate_simulators.stock import purse

COMMIT = 19  # the exchange, RATS counted as the first, of a debit from purse and loads


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def config(tmp_path: Path, reader: SimulatedReader) -> Iterator[Path]:
    """A running till's gate.toml."""
    path = tmp_path / "till.toml"
    path.write_text(toml_of(till_tree(tmp_path / "till", str(reader.link))))
    with running_till(tmp_path / "till", reader):
        yield path


def till(config: Path, *words: str) -> tuple[int, str, str]:
    """The command: status, output, what went past."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["till", *words, "--config", str(config)])
    return status, out.getvalue(), err.getvalue()


def test_debit_tells_what_to_do_and_what_was_done(config: Path, reader: SimulatedReader) -> None:
    """Prompts go past on standard error; the result alone is on standard output."""
    card = ski_card(purse=5000)
    reader.present(card)
    assert till(config, "debit", "18.00", "--item", "coffee") == (
        0, "Paid 18.00 CNY. Balance 32.00 CNY.\n", "Hold the card to the reader.\nHold still ...\n",
    )  # fmt: skip
    status, out, _ = till(config, "debit", "18", "--locale", "zh-CN")
    assert (status, out) == (0, "已付 18.00 CNY。余额 14.00 CNY。\n")
    status, out, _ = till(config, "debit", "18")
    assert (status, out) == (
        4,
        "Not enough on the card: 4.00 CNY missing, 14.00 CNY there. Nothing was taken. "
        "Take at most 14.00 CNY, or send the guest to top up.\n",
    )
    assert purse(card) == 1400


def test_same_id_is_done_once(config: Path, reader: SimulatedReader) -> None:
    """A script that does not know whether its first try came through repeats it."""
    card = ski_card(purse=5000)
    reader.present(card)
    for _ in range(2):
        status, out, _ = till(config, "debit", "18", "--id", "order-1")
        assert status == 0
    assert out == "Paid 18.00 CNY. Balance 32.00 CNY. Done before; not done again.\n"
    assert purse(card) == 3200
    status, out, _ = till(config, "last", "--count", "5")
    assert (status, out.split()[0], out.count("\n")) == (0, "order-1", 1)


def test_rental_from_a_terminal(config: Path, reader: SimulatedReader) -> None:
    """Taken by name, brought back all at once."""
    reader.present(ski_card())
    assert till(config, "rent", "boots", "skis=K2-0815")[1] == "Taken: boots, skis K2-0815. Out now: boots, skis.\n"
    assert till(config, "return")[1] == "Back: boots, skis. Still out: nothing.\n"
    status, out, _ = till(config, "rent", "skis")
    assert (status, out) == (4, "Rented on this card before: skis. Each kind goes out once per card.\n")
    status, out, _ = till(config, "rent", "sledge")
    assert status == 4
    assert "write one of boots, skis" in out


def test_show_is_the_whole_card(config: Path, reader: SimulatedReader) -> None:
    """As `card show` has it."""
    reader.present(ski_card(purse=1200))
    status, out, _ = till(config, "show")
    assert status == 0
    assert "balance     12.00 CNY" in out


def test_json_is_what_the_till_tells_line_by_line(config: Path, reader: SimulatedReader) -> None:
    """The last line ends the request."""
    reader.present(ski_card(purse=5000))
    status, out, _ = till(config, "debit", "18", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["code"] for line in lines] == ["hold_card", "hold_still", "done"]
    assert [line["final"] for line in lines] == [False, False, True]


def test_no_card_in_time(config: Path) -> None:
    """Status 5: nothing was changed."""
    assert till(config, "debit", "18", "--wait", "0.2")[0] == 5


def test_card_torn_at_the_commit_that_never_comes_back(
    config: Path, reader: SimulatedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 6 and what to do; the same id and card then settle it."""
    monkeypatch.setattr("pistegate_edge.till.core.machine.AGAIN_S", 0.5)
    card = ski_card(purse=2000, loaded=3000, spent=2000)
    reader.cut_after(COMMIT, Cut.AFTER)
    reader.present(card)
    status, out, err = till(config, "debit", "18", "--id", "order-1", "--wait", "1")
    assert status == 6
    assert out.startswith("Nobody knows yet whether the card was changed. Ask again under the same id")
    assert "Hold the same card again." in err
    reader.present(card)
    status, out, _ = till(config, "debit", "18", "--id", "order-1")
    assert (status, out) == (
        0,
        "Paid 18.00 CNY. Balance 12.00 CNY. Done when the card was torn away; not done again.\n",
    )


def test_no_till_says_how_to_start_one(tmp_path: Path) -> None:
    """Status 1."""
    path = tmp_path / "till.toml"
    path.write_text(toml_of(till_tree(tmp_path / "till")))
    status, _, err = till(path, "show")
    assert status == 1
    assert "Start it with `pistegate-gate run`" in err


@pytest.mark.parametrize("amount", ["0", "18.005", "-18", "much"])
def test_amount_that_is_none_is_refused_before_the_till_is_asked(tmp_path: Path, amount: str) -> None:
    """Status 2."""
    path = tmp_path / "till.toml"
    path.write_text(toml_of(till_tree(tmp_path / "till")))
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        assert main(["till", "debit", "--config", str(path), "--", amount]) == 2
    assert "such as 18 or 18.00" in out.getvalue()


def test_interrupted_from_the_keyboard_it_is_cancelled(config: Path) -> None:
    """And says that nothing was changed."""
    command = [sys.executable, "-m", "pistegate_edge", "till", "debit", "18", "--config", str(config)]
    # Where the tests run in the background, the signal is ignored, and children inherit that.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "Hold the card to the reader.\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (5, "Cancelled. Nothing was changed.\n")
