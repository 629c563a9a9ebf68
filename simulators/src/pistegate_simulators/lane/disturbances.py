# SPDX-License-Identifier: Apache-2.0
"""What winter does to sensors: rime, snow, glare, a glove, a dead or stuck sensor, a bouncing contact, a cut wire."""

from dataclasses import dataclass, field
from random import Random

from pistegate_edge.lane.core import words

GLARE_MS = (15, 120)  # the sun through drifting snow: so long a receiver is dazzled or not
FLAKE_MS = (5, 25)  # a flake or a drop in one beam
BOUNCE_MS = (10, 30)  # a worn contact

EFFECTS = {
    "covered": "the beam is dark: rime, snow, a glove on the sensor, a stuck sensor",
    "blind": "the receiver sees light always: it misses every body",
    "glare": "the receiver flickers",
    "flakes": "single flakes and drops, `each_s` apart",
    "bounce": "the contact chatters at each of its edges",
    "active": "the input is on: a broken fire loop, a key, a controller that is not ready",
}
BEAM_EFFECTS = ("covered", "blind", "glare", "flakes")


@dataclass
class Disturbance:
    """One effect on some bits of the input word, from `begin` to `end` (ms)."""

    effect: str
    bits: tuple[int, ...]
    begin: int
    end: int
    rng: Random
    each_ms: tuple[float, float] = (1000.0, 1000.0)
    _until: dict[int, int] = field(default_factory=dict)
    _level: dict[int, bool] = field(default_factory=dict)
    _before: int = 0

    def apply(self, now: int, word: int) -> int:
        """The input word as the lane gets it."""
        if not self.begin <= now < self.end:
            return word
        for bit in self.bits:
            word = getattr(self, f"_{self.effect}")(now, word, bit)
        return word

    def _covered(self, _now: int, word: int, bit: int) -> int:
        return word | bit

    _active = _covered

    def _blind(self, _now: int, word: int, bit: int) -> int:
        return word & ~bit

    def _glare(self, now: int, word: int, bit: int) -> int:
        if now >= self._until.get(bit, 0):
            self._level[bit] = not self._level.get(bit, False)
            self._until[bit] = now + int(self.rng.uniform(*GLARE_MS))
        return word ^ bit if self._level[bit] else word

    def _flakes(self, now: int, word: int, bit: int) -> int:
        if now >= self._until.get(bit, 0):
            falls = self._level[bit] = not self._level.get(bit, True)
            wait = self.rng.uniform(*FLAKE_MS) if falls else self.rng.uniform(*self.each_ms)
            self._until[bit] = now + int(wait)
        return word | bit if self._level[bit] else word

    def _bounce(self, now: int, word: int, bit: int) -> int:
        if (word ^ self._before) & bit:
            self._until[bit] = now + int(self.rng.uniform(*BOUNCE_MS))
        self._before = (self._before & ~bit) | (word & bit)
        if now < self._until.get(bit, 0) and self.rng.random() < 0.5:
            return word ^ bit
        return word

    def next_change(self, now: int) -> int | None:
        """When it may change the word without anything else changing; None if never."""
        if now < self.begin:
            return self.begin
        if now >= self.end:
            return None
        # An effect that is due already is due now. A bounce begins with an edge of its contact, never by itself.
        due = list(self._until.values()) if self.effect != "bounce" else []
        return min([self.end, *due])


def bits_of(where: str, beams: int, sweep: list[int], rng: Random) -> tuple[int, ...]:
    """Bits that a scenario's `where` means in this lane: a beam drawn, or an input by its name in core.words."""
    groups = {
        "any": list(range(beams)),
        "sweep": list(sweep),
        "outside": [index for index in range(beams) if index not in sweep] or list(range(beams)),
    }
    if where == "all":
        return tuple(1 << index for index in range(beams))
    if where in groups:
        group = groups[where]
        return (1 << rng.choice(group),) if group else ()
    return (int(getattr(words, where)),)
