# SPDX-License-Identifier: Apache-2.0
"""What the ticket on a card is worth, by the gate's own judgement, without anything being used. Pure."""

from dataclasses import dataclass

from pistegate_edge.card.facts import CardFacts
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.inputs import CardRead
from pistegate_edge.core.judge import Believed, Judge
from pistegate_edge.core.memory import Confirmed, KnownClaims, TicketUsage
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.decide import Decision, GateProfile, Knowledge, Prompt, Refuse, worth
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing, Medium
from pistegate_protocol.usage import Usage


@dataclass(frozen=True, slots=True)
class Assessed:
    """`left`: what it still holds; None where it is not believed. `decision`: what a lane here would say now."""

    ticket: Believed | Unusable
    left: Prompt | None = None
    decision: Decision | None = None


class Assessor:
    """A judge that admits nobody: it remembers nothing of the cards that it saw."""

    def __init__(self, profile: GateProfile, issuers: KeyRing) -> None:
        self.profile = profile
        self._issuers = issuers

    def assess(self, facts: CardFacts, knowledge: Facts, now: Now) -> Assessed:
        """What `facts` are worth at the profile's place."""
        judge = Judge(self.profile, self._issuers, knowledge, KnownClaims(), _NoMemory())
        files = facts.files
        read = CardRead(0, files.uid, files.usage, files.claim, files.amendment)
        found = judge.believe(read, Medium.from_bytes(facts.medium))
        if isinstance(found, Unusable):
            return Assessed(found)
        known = Knowledge(
            deny=knowledge.deny,
            amendment=found.amendment,
            suspensions=knowledge.suspensions,
            calendars=knowledge.calendars,
        )
        left = worth(found.ticket.claim, found.ticket.usage, self.profile, now.wall, known)
        decision = judge.decide(found, None, now)
        if files.uid in knowledge.lost and not self.profile.exit:
            decision = Refuse(Reason.CARD_LOST)
        return Assessed(found, left, decision)


class _NoMemory:
    """Nothing was confirmed here."""

    def confirmed(self, medium: bytes, claim: bytes) -> Confirmed | None:
        """Of no card."""
        return None

    def ticket_usage(self, ticket: int) -> TicketUsage:
        """Of no ticket."""
        return TicketUsage()

    def card_shown(self, ticket: int, usage: Usage) -> None:
        """Nothing is kept."""
