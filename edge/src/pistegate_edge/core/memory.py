# SPDX-License-Identifier: Apache-2.0
"""What a gate remembers of cards: the counters they confirmed here, and the claims it verified here.

A card's own counters are believed because its keys guard them. An image of the card written back without its keys, or
with a stolen gate's, shows less than the card confirmed before: that much any gate that saw it can tell by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pistegate_protocol.returns import RETURNS_MODULUS
from pistegate_protocol.usage import Usage

KNOWN_CLAIMS_MAX = 20_000  # about 5 MB; a card whose claim was forgotten is read whole again (139 RF bytes)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Counters of a usage that a card confirmed; later ones never show less."""

    used_total: int
    returns: int
    bank_used: int

    @classmethod
    def of(cls, usage: Usage) -> "Confirmed":
        """Those of `usage`."""
        return cls(usage.used_total, usage.returns, usage.bank_used)

    def __str__(self) -> str:
        return f"{self.used_total} used, {self.returns} returned, {self.bank_used} min"

    def is_newer_than(self, usage: Usage) -> bool:
        """Whether `usage` cannot come after this: fewer persons ever charged, or fewer minutes of the bank used.

        A return takes persons off `used_total` and adds them to `returns`, so both together never go down.
        """
        wrapped = (usage.returns - self.returns + RETURNS_MODULUS // 2) % RETURNS_MODULUS - RETURNS_MODULUS // 2
        return usage.used_total + wrapped < self.used_total or usage.bank_used < self.bank_used


@dataclass(frozen=True, slots=True)
class Memory:
    """What a passage taught of `medium`: counters of `claim` (its digest), and `signed` unless it was known before."""

    medium: bytes
    claim: bytes
    confirmed: Confirmed
    signed: bytes | None = None


@dataclass(frozen=True, slots=True)
class TicketUsage:
    """What was used of a ticket here: by its `card` as it showed last, by all its `others` (None: never met here).

    `tick`: the newest period of a rotating code.
    """

    card: Usage | None = None
    others: Usage | None = None
    tick: int | None = None


class CardMemory(Protocol):
    """Confirmed counters of cards, and usage of tickets, wherever they are kept."""

    def confirmed(self, medium: bytes, claim: bytes) -> Confirmed | None:
        """Of this medium and claim; None: never met here."""

    def ticket_usage(self, ticket: int) -> TicketUsage:
        """What was used of a ticket, as far as it is known here."""

    def card_shown(self, ticket: int, usage: Usage) -> None:
        """What a ticket's card shows now, which may have been used at other gates."""


class KnownClaims:
    """Signed claims by digest. `knows` may be asked from the reader's thread; everything else is the loop's.

    Those of earlier runs are verified once more at their first use: the disk may have changed, and so may the keys.
    """

    def __init__(self, signed: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._signed = dict(signed)
        self._verified: set[bytes] = set()

    def knows(self, digest: bytes) -> bool:
        """Whether the claim of this digest need not be read from the card."""
        return digest in self._signed

    def signed(self, digest: bytes) -> bytes | None:
        """The signed claim."""
        return self._signed.get(digest)

    def is_verified(self, digest: bytes) -> bool:
        """Whether it was verified in this run."""
        return digest in self._verified

    def learn(self, digest: bytes, signed: bytes) -> None:
        """It was verified."""
        self._signed[digest] = signed
        self._verified.add(digest)

    def forget(self, digest: bytes) -> None:
        """It does not hold (any more): read from the card the next time."""
        self._signed.pop(digest, None)
        self._verified.discard(digest)

    def prune(self) -> None:
        """Forget the oldest beyond the limit; never between `knows` and `signed` of one card."""
        for digest in list(self._signed)[: max(0, len(self._signed) - KNOWN_CLAIMS_MAX)]:
            self.forget(digest)

    def __len__(self) -> int:
        return len(self._signed)
