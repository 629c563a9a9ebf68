# SPDX-License-Identifier: Apache-2.0
"""The thread of a gate's sensor, on a simulated one: 1:1, a small library, unplugging, deletion with receipts."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from finger_bench import KEYS, LATER_MS, NOW_MS, Gate, enrolled

from pistegate_edge.fingers.sealing import seal_template
from pistegate_edge.fingers.told import (
    Fallback,
    FingerFound,
    FingerLost,
    FingerMatched,
    FingerProblem,
    FingerReady,
    FingerRefused,
    fallbacks,
)
from pistegate_simulators.finger import Finger, SimulatedSensor, Skin

WANG, LI = b"pass of wang", b"pass of li"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """Where the sensor is, however often it is plugged in."""
    return tmp_path / "finger"


@pytest.fixture
def simulated(link: Path) -> Iterator[SimulatedSensor]:
    """With nothing on it."""
    with SimulatedSensor(link=link) as sensor:
        yield sensor


@pytest.fixture
def wang(simulated: SimulatedSensor) -> bytes:
    """Wang's sealed template."""
    return enrolled(simulated, "wang", WANG)


@pytest.fixture
def gate(simulated: SimulatedSensor, wang: bytes, link: Path, tmp_path: Path) -> Iterator[Gate]:
    """1:1 alone."""
    with Gate(simulated, link, tmp_path) as gate:
        assert gate.next(FingerReady).room == 200
        yield gate


@pytest.fixture
def watching(simulated: SimulatedSensor, wang: bytes, link: Path, tmp_path: Path) -> Iterator[Gate]:
    """With Wang in its library."""
    gate = Gate(simulated, link, tmp_path, watch=True)
    gate.store.put(WANG, wang, LATER_MS)
    gate.store.assign(WANG, 200)
    with gate:
        assert gate.next(FingerReady).used == 1
        yield gate


@pytest.mark.parametrize("problem", FingerProblem)
def test_there_is_always_a_way_without_a_finger(problem: FingerProblem) -> None:
    """Whatever goes wrong; and nobody is asked to try a sensor again that is away."""
    offered = FingerRefused(1, problem, 0.0).fallbacks
    assert offered == fallbacks(problem)
    assert offered[-2:] == (Fallback.OTHER_MEDIUM, Fallback.STAFF)
    assert (Fallback.AGAIN in offered) == (problem not in (FingerProblem.SENSOR, FingerProblem.TEMPLATE))


def test_the_right_finger_after_a_while(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """Asked for, put on the sensor half a second later, matched once."""
    gate.compare(1, WANG, wang)
    time.sleep(0.5)
    simulated.put("wang")
    assert gate.next(FingerMatched).token == 1
    time.sleep(0.3)
    assert gate.told.empty()


def test_a_wrong_finger_is_refused_after_three_tries(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """Not after one: first touches are often too short."""
    simulated.put("li")
    gate.compare(1, WANG, wang)
    refused = gate.next(FingerRefused)
    assert (refused.token, refused.problem) == (1, FingerProblem.OTHER_FINGER)
    assert simulated.chip.counted[0x03] == 1 + 3  # one at the desk


@pytest.mark.parametrize(
    ("skin", "problem"),
    [(Skin.WET, FingerProblem.UNREADABLE), (Skin.GLOVE, FingerProblem.NONE_CAME), (None, FingerProblem.NONE_CAME)],
)
def test_what_cannot_be_read_ends_at_the_deadline(
    gate: Gate, simulated: SimulatedSensor, wang: bytes, skin: Skin | None, problem: FingerProblem
) -> None:
    """Wet is told apart from nobody; a glove cannot be."""
    if skin is not None:
        simulated.put(Finger("wang", skin))
    begun = time.monotonic()
    gate.compare(1, WANG, wang, seconds=1.0)
    assert gate.next(FingerRefused).problem is problem
    assert 0.9 < time.monotonic() - begun < 4


def test_a_dried_finger_matches_before_the_deadline(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """Unreadable touches use up no tries."""
    simulated.put(Finger("wang", Skin.WET))
    gate.compare(1, WANG, wang)
    time.sleep(1.0)
    simulated.put("wang")
    gate.next(FingerMatched)


def test_the_finger_of_the_guest_before_is_nobodys(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """It stays on the sensor while the next guest's card is read: it must be lifted before any finger counts."""
    simulated.put("wang")
    gate.compare(1, WANG, wang)
    gate.next(FingerMatched)
    gate.compare(2, WANG, wang)
    time.sleep(0.5)
    assert gate.told.empty()
    simulated.lift()
    time.sleep(0.4)
    simulated.put("wang")
    assert gate.next(FingerMatched).token == 2


def test_who_touches_before_the_card_is_read_need_not_lift(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """The finger of the guest before was seen to be gone: guests who know the lane have theirs on it early."""
    simulated.put("wang")
    gate.compare(1, WANG, wang)
    gate.next(FingerMatched)
    simulated.lift()
    looks = simulated.chip.counted[0x01]
    gate.until(lambda: simulated.chip.counted[0x01] > looks)
    simulated.put("wang")
    gate.compare(2, WANG, wang)
    assert gate.next(FingerMatched).token == 2


def test_a_sealed_template_of_somebody_else_is_no_template(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """Wang's template copied onto Li's card: Wang's finger does not open for Li's ticket."""
    simulated.put("wang")
    gate.compare(1, LI, wang)
    assert gate.next(FingerRefused).problem is FingerProblem.TEMPLATE


def test_a_template_that_no_sensor_made_matches_nothing(gate: Gate, simulated: SimulatedSensor) -> None:
    """Sealed by the site's own key, and still garbage."""
    simulated.put("wang")
    gate.compare(1, WANG, seal_template(bytes(512), WANG, KEYS))
    assert gate.next(FingerRefused).problem is FingerProblem.OTHER_FINGER


def test_every_comparison_is_answered_once(gate: Gate, wang: bytes) -> None:
    """One that is asked for over another answers that one first; one that is forgotten is not answered."""
    gate.compare(1, WANG, wang)
    gate.compare(2, WANG, wang)
    assert gate.next(FingerRefused).token == 1
    gate.thread.forget()
    gate.compare(3, WANG, wang, seconds=0.3)
    assert gate.next(FingerRefused).token == 3
    assert gate.told.empty()


def test_unplugged_while_a_guest_waits(gate: Gate, simulated: SimulatedSensor, wang: bytes) -> None:
    """The guest is sent another way at once; so is the next one; plugged in again it works."""
    gate.compare(1, WANG, wang)
    time.sleep(0.3)
    simulated.unplug()
    refused = gate.next(FingerRefused)
    assert (refused.token, refused.problem) == (1, FingerProblem.SENSOR)
    gate.next(FingerLost)
    gate.compare(2, WANG, wang)
    assert gate.next(FingerRefused).fallbacks[0] is Fallback.OTHER_MEDIUM
    simulated.plug()
    gate.next(FingerReady)
    simulated.put("wang")
    gate.compare(3, WANG, wang)
    assert gate.next(FingerMatched).token == 3


@pytest.mark.parametrize("accident", ["lose", "garble", "cut", "mishear", "delay"])
def test_an_accident_on_the_line_costs_no_guest(
    gate: Gate, simulated: SimulatedSensor, wang: bytes, accident: str
) -> None:
    """Any one answer lost, damaged, halved or late: the right finger still matches, with nothing told lost."""
    gate.compare(1, WANG, wang)
    setattr(simulated.accidents, accident, 1)
    time.sleep(0.2)
    simulated.put("wang")
    gate.next(FingerMatched)


def test_an_idle_sensor_that_dies_is_found_out(gate: Gate, simulated: SimulatedSensor) -> None:
    """Before a guest stands there."""
    simulated.dead = True
    gate.next(FingerLost)
    simulated.dead = False
    gate.next(FingerReady)


def test_a_pass_holder_of_the_library_is_found_once_a_touch(watching: Gate, simulated: SimulatedSensor) -> None:
    """By the finger alone; held there it is told once, lifted and put again twice."""
    for _ in range(2):
        simulated.put("wang")
        assert watching.next(FingerFound).holder == WANG
        time.sleep(0.5)
        assert watching.told.empty()
        simulated.lift()
        time.sleep(0.4)


def test_a_stranger_is_told_once_and_has_another_way(watching: Gate, simulated: SimulatedSensor) -> None:
    """In no slot."""
    simulated.put("stranger")
    refused = watching.next(FingerRefused)
    assert (refused.token, refused.problem) == (None, FingerProblem.OTHER_FINGER)
    assert Fallback.OTHER_MEDIUM in refused.fallbacks
    time.sleep(0.5)
    assert watching.told.empty()


def test_a_withdrawal_reaches_the_sensor_and_gives_a_receipt(watching: Gate, simulated: SimulatedSensor) -> None:
    """Within a second: slot empty, file empty, receipt there; the finger is a stranger's."""
    watching.store.remove(WANG, "withdrawn", NOW_MS)
    watching.thread.changed()
    watching.until(lambda: watching.store.untold())
    assert simulated.chip.library == {}
    assert watching.store.untold()[0].slot == 0


def test_a_withdrawal_while_the_sensor_is_away_waits_for_it(watching: Gate, simulated: SimulatedSensor) -> None:
    """No receipt for what lies in a drawer; plugged in again it is erased before anybody can use it."""
    simulated.unplug()
    watching.next(FingerLost)
    watching.store.remove(WANG, "withdrawn", NOW_MS)
    time.sleep(0.5)
    assert watching.store.untold() == []
    simulated.plug()
    assert watching.next(FingerReady).used == 0
    assert simulated.chip.library == {}
    assert len(watching.store.untold()) == 1


def test_an_expired_pass_leaves_the_library_by_itself(watching: Gate, simulated: SimulatedSensor) -> None:
    """Also on a gate that is alone."""
    watching.wall_ms = LATER_MS
    watching.thread.changed()
    watching.until(lambda: watching.store.untold())
    assert watching.store.untold()[0].why == "expired"
    assert simulated.chip.library == {}


def test_a_sensor_of_another_gate_is_emptied_before_it_is_used(
    simulated: SimulatedSensor, wang: bytes, link: Path, tmp_path: Path
) -> None:
    """Slots that this gate did not fill are somebody else's fingers."""
    simulated.chip.library = {5: bytes(512), 0: bytes(512)}
    with Gate(simulated, link, tmp_path, watch=True) as gate:
        assert gate.next(FingerReady).used == 0
        assert simulated.chip.library == {}


def test_a_sensor_that_lost_its_memory_is_filled_again(watching: Gate, simulated: SimulatedSensor) -> None:
    """From the sealed templates."""
    simulated.unplug()
    watching.next(FingerLost)
    simulated.chip.library.clear()
    simulated.plug()
    assert watching.next(FingerReady).used == 1
    simulated.put("wang")
    assert watching.next(FingerFound).holder == WANG


def test_a_sensor_that_comes_back_is_not_written_again(watching: Gate, simulated: SimulatedSensor) -> None:
    """Its flash wears, and 200 templates take a minute: it is known by the name that it was given."""
    written = simulated.chip.counted[0x06]
    simulated.unplug()
    watching.next(FingerLost)
    simulated.plug()
    assert watching.next(FingerReady).used == 1
    assert simulated.chip.counted[0x06] == written
    simulated.put("wang")
    assert watching.next(FingerFound).holder == WANG


def test_a_sensor_without_a_notepad_is_filled_each_time(
    simulated: SimulatedSensor, wang: bytes, link: Path, tmp_path: Path
) -> None:
    """It might be any sensor."""
    simulated.chip.note = None
    gate = Gate(simulated, link, tmp_path, watch=True)
    gate.store.put(WANG, wang, LATER_MS)
    gate.store.assign(WANG, 200)
    with gate:
        assert gate.next(FingerReady).used == 1
        simulated.chip.library[0] = bytes(512)
        simulated.unplug()
        gate.next(FingerLost)
        simulated.plug()
        assert gate.next(FingerReady).used == 1
        simulated.put("wang")
        assert gate.next(FingerFound).holder == WANG


def test_another_sensor_in_its_place_and_the_old_one_back(watching: Gate, simulated: SimulatedSensor) -> None:
    """The same slots used by others' fingers: emptied before use; a withdrawal waits until the old one is back."""
    old_library, old_note = simulated.chip.library, simulated.chip.note
    simulated.unplug()
    watching.next(FingerLost)
    simulated.chip.library, simulated.chip.note = {0: bytes(512), 9: bytes(512)}, b"pistegate finger of another gate"
    simulated.plug()
    assert watching.next(FingerReady).used == 1
    assert set(simulated.chip.library) == {0}
    watching.store.remove(WANG, "withdrawn", NOW_MS)
    watching.thread.changed()
    watching.until(lambda: simulated.chip.library == {})
    time.sleep(0.3)
    assert watching.store.untold() == []
    simulated.unplug()
    watching.next(FingerLost)
    simulated.chip.library, simulated.chip.note = old_library, old_note
    simulated.plug()
    assert watching.next(FingerReady).used == 0
    assert simulated.chip.library == {}
    assert [receipt.holder for receipt in watching.store.untold()] == [WANG]


def test_an_old_sensor_that_cannot_be_emptied_gives_no_receipt(watching: Gate, simulated: SimulatedSensor) -> None:
    """It came back worn out: it is still full, and not used."""
    old_library, old_note = simulated.chip.library, simulated.chip.note
    simulated.unplug()
    watching.next(FingerLost)
    simulated.chip.library, simulated.chip.note = {}, bytes(32)
    simulated.plug()
    watching.next(FingerReady)
    watching.store.remove(WANG, "withdrawn", NOW_MS)
    watching.thread.changed()
    watching.until(lambda: simulated.chip.library == {})
    simulated.unplug()
    watching.next(FingerLost)
    simulated.chip.library, simulated.chip.note, simulated.chip.worn = old_library, old_note, True
    simulated.plug()
    time.sleep(3)
    assert watching.told.empty()
    assert watching.store.untold() == []
    assert watching.store.away() != {}


def test_a_template_that_cannot_be_opened_leaves_its_slot_empty(
    watching: Gate, simulated: SimulatedSensor, wang: bytes
) -> None:
    """Wang's template under Li's name: Wang's finger never is Li; the library is not written for ever after."""
    watching.store.put(LI, wang, LATER_MS)
    assert watching.store.assign(LI, 200) == 1
    watching.thread.changed()
    watching.until(lambda: simulated.chip.counted.get(0x1F, 0) >= 2)
    time.sleep(0.5)
    written = simulated.chip.counted[0x06]
    time.sleep(0.5)
    assert simulated.chip.counted[0x06] == written
    assert set(simulated.chip.library) == {0}


def test_a_worn_sensor_gives_no_receipt(watching: Gate, simulated: SimulatedSensor) -> None:
    """What cannot be erased is not told as erased: the sensor is told lost until it is replaced."""
    simulated.chip.worn = True
    watching.store.remove(WANG, "withdrawn", NOW_MS)
    watching.thread.changed()
    assert "delete failed" in watching.next(FingerLost).detail
    assert watching.store.untold() == []
