# SPDX-License-Identifier: Apache-2.0
"""A gate's power: what the source tells goes to the policy, what the policy asks for to the gate."""

from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.inputs import Fault, FaultChanged
from pistegate_edge.core.now import Now
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.power import Power, open_policy, open_power
from pistegate_edge.power.policy import State
from pistegate_edge.power.told import (
    Announce,
    EndService,
    PowerAction,
    PowerSilent,
    PowerStatus,
    PowerTold,
    ResumeService,
    ShutDown,
    TellState,
)


class Powering(Part):
    """`shutdown`: the command that is to end the computer, once the gate must."""

    takes = (PowerStatus, PowerSilent)

    def __init__(self, power: Power, ports: Ports) -> None:
        self.shutdown: tuple[str, ...] | None = None
        self._ports = ports
        self._policy = open_policy(power, ports.busy)
        self._source = open_power(power, ports.put)

    @property
    def words(self) -> str:
        """See Part."""
        return self._policy.words

    @property
    def deadline(self) -> float | None:
        """See Part."""
        return self._policy.deadline

    def start(self) -> None:
        """See Part."""
        self._source.start()

    def stop(self) -> None:
        """See Part."""
        self._source.stop()

    def take(self, told: PowerTold, now: Now) -> None:
        """See Part."""
        self._do(self._policy.handle(told, now.mono))

    def tick(self, now: Now) -> None:
        """See Part."""
        self._do(self._policy.tick(now.mono))

    def stepped(self, now: Now) -> None:
        """A step of a passage is over: an end that waited for it may come."""
        if self._policy.state is State.ENDING:
            self.tick(now)

    def _do(self, actions: list[PowerAction]) -> None:
        for action in actions:
            if isinstance(action, Announce):
                self._ports.note(IncidentCode(action.code.value), action.detail)
            elif isinstance(action, TellState):
                self._ports.state_changed()
            elif isinstance(action, EndService):
                self._ports.feed(FaultChanged(Fault.BATTERY, True))
            elif isinstance(action, ResumeService):
                self._ports.feed(FaultChanged(Fault.BATTERY, False))
            elif isinstance(action, ShutDown):
                self.shutdown = action.command
