# SPDX-License-Identifier: Apache-2.0
"""The cards that the chip has listed: finding them, talking to one at a time, putting it to sleep, waking it again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pistegate_simulators.card import Modulation, RadioCard, ResidentIdCard
from pistegate_simulators.reader.anticollision import plain_uid, winner
from pistegate_simulators.reader.field import Heard, RfField
from pistegate_simulators.reader.initiator import RATS, Initiator

NO_CARD_S = 0.005  # one fruitless try of InListPassiveTarget; estimate
MAX_TARGETS = 2  # PN532 user manual 7.3.5
_DESELECT = b"\xc2"


@dataclass
class Tuning:
    """What SetParameters and RFConfiguration set; the chip's reset values."""

    auto_rats: bool = True
    tries: int | None = None  # of a poll; None: until a card comes
    com_retries: int = 0  # MaxRtyCOM, item 4: after silence or a wrong CRC
    timeout_s: float = 0.0512  # retry time-out, item 2: outside ISO-DEP, which has the card's frame waiting time


@dataclass
class Target:
    """One listed card: what the host is told about it, and its ISO-DEP link when the chip made one."""

    card: RadioCard
    entry: bytes
    link: Initiator | None = None
    awake: bool = True
    released: bool = False


class Found(NamedTuple):
    """What a poll came to, and how long it took."""

    targets: list[Target]
    seconds: float


@dataclass
class Targets:
    """At most one target is awake: the one that was last listed, selected, or spoken to by number."""

    rf: RfField
    tuning: Tuning = field(default_factory=Tuning)
    listed: list[Target] = field(default_factory=list)
    current: Target | None = None

    def forget(self) -> None:
        """No target any more; cards stay as they are."""
        self.listed, self.current = [], None

    def get(self, number: int) -> Target | None:
        """By logical number, from 1; None: not listed, or released."""
        found = self.listed[number - 1] if 1 <= number <= len(self.listed) else None
        return None if found is None or found.released else found

    # Listing

    def find(self, limit: int, modulation: Modulation, wanted: bytes = b"", tries: int | None = None) -> Found:
        """Call, choose, introduce up to `limit` cards; what was listed before is forgotten, awake or not.

        A card in the protocol and one that sleeps stay silent. `wanted` names a UID, and then wakes it too.
        """
        self.forget()
        # An endless poll looks twice now, as the first call only sends a selected card back to idle.
        target, seconds = self._meet(modulation, plain_uid(wanted), tries or self.tuning.tries or 2)
        while target is not None:
            self.listed.append(target)
            self.current = target
            if len(self.listed) == min(limit, MAX_TARGETS):
                break
            target, took = self._meet_another(modulation)
            seconds += took
        return Found(self.listed, seconds)

    def _meet(self, modulation: Modulation, uid: bytes, tries: int) -> tuple[Target | None, float]:
        """The first card, after at most so many calls."""
        wake = bool(uid) and modulation is Modulation.A
        for attempt in range(tries):
            answering = self.rf.call(modulation, wake=wake)
            if any(not wake or card.uid == uid for card in answering):
                target, seconds = self._introduce(answering, uid if wake else b"")
                return target, seconds + attempt * NO_CARD_S
        return None, tries * NO_CARD_S

    def _meet_another(self, modulation: Modulation) -> tuple[Target | None, float]:
        """One more card. The one before it sleeps then; it stays awake when there is no other."""
        before = self.listed[-1]
        if before.link is not None and not self.rf.call(modulation):
            return None, NO_CARD_S  # a card in the protocol ignores the call: nobody else is there
        seconds = self._sleep()
        answering = self.rf.call(modulation)
        if answering:
            target, took = self._introduce(answering, b"")
            return target, seconds + took
        return None, seconds + NO_CARD_S + (self.wake(before) or 0.0)

    def _introduce(self, answering: list[RadioCard], uid: bytes) -> tuple[Target | None, float]:
        if answering[0].modulation is Modulation.B:
            return self._introduce_b(answering)
        # Cards that answer a call together say their ATQA together: the reader hears both.
        atqa = bytes(map(_or, zip(*(card.atqa for card in answering), strict=True)))
        card = winner([card for card in answering if not uid or card.uid == uid])
        seconds = self.rf.choose(card, answering)
        target = Target(card, atqa + bytes([card.sak, len(card.uid)]) + card.uid)
        ats, took = self._activate(target)
        target.entry += ats
        return target, seconds + took

    def _introduce_b(self, answering: list[RadioCard]) -> tuple[Target | None, float]:
        """ATQB and no ATTRIB answer: the protocol bit of a resident ID says that it speaks no ISO-DEP."""
        if len(answering) > 1 or not isinstance(answering[0], ResidentIdCard):
            return None, 0.0
        return Target(answering[0], answering[0].ATQB + b"\x00"), self.rf.meet_b()

    def _activate(self, target: Target) -> tuple[bytes, float]:
        """RATS where the chip does it by itself; the ATS."""
        target.link, target.awake = None, True
        if not (self.tuning.auto_rats and target.card.iso_dep):
            return b"", 0.0
        heard = self.rf.exchange(target.card, RATS)
        if heard.answer is None or not heard.whole:
            return b"", heard.seconds
        target.link = Initiator(heard.answer)
        return heard.answer, heard.seconds

    # Sleeping and waking

    def _sleep(self) -> float:
        """DESELECT or HLTA to the target that is awake; seconds."""
        awake, seconds = self.current, 0.0
        if awake is not None and awake.awake:
            if awake.link is not None:
                seconds = self.rf.exchange(awake.card, _DESELECT).seconds
            elif awake.card in self.rf.cards:
                awake.card.halt()
            awake.awake, awake.link = False, None
        return seconds

    def wake(self, target: Target) -> float | None:
        """Make `target` the one that is awake, waking it by its UID if it sleeps; seconds, None when it is gone."""
        if target is self.current and target.awake:
            return 0.0
        seconds = self._sleep()
        self.current = target
        if target.awake:
            return seconds
        answering = self.rf.call(target.card.modulation, wake=True)
        if target.card not in answering:
            return None
        if target.card.modulation is Modulation.B:
            target.awake = True  # the host sends ATTRIB
            return seconds + self.rf.meet_b()
        seconds += self.rf.choose(target.card, answering)
        return seconds + self._activate(target)[1]

    def deselect(self, number: int) -> None:
        """Put one target (0: all) to sleep; it stays listed and can be selected again."""
        chosen = self.listed if number == 0 else [self.get(number)]
        if self.current in chosen:
            self._sleep()

    def release(self, number: int) -> None:
        """Put one target (0: all) to sleep for good."""
        self.deselect(number)
        target = self.get(number)
        if target is not None:
            target.released = True
        if number == 0:
            self.forget()

    # Talking

    def raw(self, frame: bytes, modulation: Modulation | None) -> Heard:
        """One frame as it is to the target that is awake; retried MaxRtyCOM times."""
        current = self.current
        fits = current is not None and current.awake and current.card.modulation is modulation
        card = current.card if current is not None and fits else None
        heard, seconds = Heard(None), 0.0
        for heard in self._attempts(card, frame):
            seconds += heard.seconds if heard.answer is not None else self.tuning.timeout_s
        return Heard(heard.answer, heard.whole, seconds)

    def _attempts(self, card: RadioCard | None, frame: bytes) -> Iterator[Heard]:
        for _ in range(self.tuning.com_retries + 1):
            heard = self.rf.exchange(card, frame)
            yield heard
            if heard.answer is not None and heard.whole:
                return

    def transceive(self, target: Target, data: bytes) -> Heard:
        """A whole command to a target, by ISO-DEP where the chip made a link; it wakes the target when it sleeps."""
        waking = self.wake(target)
        if waking is None:
            return Heard(None, True, self.tuning.timeout_s)
        link = target.link
        if link is None:
            heard = self.raw(data, target.card.modulation)
            return Heard(heard.answer, heard.whole, heard.seconds + waking)
        spent, whole = waking, True

        def exchange(block: bytes, wait_s: float) -> bytes | None:
            nonlocal spent, whole
            heard = self.rf.exchange(target.card, block)
            spent += heard.seconds if heard.answer else wait_s
            whole = heard.whole
            return heard.answer if heard.whole else None

        answer = link.transceive(data, exchange, self.tuning.com_retries)
        return Heard(answer, whole, spent)


def _or(parts: tuple[int, ...]) -> int:
    result = 0
    for part in parts:
        result |= part
    return result
