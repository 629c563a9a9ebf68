# SPDX-License-Identifier: Apache-2.0
"""A gate's eye on its power: what the source tells goes to the policy, what the policy asks for to the gate."""

from collections.abc import Callable

from pistegate_edge.power.policy import PowerPolicy, State
from pistegate_edge.power.source import PowerSource
from pistegate_edge.power.told import (
    Announce,
    EndService,
    PowerAction,
    PowerCode,
    PowerTold,
    ResumeService,
    ShutDown,
    TellState,
)


class PowerWatch:
    """`serve` ends and resumes the service; `shutdown`: the command that is to end the computer, once the gate must."""

    def __init__(
        self,
        policy: PowerPolicy,
        source: PowerSource,
        announce: Callable[[PowerCode, str], None],
        tell_state: Callable[[], None],
        serve: Callable[[bool], None],
    ) -> None:
        self.shutdown: tuple[str, ...] | None = None
        self._policy = policy
        self._source = source
        self._announce = announce
        self._tell_state = tell_state
        self._serve = serve

    @property
    def words(self) -> str:
        """For the gate's state as the cloud sees it; empty: nothing to say."""
        return self._policy.words

    @property
    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self._policy.deadline

    def start(self) -> None:
        """Start to listen."""
        self._source.start()

    def stop(self) -> None:
        """Listen no more."""
        self._source.stop()

    def take(self, told: PowerTold, now: float) -> None:
        """The source told something."""
        self._do(self._policy.handle(told, now))

    def tick(self, now: float) -> None:
        """Time went on."""
        self._do(self._policy.tick(now))

    def passed(self, now: float) -> None:
        """A step of a passage is over: an end that waited for it may come."""
        if self._policy.state is State.ENDING:
            self.tick(now)

    def _do(self, actions: list[PowerAction]) -> None:
        for action in actions:
            if isinstance(action, Announce):
                self._announce(action.code, action.detail)
            elif isinstance(action, TellState):
                self._tell_state()
            elif isinstance(action, EndService):
                self._serve(False)
            elif isinstance(action, ResumeService):
                self._serve(True)
            elif isinstance(action, ShutDown):
                self.shutdown = action.command
