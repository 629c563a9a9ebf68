# SPDX-License-Identifier: Apache-2.0
"""What a gate makes of its power: announced once, admitting as long as it may, ending in order, called off in time."""

import logging
import sys
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_edge.power import Power, ending, open_policy
from pistegate_edge.power import policy as policy_module
from pistegate_edge.power.policy import (
    BACK_HOLD_S,
    END_GRACE_S,
    END_MAX_S,
    GOES_ON,
    LOST_HOLD_S,
    LOW_HOLD_S,
    SILENT_HOLD_S,
    TABLE,
    PowerPolicy,
    State,
)
from pistegate_edge.power.told import (
    Announce,
    EndService,
    PowerAction,
    PowerCode,
    PowerSilent,
    PowerStatus,
    PowerTold,
    ResumeService,
    ShutDown,
    TellState,
)

FED = PowerStatus(mains=True)
OFF = PowerStatus(mains=False)
LOW = PowerStatus(mains=False, low=True)
FORCED = PowerStatus(mains=False, low=True, forced=True)
SILENT = PowerSilent("no answer")
COMMAND = ("systemctl", "poweroff")


class Gate:
    """A policy with its gate, and every action with its time."""

    def __init__(self, battery_s: float | None = None) -> None:
        self.busy = False
        self.policy = PowerPolicy(COMMAND, battery_s, lambda: self.busy)
        self.done: list[tuple[float, PowerAction]] = []

    def told(self, what: PowerTold, now: float) -> list[PowerAction]:
        """The UPS says it."""
        return self._did(self.policy.handle(what, now), now)

    def until(self, now: float) -> list[PowerAction]:
        """Time goes on, deadline by deadline, as the loop does it."""
        actions: list[PowerAction] = []
        for _ in range(20):
            due = self.policy.deadline
            if due is None or due > now:
                return actions
            actions += self._did(self.policy.tick(due), due)
        raise AssertionError(f"{self.policy.state}: a deadline that does not pass: {self.policy.deadline}")

    def _did(self, actions: list[PowerAction], now: float) -> list[PowerAction]:
        self.done += [(now, action) for action in actions]
        return actions


def announced(actions: list[PowerAction]) -> list[PowerCode]:
    """Codes that are noted."""
    return [action.code for action in actions if isinstance(action, Announce)]


def test_lost_mains_is_announced_and_the_gate_goes_on_admitting() -> None:
    """For two hours: nobody is sent away, nothing is shut down."""
    gate = Gate()
    assert gate.told(OFF, 100.0) == []
    assert gate.until(100 + LOST_HOLD_S) == [Announce(PowerCode.MAINS_LOST, GOES_ON), TellState()]
    assert gate.policy.words == "on battery"
    assert gate.until(100 + 7200) == []
    assert gate.policy.deadline is None


def test_flicker_is_nobodys_business() -> None:
    """A line that is switched on again within a second, a thousand times."""
    gate = Gate()
    for number in range(1000):
        assert gate.told(OFF, number * 4.0) == []
        assert gate.until(number * 4.0 + LOST_HOLD_S - 0.1) == []
        assert gate.told(FED, number * 4.0 + LOST_HOLD_S - 0.1) == []
    assert gate.policy.words == ""


def test_flapping_mains_is_one_outage() -> None:
    """Announced once, and once when it has held; the cloud is told twice."""
    gate = Gate()
    for number in range(100):
        gate.told(OFF, number * 30.0)
        gate.until(number * 30.0 + 10)
        gate.told(FED, number * 30.0 + 10)
        gate.until(number * 30.0 + 29.9)
    gate.until(99 * 30.0 + 10 + BACK_HOLD_S)
    assert announced([action for _, action in gate.done]) == [PowerCode.MAINS_LOST, PowerCode.MAINS_BACK]
    assert [action for _, action in gate.done].count(TellState()) == 2
    assert gate.policy.state is State.MAINS


def test_low_battery_ends_the_gate_in_order() -> None:
    """Nobody is admitted any more, then the shutdown."""
    gate = Gate()
    gate.told(OFF, 0.0)
    gate.until(60.0)
    assert gate.told(LOW, 60.0) == []
    ends = [Announce(PowerCode.BATTERY_LOW, "65 s after mains was lost"), EndService(), TellState()]
    assert gate.until(60.0 + LOW_HOLD_S) == ends
    assert gate.policy.words == "battery low"
    assert gate.until(60.0 + LOW_HOLD_S + END_GRACE_S) == [ShutDown(COMMAND)]
    assert gate.policy.state is State.DOWN
    for told in (FED, OFF, LOW, FORCED, SILENT):
        assert gate.told(told, 100.0) == []


def test_passage_under_way_is_finished_first() -> None:
    """But not beyond what the battery has."""
    gate = Gate()
    gate.busy = True
    gate.told(LOW, 0.0)
    low = LOW_HOLD_S
    assert EndService() in gate.until(low)
    assert gate.until(low + END_GRACE_S + 20) == []
    gate.busy = False
    assert gate.policy.tick(low + END_GRACE_S + 20.1) == [ShutDown(COMMAND)]
    gate = Gate()
    gate.busy = True
    gate.told(LOW, 0.0)
    assert gate.until(low + END_MAX_S - 0.1)[-1] == TellState()
    assert gate.until(low + END_MAX_S) == [ShutDown(COMMAND)]


def test_battery_that_sags_for_a_moment_is_not_low() -> None:
    """A solenoid or a motor starts."""
    gate = Gate()
    gate.told(OFF, 0.0)
    for number in range(1, 100):
        gate.told(LOW, number * 10.0)
        gate.until(number * 10.0 + LOW_HOLD_S - 0.1)
        gate.told(OFF, number * 10.0 + LOW_HOLD_S - 0.1)
    assert gate.policy.state is State.BATTERY


def test_low_battery_while_mains_is_there_is_no_reason_to_end() -> None:
    """It is being charged."""
    gate = Gate()
    assert gate.told(PowerStatus(mains=True, low=True), 0.0) == []
    assert gate.until(1000.0) == []
    assert gate.policy.state is State.MAINS
    gate.told(LOW, 1000.0)
    assert gate.until(1000.0 + LOW_HOLD_S - 0.1) == [Announce(PowerCode.MAINS_LOST, GOES_ON), TellState()]
    assert EndService() in gate.until(1000.0 + LOW_HOLD_S)


def test_mains_that_comes_back_calls_the_end_off_once_it_has_held() -> None:
    """Nobody is admitted until then: a gate that opens and shuts by turns is worse than one that is shut."""
    gate = Gate()
    gate.busy = True
    gate.told(LOW, 0.0)
    gate.until(10.0)
    assert gate.told(FED, 10.0) == []
    gate.busy = False
    assert gate.until(10.0 + BACK_HOLD_S - 0.1) == []
    assert gate.told(OFF, 30.0) == []
    assert gate.told(FED, 31.0) == []
    back = Announce(PowerCode.MAINS_BACK, "61 s after mains was lost")
    assert gate.until(31.0 + BACK_HOLD_S) == [back, ResumeService(), TellState()]
    assert gate.policy.state is State.MAINS
    gate.told(OFF, 200.0)
    assert announced(gate.until(210.0)) == [PowerCode.MAINS_LOST]


def test_short_gap_of_returned_mains_does_not_shut_the_computer_down() -> None:
    """It would stay off with mains there: most UPSes cut nothing once they are fed."""
    gate = Gate()
    gate.told(LOW, 0.0)
    gate.until(LOW_HOLD_S)
    gate.told(FED, LOW_HOLD_S + 1)
    gate.told(LOW, 20.0)
    assert gate.until(20.0 + END_GRACE_S - 0.1) == []
    gate.told(FED, 20.0 + END_GRACE_S - 0.1)
    assert gate.policy.state is State.PAUSED
    gate.told(LOW, 40.0)
    assert gate.until(40.0 + END_GRACE_S) == [ShutDown(COMMAND)]


def test_ups_that_will_cut_the_power_is_believed_at_once() -> None:
    """NUT's FSD: whoever watches the UPS has decided, mains or not."""
    for first in (FED, OFF):
        gate = Gate()
        gate.told(first, 0.0)
        assert EndService() in gate.told(FORCED, 1.0)
        assert gate.until(1.0 + END_GRACE_S) == [ShutDown(COMMAND)]
    gate = Gate()
    gate.told(OFF, 0.0)
    gate.until(10.0)
    gate.told(FED, 10.0)
    gate.until(50.0)
    codes = announced(gate.told(PowerStatus(mains=True, forced=True), 60.0))
    assert codes == [PowerCode.BATTERY_LOW]


def test_ups_that_tells_no_low_battery_is_low_after_its_time() -> None:
    """From the beginning of the outage; a short return does not fill it."""
    gate = Gate(battery_s=6000.0)
    gate.told(OFF, 0.0)
    gate.until(3000.0)
    gate.told(FED, 3000.0)
    gate.told(OFF, 3010.0)
    assert gate.until(5999.9) == []
    assert EndService() in gate.until(6000.0)


def test_silent_ups_is_told_and_the_gate_goes_on() -> None:
    """On mains and on battery: it may be the network that went, and a gate whose power is cut loses nothing."""
    for first in (FED, OFF):
        gate = Gate()
        gate.told(first, 0.0)
        gate.until(50.0)
        words = gate.policy.words
        assert gate.told(SILENT, 100.0) == []
        expected = [Announce(PowerCode.UPS_SILENT, "no answer"), TellState()]
        assert gate.until(100 + SILENT_HOLD_S) == expected
        assert gate.policy.words == "; ".join(word for word in (words, "UPS silent") if word)
        assert gate.until(9999.0) == []
        assert gate.told(first, 9999.0) == [Announce(PowerCode.UPS_ANSWERS), TellState()]
        assert gate.policy.words == words


def test_silence_that_is_short_is_not_told() -> None:
    """A server that restarts."""
    gate = Gate()
    gate.told(SILENT, 0.0)
    assert gate.until(SILENT_HOLD_S - 1) == []
    assert gate.told(FED, SILENT_HOLD_S - 1) == []
    assert gate.until(100.0) == []


def test_low_battery_counts_on_while_the_ups_is_silent() -> None:
    """What it said last was low, and it was not taken back."""
    gate = Gate()
    gate.told(LOW, 0.0)
    gate.told(SILENT, 1.0)
    assert EndService() in gate.until(LOW_HOLD_S)


def test_worn_battery_is_told_once() -> None:
    """Not with every poll."""
    gate = Gate()
    worn = PowerStatus(mains=True, worn=True)
    assert gate.told(worn, 0.0) == [Announce(PowerCode.BATTERY_WORN)]
    assert gate.told(FED, 1.0) == gate.told(worn, 2.0) == []


def at(state: State) -> Gate:
    """A gate in that state at 1000 s, come there by what its UPS says."""
    steps: dict[State, list[tuple[PowerTold, float]]] = {
        State.MAINS: [(FED, 0.0)],
        State.DIPPED: [(OFF, 999.0)],
        State.BATTERY: [(OFF, 0.0)],
        State.RETURNING: [(OFF, 0.0), (FED, 999.0)],
        State.ENDING: [(LOW, 994.0)],
        State.PAUSED: [(LOW, 900.0), (FED, 907.0 + 85)],
        State.DOWN: [(LOW, 0.0)],
    }
    gate = Gate()
    gate.busy = state is State.PAUSED
    for told, when in steps[state]:
        gate.until(when)
        gate.told(told, when)
    if state is State.PAUSED:
        gate = Gate()
        gate.told(LOW, 990.0)
        gate.until(996.0)
        gate.told(FED, 997.0)
    gate.until(1000.0)
    assert gate.policy.state is state
    return gate


@pytest.mark.parametrize(("state", "told"), list(product(State, [FED, OFF, LOW, FORCED, SILENT])), ids=str)
def test_every_state_takes_everything_that_a_ups_can_say(state: State, told: PowerTold) -> None:
    """And goes where the table says."""
    gate = at(state)
    event = {FED: "back", OFF: "lost", LOW: "lost", FORCED: "forced"}.get(told, "")  # type: ignore[arg-type]
    gate.told(told, 1000.5)
    assert gate.policy.state is TABLE[state].get(event, state)


def test_every_event_of_the_table_happens() -> None:
    """None stands there for nothing, and no state is out of reach."""
    reached = {following for row in TABLE.values() for following in row.values()}
    assert reached == set(State)
    assert {event for row in TABLE.values() for event in row} == {"lost", "back", "held", "low", "forced", "over"}
    assert set(TABLE) == set(State)


SAYS = st.tuples(
    st.sampled_from([FED, OFF, LOW, FORCED, SILENT, PowerStatus(mains=True, low=True)]),
    st.sampled_from([0.05, 0.9, 2.0, 2.9, 4.9, 5.1, 14.0, 29.0, 31.0, 70.0]),
    st.booleans(),
)


@given(st.lists(SAYS, max_size=40), st.sampled_from([None, 100.0]))
def test_whatever_a_ups_says_the_gate_keeps_its_word(
    says: list[tuple[PowerTold, float, bool]], battery_s: float | None
) -> None:
    """Service ends and resumes by turns; a shutdown is the last thing, and never while mains is there unforced."""
    gate = Gate(battery_s)
    now, last, service, outage = 0.0, FED, True, False
    for told, pause, busy in says:
        gate.busy = busy
        last = told if isinstance(told, PowerStatus) else last
        actions = gate.told(told, now)
        now += pause
        actions += gate.until(now)
        for action in actions:
            if isinstance(action, EndService | ResumeService):
                assert service is isinstance(action, EndService)
                service = not service
            if isinstance(action, Announce) and action.code in (PowerCode.MAINS_LOST, PowerCode.MAINS_BACK):
                assert outage is (action.code is PowerCode.MAINS_BACK)
                outage = not outage
            if isinstance(action, ShutDown):
                assert not last.mains or last.forced
                assert not service
                assert action is actions[-1]
        if any(isinstance(action, ShutDown) for action in actions):
            begun = max(when for when, action in gate.done if isinstance(action, EndService))
            ended = gate.done[-1][0]
            assert ended - begun >= END_GRACE_S - 0.001
            assert not gate.busy or ended - begun >= END_MAX_S - 0.001
        assert gate.policy.state is not State.DOWN or not gate.until(now + 1000)
    changes = sum(isinstance(action, EndService | ResumeService) for _, action in gate.done)
    assert changes <= 2 + now / BACK_HOLD_S


@pytest.mark.parametrize(
    ("hold", "value"),
    [("LOST_HOLD_S", 0.0), ("BACK_HOLD_S", 0.5), ("LOW_HOLD_S", 0.0), ("END_GRACE_S", 0.0), ("SILENT_HOLD_S", 0.0)],
)
def test_planted_bug_of_a_hold_time_is_found(monkeypatch: pytest.MonkeyPatch, hold: str, value: float) -> None:
    """Each of them is what keeps a gate from flapping."""
    monkeypatch.setattr(policy_module, hold, value)
    monkeypatch.setitem(policy_module.HOLDS, State.DIPPED, policy_module.LOST_HOLD_S)
    monkeypatch.setitem(policy_module.HOLDS, State.RETURNING, policy_module.BACK_HOLD_S)
    monkeypatch.setitem(policy_module.HOLDS, State.PAUSED, policy_module.BACK_HOLD_S)
    cases = {
        "LOST_HOLD_S": test_flicker_is_nobodys_business,
        "BACK_HOLD_S": test_flapping_mains_is_one_outage,
        "LOW_HOLD_S": test_battery_that_sags_for_a_moment_is_not_low,
        "END_GRACE_S": test_short_gap_of_returned_mains_does_not_shut_the_computer_down,
        "SILENT_HOLD_S": test_silence_that_is_short_is_not_told,
    }
    with pytest.raises(AssertionError):
        cases[hold]()


def test_configuration_makes_the_policy() -> None:
    """Minutes and words."""
    policy = open_policy(Power("gpio", battery_minutes=1, shutdown=["true"]), lambda: False)
    policy.handle(OFF, 0.0)
    assert EndService() in policy.tick(60.0) + policy.tick(60.0)
    assert policy.tick(60.0 + END_GRACE_S) == [ShutDown(("true",))]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), "left to whoever watches"),
        (("true",), "battery low: true"),
        (("false",), "exit status 1"),
        (("/no/such/program",), "correct [power] shutdown"),
        ((sys.executable, "-c", "import time; time.sleep(5)"), "goes on after"),
    ],
)
def test_shutdown_command_is_run_and_its_failure_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str
) -> None:
    """The gate ends whatever becomes of it."""
    monkeypatch.setattr(ending, "COMMAND_WAIT_S", 0.3)
    caplog.set_level(logging.INFO)
    process = ending.shut_down(command)
    assert words in caplog.text
    assert (process is not None) is (words == "goes on after")
    if process is not None:
        process.kill()
        process.wait()
