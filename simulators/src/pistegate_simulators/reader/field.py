# SPDX-License-Identifier: Apache-2.0
"""The RF field of one reader: which cards are in it, what passes through it, and how it can go wrong."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from pistegate_simulators.card import Modulation, RadioCard
from pistegate_simulators.reader import anticollision

BYTE_S = 9 / 106e3  # 8 bits and parity at 106 kbit/s (13.56 MHz / 128)
TURN_S = 0.17e-3  # both frame delays of one exchange; facts: 1.2 ms for 7 exchanges
# What activation takes beyond its frames: the guard time after the field came on (5 ms), firmware. With it a card of
# a 7-byte UID is called, selected and has answered RATS after 11 ms, as facts reckon. Estimate.
ACTIVATION_S = 5.2e-3
_CALL_BYTES, _CALL_B_BYTES = 3, 5 + 14  # REQA -> ATQA; REQB -> ATQB
_CRC_BYTES = 2
_RATS, _DESELECT = b"\xe0", b"\xc2"


class Cut(Enum):
    """When a card is torn out of the field, relative to one exchange."""

    BEFORE = "before"  # the card never saw the command
    DURING = "during"  # the card got the command; how far it came tells `Executed`
    AFTER = "after"  # the card executed it, the answer got lost


class Executed(Enum):
    """How far a card came that lost its power DURING a command."""

    NOTHING = "nothing"
    HALF = "half"  # a standard file is half written; of everything else nothing is done, as cards promise
    ALL = "all"


@dataclass
class Counters:
    """What passed since the last reset. ISO-DEP and other frames to a selected card count as exchanges."""

    exchanges: int = 0
    rf_bytes: int = 0  # of exchanges, both ways, PCB and CRC included
    activation_bytes: int = 0  # calls, anticollision, selection, RATS and ATS, DESELECT
    uart_in: int = 0  # bytes from the host
    uart_out: int = 0  # bytes to the host
    commands: int = 0  # chip commands, polls included
    polls: int = 0  # InListPassiveTarget and InAutoPoll


class Heard(NamedTuple):
    """What came back: the answer (None: silence), whether its CRC held, and the seconds that it all took."""

    answer: bytes | None
    whole: bool = True
    seconds: float = 0.0


@dataclass
class _Scheduled:
    remaining: int
    when: Cut
    executed: Executed


@dataclass
class RfField:
    """Cards and power. `exchange` is the only way to a card, so that counting and accidents have one place."""

    counters: Counters = field(default_factory=Counters)
    paced: bool = False
    _cards: list[RadioCard] = field(default_factory=list)
    _on: bool = False
    _cut: _Scheduled | None = None
    _lost_answers: int = 0
    _garbled_answers: int = 0

    @property
    def cards(self) -> tuple[RadioCard, ...]:
        """Cards in reach, in the order in which they came."""
        return tuple(self._cards)

    def present(self, card: RadioCard) -> None:
        """A card comes into reach; once is enough."""
        if card not in self._cards:
            self._cards.append(card)
            if self._on:
                card.power_on()

    def remove(self, card: RadioCard | None = None) -> None:
        """A card (None: every card) leaves and loses power."""
        for gone in [one for one in self._cards if card is None or one is card]:
            self._cards.remove(gone)
            gone.power_off()

    def switch(self, on: bool) -> None:
        """Turn the carrier on or off; off takes the power of every card."""
        if on == self._on:
            return
        self._on = on
        for card in self._cards:
            card.power_on() if on else card.power_off()

    # Calling and choosing (ISO/IEC 14443-3)

    def call(self, modulation: Modulation, *, wake: bool = False) -> list[RadioCard]:
        """REQA or REQB (`wake`: WUPA or WUPB, which sleeping cards hear too): the cards that answer at once."""
        self.switch(True)
        return [card for card in self._cards if card.modulation is modulation and card.called(wake)]

    def choose(self, card: RadioCard, answering: list[RadioCard]) -> float:
        """Select one of the cards that answered, and with it any other of the same UID; seconds on the air."""
        for one in answering:
            if one.uid == card.uid:
                one.select()
        size = anticollision.bytes_on_air(card.uid)
        self.counters.activation_bytes += size + _CALL_BYTES
        turns = 1 + 2 * len(anticollision.levels(card.uid))
        return self._air_s(size + _CALL_BYTES, turns) + (ACTIVATION_S if self.paced else 0.0)

    def meet_b(self) -> float:
        """REQB and ATQB passed; seconds on the air."""
        self.counters.activation_bytes += _CALL_B_BYTES
        return self._air_s(_CALL_B_BYTES, 1) + (ACTIVATION_S if self.paced else 0.0)

    # Accidents

    def cut_after(self, exchanges: int, when: Cut, executed: Executed = Executed.NOTHING) -> None:
        """Let so many exchanges pass, then tear all cards out at the next one."""
        self._cut = _Scheduled(exchanges, when, executed)

    def lose_answers(self, count: int) -> None:
        """The cards execute the next `count` exchanges, but their answers get lost once each."""
        self._lost_answers = count

    def garble_answers(self, count: int) -> None:
        """The next `count` answers arrive with a wrong CRC."""
        self._garbled_answers = count

    # Exchanging

    def exchange(self, card: RadioCard | None, frame: bytes) -> Heard:
        """One frame to a selected card and its answer; at most one accident per exchange."""
        cut = self._due_cut()
        if cut is not None and cut.when is Cut.BEFORE:
            self.remove()
        if card is None or not self._on or card not in self._cards or not card.listening:
            return Heard(None)
        activation = _is_activation(card, frame)
        if cut is not None and cut.when is Cut.DURING:
            answer = None
            self._torn(card, frame, cut.executed)
        else:
            answer = card.receive(frame)
        busy_s = card.busy_s
        if cut is not None:
            self.remove()
            answer = None
        seconds = self._account(frame, answer, activation) + (busy_s if self.paced else 0.0)
        if answer is None:
            return Heard(None, True, seconds)
        if self._lost_answers:
            self._lost_answers -= 1
            return Heard(None, True, seconds)
        if self._garbled_answers:
            self._garbled_answers -= 1
            return Heard(answer, False, seconds)
        return Heard(answer, self._alone(card, frame, answer), seconds)

    def _torn(self, card: RadioCard, frame: bytes, executed: Executed) -> None:
        if executed is Executed.ALL:
            card.receive(frame)
        elif executed is Executed.HALF:
            card.receive_half(frame)

    def _alone(self, card: RadioCard, frame: bytes, answer: bytes) -> bool:
        """Whether no other card of the same UID talks at once, or it says the very same."""
        twins = [one for one in self._cards if one is not card and one.listening and one.uid == card.uid]
        return all(twin.receive(frame) in (None, answer) for twin in twins)

    def _due_cut(self) -> _Scheduled | None:
        if self._cut is None:
            return None
        if self._cut.remaining:
            self._cut.remaining -= 1
            return None
        cut, self._cut = self._cut, None
        return cut

    def _account(self, frame: bytes, answer: bytes | None, activation: bool) -> float:
        size = len(frame) + _CRC_BYTES + (len(answer) + _CRC_BYTES if answer is not None else 0)
        if activation:
            self.counters.activation_bytes += size
        else:
            self.counters.exchanges += 1
            self.counters.rf_bytes += size
        return self._air_s(size, 1)

    def _air_s(self, size: int, turns: int) -> float:
        return size * BYTE_S + turns * TURN_S if self.paced else 0.0


def _is_activation(card: RadioCard, frame: bytes) -> bool:
    """RATS before the protocol, DESELECT in it."""
    return frame[:1] == (_DESELECT if card.in_protocol else _RATS)
