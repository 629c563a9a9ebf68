# SPDX-License-Identifier: Apache-2.0
"""Bugs put around the product for the time of one storm: a promise that no storm ever breaks is no evidence."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as dataclass_replace
from typing import Any
from unittest.mock import patch

from pistegate_cloud.ingest.core import Chain, ChainKey, Position, StoredEvent, acknowledgements
from pistegate_edge import downlink
from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, OpenLane, RecordOutcome
from pistegate_edge.core.handlers import admitting, lane
from pistegate_edge.core.judge import Believed, Judge
from pistegate_edge.core.memory import TicketUsage
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OWED_S, OwedEntry
from pistegate_edge.core.passage import TABLE, Passage, State
from pistegate_edge.hub.store import HubStore
from pistegate_edge.journal import opening, store
from pistegate_edge.journal.journal import Journal
from pistegate_edge.timekeeping.doubt import ClockDoubt
from pistegate_edge.timekeeping.told import Reading
from pistegate_protocol.decide import Admit, Decision
from pistegate_protocol.events import next_head
from pistegate_protocol.messages import DOWN, Batch
from pistegate_simulators.storm.cloud_node import CloudNode

Plant = Callable[[ExitStack], None]


@dataclass(frozen=True, slots=True)
class Planted:
    """`what` is wrong, `found_as`: promises that it may break."""

    what: str
    plant: Plant
    found_as: frozenset[str] = field(default_factory=frozenset)


def _no_dedupe(stack: ExitStack) -> None:
    def add(self: Chain, batch: Batch, *_: Any) -> None:
        if batch.first_seq > self.position.seq + 1:
            return
        head = batch.previous
        for seq, payload in enumerate(batch.payloads, batch.first_seq):
            head = next_head(head, payload)
            self.fresh.append(StoredEvent(self.key, seq, head, payload))
            self.position = max(self.position, Position(seq, head), key=lambda at: at.seq)

    stack.enter_context(patch.object(Chain, "add", add))


def _lazy_fsync(stack: ExitStack) -> None:
    connect = opening.connect

    def lazy(*args: Any) -> Any:
        connection = connect(*args)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    stack.enter_context(patch.object(opening, "connect", lazy))


def _stale_deny_wins(stack: ExitStack) -> None:
    stack.enter_context(patch.object(downlink, "check_newer", lambda document, version: None))


def _ack_before_commit(stack: ExitStack) -> None:
    """The acknowledgement goes out when the batches are read; the commit follows, unless the cloud dies before."""
    stored = CloudNode._store

    def early(self: CloudNode, batches: list[tuple[ChainKey, Batch]]) -> list[tuple[int, bytes]]:
        run, ahead = self._run, self.tables.copy().store(batches)

        def commit() -> None:
            if run == self._run:
                stored(self, batches)

        self._timeline.after(self._rng.uniform(0.1, 1.0), commit)
        return [
            (key.gate, DOWN.encode(ack))
            for key, chain in ahead.items()
            for ack in acknowledgements(chain, self.generation)
        ]

    stack.enter_context(patch.object(CloudNode, "_store", early))


def _seq_reuse_after_restore(stack: ExitStack) -> None:
    """Epochs without their random half: a card written anew from an image counts on where another run did."""
    stack.enter_context(patch.object(store, "new_epoch", lambda counter, random32: counter << 32))


def _open_before_card_ok(stack: ExitStack) -> None:
    def recorded(p: Passage, told: i.AdmissionRecorded, now: Now) -> list[Action]:
        actions = admitting.recorded(p, told, now)
        current = p.admitted()
        return actions if current.held is None else [*actions, OpenLane(current.event.n)]

    stack.enter_context(patch.dict(TABLE[State.COMMITTING], {i.AdmissionRecorded: recorded}))


def _owed_twice(stack: ExitStack) -> None:
    """Whoever was offered the way again and took it is offered it once more."""

    def closed(p: Passage, told: i.LaneClosed, now: Now) -> list[Action]:
        current = p.admitted()
        actions = lane.closed(p, told, now)
        if current.event.reoffer_of is None:
            return actions
        entry = OwedEntry(current.name, current.event.n, now.mono + OWED_S)
        p.owed.add(entry)
        return [
            RecordOutcome(each.event, entry, each.spent, each.unsettled, each.memory)
            if isinstance(each, RecordOutcome)
            else each
            for each in actions
        ]

    stack.enter_context(patch.dict(TABLE[State.OPEN], {i.LaneClosed: closed}))


def _progress_unrecorded(stack: ExitStack) -> None:
    """An interrupted admission is told as if nobody could have passed since the last PASS that was recorded."""

    def interrupted(p: Passage, last: Any, now: Now, *, known: bool = False) -> list[Action]:
        return real(p, last, now, known=True)

    real = lane._interrupted
    stack.enter_context(patch.object(lane, "_interrupted", interrupted))


def _gossip(stack: ExitStack) -> None:
    """The hub tells what it heard of a ticket, and reserves nothing."""
    stack.enter_context(patch.object(HubStore, "reserve", lambda self, reservation: None))


def _jump_believed(stack: ExitStack) -> None:
    """A gate that was sure of its time follows the system's clock wherever it jumps, and stays sure."""

    def now_ms(self: ClockDoubt, reading: Reading) -> int:
        self._offset, self._seen, self._stepped = reading.wall_ms - reading.steady_ms, reading, False
        return reading.wall_ms

    stack.enter_context(patch.object(ClockDoubt, "now_ms", now_ms))


def _own_rules(stack: ExitStack) -> None:
    """A gate counts nobody's first passage."""
    decide = Judge.decide

    def kind(self: Judge, card: Believed, *known: Any, **more: Any) -> Decision:
        decision = decide(self, card, *known, **more)
        if not isinstance(decision, Admit) or card.ticket.usage.used_total:
            return decision
        return dataclass_replace(decision, usage=card.ticket.usage, charged=0)

    stack.enter_context(patch.object(Judge, "decide", kind))


def _forgets_alone(stack: ExitStack) -> None:
    """What the cloud once acknowledged gets old enough to be forgotten while nobody hears of the cloud."""
    forget = store.Store._forget

    def alone(self: store.Store) -> None:
        self._heard_ran = self._ran()
        forget(self)

    stack.enter_context(patch.object(store.Store, "_forget", alone))


def _codes_unkept(stack: ExitStack) -> None:
    """A gate does not know any more what was used of a ticket by codes."""
    stack.enter_context(patch.object(Journal, "ticket_usage", lambda self, ticket: TicketUsage()))


PLANTS: dict[str, Planted] = {
    "no_dedupe": Planted(
        "the cloud stores a repeated event again", _no_dedupe, frozenset({"counted_twice", "gap", "chain_broken"})
    ),
    "lazy_fsync": Planted(
        "a gate's journal is not synced at a commit", _lazy_fsync, frozenset({"opened_undurable", "lost"})
    ),
    "stale_deny_wins": Planted(
        "a gate takes a document that is older than its own",
        _stale_deny_wins,
        frozenset({"document_older", "revoked_admitted"}),
    ),
    "ack_before_commit": Planted(
        "the cloud acknowledges before its commit",
        _ack_before_commit,
        frozenset({"lost", "does_not_drain", "chain_differs"}),
    ),
    "seq_reuse_after_restore": Planted(
        "a restored gate opens an epoch that was used before",
        _seq_reuse_after_restore,
        frozenset({"seq_reused", "does_not_drain", "two_outcomes"}),
    ),
    "open_before_card_ok": Planted(
        "a lane opens before its card answered", _open_before_card_ok, frozenset({"opened_before_card"})
    ),
    "owed_twice": Planted("owed persons are offered their way twice", _owed_twice, frozenset({"owed_twice"})),
    "unknown_untold": Planted(
        "persons who may have passed in an interruption are told not to have", _progress_unrecorded, frozenset({"lost"})
    ),
    "jump_believed": Planted(
        "a gate follows its system's clock wherever it jumps", _jump_believed, frozenset({"misdated"})
    ),
    "own_rules": Planted("a gate counts nobody's first passage", _own_rules, frozenset({"decided_otherwise"})),
    "forgets_alone": Planted(
        "a gate forgets while it cannot know whether the cloud still has it",
        _forgets_alone,
        frozenset({"does_not_drain", "lost"}),
    ),
    "codes_unkept": Planted(
        "a gate forgets what was used of a ticket by codes", _codes_unkept, frozenset({"over_admitted"})
    ),
    "gossip": Planted(
        "the site's hub passes on what it heard instead of reserving",
        _gossip,
        frozenset({"over_granted", "owed_twice"}),
    ),
}
"""By name."""


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """With this bug; None: as it is."""
    with ExitStack() as stack:
        if name is not None:
            PLANTS[name].plant(stack)
        yield
