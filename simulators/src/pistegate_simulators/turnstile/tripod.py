# SPDX-License-Identifier: Apache-2.0
"""A pulse-type tripod 三辊闸 as its maker's controller works: pure, time comes in as milliseconds.

An unlock pulse frees the arm for one turn or until the time-out; when the arm has turned, the PASS contact closes for
a moment. The arms that really turned are counted here, by whoever pushes them, not by what the gate thinks.
"""

from dataclasses import dataclass
from enum import StrEnum

PULSE_MIN_MS = 100  # shortest pulse a tripod takes (makers' sheets say >= 100 ms)
PASS_CONTACT_MS = 60  # how long the PASS contact stays closed after a turn


class Arm(StrEnum):
    """What is true of the arm."""

    LOCKED = "locked"
    FREE = "free"
    """Unlocked, nobody is pushing."""
    TURNING = "turning"
    """A person is in it; it will not lock on them."""


@dataclass(slots=True)
class Tripod:
    """One tripod; call `step` whenever time has passed. All times in ms of one monotonic clock."""

    timeout_ms: int = 2000
    arm: Arm = Arm.LOCKED
    turned: int = 0
    pass_contact: bool = False
    _pulse_since: int | None = None
    _free_until: int = 0
    _turned_at: int = 0
    _contact_until: int = 0

    def unlock_line(self, level: bool, now: int) -> None:
        """The gate's unlock output changed; the arm is freed when the pulse was long enough."""
        if level:
            self._pulse_since = now
            return
        since, self._pulse_since = self._pulse_since, None
        if since is not None and now - since >= PULSE_MIN_MS:
            self._free(now)

    def push(self, turn_ms: int, now: int) -> bool:
        """A person pushes; whether the arm gives way. It has turned `turn_ms` later."""
        self.step(now)
        if self.arm is not Arm.FREE:
            return False
        self.arm = Arm.TURNING
        self._turned_at = now + turn_ms
        return True

    def step(self, now: int) -> None:
        """Let time pass up to `now`."""
        if self._pulse_since is not None and now - self._pulse_since >= PULSE_MIN_MS and self.arm is Arm.LOCKED:
            self._pulse_since = None
            self._free(now)
        if self.arm is Arm.TURNING and now >= self._turned_at:
            self.arm = Arm.LOCKED
            self.turned += 1
            self.pass_contact = True
            self._contact_until = now + PASS_CONTACT_MS
        elif self.arm is Arm.FREE and now >= self._free_until:
            self.arm = Arm.LOCKED
        if self.pass_contact and now >= self._contact_until:
            self.pass_contact = False

    def next_change(self) -> int | None:
        """When time alone will change something next, None if never."""
        times = []
        if self._pulse_since is not None and self.arm is Arm.LOCKED:
            times.append(self._pulse_since + PULSE_MIN_MS)
        if self.arm is Arm.TURNING:
            times.append(self._turned_at)
        if self.arm is Arm.FREE:
            times.append(self._free_until)
        if self.pass_contact:
            times.append(self._contact_until)
        return min(times, default=None)

    def _free(self, now: int) -> None:
        if self.arm is Arm.LOCKED:
            self.arm = Arm.FREE
            self._free_until = now + self.timeout_ms
