# SPDX-License-Identifier: Apache-2.0
"""Serial scanners: real pyserial and the product's thread against simulated scanners on pseudo terminals."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scanner_bench import Bench

from pistegate_edge.scanners.opening import open_scanner
from pistegate_simulators.scanner import SimulatedScanner

CODE = "PG1/0123456789ABCDEFGHJKMNPQRSTVWXYZ$*+-."


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[SimulatedScanner]:
    """Reads all the time, ends with CR."""
    with SimulatedScanner(link=tmp_path / "scanner") as scanner:
        yield scanner


def bench(path: Path | str, profile: str = "lines-9600") -> Bench:
    return Bench(lambda tell: open_scanner(str(path), profile, tell, time.monotonic))


@pytest.mark.parametrize("end", ["cr", "lf", "crlf", "none"])
def test_codes_arrive_whatever_ends_them(plain: SimulatedScanner, tmp_path: Path, end: str) -> None:
    """With any terminator or none, one line for each."""
    plain.end = end
    with bench(tmp_path / "scanner") as gate:
        gate.ready()
        plain.show(CODE)
        assert gate.line() == CODE
        plain.show(CODE + "2")
        assert gate.line() == CODE + "2"
        gate.nothing()


def test_half_a_line_is_told_as_it_is_and_spoils_nothing(plain: SimulatedScanner, tmp_path: Path) -> None:
    """The parser refuses the half; the whole code after it counts."""
    with bench(tmp_path / "scanner") as gate:
        gate.ready()
        plain.show_half(CODE)
        assert gate.line() == CODE[: len(CODE) // 2]
        plain.show(CODE)
        assert gate.line() == CODE


def test_non_ascii_is_kept_for_the_parser_to_refuse(plain: SimulatedScanner, tmp_path: Path) -> None:
    """A Chinese text as GBK, and every byte there is but the breaks: none lost, none changed."""
    everything = bytes(byte for byte in range(256) if byte not in b"\r\n")
    with bench(tmp_path / "scanner") as gate:
        gate.ready()
        plain.show("滑雪票")
        assert gate.line().encode("latin-1") == "滑雪票".encode("gbk")
        plain.show(everything)
        assert gate.line().encode("latin-1") == everything


def test_unplugged_and_plugged_in_again(plain: SimulatedScanner, tmp_path: Path) -> None:
    """Three times, at another /dev/pts each time; lost and ready are told once each, codes go on."""
    with bench(tmp_path / "scanner") as gate:
        for turn in range(3):
            gate.ready()
            plain.show(f"CODE{turn}")
            assert gate.line() == f"CODE{turn}"
            plain.unplug()
            gate.lost()
            time.sleep(0.5)
            plain.plug()
        gate.ready()
        gate.nothing()


def test_a_scanner_that_is_not_there_is_told_once_and_found_when_it_comes(
    plain: SimulatedScanner, tmp_path: Path
) -> None:
    """The gate starts before it is plugged in."""
    plain.unplug()
    with bench(tmp_path / "scanner") as gate:
        assert "scanner" in gate.lost().detail
        gate.nothing(1.0)
        plain.plug()
        gate.ready()
        plain.show(CODE)
        assert gate.line() == CODE


def test_a_line_in_use_is_not_shared(plain: SimulatedScanner, tmp_path: Path) -> None:
    """Two programs on one scanner would each get half of the codes."""
    with bench(tmp_path / "scanner") as gate:
        gate.ready()
        with bench(tmp_path / "scanner") as other:
            assert "lock" in other.lost().detail


def test_a_code_read_before_the_gate_ran_is_not_used(plain: SimulatedScanner, tmp_path: Path) -> None:
    """What lay in the line when it was opened belongs to somebody who has left."""
    plain.show("OLD")
    with bench(tmp_path / "scanner") as gate:
        gate.ready()
        gate.nothing()
        plain.show("NEW")
        assert gate.line() == "NEW"


def test_a_wrong_rate_gives_garbage_and_a_word_to_the_technician(
    plain: SimulatedScanner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that looks like the code arrives; the log says what to look at."""
    with caplog.at_level(logging.WARNING), bench(tmp_path / "scanner", "lines-115200") as gate:
        gate.ready()
        for number in range(6):
            plain.show(f"{CODE}{number}")
            time.sleep(0.15)
        heard = [gate.line() for _ in range(3)]
        assert not any(CODE in text for text in heard)
        assert "another rate" in caplog.text


def test_a_gm65_is_set_to_read_all_the_time_whenever_it_is_plugged_in(tmp_path: Path) -> None:
    """Its own default waits for the button; the setting is lost with its power, and made again. No answer is a code."""
    with SimulatedScanner("gm65", link=tmp_path / "scanner") as scanner:
        assert not scanner.show(CODE)
        with bench(tmp_path / "scanner", "gm65-continuous") as gate:
            assert "does not answer" not in gate.ready().what
            assert scanner.show(CODE)
            assert gate.line() == CODE
            scanner.unplug()
            gate.lost()
            scanner.plug()
            gate.ready()
            assert scanner.show(CODE)
            assert gate.line() == CODE


def test_start_commands_at_a_wrong_rate_are_told(tmp_path: Path) -> None:
    """The scanner cannot have understood them: it says so where a technician looks."""
    with (
        SimulatedScanner("gm65", baud=115200, link=tmp_path / "scanner"),
        bench(tmp_path / "scanner", "gm65-continuous") as gate,
    ):
        assert "does not answer its start commands" in gate.ready().what


@pytest.mark.parametrize(("model", "profile"), [("gm65", "gm65"), ("newland", "newland")])
@pytest.mark.parametrize("end", ["cr", "none"])
def test_a_triggered_scanner_reads_once_and_its_answers_are_no_codes(
    tmp_path: Path, model: str, profile: str, end: str
) -> None:
    """The answer to the trigger stands right before the code on the line, with no break between."""
    scanner = SimulatedScanner(model, end=end, link=tmp_path / "scanner")
    with scanner, bench(tmp_path / "scanner", profile) as gate:
        gate.ready()
        assert not scanner.show(CODE)
        gate.scanner.scan(True)
        deadline = time.monotonic() + 5
        while not scanner.show(CODE) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert gate.line() == CODE
        assert not scanner.show(CODE)
        gate.scanner.scan(False)
        gate.nothing()


def test_a_newland_is_set_to_sense(tmp_path: Path) -> None:
    """Its frames and its answer, byte for byte."""
    scanner = SimulatedScanner("newland", end="crlf", link=tmp_path / "scanner")
    with scanner, bench(tmp_path / "scanner", "newland-sense") as gate:
        assert "does not answer" not in gate.ready().what
        assert scanner.show(CODE)
        assert gate.line() == CODE


def test_a_resident_id_reader_tells_the_number_alone(tmp_path: Path) -> None:
    """Name and address stay on the line."""
    reader = SimulatedScanner(baud=115200, link=tmp_path / "scanner")
    with reader, bench(tmp_path / "scanner", "resident-id-lines") as gate:
        gate.ready()
        reader.send("\x02李四|男|19491231|北京市|11010519491231002X|20300101\x03\r\n".encode("gbk"))
        assert gate.line() == "11010519491231002X"


def test_a_thread_that_is_stopped_ends_while_the_device_is_away(tmp_path: Path) -> None:
    """Stopping a gate never waits for a scanner."""
    with bench(tmp_path / "nothing") as gate:
        gate.lost()
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.5
