# SPDX-License-Identifier: Apache-2.0
"""What the gate's loop asks of a lane, whichever host drives it: pins of this Pi, or a lane board on a serial line."""

from typing import Protocol

Event = tuple[str, int | str]
"""(name, value), as `core.words` names them."""
Mark = tuple[str, int]
"""Of a lane that counts by itself: its run, and the persons counted in it."""


class LaneHost(Protocol):
    """One lane. Times are monotonic seconds. Every call but `close` returns events in order.

    Threads of a host call the `tell` that it was made with; the loop brings what they told back by `take`.
    """

    @property
    def state(self) -> str:
        """The core's state, for logs."""

    @property
    def deadline(self) -> float | None:
        """When `tick` is due; None: not before another call."""

    @property
    def ready(self) -> bool:
        """Whether the lane is known: it serves, or its fault was told. Until then a gate has not started."""

    @property
    def mark(self) -> Mark | None:
        """For an admission to keep, so that a later run may ask who passed since; None: it does not count so."""

    @property
    def exact(self) -> bool:
        """Whether a drain's ("closed", k) tells everybody who passed since the mark that was remembered."""

    def remember(self, since: Mark | None) -> None:
        """The mark of the last admission of an earlier run that has no outcome; before `drain`."""

    def open(self, now: float, persons: int, direction: str) -> list[Event]:
        """Let `persons` through in `direction`; exactly one ("closed", k) follows, later or at once."""

    def take(self, told: object, now: float) -> list[Event]:
        """Something that this host's own thread told."""

    def tick(self, now: float) -> list[Event]:
        """Time went on."""

    def drain(self, now: float) -> list[Event]:
        """After a restart: shut, and wait out what the last run may have opened; ends with ("closed", k)."""

    def stop(self, now: float) -> list[Event]:
        """Shut as soon as nobody is in the way; an opening under way ends with what passed so far."""

    def mode(self, now: float, mode: str, direction: str, persons: int) -> list[Event]:
        """Override: `normal`, `group` (of `persons`), `free`, `out`."""

    def reset(self, now: float) -> list[Event]:
        """The documented reset of latched faults."""

    def close(self) -> None:
        """Shut and give the pins or the line back."""


def in_ms(seconds: float) -> int:
    """Milliseconds, rounded up, so that a deadline in seconds met exactly is met here too."""
    return -int(-seconds * 1000 // 1)
