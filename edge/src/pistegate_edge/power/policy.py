# SPDX-License-Identifier: Apache-2.0
"""What a gate does when the mains goes: announce it, go on admitting; at low battery end in order. Pure.

Nothing here waits for a network. Times are monotonic seconds. One table owns the states; every state is left only
after its condition has held for a while, so that flapping mains does not make the gate flap.
"""

from collections.abc import Callable
from enum import StrEnum

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

LOST_HOLD_S = 3.0
"""Shorter gaps are not told. Lines are switched on again by themselves after 0.3 to 1 s, and motors of a lift starting
dip the mains for less (estimates); a UPS bridges both, and nobody can do anything about them."""
BACK_HOLD_S = 30.0
"""Mains counts as back after so long. A line that is switched on again for good is so within 30 s, after one or two
tries (estimate); a generator's change-over also takes two interruptions (estimate)."""
LOW_HOLD_S = 5.0
"""A battery under a sudden load sags for a moment. UPSes tell "low" 2 minutes before the end (NUT: battery.runtime.low
120 by default of the makers), so that 5 s are there."""
END_GRACE_S = 5.0
"""From the last admission to the shutdown, at least: mains that comes back now is in time."""
END_MAX_S = 60.0
"""From "low" to the shutdown, at most, whatever passage is under way: half of the 2 minutes stay for the system, a Pi
stops within 15 s (estimate)."""
SILENT_HOLD_S = 15.0
"""A UPS that is silent for less is not told (NUT's own DEADTIME and MAXAGE are 15 s)."""


class State(StrEnum):
    """What is true of the power."""

    MAINS = "mains"
    DIPPED = "dipped"
    """Lost, not for long enough to matter."""
    BATTERY = "battery"
    """Lost and announced; the gate admits."""
    RETURNING = "returning"
    """Back, not for long enough to be trusted; the gate admits."""
    ENDING = "ending"
    """The battery is low: nobody is admitted, the passage under way is finished."""
    PAUSED = "paused"
    """Ending, but mains is back: nobody is admitted until it is trusted."""
    DOWN = "down"
    """The gate ends; nothing calls it off."""


TABLE: dict[State, dict[str, State]] = {
    State.MAINS: {"lost": State.DIPPED, "forced": State.ENDING},
    State.DIPPED: {"back": State.MAINS, "held": State.BATTERY, "low": State.ENDING, "forced": State.ENDING},
    State.BATTERY: {"back": State.RETURNING, "low": State.ENDING, "forced": State.ENDING},
    State.RETURNING: {"lost": State.BATTERY, "held": State.MAINS, "forced": State.ENDING},
    State.ENDING: {"back": State.PAUSED, "over": State.DOWN},
    State.PAUSED: {"lost": State.ENDING, "held": State.MAINS, "forced": State.ENDING},
    State.DOWN: {},
}
HOLDS = {State.DIPPED: LOST_HOLD_S, State.RETURNING: BACK_HOLD_S, State.PAUSED: BACK_HOLD_S}
OUT = frozenset({State.ENDING, State.PAUSED, State.DOWN})
GOES_ON = "the gate goes on by battery"
WORDS = {
    State.BATTERY: "on battery",
    State.RETURNING: "on battery",
    State.ENDING: "battery low",
    State.PAUSED: "battery low",
    State.DOWN: "battery low",
}


class PowerPolicy:
    """Told what the UPS says, answers what to do. `battery_s`: after so long a battery counts as low (None: never).

    `busy` asks whether a passage is under way.
    """

    def __init__(self, command: tuple[str, ...], battery_s: float | None, busy: Callable[[], bool]) -> None:
        self.state = State.MAINS
        self._command = command
        self._battery_s = battery_s
        self._busy = busy
        self._since = 0.0
        self._lost_at: float | None = None
        self._low_at: float | None = None
        self._end_by = 0.0
        self._silent: tuple[float, str] | None = None
        self._told: set[PowerCode] = set()

    @property
    def words(self) -> str:
        """For the gate's state as the cloud sees it; empty: nothing to say."""
        silent = "UPS silent" if PowerCode.UPS_SILENT in self._told else ""
        return "; ".join(word for word in (WORDS.get(self.state, ""), silent) if word)

    @property
    def deadline(self) -> float | None:
        """When `tick` is due. While a passage is finished, `tick` is due after each step of it too."""
        times: list[float] = []
        if self.state is State.DOWN:
            return None
        if self.state in HOLDS:
            times.append(self._since + HOLDS[self.state])
        if self.state in (State.DIPPED, State.BATTERY):
            times += [at for at in (self._low_due(), self._empty_due()) if at is not None]
        if self.state is State.ENDING:
            times.append(self._end_by if self._busy() else self._since + END_GRACE_S)
        if self._silent and PowerCode.UPS_SILENT not in self._told:
            times.append(self._silent[0] + SILENT_HOLD_S)
        return min(times, default=None)

    def handle(self, told: PowerTold, now: float) -> list[PowerAction]:
        """The UPS said something, or is silent."""
        if self.state is State.DOWN:
            return []
        if isinstance(told, PowerSilent):
            self._silent = self._silent or (now, told.detail)
            return self.tick(now)
        actions = [*self._answers(), *self._worn(told)]
        self._silent = None
        self._low_at = (self._low_at if self._low_at is not None else now) if told.low and not told.mains else None
        if told.forced:
            actions += self._go("forced", now)
        elif told.mains:
            actions += self._go("back", now)
        else:
            actions += self._go("lost", now)
        return actions + self.tick(now)

    def tick(self, now: float) -> list[PowerAction]:
        """Time went on, or a passage did."""
        if self.state is State.DOWN:
            return []
        actions = self._tell_silence(now)
        if self.state in HOLDS and now >= self._since + HOLDS[self.state]:
            actions += self._go("held", now)
        if self.state in (State.DIPPED, State.BATTERY):
            due = [at for at in (self._low_due(), self._empty_due()) if at is not None]
            if due and now >= min(due):
                actions += self._go("low", now)
        if self.state is State.ENDING and self._may_end(now):
            actions += self._go("over", now)
        return actions

    def _may_end(self, now: float) -> bool:
        return now >= self._end_by or (now >= self._since + END_GRACE_S and not self._busy())

    def _low_due(self) -> float | None:
        return None if self._low_at is None else self._low_at + LOW_HOLD_S

    def _empty_due(self) -> float | None:
        """When the battery counts as low for its time alone."""
        if self._battery_s is None or self._lost_at is None:
            return None
        return self._lost_at + self._battery_s

    def _go(self, event: str, now: float) -> list[PowerAction]:
        """Follow the table; an event that it does not name here changes nothing."""
        was, self.state = self.state, TABLE[self.state].get(event, self.state)
        if self.state is was:
            return []
        self._since = now
        if self.state is State.DIPPED:
            self._lost_at = now
        actions = self._entered(was, now)
        if WORDS.get(was) != WORDS.get(self.state):
            actions.append(TellState())
        return actions

    def _entered(self, was: State, now: float) -> list[PowerAction]:
        """What a state that has begun asks for."""
        if self.state is State.BATTERY:
            return self._once(PowerCode.MAINS_LOST, GOES_ON)
        if self.state is State.ENDING:
            self._end_by = now + END_MAX_S
            ends: list[PowerAction] = [] if was in OUT else [EndService()]
            lost = [] if self._lost_at is None else self._once(PowerCode.MAINS_LOST, GOES_ON)
            return [*lost, *self._once(PowerCode.BATTERY_LOW, self._after(now)), *ends]
        if self.state is State.DOWN:
            return [ShutDown(self._command)]
        if self.state is State.MAINS:
            return self._good(was, now)
        return []

    def _good(self, was: State, now: float) -> list[PowerAction]:
        """Mains is there again; what was told of this outage may be told of the next."""
        told = PowerCode.MAINS_LOST in self._told
        actions: list[PowerAction] = [Announce(PowerCode.MAINS_BACK, self._after(now))] if told else []
        self._told -= {PowerCode.MAINS_LOST, PowerCode.BATTERY_LOW}
        self._lost_at = None
        return [*actions, ResumeService()] if was in OUT else actions

    def _after(self, now: float) -> str:
        """How long mains has been away."""
        return "the UPS says so" if self._lost_at is None else f"{round(now - self._lost_at)} s after mains was lost"

    def _once(self, code: PowerCode, detail: str = "") -> list[PowerAction]:
        if code in self._told:
            return []
        self._told.add(code)
        return [Announce(code, detail)]

    def _tell_silence(self, now: float) -> list[PowerAction]:
        if self._silent is None or now < self._silent[0] + SILENT_HOLD_S or PowerCode.UPS_SILENT in self._told:
            return []
        return [*self._once(PowerCode.UPS_SILENT, self._silent[1]), TellState()]

    def _answers(self) -> list[PowerAction]:
        if PowerCode.UPS_SILENT not in self._told:
            return []
        self._told.discard(PowerCode.UPS_SILENT)
        return [Announce(PowerCode.UPS_ANSWERS), TellState()]

    def _worn(self, told: PowerStatus) -> list[PowerAction]:
        return self._once(PowerCode.BATTERY_WORN) if told.worn else []
