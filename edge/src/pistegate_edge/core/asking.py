# SPDX-License-Identifier: Apache-2.0
"""Fingers beside cards and codes: whose holder is asked to touch, and whose finger was matched just now. Pure.

A match is good for one opened lane. It is kept apart from the presentation of the card, which is let go meanwhile:
nobody holds a card and takes off a glove.
"""

from dataclasses import dataclass

from pistegate_protocol.signing import Medium

ASK_S = 15.0  # seconds for a guest to take off a glove and touch up to three times; estimate
PROVEN_S = 15.0  # seconds in which a guest whose finger matched holds the card or code out again; estimate


@dataclass(frozen=True, slots=True)
class Asked:
    """A guest who is to touch the sensor. `shown`: the code that was shown (presentation.Codes), None: a card."""

    token: int
    ticket: int
    medium: Medium
    shown: str | bytes | None = None


class Asking:
    """`known`: tickets whose holder's finger can be compared here now; empty while the sensor is away."""

    def __init__(self) -> None:
        self.known: frozenset[int] = frozenset()
        self._asked: Asked | None = None
        self._proven: dict[int, float] = {}
        self._token = 0

    def wanted(self, ticket: int, mono: float) -> bool:
        """Whether this ticket's holder is to touch before the lane opens."""
        return ticket in self.known and self._proven.get(ticket, mono) <= mono

    def ask(self, ticket: int, medium: Medium, shown: str | bytes | None) -> Asked:
        """One guest is asked at a time: there is one sensor, and whoever was asked before has gone."""
        self._token += 1
        self._asked = Asked(self._token, ticket, medium, shown)
        return self._asked

    def answered(self, token: int) -> Asked | None:
        """Who was asked by this token, and is not any more; None: nobody, or somebody else since."""
        asked = self._asked
        if asked is None or asked.token != token:
            return None
        self._asked = None
        return asked

    def prove(self, ticket: int, mono: float) -> None:
        """The holder of this ticket need not touch for a while."""
        self._proven = {each: until for each, until in self._proven.items() if until > mono}
        self._proven[ticket] = mono + PROVEN_S

    def spend(self, ticket: int) -> None:
        """A lane opens for the ticket: the next one who comes with it touches anew."""
        self._proven.pop(ticket, None)
