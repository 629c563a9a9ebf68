# SPDX-License-Identifier: Apache-2.0
"""The kept library (adafruit-circuitpython-fingerprint, MIT) on the simulated sensor, and against our driver.

It needs a CircuitPython board or its emulation only for two names; they are stood in for.
"""

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import serial
from finger_bench import driver
from skips import missing_system

from pistegate_edge.fingers import flows
from pistegate_edge.fingers.flows import LIVE, PUSHED
from pistegate_edge.fingers.packets import Kind, encode_packet
from pistegate_simulators.finger import Finger, SimulatedSensor, Skin


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module."""
    busio, micropython = types.ModuleType("busio"), types.ModuleType("micropython")
    busio.UART = object  # type: ignore[attr-defined]
    micropython.const = lambda value: value  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "busio", busio)
    monkeypatch.setitem(sys.modules, "micropython", micropython)
    try:
        return importlib.import_module("adafruit_fingerprint")
    except ImportError:
        missing_system("adafruit-circuitpython-fingerprint (pip install --no-deps)")


@pytest.fixture
def simulated() -> Iterator[SimulatedSensor]:
    """With nothing on it."""
    with SimulatedSensor() as sensor:
        yield sensor


@pytest.fixture
def theirs(library: Any, simulated: SimulatedSensor) -> Iterator[Any]:
    """Their driver on the simulated sensor."""
    with serial.Serial(simulated.path, 57600, timeout=2) as port:
        yield library.Adafruit_Fingerprint(port)


def enrol(theirs: Any, simulated: SimulatedSensor, name: str) -> None:
    simulated.put(name)
    for buffer in (1, 2):
        assert theirs.get_image() == 0
        assert theirs.image_2_tz(buffer) == 0
    assert theirs.create_model() == 0
    simulated.lift()


def test_their_driver_enrols_searches_and_erases(library: Any, theirs: Any, simulated: SimulatedSensor) -> None:
    """The simulated sensor speaks what a kept driver of real ones understands."""
    assert theirs.library_size == 200
    enrol(theirs, simulated, "wang")
    assert theirs.store_model(7) == 0
    assert theirs.count_templates() == 0
    assert theirs.template_count == 1
    assert theirs.read_templates() == 0
    assert theirs.templates == [7]
    simulated.put("wang")
    assert theirs.get_image() == 0
    assert theirs.image_2_tz(1) == 0
    assert theirs.finger_search() == 0
    assert theirs.finger_id == 7
    assert theirs.finger_fast_search() == 0
    assert theirs.delete_model(7) == 0
    assert theirs.finger_search() == library.NOTFOUND


@pytest.mark.parametrize(
    ("skin", "step", "code"),
    [(Skin.GLOVE, "image", "NOFINGER"), (Skin.WET, "features", "IMAGEMESS"), (Skin.DRY, "features", "FEATUREFAIL")],
)
def test_their_driver_sees_the_same_fingers(
    library: Any, theirs: Any, simulated: SimulatedSensor, skin: Skin, step: str, code: str
) -> None:
    """Codes by their names for them."""
    simulated.put(Finger("wang", skin))
    assert theirs.get_image() == (getattr(library, code) if step == "image" else 0)
    if step == "features":
        assert theirs.image_2_tz(1) == getattr(library, code)


def test_a_template_that_they_took_up_is_one_for_us(library: Any, simulated: SimulatedSensor) -> None:
    """Taken up by theirs, pushed by ours, and the other way round: the same bytes, and the finger matches."""
    with serial.Serial(simulated.path, 57600, timeout=2) as port:
        theirs = library.Adafruit_Fingerprint(port)
        enrol(theirs, simulated, "wang")
        taken = bytes(theirs.get_fpdata("char", 1))
    with driver(simulated) as ours:
        assert ours.run(flows.pull(LIVE)) == taken
        simulated.put("wang")
        ours.run(flows.push(taken))
        ours.run(flows.look())
        assert ours.run(flows.compare()) is not None
        pulled = ours.run(flows.pull(PUSHED))
    with serial.Serial(simulated.path, 57600, timeout=2) as port:
        theirs = library.Adafruit_Fingerprint(port)
        assert theirs.send_fpdata(list(pulled), "char", 2)
        assert theirs.get_image() == 0
        assert theirs.image_2_tz(1) == 0
        assert theirs.compare_templates() == 0


def test_our_packets_are_theirs(library: Any) -> None:
    """Every command that both send, byte for byte."""
    sent: list[bytes] = []
    theirs = library.Adafruit_Fingerprint.__new__(library.Adafruit_Fingerprint)
    theirs._uart = types.SimpleNamespace(write=sent.append)
    for content in (
        b"\x13\x00\x00\x00\x00",
        b"\x01",
        b"\x02\x01",
        b"\x0c\x00\x05\x00\x01",
        b"\x04\x01\x00\x00\x00\xc8",
    ):
        theirs._send_packet(list(content))
        assert bytes(sent[-1]) == encode_packet(Kind.COMMAND, content)
