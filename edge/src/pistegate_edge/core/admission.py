# SPDX-License-Identifier: Apache-2.0
"""An admission while it is under way: what was decided, what is written to the card, what is known of it so far."""

from dataclasses import dataclass, replace

from pistegate_edge.core import prompts
from pistegate_edge.core.actions import Show, Write
from pistegate_edge.core.judge import Believed
from pistegate_edge.core.memory import Confirmed, Memory
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import Unsettled
from pistegate_protocol.decide import Admit, GateProfile
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind
from pistegate_protocol.records import passage_record
from pistegate_protocol.signing import Medium
from pistegate_protocol.usage import Usage, encode_counters, encode_usage


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An admission of an earlier run without an outcome; `passed` as journaled."""

    epoch: int
    seq: int
    name: bytes
    prev: bytes
    n: int
    party: int
    medium: bytes
    claim: bytes
    passed: int = 0
    reoffer_of: bytes | None = None


@dataclass(slots=True)
class Current:
    """The admission under way; `epoch`, `seq` and `name` once it is durable, `proof` once its card confirmed it.

    `held`: the reader session with its card, None of a medium that nothing is written to. `code`: this lane in the
    card's record. `memory`: what the card will have confirmed, None where that is not to be kept. `tick`: the period
    of a rotating code. `reserved`: the number of the hub's reservation, or of one that did not come; 0 without any.
    """

    event: Admitted
    usage: Usage
    party: int
    shown: Show
    held: int | None
    code: int
    memory: Memory | None
    tick: int | None = None
    epoch: int = 0
    seq: int = 0
    name: bytes = b""
    proof: Proof | None = None
    reserved: int = 0

    def write(self) -> Write:
        """What goes onto the card, naming this admission."""
        usage = encode_usage(replace(self.usage, admission=self.name))
        record = passage_record(self.event.at, self.event.exit, self.code, self.event.n, self.name)
        if self.held is None:
            raise ValueError("nothing is written to this medium")
        return Write(self.held, usage, record, self.event.amendment or None)

    def outcome(self, kind: OutcomeKind, passed: int, now: Now) -> Outcome:
        """How it ended, with the card's proof where there is one."""
        proof = None if self.proof is None else (self.proof.counter, self.proof.value)
        return Outcome(now.wall_ms, self.epoch, self.seq, kind, passed, proof=proof)

    def unsettled(self) -> Unsettled:
        """It, while nobody knows whether the card was charged."""
        event = self.event
        return Unsettled(self.name, event.prev, self.epoch, self.seq, event.medium, event.claim, event.reoffer_of)


def admission(held: int | None, medium: Medium, card: Believed, admit: Admit, gate: GateProfile, now: Now) -> Current:
    """What is begun when a medium is admitted; `held`: the reader session with a card."""
    ticket = card.ticket
    # An amendment goes onto the card only with a usage that says so: nobody would read it otherwise.
    to_write = card.to_write if admit.usage.amended else None
    event = Admitted(
        at=now.wall_ms,
        ticket=ticket.claim.ticket,
        medium=medium.to_bytes(),
        claim=ticket.usage.claim,
        n=admit.n,
        charged=admit.charged,
        counters=encode_counters(admit.usage),
        prev=ticket.usage.admission,
        before=card.before,
        reads=card.reads,
        amendment=to_write or b"",
        exit=admit.exit,
        overtime=admit.overtime,
        reoffer_of=admit.reoffer_of,
    )
    memory = None
    if held is not None and not card.rolled_back:
        signed = ticket.signed if card.learned else None
        memory = Memory(event.medium, event.claim, Confirmed.of(admit.usage), signed)
    code = gate.code(group=ticket.claim.scope.group)
    return Current(
        event, admit.usage, ticket.claim.party, prompts.admitted(admit, gate.zone), held, code, memory, card.tick
    )
