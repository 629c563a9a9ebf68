# SPDX-License-Identifier: Apache-2.0
"""The RF field of one reader: which cards are in it, what passes through it, and how it can go wrong."""

from dataclasses import dataclass, field
from enum import Enum

from pistegate_simulators.card import RadioCard

BYTE_S = 9 / 106e3  # 8 bits and parity at 106 kbit/s (13.56 MHz / 128)
TURN_S = 0.17e-3  # both frame delays of one exchange; facts: 1.2 ms for 7 exchanges
_CRC_BYTES = 2


class Cut(Enum):
    """When a card is torn out of the field, relative to one exchange."""

    BEFORE = "before"  # the card never saw the command
    AFTER = "after"  # the card executed it, the answer got lost


@dataclass
class Counters:
    """What passed since the last reset."""

    exchanges: int = 0
    rf_bytes: int = 0  # both ways, CRC included, RATS and ATS left out
    uart_in: int = 0  # bytes from the host
    uart_out: int = 0  # bytes to the host
    commands: int = 0  # chip commands, polls included
    polls: int = 0  # InListPassiveTarget


@dataclass
class _Scheduled:
    remaining: int
    when: Cut


@dataclass
class RfField:
    """Cards and power. `exchange` is the only way to a card, so that counting and accidents have one place."""

    counters: Counters = field(default_factory=Counters)
    card_s: float = 0.0  # compute time per exchange when pacing, seconds
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

    def awake(self) -> tuple[RadioCard, ...]:
        """Cards that answer a wake-up now; one that was in the protocol starts afresh."""
        self.switch(True)
        for card in self._cards:
            card.power_on()
        return self.cards

    def cut_after(self, exchanges: int, when: Cut) -> None:
        """Let so many exchanges pass, then tear all cards out at the next one."""
        self._cut = _Scheduled(exchanges, when)

    def lose_answers(self, count: int) -> None:
        """The cards execute the next `count` exchanges, but their answers get lost once each."""
        self._lost_answers = count

    def garble_answers(self, count: int) -> None:
        """The next `count` answers arrive with a wrong CRC."""
        self._garbled_answers = count

    def exchange(self, card: RadioCard | None, frame: bytes) -> tuple[bytes | None, bool, float]:
        """(answer or None, arrived whole, seconds on the air); at most one accident per exchange."""
        cut = self._due_cut()
        if cut is Cut.BEFORE:
            self.remove()
        if card is None or not self._on or card not in self._cards:
            return None, True, 0.0
        answer = card.receive(frame)
        if cut is Cut.AFTER:
            self.remove()
            answer = None
        seconds = self._account(frame, answer)
        if self._lost_answers and answer is not None:
            self._lost_answers -= 1
            return None, True, seconds
        if self._garbled_answers and answer is not None:
            self._garbled_answers -= 1
            return answer, False, seconds
        return answer, True, seconds

    def _due_cut(self) -> Cut | None:
        if self._cut is None:
            return None
        if self._cut.remaining:
            self._cut.remaining -= 1
            return None
        cut, self._cut = self._cut.when, None
        return cut

    def _account(self, frame: bytes, answer: bytes | None) -> float:
        size = len(frame) + _CRC_BYTES + (len(answer) + _CRC_BYTES if answer is not None else 0)
        if frame[:1] != b"\xe0":
            self.counters.exchanges += 1
            self.counters.rf_bytes += size
        return size * BYTE_S + TURN_S + self.card_s if self.paced else 0.0
