# SPDX-License-Identifier: Apache-2.0
"""The passage protocol on the bench: a machine, its inputs, and what it asked for by kind."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from gate_bench import ISSUER, claim, public

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, RecordOutcome
from pistegate_edge.core.admission import Unfinished
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.judge import Judge
from pistegate_edge.core.memory import Confirmed, KnownClaims, TicketUsage
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedBook, UnsettledBook
from pistegate_edge.core.passage import Passage
from pistegate_protocol.card_layout import claim_file_content
from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import GateProfile
from pistegate_protocol.signing import KeyRing, Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import NO_ADMISSION, Usage, encode_usage

UID = bytes.fromhex("04112233445566")
ADMITTED_NAME = b"admitted"
WALL = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)  # 10:00 at the site
NOW = Now(1000.0, WALL, int(WALL.timestamp() * 1000))
PROFILE = GateProfile(
    site=1, group=1, gate=3, post_gates=frozenset({3, 4}), area=0, zone=ZoneInfo("Asia/Shanghai"), holders=None
)
A = TypeVar("A")


def later(seconds: float) -> Now:
    """NOW and so many seconds, on both clocks."""
    wall = WALL + timedelta(seconds=seconds)
    return Now(NOW.mono + seconds, wall, int(wall.timestamp() * 1000))


class Remembered:
    """Confirmed counters as a journal keeps them."""

    def __init__(self) -> None:
        self.counters: dict[tuple[bytes, bytes], Confirmed] = {}
        self.tickets: dict[int, TicketUsage] = {}

    def confirmed(self, medium: bytes, claim: bytes) -> Confirmed | None:
        """Of this medium and claim."""
        return self.counters.get((medium, claim))

    def ticket_usage(self, ticket: int) -> TicketUsage:
        """Of this ticket."""
        return self.tickets.get(ticket, TicketUsage())

    def card_shown(self, ticket: int, usage: Usage) -> None:
        """By the ticket's card."""
        self.tickets[ticket] = replace(self.ticket_usage(ticket), card=usage)

    def take(self, actions: Sequence[Action]) -> None:
        """What outcomes teach."""
        for action in told(actions, RecordOutcome):
            if action.memory is not None:
                self.counters[action.memory.medium, action.memory.claim] = action.memory.confirmed


def judge(
    facts: Facts | None = None,
    gate: GateProfile = PROFILE,
    known: KnownClaims | None = None,
    memory: Remembered | None = None,
) -> Judge:
    """What the bench's lane believes cards by."""
    issuers = KeyRing({1: public(ISSUER)})
    return Judge(gate, issuers, facts or Facts(), known or KnownClaims(), memory or Remembered())


def passage(
    *,
    unfinished: Sequence[Unfinished] = (),
    facts: Facts | None = None,
    serving: bool = True,
    gate: GateProfile = PROFILE,
    known: KnownClaims | None = None,
    memory: Remembered | None = None,
    staff_cards: bool = False,
    hub: bool = False,
) -> Passage:
    """A machine whose reader works."""
    books = OwedBook(), UnsettledBook()
    machine = Passage(judge(facts, gate, known, memory), *books, unfinished, staff_cards=staff_cards, hub=hub)
    if serving:
        machine.handle(i.ReaderReady(), NOW)
        machine.handle(i.FaultChanged(i.Fault.STARTING, False), NOW)
    return machine


def unfinished(n: int = 1, party: int = 1, passed: int = 0) -> Unfinished:
    """An admission of an earlier run without an outcome."""
    return Unfinished(7, 2, b"lastname", NO_ADMISSION, n, party, b"\x01" + UID, bytes(8), passed)


def files_of(what: Claim, uid: bytes = UID, **usage: Any) -> tuple[bytes, bytes]:
    """Claim file and usage file of a card."""
    signed = sign_claim(what, Medium(MediumKind.CARD, uid), ISSUER)
    return claim_file_content(signed), encode_usage(Usage(claim=claim_digest(signed), **usage))


def card_read(token: int, what: Claim | None = None, uid: bytes = UID, **usage: Any) -> i.CardRead:
    """A card of ours, read."""
    claim_file, usage_file = files_of(what or claim(), uid, **usage)
    return i.CardRead(token, uid, usage_file, claim_file)


def told(actions: Sequence[Action], kind: type[A]) -> list[A]:
    """The actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]
