# SPDX-License-Identifier: Apache-2.0
"""Sources of the power's state: pins, and upsd, the simulated one and the real one."""

import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from gpiozero import Device  # type: ignore[import-untyped]
from gpiozero.pins.mock import MockFactory  # type: ignore[import-untyped]
from upsd import READ_S, RealUpsd, ask

from pistegate_edge.power import Power, open_power
from pistegate_edge.power import nut as nut_module
from pistegate_edge.power.gpio import GpioPower
from pistegate_edge.power.nut import NutError, NutPower, parse_status
from pistegate_edge.power.settings import problems
from pistegate_edge.power.source import PowerSource
from pistegate_edge.power.told import PowerSilent, PowerStatus, PowerTold
from pistegate_simulators.ups import SimulatedUps

FED = PowerStatus(mains=True)
ON_BATTERY = PowerStatus(mains=False)
LOW = PowerStatus(mains=False, low=True)


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    """Pins of nobody else."""
    Device.pin_factory = factory = MockFactory()
    yield factory
    factory.reset()


@contextmanager
def telling(power: Power) -> Iterator["queue.Queue[PowerTold]"]:
    """What its thread tells."""
    told: queue.Queue[PowerTold] = queue.Queue()
    source = open_power(power, told.put)
    source.start()
    try:
        yield told
    finally:
        source.stop()


def nut(port: int, ups: str = "ups") -> Power:
    """A configuration."""
    return Power(source="nut", port=port, ups=ups)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls and tries follow each other within milliseconds."""
    monkeypatch.setattr("pistegate_edge.power.NUT_POLL_S", 0.02)
    monkeypatch.setattr("pistegate_edge.power.GPIO_POLL_S", 0.02)
    monkeypatch.setattr("pistegate_edge.power.source.BACKOFF_S", (0.02,))


@pytest.mark.parametrize("pull", ["none", "up", "down"])
@pytest.mark.parametrize("level", ["high", "low"])
def test_pin_means_what_the_configuration_says(pins: MockFactory, pull: str, level: str) -> None:
    """An X728 drives its pin high when mains is lost, an X1200 low."""
    power = Power("gpio", mains_lost_pin=6, mains_lost_level=level, battery_low_pin=13, pull=pull)  # type: ignore[arg-type]
    source = GpioPower(power)
    lost, low = pins.pin(6), pins.pin(13)
    active, quiet = (lost.drive_high, lost.drive_low) if level == "high" else (lost.drive_low, lost.drive_high)
    low.drive_low()
    quiet()
    assert source.read() == FED
    active()
    assert source.read() == ON_BATTERY
    low.drive_high()
    assert source.read() == LOW
    source.close()


def test_pins_that_cannot_be_had_are_given_back(pins: MockFactory) -> None:
    """The next try can have them."""
    with pytest.raises(Exception, match="6"):
        GpioPower(Power("gpio", mains_lost_pin=6, battery_low_pin=6))
    GpioPower(Power("gpio", mains_lost_pin=6, battery_minutes=100)).close()


def test_pin_that_changes_is_told_once(pins: MockFactory, quick: None) -> None:
    """By its own thread."""
    pins.pin(6).drive_low()
    with telling(Power("gpio", mains_lost_pin=6)) as told:
        assert told.get(timeout=5) == FED
        pins.pin(6).drive_high()
        assert told.get(timeout=5) == ON_BATTERY
        time.sleep(0.1)
        assert told.empty()


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ("OL", FED),
        ("OL CHRG", FED),
        ("ALARM OL TRIM", FED),
        ("OB", ON_BATTERY),
        ("OB DISCHRG", ON_BATTERY),
        ("OB LB", LOW),
        ("OL LB", PowerStatus(mains=True, low=True)),
        ("OL RB", PowerStatus(mains=True, worn=True)),
        ("FSD OB LB", PowerStatus(mains=False, low=True, forced=True)),
        ("OL FSD", PowerStatus(mains=True, forced=True)),
    ],
)
def test_flags_of_nut_are_understood(flags: str, status: PowerStatus) -> None:
    """Whatever stands beside them."""
    assert parse_status(f'VAR ups ups.status "{flags}"', "ups") == status


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ERR DATA-STALE", "check the UPS's cable"),
        ("ERR DRIVER-NOT-CONNECTED", "upsdrvctl start"),
        ("ERR UNKNOWN-UPS", r"correct \[power\] ups"),
        ("ERR ACCESS-DENIED", "upsd.conf"),
        ("ERR VAR-NOT-SUPPORTED", "use its pins"),
        ("ERR SOMETHING-NEW", "log of upsd"),
        ("ERR", "log of upsd"),
        ('VAR ups ups.status "WAIT"', "neither mains nor battery"),
        ('VAR ups ups.status ""', "neither mains nor battery"),
        ('VAR other ups.status "OL"', "not an answer of upsd"),
        ('VAR ups battery.charge "OL"', "not an answer of upsd"),
        ('VAR ups ups.status "OL" "OB"', "not an answer of upsd"),
        ('VAR ups ups.status "OL', "not an answer of upsd"),
        ("HTTP/1.1 400 Bad Request", "not an answer of upsd"),
        ("", "not an answer of upsd"),
    ],
)
def test_answer_without_a_state_says_what_to_do(line: str, words: str) -> None:
    """Never taken for mains or battery."""
    with pytest.raises(NutError, match=words):
        parse_status(line, "ups")


def test_state_is_read_again_over_one_connection() -> None:
    """And hung up at the end."""
    with SimulatedUps() as ups, NutPower(nut(ups.port)) as source:
        assert source.read() == FED
        ups.be("off")
        assert source.read() == ON_BATTERY
        ups.be("low")
        assert source.read() == LOW
        assert ups.asked == ["GET VAR ups ups.status"] * 3


@pytest.mark.parametrize(
    ("sends", "words"),
    [
        (b"", "hung up"),
        (b"x" * 5000, "without a line's end"),
        (b"\xff\xfe\n", "not an answer"),
        (b"VAR ups ups.st", "timed out"),
    ],
)
def test_server_that_is_none_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch, sends: bytes, words: str) -> None:
    """Hanging up, endless, garbage, or half a line."""
    monkeypatch.setattr(nut_module, "TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(100)
            connection.sendall(sends)
            if words == "timed out":
                time.sleep(1)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with NutPower(nut(server.getsockname()[1])) as source, pytest.raises(NutError, match=words):
            source.read()
        thread.join()


def test_answer_that_drips_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not hold the thread for ever."""
    monkeypatch.setattr(nut_module, "TIMEOUT_S", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            try:
                for _ in range(100):
                    connection.sendall(b"V")
                    time.sleep(0.05)
            except OSError:
                pass
            connection.close()

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with NutPower(nut(server.getsockname()[1])) as source, pytest.raises(NutError, match="timed out"):
            source.read()
        assert time.monotonic() - begun < 2
        thread.join()


def test_server_that_is_not_there_says_so() -> None:
    """With its address and what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NutError, match=rf"127.0.0.1:{port}.*is upsd running"):
        NutPower(nut(port))


def test_source_comes_back_after_every_trouble(quick: None) -> None:
    """Stale data, a wrong name, a restarted server: silent is told once, then the state again."""
    ups = SimulatedUps()
    port = ups.port
    with telling(nut(port)) as told:
        ups.start()
        first = told.get(timeout=5)
        if isinstance(first, PowerSilent):
            first = told.get(timeout=5)
        assert first == FED
        ups.trouble = "DATA-STALE"
        silent = told.get(timeout=5)
        assert isinstance(silent, PowerSilent)
        assert "cable" in silent.detail
        ups.trouble = "DRIVER-NOT-CONNECTED"
        time.sleep(0.2)
        assert told.empty()
        ups.be("off")
        ups.trouble = None
        assert told.get(timeout=5) == ON_BATTERY
        ups.stop()
        assert isinstance(told.get(timeout=5), PowerSilent)
        again = SimulatedUps(port=port)
        again.be("low")
        with again:
            assert told.get(timeout=5) == LOW


class Odd:
    """A source with a bug."""

    description = "odd"

    def read(self) -> PowerStatus:
        """Fails in its own way."""
        raise KeyError("bug")

    def close(self) -> None:
        """Nothing to do."""


def test_thread_survives_a_bug_of_its_source(quick: None) -> None:
    """A gate that is blind for its power would not know."""
    told: queue.Queue[PowerTold] = queue.Queue()
    PowerSource(Odd, 0.01, told.put).stop()  # one that never ran ends too
    source = PowerSource(Odd, 0.01, told.put)
    source.start()
    assert told.get(timeout=5) == PowerSilent("unexpected KeyError: 'bug'")
    source.stop()


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (Power("gpio"), "mains_lost_pin is missing"),
        (Power("gpio", mains_lost_pin=6), "battery_low_pin is missing"),
        (Power("nut", shutdown=[""]), "empty word"),
    ],
)
def test_fields_that_do_not_agree_are_named(power: Power, words: str) -> None:
    """With the remedy."""
    assert any(words in problem for problem in problems(power))
    assert problems(Power("nut", shutdown=[])) == problems(Power("gpio", mains_lost_pin=6, battery_minutes=90)) == []


QUESTIONS = [
    "GET VAR ups ups.status",
    "get var ups ups.status",
    'GET VAR "ups" ups.status',
    "GET VAR ups ups.status extra",
    "GET VAR nope ups.status",
    "GET VAR ups no.such",
    "GET VAR ups",
    "GET",
    "GET FOO ups",
    "LIST UPS",
    "LIST",
    "LIST VAR nope",
    "LIST FOO ups",
    "VER",
    "NETVER",
    "HELP",
    "NONSENSE",
    "",
    "LOGOUT",
]


@pytest.mark.system
def test_simulated_ups_answers_as_the_real_one() -> None:
    """Byte for byte, errors included."""
    with RealUpsd() as real, SimulatedUps() as simulated:
        assert {line: ask(simulated.port, line) for line in QUESTIONS} == {line: real.ask(line) for line in QUESTIONS}
        listed = real.ask("LIST VAR ups").splitlines()
        for line in ask(simulated.port, "LIST VAR ups").splitlines():
            assert line in listed or b"ups.mfr" in line  # the driver's own file cannot hold quotes


@pytest.mark.system
def test_real_upsd_is_followed_within_its_drivers_poll() -> None:
    """Lost, low, back; the driver dies."""
    with RealUpsd() as real, telling(nut(real.port)) as told:
        assert told.get(timeout=10) == FED
        for flags, status in (("OB", ON_BATTERY), ("OB LB", LOW), ("OL", FED)):
            begun = time.monotonic()
            real.be(flags)
            assert told.get(timeout=10) == status
            assert time.monotonic() - begun < 2 * READ_S + 2
        real.end_driver()
        silent = told.get(timeout=20)
        assert isinstance(silent, PowerSilent)


def test_ups_for_anybody_to_try() -> None:
    """`pistegate-sim ups`, told by its standard input."""
    program = "import sys; from pistegate_simulators.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "ups", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline().partition("127.0.0.1:")[2].split(";")[0])
        for word, answer in (("off", b'"OB DISCHRG"'), ("stale", b"ERR DATA-STALE"), ("on", b'"OL CHRG"')):
            process.stdin.write(f"{word}\n")
            process.stdin.flush()
            process.stdout.readline()
            assert answer in ask(port, "GET VAR ups ups.status")
        process.stdin.write("end\n")
        process.stdin.flush()
        assert process.wait(10) == 0
