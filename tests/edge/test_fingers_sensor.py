# SPDX-License-Identifier: Apache-2.0
"""The driver with real pyserial against a simulated sensor: what it does, and every accident on the line."""

import time
from collections.abc import Iterator

import pytest
from finger_bench import driver

from pistegate_edge.fingers import flows
from pistegate_edge.fingers.codes import Code, Instruction
from pistegate_edge.fingers.errors import SensorError, SensorGarbled, SensorRefused, SensorSilent
from pistegate_edge.fingers.flows import LIVE, PUSHED, Seen
from pistegate_edge.fingers.sensor import Sensor
from pistegate_simulators.finger import Finger, SimulatedSensor, Skin
from pistegate_simulators.finger.chip import Chip


@pytest.fixture
def simulated() -> Iterator[SimulatedSensor]:
    """With nothing on it."""
    with SimulatedSensor() as sensor:
        yield sensor


@pytest.fixture
def sensor(simulated: SimulatedSensor) -> Iterator[Sensor]:
    """The driver, open."""
    with driver(simulated) as sensor:
        yield sensor


def template(simulated: SimulatedSensor, sensor: Sensor, name: str) -> bytes:
    """Two touches, one template."""
    simulated.put(name)
    for buffer in (LIVE, PUSHED):
        assert sensor.run(flows.look(buffer)) is Seen.FINGER
    made = sensor.run(flows.merge())
    simulated.lift()
    assert made is not None
    return made


def matches(simulated: SimulatedSensor, sensor: Sensor, name: str, pushed: bytes) -> bool:
    """1:1, as a gate does it."""
    simulated.put(name)
    sensor.run(flows.push(pushed))
    assert sensor.run(flows.look()) is Seen.FINGER
    return sensor.run(flows.compare()) is not None


def test_it_tells_what_it_is(sensor: Sensor) -> None:
    """Capacity and packet size are the sensor's own words, never assumed."""
    assert (sensor.system.capacity, sensor.system.packet_bytes, sensor.system.baud) == (200, 128, 57600)


def test_the_right_finger_matches_and_no_other(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """Template up, template down, match; ten other fingers do not."""
    held = template(simulated, sensor, "wang")
    assert matches(simulated, sensor, "wang", held)
    assert not any(matches(simulated, sensor, f"guest {number}", held) for number in range(10))


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_templates_go_both_ways_at_every_packet_size(size: int) -> None:
    """As the sensor is set."""
    with SimulatedSensor(Chip(packet_bytes=size)) as simulated, driver(simulated) as sensor:
        held = template(simulated, sensor, "wang")
        assert len(held) == 512
        assert matches(simulated, sensor, "wang", held)


@pytest.mark.parametrize(
    ("skin", "seen"),
    [
        (Skin.CLEAN, Seen.FINGER),
        (Skin.WET, Seen.UNREADABLE),
        (Skin.DRY, Seen.UNREADABLE),
        (Skin.SHORT, Seen.UNREADABLE),
        (Skin.GLOVE, Seen.NOTHING),
    ],
)
def test_a_finger_that_cannot_be_read_is_told_from_none(
    simulated: SimulatedSensor, sensor: Sensor, skin: Skin, seen: Seen
) -> None:
    """Wet, dry and hasty ones are told to try again; a glove is nothing at all to such a sensor."""
    simulated.put(Finger("wang", skin))
    assert sensor.run(flows.look()) is seen
    simulated.lift()
    assert sensor.run(flows.look()) is Seen.NOTHING


def test_two_fingers_make_no_template(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """A friend's finger between the touches."""
    simulated.put("wang")
    sensor.run(flows.look(LIVE))
    simulated.put("li")
    sensor.run(flows.look(PUSHED))
    assert sensor.run(flows.merge()) is None


def test_a_small_library_finds_its_holders(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """1:N: the slot of the right one, nobody for a stranger, nothing after it was erased."""
    for slot, name in enumerate(("wang", "li", "zhao")):
        sensor.run(flows.store(template(simulated, sensor, name), slot))
    assert sensor.run(flows.used_slots(200)) == {0, 1, 2}
    simulated.put("li")
    sensor.run(flows.look())
    found = sensor.run(flows.search(3))
    assert found is not None
    assert found[0] == 1
    assert sensor.run(flows.search(1)) is None
    sensor.run(flows.erase(1, 200))
    assert sensor.run(flows.search(3)) is None
    simulated.put("stranger")
    sensor.run(flows.look())
    assert sensor.run(flows.search(3)) is None


def test_slots_beyond_the_capacity_are_refused(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """By the sensor, with the number of its document."""
    with pytest.raises(SensorRefused, match="0Bh, no such slot"):
        sensor.run(flows.store(template(simulated, sensor, "wang"), 200))


def test_a_library_of_more_than_256_is_read_in_pages() -> None:
    """The last slot of a big sensor, and nothing beyond it."""
    with SimulatedSensor(Chip(capacity=500)) as simulated, driver(simulated) as sensor:
        held = template(simulated, sensor, "wang")
        for slot in (0, 255, 256, 499):
            sensor.run(flows.store(held, slot))
        assert sensor.run(flows.used_slots(500)) == {0, 255, 256, 499}


def test_a_slot_that_stays_full_is_not_told_as_erased(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """Worn flash, and flash that says OK and keeps it: SensorRefused both times."""
    sensor.run(flows.store(template(simulated, sensor, "wang"), 3))
    simulated.chip.worn = True
    with pytest.raises(SensorRefused, match="delete failed"):
        sensor.run(flows.erase(3, 200))
    simulated.chip.worn = False
    kept = simulated.chip.library

    class Stubborn(dict[int, bytes]):
        def pop(self, *_args: object) -> bytes:
            return b""

    simulated.chip.library = Stubborn(kept)
    with pytest.raises(SensorRefused, match="erase slot 3"):
        sensor.run(flows.erase(3, 200))


def test_a_template_that_did_not_arrive_never_leaves_the_guest_before(
    simulated: SimulatedSensor, sensor: Sensor
) -> None:
    """Wang's template is still in the buffer, and Wang comes again with Li's card: no match, whatever was damaged."""
    wang, li = template(simulated, sensor, "wang"), template(simulated, sensor, "li")
    assert matches(simulated, sensor, "wang", wang)
    simulated.chip.damage_data = 2
    assert not matches(simulated, sensor, "wang", li)
    simulated.chip.damage_data = 99
    with pytest.raises(SensorGarbled, match="another template"):
        sensor.run(flows.push(wang))


@pytest.mark.parametrize("accident", ["lose", "garble", "cut", "mishear"])
def test_one_or_two_damaged_answers_cost_a_try_each(simulated: SimulatedSensor, sensor: Sensor, accident: str) -> None:
    """Lost, a flipped bit, half of it, a command misheard: asked again."""
    held = template(simulated, sensor, "wang")
    simulated.put("wang")
    sensor.run(flows.push(held))
    sensor.run(flows.look())
    setattr(simulated.accidents, accident, 1)
    assert sensor.run(flows.compare()) is not None


def test_a_sensor_that_only_garbles_is_given_up(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """It is opened anew then; OSError is what its thread waits for."""
    simulated.accidents.garble = 99
    with pytest.raises(SensorError):
        sensor.run(flows.look())


def test_a_late_match_is_never_the_next_guests(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """The answer "match" comes after the time-out, when the next guest's finger is being asked for."""
    wang, li = template(simulated, sensor, "wang"), template(simulated, sensor, "li")
    simulated.put("wang")
    sensor.run(flows.push(wang))
    sensor.run(flows.look())
    simulated.accidents.delay, simulated.accidents.delay_s = 1, 1.3
    assert sensor.run(flows.compare()) is not None
    simulated.put("stranger")
    sensor.run(flows.push(li))
    sensor.run(flows.look())
    simulated.accidents.delay = 1
    assert sensor.run(flows.compare()) is None
    assert sensor.run(flows.compare()) is None


def test_a_late_answer_to_the_same_question_is_none_either(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """Asked twice because the first answer was late: the second one is not left for whoever asks next."""
    wang = template(simulated, sensor, "wang")
    simulated.put("wang")
    sensor.run(flows.push(wang))
    sensor.run(flows.look())
    simulated.accidents.delay, simulated.accidents.delay_s = 2, 1.3
    assert sensor.run(flows.compare()) is not None
    time.sleep(0.3)
    simulated.chip.power_cut()  # no two templates are alike in it now
    assert sensor.run(flows.compare()) is None


def test_a_dead_sensor_is_told_in_bounded_time(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """Nobody stands in front of it for ever."""
    simulated.dead = True
    begun = time.monotonic()
    with pytest.raises(SensorSilent):
        sensor.run(flows.look())
    assert time.monotonic() - begun < 5


def test_unplugged_in_the_middle(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """OSError, as from every device that goes."""
    simulated.unplug()
    with pytest.raises(OSError):  # noqa: PT011 - the kernel's and pyserial's words differ
        sensor.run(flows.look())


def test_a_wrong_rate_is_silence(simulated: SimulatedSensor) -> None:
    """Never an answer by chance."""
    with pytest.raises(SensorSilent):
        Sensor(simulated.path, time.monotonic, baud=9600)


def test_a_password_that_somebody_set_is_told() -> None:
    """And with the right one it works."""
    with SimulatedSensor(Chip(password=5)) as simulated:
        with pytest.raises(SensorRefused, match="wrong password"):
            driver(simulated)
        with Sensor(simulated.path, time.monotonic, password=5) as sensor:
            assert sensor.run(flows.look()) is Seen.NOTHING


def test_an_answer_nobody_knows_is_told_with_its_number(simulated: SimulatedSensor, sensor: Sensor) -> None:
    """The manual has more codes than we deal with."""
    simulated.chip.capacity = 200
    answer = sensor.ask(flows.Ask(Instruction.STORE, b"\x01\x00\x00"))
    assert answer.code == Code.FLASH_FAILED
    assert "77h, which its manual does not tell" in str(SensorRefused(0x77, "look"))
