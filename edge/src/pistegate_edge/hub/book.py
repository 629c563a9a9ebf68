# SPDX-License-Identifier: Apache-2.0
"""What the hub's core asks of its journal. Everything between two commits holds together or not at all. Pure."""

from dataclasses import dataclass
from typing import Protocol

from pistegate_protocol.elsewhere import Elsewhere
from pistegate_protocol.usage import Usage


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a gate asked for and has not decided. `counters`: of its source, if it comes about; empty: nobody charged.

    `owed`: the admission whose owed persons it may let in.
    """

    gate: int
    epoch: int
    number: int
    ticket: int
    counters: bytes
    owed: bytes | None
    made: int


@dataclass(frozen=True, slots=True)
class OwedRow:
    """An owed entry that `gate` told in its `epoch` with its ledger at `seq`; `held`: it may honour it by itself."""

    admission: bytes
    ticket: int
    gate: int
    epoch: int
    seq: int
    leads_out: bool
    persons: int
    until: int
    held: bool


class Book(Protocol):
    """Times are milliseconds since 1970 by the hub's clock."""

    def gates(self, since: int) -> list[int]:
        """Those that joined since then."""

    def decided(self, gate: int, epoch: int) -> int:
        """Of that epoch; 0 where another one joined last."""

    def joined(self, gate: int, epoch: int, decided: int, at: int) -> None:
        """A gate joined."""

    def decide(self, gate: int, epoch: int, number: int) -> None:
        """Reservations of that epoch up to `number` are over."""

    def heard(self, gate: int, epoch: int) -> int:
        """The last event known; 0: none."""

    def hear(self, gate: int, epoch: int, seq: int) -> None:
        """Events up to `seq` are known."""

    def reservation(self, gate: int, epoch: int, number: int) -> Reservation | None:
        """One that is not decided."""

    def reservations(self, ticket: int) -> list[Reservation]:
        """All of a ticket that are not decided."""

    def reserve(self, reservation: Reservation) -> None:
        """A new one."""

    def drop_older(self, gate: int, epoch: int) -> None:
        """Reservations of epochs whose counter is below that of `epoch` are over."""

    def elsewhere(self, ticket: int) -> Elsewhere:
        """All that is known to have been used of a ticket."""

    def used(self, ticket: int, source: bytes, usage: Usage, at: int) -> None:
        """`source` counts so much; older news change nothing."""

    def card_used(self, name: bytes, ticket: int, usage: Usage, at: int) -> None:
        """A card may have been charged."""

    def card_charged(self, name: bytes, charged: bool) -> None:
        """Now it is known of that admission whether its card was charged."""

    def owe(self, row: OwedRow) -> None:
        """A new owed entry; one that is known, or was spent, stays as it is."""

    def owed(self, ticket: int, now: int) -> list[OwedRow]:
        """Owed entries of a ticket that are not over."""

    def let_go(self, gate: int, epoch: int, seq: int, held: frozenset[bytes]) -> None:
        """Of the entries told in that epoch up to `seq` the gate holds only `held`."""

    def spend(self, admission: bytes, at: int) -> None:
        """The owed persons of `admission` were let in."""

    def forfeit(self) -> None:
        """Nobody is owed anything: nobody knows who was let in since this journal was written."""

    def forget(self, now: int) -> None:
        """What is too old to matter."""
