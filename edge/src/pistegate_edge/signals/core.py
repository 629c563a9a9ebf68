# SPDX-License-Identifier: Apache-2.0
"""Which pattern plays on which lamp, and since when; pure. Times are integer milliseconds.

What a guest is answered goes before everything on the guest's lamp: an admission until the passage is over, a refusal
for its time. Then an incident, for its time. Then the gate's own state, which stays.
"""

from dataclasses import dataclass
from enum import StrEnum

from pistegate_edge.core.actions import Lamp, Show
from pistegate_edge.lane.core import pattern
from pistegate_edge.signals.table import Loop, Table, length_ms, table

Play = tuple[int, Loop, int, Loop]
"""(track, first, for_ms, then), as `lane.core.pattern.Mixer.play` takes them."""


class Amber(StrEnum):
    """What amber is on this gate."""

    NONE = "none"
    """There is none: red shows instead, never green, so that nobody takes it for an admission."""
    MIXED = "mixed"
    """One lamp of two colours: red and green together."""
    FITTED = "fitted"
    """A lamp of its own."""


_AMBER = {Amber.NONE: pattern.RED, Amber.MIXED: pattern.RED | pattern.GREEN, Amber.FITTED: pattern.AMBER}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What there is beside green, red and buzzer. `class_on_green`: the green lamp blinks by holder class."""

    amber: Amber = Amber.NONE
    attendant: bool = False
    class_on_green: bool = False


@dataclass(frozen=True, slots=True)
class _Timed:
    """`first` until `until`, then `then`."""

    first: Loop = ()
    until: int = 0
    then: Loop = ()

    def at(self, now: int) -> "_Timed":
        """The same, without what is over."""
        return self if self.until > now else _Timed(then=self.then)


class SignalCore:
    """Told what is shown, answers which patterns begin. `refuse_ms`: how long a refusal shows."""

    def __init__(self, refuse_ms: int, fitted: Fitted | None = None, prompts: Table | None = None) -> None:
        self._refuse_ms = refuse_ms
        self._fitted = fitted or Fitted()
        self._table = prompts or table()
        self._base: Loop = ()
        self._staff_base: Loop = ()
        self._admit: Loop | None = None
        self._staff_admit: Loop = ()
        self._answer = _Timed()
        self._news = _Timed()
        self._staff_news = _Timed()
        self._playing = {pattern.LAMP: _Timed(), pattern.STAFF: _Timed()}

    def show(self, show: Show, now: int) -> list[Play]:
        """What begins to play at `now`; KeyError for a key that the table does not have."""
        prompt = self._table.prompts[show.key]
        if show.lamp is Lamp.KEEP and not prompt.news:
            return []
        sound, lamp, attendant = prompt.sound, self._colours(prompt.lamp), prompt.attendant
        if show.lamp is Lamp.KEEP:
            until = now + prompt.for_ms
            self._news = self._news if lamp is None else _Timed(lamp, until)
            self._tell_staff(attendant, until)
        elif show.lamp is Lamp.ADMIT:
            sound = self._admitted(show, lamp, attendant, sound)
            self._answer = _Timed()
        elif show.lamp is Lamp.REFUSE:
            self._admit, self._staff_admit = None, ()
            self._answer = _Timed(lamp or (), now + self._refuse_ms)
            self._tell_staff(attendant, now + self._refuse_ms)
        else:
            self._admit, self._staff_admit = None, ()
            self._base, self._staff_base = lamp or (), attendant
        return [*self._changed(now), *([(pattern.SOUND, sound, length_ms(sound), ())] if sound else [])]

    def _tell_staff(self, attendant: Loop, until: int) -> None:
        """What says nothing to the attendant does not end what does."""
        if attendant:
            self._staff_news = _Timed(attendant, until)

    def _admitted(self, show: Show, lamp: Loop | None, attendant: Loop, sound: Loop) -> Loop:
        """Green, by holder class where the green lamp carries it; the sound that goes with it."""
        self._admit, self._staff_admit = lamp or (), attendant
        if show.holder is None:
            return sound
        holder = self._table.holders[show.holder]
        if self._fitted.class_on_green:
            self._admit = holder.green
        self._staff_admit = holder.attendant
        return holder.sound

    def _changed(self, now: int) -> list[Play]:
        """Patterns that differ from what plays already; a blinking lamp goes on in its rhythm."""
        plays: list[Play] = []
        wanted = [(pattern.LAMP, self._lamp(now))]
        if self._fitted.attendant:
            wanted.append((pattern.STAFF, self._staff(now)))
        for track, timed in wanted:
            if timed != self._playing[track].at(now):
                self._playing[track] = timed
                plays.append((track, timed.first, max(0, timed.until - now), timed.then))
        return plays

    def _lamp(self, now: int) -> _Timed:
        if self._admit is not None:
            return _Timed(then=self._admit)
        for timed in (self._answer, self._news):
            if timed.until > now:
                return _Timed(timed.first, timed.until, self._base)
        return _Timed(then=self._base)

    def _staff(self, now: int) -> _Timed:
        """News first: the attendant has seen who came in."""
        after = self._staff_base if self._admit is None else self._staff_admit
        news = self._staff_news
        return _Timed(news.first, news.until, after) if news.first and news.until > now else _Timed(then=after)

    def _colours(self, loop: Loop | None) -> Loop | None:
        """Amber as this gate has it."""
        if loop is None:
            return None
        amber = _AMBER[self._fitted.amber]
        return tuple((amber if bits == pattern.AMBER else bits, ms) for bits, ms in loop)
