# SPDX-License-Identifier: Apache-2.0
"""Lamps and buzzer at a lane board: the board plays the patterns itself, and again after it began anew."""

from typing import Protocol

from pistegate_edge.signals.table import Loop


class Player(Protocol):
    """What a BoardLane offers of its lamps."""

    def play(self, now: float, track: int, first: Loop, for_ms: int, then: Loop) -> None:
        """Begin a pattern."""


class BoardLamps:
    """`signals.Lamps`."""

    def __init__(self, board: Player) -> None:
        self._board = board

    def play(self, now: float, track: int, first: Loop, for_ms: int, then: Loop) -> None:
        """Begin a pattern; see `lane.core.pattern.Mixer.play`."""
        self._board.play(now, track, first, for_ms, then)

    def tick(self, now: float) -> None:
        """The board keeps time."""

    def deadline(self, now: float) -> float | None:
        """None: nothing is due here."""

    def close(self) -> None:
        """A board that hears nothing more shows by itself that its lane is out of service."""
