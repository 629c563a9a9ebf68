# SPDX-License-Identifier: Apache-2.0
"""Enrolling at a desk."""

from collections.abc import Callable, Iterator

import pytest
from finger_bench import CARD, KEYS, agreed, driver

from pistegate_edge.fingers import flows
from pistegate_edge.fingers.desk import TOUCH_S, EnrolmentDesk, NotEnrolled, Touch
from pistegate_edge.fingers.errors import ConsentMissing
from pistegate_edge.fingers.flows import Seen
from pistegate_edge.fingers.sealing import open_template
from pistegate_simulators.finger import Finger, SimulatedSensor, Skin

HOLDER = b"holder-1"


@pytest.fixture
def simulated() -> Iterator[SimulatedSensor]:
    """With nothing on it."""
    with SimulatedSensor() as sensor:
        yield sensor


class Guest:
    """Does what the desk says, with one skin after the other for each touch."""

    def __init__(self, simulated: SimulatedSensor, *fingers: Finger, lifts: bool = True) -> None:
        self.simulated = simulated
        self.fingers = list(fingers)
        self.lifts = lifts
        self.shown: list[Touch] = []
        self.now = 0.0

    def obey(self, touch: Touch) -> None:
        self.shown.append(touch)
        if touch is not Touch.LIFT and self.fingers:
            self.simulated.put(self.fingers.pop(0))
        elif touch is Touch.LIFT and self.lifts:
            self.simulated.lift()

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def desk(self, sensor: flows.System | object) -> EnrolmentDesk:
        return EnrolmentDesk(sensor, KEYS, self.obey, lambda: self.now, self.pause)  # type: ignore[arg-type]


def test_two_touches_make_a_sealed_template(simulated: SimulatedSensor) -> None:
    """Put, lift, put; the finger matches what was sealed, the consent lies beside it."""
    guest = Guest(simulated, Finger("wang"), Finger("wang"))
    with driver(simulated) as sensor:
        done = guest.desk(sensor).enrol(agreed(HOLDER), CARD)
        assert guest.shown == [Touch.PUT, Touch.LIFT, Touch.PUT]
        assert done.consent == agreed(HOLDER)
        assert done.other_way == CARD
        assert done.alike > 50
        sensor.run(flows.push(open_template(done.sealed, HOLDER, KEYS)))
        assert sensor.run(flows.look()) is Seen.FINGER
        assert sensor.run(flows.compare()) is not None


def test_a_wet_finger_is_asked_for_again(simulated: SimulatedSensor) -> None:
    """Dried, it is taken."""
    guest = Guest(simulated, Finger("wang", Skin.WET), Finger("wang", Skin.DRY), Finger("wang"), Finger("wang"))
    with driver(simulated) as sensor:
        assert guest.desk(sensor).enrol(agreed(HOLDER), CARD)
    assert guest.shown == [Touch.PUT, Touch.AGAIN, Touch.AGAIN, Touch.LIFT, Touch.PUT]


@pytest.mark.parametrize(
    ("fingers", "lifts", "words"),
    [
        ((), True, "no finger"),
        ((Finger("wang", Skin.GLOVE),), True, "no finger"),
        ((Finger("wang"), Finger("li")), True, "not of one finger"),
        ((Finger("wang"),), False, "not lifted"),
    ],
)
def test_what_makes_no_template_keeps_nothing(
    simulated: SimulatedSensor, fingers: tuple[Finger, ...], lifts: bool, words: str
) -> None:
    """Nobody came, a glove, two people's fingers, a hand that stays: in bounded time, with what to do."""
    guest = Guest(simulated, *fingers, lifts=lifts)
    with driver(simulated) as sensor, pytest.raises(NotEnrolled, match=words):
        guest.desk(sensor).enrol(agreed(HOLDER), CARD)
    assert guest.now <= 2 * TOUCH_S + 1
    assert simulated.chip.library == {}


def test_without_another_way_in_no_finger_is_even_looked_at(simulated: SimulatedSensor) -> None:
    """The sensor is not asked for an image."""
    guest = Guest(simulated, Finger("wang"), Finger("wang"))
    with driver(simulated) as sensor, pytest.raises(ConsentMissing):
        guest.desk(sensor).enrol(agreed(HOLDER), None)
    assert 0x01 not in simulated.chip.counted
    assert guest.shown == []


def test_a_second_finger_between_the_touches_does_not_take_the_firsts_place(simulated: SimulatedSensor) -> None:
    """Wang touches, Li touches before Wang lifted and then again: Li's finger is not sealed for Wang's ticket."""
    guest = Guest(simulated, Finger("wang"), Finger("li"), lifts=False)
    obey: Callable[[Touch], None] = guest.obey

    def swap(touch: Touch) -> None:
        obey(touch)
        if touch is Touch.LIFT:
            simulated.put("li")

    def pause(_seconds: float) -> None:
        simulated.lift()

    with driver(simulated) as sensor:
        desk = EnrolmentDesk(sensor, KEYS, swap, lambda: guest.now, pause)
        with pytest.raises(NotEnrolled, match="not of one finger"):
            desk.enrol(agreed(HOLDER), CARD)
