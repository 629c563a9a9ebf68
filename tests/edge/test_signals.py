# SPDX-License-Identifier: Apache-2.0
"""Lamps, buzzer and the attendant's lamp: what shows when, on which pins, and for whom."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from gpiozero import Device  # type: ignore[import-untyped]
from gpiozero.pins.mock import MockFactory, MockPin  # type: ignore[import-untyped]

from pistegate_edge.core.actions import Lamp, Show
from pistegate_edge.lane.core import pattern as p
from pistegate_edge.lane.core.pattern import AMBER, ATTENDANT, BUZZER, GREEN, RED
from pistegate_edge.signals import Amber, Display, Fitted, Screen, SignalCore, Signals
from pistegate_edge.signals.table import Loop, table
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.texts import text

BEEP_ADMIT_S = 0.08
BEEP_REFUSE_S = 0.4
READY = Show(Lamp.IDLE, "prompt.ready")
ADMIT = Show(Lamp.ADMIT, "prompt.admit")
EXPIRED = Show(Lamp.REFUSE, "reason.expired")


class Shown:
    """A core with a mixer behind it, as pins or a board play it."""

    def __init__(self, fitted: Fitted | None = None) -> None:
        self.core = SignalCore(1500, fitted)
        self.mixer = p.Mixer()
        self.played = 0

    def show(self, show: Show, now: int) -> int:
        """What is on then."""
        for play in self.core.show(show, now):
            self.mixer.play(now, *play)
            self.played += 1
        return self.mixer.levels(now)

    def at(self, now: int) -> int:
        """What is on."""
        return self.mixer.levels(now)

    def line(self, begin: int, end: int, bits: int) -> list[tuple[bool, int]]:
        """On and off of `bits` between two times, with how long each lasted."""
        levels = [bool(self.at(now) & bits) for now in range(begin, end)]
        edges = [0, *(place for place, (one, other) in enumerate(pairwise(levels), 1) if one != other), len(levels)]
        return [(levels[one], other - one) for one, other in pairwise(edges)]


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    """Pins of nobody else."""
    Device.pin_factory = factory = MockFactory()
    yield factory
    factory.reset()


def test_signals_follow_their_contract() -> None:
    """Idle dark; admit green; refuse red for a while; out of service red blinking; beeps short and long."""
    shown = Shown()
    assert shown.show(READY, 0) == 0
    assert shown.show(ADMIT, 1000) == GREEN | BUZZER
    assert shown.at(1080) == GREEN
    assert shown.show(Show(Lamp.KEEP, "prompt.wait"), 2000) == GREEN
    assert shown.at(3000) == GREEN
    assert shown.show(READY, 4000) == 0
    assert shown.show(EXPIRED, 5000) == RED | BUZZER
    assert shown.mixer.deadline(5100) == 5400
    assert shown.at(6400) == RED
    assert shown.at(6500) == 0
    shown.show(Show(Lamp.OUT, "gate.reader"), 10_000)
    assert [shown.at(10_100 + 500 * step) for step in range(4)] == [RED, 0, RED, 0]
    assert shown.mixer.deadline(10_100) == 10_500


def test_refusal_ends_in_the_gates_own_state() -> None:
    """Also where that state changed meanwhile; ready again does not end it early."""
    shown = Shown()
    shown.show(READY, 0)
    shown.show(EXPIRED, 1000)
    shown.show(READY, 1100)
    assert shown.at(2499) == RED
    shown.show(Show(Lamp.OUT, "gate.disk"), 1200)
    assert [shown.at(at) for at in (2499, 2500, 3000)] == [RED, RED, 0]
    shown.show(ADMIT, 1300)
    assert shown.at(1300) & (GREEN | RED) == GREEN


def test_admission_ends_a_refusal_for_good() -> None:
    """The guest's next card is good, and the guest is quick: no red behind them."""
    shown = Shown()
    shown.show(EXPIRED, 0)
    shown.show(ADMIT, 200)
    assert shown.show(READY, 700) == 0


def test_blinking_lamp_keeps_its_rhythm_when_nothing_changes() -> None:
    """A gate that stays out of service for another reason plays nothing new."""
    shown = Shown()
    shown.show(Show(Lamp.OUT, "gate.reader"), 0)
    played = shown.played
    shown.show(Show(Lamp.OUT, "gate.disk"), 250)
    assert shown.played == played
    shown.show(EXPIRED, 1000)
    shown.show(Show(Lamp.OUT, "gate.disk"), 2600)
    assert [shown.at(at) for at in (2600, 2999, 3000)] == [RED, RED, 0]


@pytest.mark.parametrize(
    ("amber", "on"), [(Amber.NONE, RED), (Amber.MIXED, RED | GREEN), (Amber.FITTED, AMBER)], ids=str
)
def test_amber_is_what_the_gate_has(amber: Amber, on: int) -> None:
    """Without an amber lamp it is red: a guest never sees green who was not admitted."""
    shown = Shown(Fitted(amber))
    assert shown.show(Show(Lamp.REFUSE, "reason.unreadable"), 0) == on | BUZZER


def test_attendant_sees_whose_ticket_was_used() -> None:
    """安检: every class has its own flashes; told apart within two seconds."""
    lines = {}
    for holder in HolderClass:
        shown = Shown(Fitted(attendant=True))
        shown.show(READY, 0)
        assert shown.show(Show(Lamp.ADMIT, "prompt.admit", holder=holder), 1000) & GREEN
        lines[holder] = shown.line(1000, 3000, ATTENDANT)
        assert shown.line(1000, 3000, GREEN) == [(True, 2000)]
        shown.show(READY, 5000)
        assert shown.line(5000, 7000, ATTENDANT) == [(False, 2000)]
    assert len({str(line) for line in lines.values()}) == len(HolderClass)
    assert lines[HolderClass.ADULT] == [(False, 2000)]


@pytest.mark.parametrize("bits", [GREEN, BUZZER], ids=["green", "buzzer"])
def test_class_is_told_by_sound_always_and_by_the_green_lamp_if_asked_for(bits: int) -> None:
    """Each tells every class apart; green is on from the first moment."""
    lines = []
    for holder in HolderClass:
        shown = Shown(Fitted(class_on_green=True))
        assert shown.show(Show(Lamp.ADMIT, "prompt.admit", holder=holder), 0) == GREEN | BUZZER
        lines.append(str(shown.line(0, 2000, bits)))
    assert len(set(lines)) == len(HolderClass)


def test_incident_never_hides_what_a_guest_is_answered() -> None:
    """The attendant's lamp and the alarm tell it at once; the guest's lamp only when nobody is answered."""
    shown = Shown(Fitted(attendant=True))
    shown.show(READY, 0)
    shown.show(Show(Lamp.ADMIT, "prompt.admit", holder=HolderClass.CHILD), 100)
    on = shown.show(Show(Lamp.KEEP, "incident.tailgating"), 1000)
    assert on == GREEN | BUZZER | ATTENDANT
    shown.show(READY, 2000)
    assert shown.at(2000) & RED
    assert shown.line(6000, 8000, RED) == [(False, 2000)]
    assert shown.line(6000, 8000, ATTENDANT) == [(False, 2000)]


def test_attendant_is_shown_the_class_again_when_the_incident_is_over() -> None:
    """While the passage lasts."""
    shown = Shown(Fitted(attendant=True))
    shown.show(Show(Lamp.ADMIT, "prompt.admit", holder=HolderClass.STAFF), 0)
    shown.show(Show(Lamp.KEEP, "incident.turned_back"), 100)
    assert (True, 500) in shown.line(100, 3100, ATTENDANT)
    assert shown.line(3100, 5000, ATTENDANT) == [(True, 1900)]


@pytest.mark.parametrize("show", [EXPIRED, Show(Lamp.KEEP, "incident.cloud_newer")], ids=["refusal", "note"])
def test_attendant_is_shown_an_incident_for_its_whole_time(show: Show) -> None:
    """Whatever is told meanwhile that is none of the attendant's business."""
    shown = Shown(Fitted(attendant=True))
    shown.show(READY, 0)
    shown.show(Show(Lamp.KEEP, "incident.crawling"), 0)
    shown.show(show, 1000)
    assert shown.line(0, 5000, ATTENDANT)[-1][1] <= 150
    assert shown.line(5000, 6000, ATTENDANT) == [(False, 1000)]


def test_words_alone_leave_lamps_and_buzzer() -> None:
    """A card held while the lane is busy."""
    shown = Shown()
    shown.show(ADMIT, 0)
    assert shown.core.show(Show(Lamp.KEEP, "reason.out_of_service"), 500) == []
    assert shown.core.show(Show(Lamp.KEEP, "prompt.again"), 500) == []


def test_fire_shows_the_way_free() -> None:
    """Green for everybody, with an alarm, whatever was shown."""
    shown = Shown()
    shown.show(Show(Lamp.OUT, "gate.reader"), 0)
    assert shown.show(Show(Lamp.OUT, "lane.fire"), 100) == GREEN | BUZZER
    assert shown.at(60_000) == GREEN


def test_a_change_that_is_overdue_stays_due_until_it_is_shown(pins: MockFactory) -> None:
    """A loop that looks a moment late must not wait for the next change: the buzzer would go on for seconds."""
    signals = Signals(22, 23, 24, 1.5, Display(None, "en"))
    signals.show(READY, 0.0)
    signals.show(EXPIRED, 0.0)
    assert signals.deadline(0.1) == BEEP_REFUSE_S
    late = BEEP_REFUSE_S + 0.001
    assert signals.deadline(late) == late
    signals.tick(late)
    assert not pins.pin(24).state
    assert signals.deadline(late) == 1.5
    signals.close()


def test_lamps_are_dark_when_the_gate_ends(pins: MockFactory) -> None:
    """Exact levels of the pins."""
    signals = Signals(22, 23, 24, 1.5, Display(None, "en"))
    signals.show(EXPIRED, 0.0)
    signals.close()
    assert [bool(state.state) for state in pins.pin(23).states] == [False, True, False]


def test_every_lamp_that_is_fitted_has_its_pin(pins: MockFactory) -> None:
    """Exact levels of each."""
    signals = Signals(22, 23, 24, 1.5, Display(None, "en"), attendant_pin=25, amber_pin=26)
    signals.show(Show(Lamp.REFUSE, "reason.two_cards"), 0.0)
    signals.show(Show(Lamp.ADMIT, "prompt.admit", holder=HolderClass.SENIOR), 0.2)
    signals.tick(0.7)
    signals.close()
    history = {pin: [bool(state.state) for state in pins.pin(pin).states] for pin in (22, 23, 25, 26)}
    assert history == {22: [False, True, False], 23: [False], 25: [False, True, False], 26: [False, True, False]}


def test_no_colours_mix_on_the_way_from_one_to_the_next(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes dark goes first: red and green together would be amber."""
    on: set[str] = set()
    mixes: list[set[str]] = []
    changed = MockPin._change_state

    def watch(self: MockPin, value: bool) -> bool:
        (on.add if value else on.discard)(self.info.name)
        mixes.append(set(on) & {"GPIO22", "GPIO23"})
        return bool(changed(self, value))

    monkeypatch.setattr(MockPin, "_change_state", watch)
    signals = Signals(22, 23, 24, 1.5, Display(None, "en"))
    for now, show in enumerate((EXPIRED, ADMIT, EXPIRED, ADMIT)):
        signals.show(show, float(now))
    signals.close()
    assert {"GPIO22"} in mixes
    assert {"GPIO23"} in mixes
    assert {"GPIO22", "GPIO23"} not in mixes


def test_pins_that_cannot_be_had_are_given_back(pins: MockFactory) -> None:
    """A pin named twice: the first is free again."""
    with pytest.raises(Exception, match="22"):
        Signals(22, 22, 24, 1.5, Display(None, "en"))
    Signals(22, 23, 24, 1.5, Display(None, "en")).close()


class BoardLamps:
    """A lane board: gets patterns, keeps the time itself."""

    def __init__(self) -> None:
        self.plays: list[tuple[float, int, Loop, int, Loop]] = []
        self.closed = False

    def play(self, now: float, track: int, first: Loop, for_ms: int, then: Loop) -> None:
        """A message to the board."""
        self.plays.append((now, track, first, for_ms, then))

    def tick(self, now: float) -> None:
        """The board needs none."""

    def deadline(self, now: float) -> float | None:
        """Nor this."""
        return None

    def close(self) -> None:
        """The link is shut."""
        self.closed = True


def test_board_is_sent_a_pattern_once_and_keeps_the_time_itself() -> None:
    """No message per blink."""
    board = BoardLamps()
    signals = Signals.on(board, Fitted(), 1.5, Display(None, "en"))
    signals.show(Show(Lamp.OUT, "gate.starting"), 0.0)
    signals.show(EXPIRED, 2.0)
    out = ((RED, 500), (0, 500))
    assert board.plays == [
        (0.0, p.LAMP, (), 0, out),
        (2.0, p.LAMP, ((RED, 1000),), 1500, out),
        (2.0, p.SOUND, ((BUZZER, 400),), 400, ()),
    ]
    assert signals.deadline(2.0) is None
    signals.close()
    assert board.closed


def test_display_gets_each_text_once_and_a_broken_one_is_survived(tmp_path: Path) -> None:
    """A line per text, in the language of the configuration."""
    display = Display(str(tmp_path / "screen"), "zh-CN")
    for _ in range(2):
        display.show("prompt.ready", {})
    display.show("prompt.admit_party", {"n": 3})
    lines = (tmp_path / "screen").read_text("utf-8").splitlines()
    assert lines == [text("prompt.ready", "zh-CN"), text("prompt.admit_party", "zh-CN", n=3)]
    Display(str(tmp_path / "none" / "screen"), "en").show("prompt.ready", {})


def test_small_customer_display_is_cleared_and_spoken_to_in_its_own_encoding(tmp_path: Path) -> None:
    """A Chinese VFD takes GB 18030 and a form feed."""
    path = tmp_path / "screen"
    screen = Screen(16, 2, "gb18030", "\f")
    show = Show(Lamp.ADMIT, "prompt.admit", {"ends": "16:30"}, ("prompt.ends",), HolderClass.CHILD)
    signals = Signals.on(BoardLamps(), Fitted(), 1.5, Display(str(path), "zh-CN", screen))
    signals.show(show, 0.0)
    assert path.read_bytes().decode("gb18030") == "\f请通行        童\r\n门票使用至16:30"


def test_letter_of_the_class_stands_in_the_line_too(tmp_path: Path) -> None:
    """Adults are the rule and have none."""
    path = tmp_path / "screen"
    signals = Signals.on(BoardLamps(), Fitted(), 1.5, Display(str(path), "en"))
    for holder in (HolderClass.ADULT, HolderClass.VIP):
        signals.show(Show(Lamp.ADMIT, "prompt.admit", holder=holder), 0.0)
    assert path.read_text() == "Please pass\nPlease pass [V]\n"
    assert sum(not one.mark for one in table().holders.values()) == 1
