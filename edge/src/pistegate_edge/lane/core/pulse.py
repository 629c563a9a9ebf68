# SPDX-License-Identifier: Apache-2.0
"""A tripod turnstile whose own controller takes a pulse per person and answers each passage with a PASS edge.

Pure, and in the Python subset that MicroPython also runs: no enum, no dataclass, no match. Times are milliseconds of
one monotonic clock. Every call returns outputs in order: ("unlock", bool), ("passed", k so far), ("closed", k), and
("forced", 0) for an arm that turned without an opening.
"""

SHUT = "shut"  # unlock is off, nobody may pass
PULSE = "pulse"  # unlock is on; the arm may already turn
WAIT = "wait"  # the turnstile holds itself open until a passage or its own time-out
GAP = "gap"  # unlock is off between two persons of one opening
DRAIN = "drain"  # after a restart: unlock is off, an opening of the last run may still hold

TABLE = {
    SHUT: {"open": PULSE, "drain": DRAIN, "stop": SHUT},
    PULSE: {"pulse_over": WAIT, "next": GAP, "last": SHUT, "stop": SHUT},
    WAIT: {"time_out": SHUT, "next": GAP, "last": SHUT, "stop": SHUT},
    GAP: {"gap_over": PULSE, "stop": SHUT},
    DRAIN: {"time_out": SHUT, "drain": DRAIN, "stop": SHUT},
}

DEBOUNCE_MS = 50  # a dry relay bounces < 10 ms; two persons are never closer than 150 ms
GAP_MS = 120  # a turnstile sees two pulses only with the input released between them (>= 100 ms in makers' sheets)
LATE_PASS_MS = 1000  # an arm begun just before the turnstile's time-out ends its turn after it, and that counts


class TripodCore:
    """One lane; `deadline` is when `tick` is due next (None: not before another call)."""

    def __init__(self, pulse_ms: int, timeout_ms: int) -> None:
        self.state = SHUT
        self.deadline: int | None = None
        self._pulse_ms = pulse_ms
        self._timeout_ms = timeout_ms
        self._persons = 0
        self._passed = 0
        self._opened_at = 0
        self._last_edge: int | None = None

    def open(self, now: int, persons: int) -> list[tuple[str, int]]:
        """Let `persons` through, one pulse each; only from SHUT."""
        self._go("open")
        self._persons = persons
        self._passed = 0
        return self._pulse(now)

    def drain(self, now: int) -> list[tuple[str, int]]:
        """Wait out the longest opening that an earlier run may have given, counting passages."""
        self._go("drain")
        self._passed = 0
        self.deadline = now + self._timeout_ms + LATE_PASS_MS
        return [("unlock", False)]

    def edge(self, now: int) -> list[tuple[str, int]]:
        """The PASS input became active."""
        last = self._last_edge
        self._last_edge = now
        if last is not None and now - last < DEBOUNCE_MS:
            return []
        if self.state in (SHUT, GAP):
            return [("forced", 0)]
        self._passed += 1
        if self.state == DRAIN:
            return [("passed", self._passed)]
        was_pulse = self.state == PULSE
        outputs: list[tuple[str, int]] = [("unlock", False)] if was_pulse else []
        outputs.append(("passed", self._passed))
        if self._passed < self._persons:
            self._go("next")
            self.deadline = now + GAP_MS
            return outputs
        return outputs + self._close("last")

    def tick(self, now: int) -> list[tuple[str, int]]:
        """Time went on."""
        if self.deadline is None or now < self.deadline:
            return []
        if self.state == PULSE:
            self._go("pulse_over")
            self.deadline = self._opened_at + self._timeout_ms + LATE_PASS_MS
            return [("unlock", False)]
        if self.state == GAP:
            self._go("gap_over")
            return self._pulse(now)
        return self._close("time_out")

    def stop(self, now: int) -> list[tuple[str, int]]:
        """Shut at once; an opening under way is closed with what passed so far."""
        if self.state == SHUT:
            return [("unlock", False)]
        return [("unlock", False), *self._close("stop")]

    def _pulse(self, now: int) -> list[tuple[str, int]]:
        self._opened_at = now
        self.deadline = now + self._pulse_ms
        return [("unlock", True)]

    def _close(self, event: str) -> list[tuple[str, int]]:
        self._go(event)
        self.deadline = None
        return [("closed", self._passed)]

    def _go(self, event: str) -> None:
        following = TABLE[self.state].get(event)
        if following is None:
            raise ValueError("lane is " + self.state + ": no " + event)
        self.state = following
