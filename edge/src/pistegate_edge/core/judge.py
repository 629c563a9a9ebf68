# SPDX-License-Identifier: Apache-2.0
"""Whether a card that was read is believed, and what it may do: everything known about it, put before `decide`."""

from dataclasses import dataclass, replace

from pistegate_edge.core.facts import Facts
from pistegate_edge.core.inputs import CardRead
from pistegate_edge.core.memory import CardMemory, Confirmed, KnownClaims
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Ticket, Unusable, read_ticket, signed_ticket
from pistegate_protocol.amendments import Amendment, AmendmentRefused, amendment_in_file, open_amendment
from pistegate_protocol.claims import Claim
from pistegate_protocol.codes import TicketCode, open_code
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, Owed, Refuse, decide
from pistegate_protocol.elsewhere import CARD_SOURCE, NOTHING, Elsewhere, gate_source, merged, of_usage
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import READ_AMENDMENT, READ_CLAIM
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import ReadAt
from pistegate_protocol.signing import ClaimRefused, KeyRing, Medium, claim_digest, open_claim
from pistegate_protocol.usage import Usage, counters_in, named_claim

_OF_TIME = frozenset(
    {Reason.EXPIRED, Reason.NOT_YET_VALID, Reason.BLACKED_OUT, Reason.OUTSIDE_WINDOW, Reason.TIME_USED_UP}
)


@dataclass(frozen=True, slots=True)
class Believed:
    """A card whose content is believed.

    `amendment` holds; `to_write` is its signed form where the card has an older one or none. `before`: the counters
    as read, with their layout byte. `reads`: bits of what else was read than usage. `learned`: the claim was not
    known here before. `rolled_back`: how it is older than what this gate saw confirmed, empty when it is not.
    `elsewhere`: what other media of its ticket used here. `tick`: the period of a rotating code.
    """

    ticket: Ticket
    amendment: Amendment | None
    to_write: bytes | None
    before: bytes
    reads: int
    learned: bool
    rolled_back: str
    elsewhere: Elsewhere = NOTHING
    tick: int | None = None


@dataclass(frozen=True, slots=True)
class ReadTicket:
    """A ticket behind a medium without usage, believed. `replayed`: a code that, or a later one, was admitted here."""

    medium: Medium
    believed: Believed
    replayed: bool = False

    @property
    def number(self) -> int:
        """Of the ticket."""
        return self.believed.ticket.claim.ticket


class Judge:
    """Holds what one lane believes cards by; `facts` is replaced as documents come."""

    def __init__(
        self,
        gate: GateProfile,
        issuers: KeyRing,
        facts: Facts,
        known: KnownClaims,
        memory: CardMemory,
        *,
        refuse_doubted: bool = False,
    ) -> None:
        """`refuse_doubted`: while the time is in doubt, refuse what would not hold at the latest that it may be."""
        self.gate = gate
        self.facts = facts
        self._refuse_doubted = refuse_doubted
        self._issuers = issuers
        self._known = known
        self._memory = memory

    def believe(self, told: CardRead, medium: Medium) -> Believed | Unusable:
        """What the card says, if it can be believed."""
        ticket = self._ticket(told, medium)
        if isinstance(ticket, Unusable):
            return ticket
        try:
            amendment, to_write = self._amendment(told.amendment_file, ticket)
        except AmendmentRefused as error:
            return Unusable(error.reason, f"amendment: {error}", ticket.claim.ticket)
        except UnknownVersion as error:
            return Unusable(Reason.VERSION_UNKNOWN, f"amendment: {error}", ticket.claim.ticket)
        except CodecError as error:
            return Unusable(Reason.USAGE_INVALID, f"amendment: {error}", ticket.claim.ticket)
        reads = (READ_CLAIM if told.claim_file is not None else 0) | (
            READ_AMENDMENT if told.amendment_file is not None else 0
        )
        before = counters_in(told.usage_file)
        rolled_back = self._rolled_back(ticket, medium)
        others = self._memory.ticket_usage(ticket.claim.ticket).others
        elsewhere = NOTHING if others is None else of_usage(gate_source(self.gate.gate), others)
        learned = told.claim_file is not None
        return Believed(ticket, amendment, to_write, before, reads, learned, rolled_back, elsewhere)

    def shown(self, card: Believed) -> None:
        """The card is not admitted, and yet it tells what other gates used of its ticket."""
        self._memory.card_shown(card.ticket.claim.ticket, card.ticket.usage)

    def believe_code(self, code: TicketCode, now: Now) -> ReadTicket | Unusable:
        """What a code says with what was used of its ticket here, if it can be believed; nothing is written to it."""
        try:
            opened = open_code(code, self._issuers, ReadAt(now.wall, now.trusted))
        except ClaimRefused as error:
            return Unusable(error.reason, str(error))
        return self._without_usage(opened.medium, opened.claim, opened.signed, opened.tick)

    def believe_pointed(self, medium: Medium, signed: bytes) -> ReadTicket | Unusable:
        """A ticket that a document or finger points to, its claim as it was signed for just this medium."""
        try:
            return self._without_usage(medium, open_claim(signed, medium, self._issuers), signed)
        except ClaimRefused as error:
            return Unusable(error.reason, str(error))

    def _without_usage(
        self, medium: Medium, claim: Claim, signed_claim: bytes, tick: int | None = None
    ) -> ReadTicket | Unusable:
        known = self._memory.ticket_usage(claim.ticket)
        ticket = Ticket(claim, _of_code(known.others, signed_claim), signed_claim)
        try:
            signed = self.facts.amendments.get(claim.ticket)
            amendment = None if signed is None else self._opened(signed, ticket)
        except AmendmentRefused as error:
            return Unusable(error.reason, f"amendment: {error}", claim.ticket)
        except CodecError as error:
            return Unusable(Reason.USAGE_INVALID, f"amendment: {error}", claim.ticket)
        elsewhere = NOTHING if known.card is None else of_usage(CARD_SOURCE, known.card)
        believed = Believed(ticket, amendment, None, b"", 0, False, "", elsewhere, tick)
        return ReadTicket(medium, believed, tick is not None and known.tick is not None and tick <= known.tick)

    def decide(self, card: Believed, owed: Owed | None, now: Now, elsewhere: Elsewhere = NOTHING) -> Decision:
        """Admit or refuse; `elsewhere`: what the site's hub knows of the ticket's other media and gates."""
        knowledge = Knowledge(
            deny=self.facts.deny,
            owed=owed,
            amendment=card.amendment,
            suspensions=self.facts.suspensions,
            calendars=self.facts.calendars,
            elsewhere=merged(card.elsewhere, elsewhere),
        )
        decision = decide(card.ticket.claim, card.ticket.usage, self.gate, now.wall, knowledge)
        if self._refuse_doubted and now.latest is not None and isinstance(decision, Admit):
            latest = decide(card.ticket.claim, card.ticket.usage, self.gate, now.latest, knowledge)
            if isinstance(latest, Refuse) and latest.reason in _OF_TIME:
                return Refuse(Reason.CLOCK_DOUBT)
        return decision

    def _ticket(self, told: CardRead, medium: Medium) -> Ticket | Unusable:
        digest = named_claim(told.usage_file)
        if told.claim_file is not None:
            found = read_ticket(told.claim_file, told.usage_file, medium, self._issuers)
        else:
            signed = self._known.signed(digest)
            if signed is None:
                return Unusable(Reason.UNREADABLE, "its claim was forgotten meanwhile")
            issuers = None if self._known.is_verified(digest) else self._issuers
            found = signed_ticket(signed, told.usage_file, medium, issuers)
        if isinstance(found, Ticket):
            self._known.learn(digest, found.signed)
        elif told.claim_file is None:
            self._known.forget(digest)
        return found

    def _rolled_back(self, ticket: Ticket, medium: Medium) -> str:
        confirmed = self._memory.confirmed(medium.to_bytes(), ticket.usage.claim)
        if confirmed is None or not confirmed.is_newer_than(ticket.usage):
            return ""
        return f"card {medium.id.hex()} shows {Confirmed.of(ticket.usage)}, it confirmed {confirmed}"

    def _amendment(self, content: bytes | None, ticket: Ticket) -> tuple[Amendment | None, bytes | None]:
        """The amendment that holds, and its signed form unless the card has it; errors as open_amendment."""
        signed = None if content is None else amendment_in_file(content)
        if ticket.usage.amended and signed is None:
            raise CodecError("usage tells of one, its file is blank")
        on_card = None if signed is None else self._opened(signed, ticket)
        newest = self.facts.amendments.get(ticket.claim.ticket)
        known = None if newest is None else self._opened(newest, ticket)
        if known is not None and (on_card is None or known.number > on_card.number):
            return known, newest
        return on_card, None

    def _opened(self, signed: bytes, ticket: Ticket) -> Amendment:
        amendment = open_amendment(signed, self._issuers)
        if amendment.ticket != ticket.claim.ticket:
            raise CodecError(f"of ticket {amendment.ticket}")
        return amendment


def _of_code(usage: Usage | None, signed: bytes) -> Usage:
    """What was used of a ticket by codes at this gate, as of the claim that its code carries now."""
    digest = claim_digest(signed)
    return Usage(claim=digest) if usage is None else replace(usage, claim=digest)
