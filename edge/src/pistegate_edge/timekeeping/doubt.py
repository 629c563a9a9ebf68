# SPDX-License-Identifier: Apache-2.0
"""The gate's own time: it follows the wall clock while that runs on, and goes on by the steady clock when it jumps.

A jump is followed only where somebody vouches for the new time: the kernel's time service (forward, or back by no more
than clocks differ), the cloud's signed answer (whatever it says), a technician. So neither a wrong date nor a
correction of one misdates what happens meanwhile. A high-water mark, the latest time that was trusted, outlives
restarts: what is earlier than that is not now. Pure; milliseconds.
"""

from dataclasses import dataclass
from typing import Final

from pistegate_edge.timekeeping.told import Before, Reading, Sources, Standing, Why

# Both clocks are slewed by a time service at up to 500 ppm; two seconds more cover a leap second and a coarse first
# correction. A smaller step than this cannot turn a rotating code into another day's.
STEP_MS: Final = 2_000
SLEW_PPM: Final = 500  # the kernel's limit (MAXFREQ)
# A crystal's worst over -30..50 C, by the makers' +-20 ppm at 25 C and +-30 over temperature; not measured here.
DRIFT_PPM: Final = 50
RTC_PPM: Final = 5  # DS3231: +-3.5 ppm over -40..85 C (data sheet)
RTC_READ_MS: Final = 2_000  # it is read, and set, in whole seconds
# From 5 s before to 10 s after its 15 s a rotating code is taken (rotating.py): a clock off by so much still takes
# most pages, one off by more refuses them, and then those of doubt are the better rules.
TRUST_MS: Final = 10_000
# Clocks of a site differ; a time service may take two minutes back. Earlier than the mark by more is no difference.
BACK_MS: Final = 120_000
OUTSIDE_MS: Final = 500  # a time source of the site: GPS or PTP are far better, its daemon's page is at hand at once
ACCEPTED_MS: Final = 5_000  # a person compares with a telephone
_SET_BY: Final = (Why.SYNCHRONISED, Why.SIGNED, Why.OUTSIDE)  # what a battery-backed clock is compared with


@dataclass(slots=True)
class _Vouched:
    """Who vouched for the time, at which steady time, and how exactly."""

    why: Why
    steady_ms: int
    error_ms: int

    def error_at(self, steady_ms: int) -> int:
        return self.error_ms + max(0, steady_ms - self.steady_ms) * DRIFT_PPM // 1_000_000


class ClockDoubt:
    """One run's time."""

    def __init__(self, reading: Reading, sources: Sources, before: Before) -> None:
        self._mark = before.mark_ms
        self._vouched: _Vouched | None = None
        self._signed: _Vouched | None = None
        self._rtc_shift, self._rtc_error = 0, RTC_READ_MS
        self._rtc_since = before.mark_ms
        self._seen = reading
        self._stepped = False
        self._service = False
        self._moved = 0
        at = reading.wall_ms
        if before.anchor is not None:
            at = before.anchor.at_ms + reading.steady_ms - before.anchor.steady_ms
            if before.anchor.error_ms is not None:
                self._vouched = _Vouched(Why.KEPT, before.anchor.steady_ms, before.anchor.error_ms)
        elif self._is_back(at):
            at = before.mark_ms or at
        self._offset = at - reading.steady_ms
        self._look_first(reading, sources)

    def _look_first(self, reading: Reading, sources: Sources) -> None:
        self.now_ms(reading)
        self.look(reading, sources)
        self._moved = 0  # nothing was dated before

    def now_ms(self, reading: Reading) -> int:
        """What time it is."""
        since = reading.steady_ms - self._seen.steady_ms
        slewed = max(0, since) * SLEW_PPM // 1_000_000
        off = reading.wall_ms - self._ours(reading)
        self._stepped = abs(off) > STEP_MS + slewed or self._is_back(reading.wall_ms)
        if not self._stepped:
            self._offset += off
            if self._vouched is not None and not self._service:
                self._vouched.error_ms += max(0, abs(off) - slewed)  # creeping in small steps is no way to move it
        self._seen = reading
        if self._is_back(self._ours(reading)):
            self._offset = (self._mark or 0) - reading.steady_ms
        self._raise_mark(reading)
        return self._ours(reading)

    def look(self, reading: Reading, sources: Sources) -> None:
        """What vouches for the wall clock now."""
        self.now_ms(reading)
        self._service = sources.kernel.synchronised or (sources.outside and not self._stepped)
        if sources.kernel.synchronised and self._stepped and self._may_follow(reading):
            self._set(reading.wall_ms, reading)
            self._vouched = self._signed = None
            self._stepped = False
        if not self._stepped and sources.kernel.synchronised:
            self._vouch(Why.SYNCHRONISED, sources.kernel.error_ms, reading)
        elif not self._stepped and sources.outside:
            self._vouch(Why.OUTSIDE, OUTSIDE_MS, reading)
        if sources.rtc_ms is not None:
            self._look_at_rtc(sources.rtc_ms, reading)
        self._raise_mark(reading)

    def signed(self, at_ms: int, error_ms: int, reading: Reading) -> None:
        """The cloud's answer to a question of this device: it was `at_ms`, give or take `error_ms`, at `reading`."""
        off = at_ms - self.now_ms(reading)
        own = None if self._vouched is None else self._vouched.error_at(reading.steady_ms)
        told = _Vouched(Why.SIGNED, reading.steady_ms, error_ms)
        if own is None or own > error_ms or abs(off) > own + error_ms:
            if abs(off) > STEP_MS:
                self._set(at_ms, reading)
            else:
                self._offset += off
            self._vouched = told
            # It beats the mark: that was raised by a clock that was wrong, or is a hair ahead.
            self._mark = min(self._mark, at_ms) if self._mark is not None and self._is_back(at_ms) else self._mark
        self._signed = told
        self.now_ms(reading)

    def known(self, at_ms: int, reading: Reading) -> None:
        """It is at least `at_ms`: somebody whom we believe signed that. An answer that still holds knows better."""
        ours = self.now_ms(reading)
        if self._holds(self._signed, reading):
            return
        if self._mark is None or at_ms > self._mark:
            self._mark = at_ms
        if self._is_back(ours):
            self._vouched = self._signed = None
            self._set(at_ms, reading)
            self.now_ms(reading)

    def accept(self, reading: Reading) -> None:
        """A technician says that the system's clock is right now."""
        self._set(reading.wall_ms, reading)
        self._mark = reading.wall_ms
        self._vouched, self._signed = _Vouched(Why.ACCEPTED, reading.steady_ms, ACCEPTED_MS), None
        self.now_ms(reading)

    def standing(self, reading: Reading) -> Standing:
        """Whether the time is trusted."""
        error = None if self._vouched is None else self._vouched.error_at(reading.steady_ms)
        if self._stepped and self._holds(self._signed, reading):
            return Standing(True, Why.SYSTEM_OFF, error)
        if self._is_back(reading.wall_ms):
            return Standing(False, Why.RAN_BACK, error)
        if self._stepped:
            return Standing(False, Why.CONTRADICTED if self._service else Why.JUMPED, error)
        if self._vouched is None or error is None:
            return Standing(False, Why.NEVER, None)
        if error > TRUST_MS:
            return Standing(False, Why.TOO_LONG, error)
        return Standing(True, self._vouched.why, error)

    def take_moved(self) -> int:
        """By how much the time was set since this was asked last; 0: it ran on."""
        moved, self._moved = self._moved, 0
        return moved

    @property
    def has_moved(self) -> bool:
        """Whether there is something to take."""
        return self._moved != 0

    @property
    def mark_ms(self) -> int | None:
        """The latest time that was trusted."""
        return self._mark

    def _ours(self, reading: Reading) -> int:
        return reading.steady_ms + self._offset

    def _is_back(self, at_ms: int) -> bool:
        return self._mark is not None and at_ms < self._mark - BACK_MS

    def _holds(self, vouched: _Vouched | None, reading: Reading) -> bool:
        return vouched is not None and vouched.error_at(reading.steady_ms) <= TRUST_MS

    def _may_follow(self, reading: Reading) -> bool:
        """Whether a time service is believed: not against the mark, nor against what the cloud signed."""
        if self._is_back(reading.wall_ms):
            return False
        off = abs(reading.wall_ms - self._ours(reading))
        return self._signed is None or off <= self._signed.error_at(reading.steady_ms) + STEP_MS

    def _set(self, at_ms: int, reading: Reading) -> None:
        moved = at_ms - self._ours(reading)
        self._moved += moved
        self._offset += moved

    def _raise_mark(self, reading: Reading) -> None:
        ours = self._ours(reading)
        if (self._mark is None or ours > self._mark) and self.standing(reading).trusted:
            self._mark = ours

    def _vouch(self, why: Why, error_ms: int, reading: Reading) -> None:
        """The better of what is known and what is told now."""
        if self._vouched is None or self._vouched.error_at(reading.steady_ms) >= error_ms or self._vouched.why is why:
            self._vouched = _Vouched(why, reading.steady_ms, error_ms)

    def _look_at_rtc(self, rtc_ms: int, reading: Reading) -> None:
        """It is set by whom we trust, and then tells how long that is ago better than the crystal does."""
        ours = self._ours(reading)
        if self._vouched is not None and self._vouched.why in _SET_BY and self._vouched.steady_ms == reading.steady_ms:
            self._rtc_shift, self._rtc_since = rtc_ms - ours, ours
            self._rtc_error = RTC_READ_MS + self._vouched.error_ms
            return
        if self._rtc_since is None or self._stepped:
            return
        error = self._rtc_error + max(0, ours - self._rtc_since) * RTC_PPM // 1_000_000
        if abs(rtc_ms - self._rtc_shift - ours) <= error + RTC_READ_MS:
            self._vouch(Why.RTC, error, reading)
