# SPDX-License-Identifier: Apache-2.0
"""The promises that are looked at when everything has come through: what the cloud knows is what happened."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pistegate_cloud.ingest.core import ChainKey, start_of
from pistegate_edge.config import lane_profile
from pistegate_protocol.decide import Admit, Knowledge, Owed, decide
from pistegate_protocol.events import EVENTS, Admitted, EpochOpened, Event, Incident, Outcome, Stream, next_head
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import decode_counters, encode_counters
from pistegate_simulators.storm.cloud_tables import Tables
from pistegate_simulators.storm.liar import LIAR
from pistegate_simulators.storm.tickets import SITE
from pistegate_simulators.storm.truth import Admission, Truth
from pistegate_simulators.storm.violation import Red

if TYPE_CHECKING:
    from pistegate_simulators.storm.world import World

_JOURNAL_ALARMS = ("journal_rolled_back", "journal_salvaged", "journal_set_aside")
Ref = tuple[int, int, int]
"""Gate, epoch, seq."""


def check(world: "World") -> None:
    """Red with the first promise that is broken."""
    tables = world.cloud.tables
    events = decoded(tables)
    chains_hold(tables)
    same_heads(world)
    passages(world.truth, events)
    charges(world.truth)
    if world.hub is not None and not (world.hub.lies or world.hub.doubtful):
        reservations(world.truth)
    alarms(world.truth, events)
    forks(world.truth, tables)
    denials(world.truth, tables)
    lies(world)
    decisions(world)


def decoded(tables: Tables) -> dict[ChainKey, dict[int, Event]]:
    """Events by chain and seq; each key once."""
    found: dict[ChainKey, dict[int, Event]] = defaultdict(dict)
    for stored in tables.events:
        if stored.seq in found[stored.key]:
            raise Red("counted_twice", f"{stored.key} seq {stored.seq} is stored twice")
        found[stored.key][stored.seq] = EVENTS.decode(stored.payload)
    return found


def chains_hold(tables: Tables) -> None:
    """Every chain is gapless from its first event, and every head is what its payloads make it."""
    heads: dict[ChainKey, tuple[int, bytes]] = {}
    for stored in tables.events:
        seq, head = heads.get(stored.key, (0, start_of(stored.key).head))
        if stored.seq != seq + 1:
            raise Red("gap", f"{stored.key} goes from {seq} to {stored.seq}")
        head = next_head(head, stored.payload)
        if head != stored.head:
            raise Red("chain_broken", f"{stored.key} seq {stored.seq}")
        heads[stored.key] = stored.seq, head


def same_heads(world: "World") -> None:
    """A gate's journal and the cloud hold the same chain of the gate's newest epoch, to its end."""
    for node in world.gates:
        journal = node.journal
        if journal is None:
            continue
        for stream in Stream:
            key = ChainKey(SITE, node.number, stream, journal.epoch)
            position = world.cloud.tables.positions.get(key, start_of(key))
            if (
                journal.last_seq(stream) != position.seq
                or journal.head_at(stream, journal.epoch, position.seq) != position.head
            ):
                raise Red("chain_differs", f"{stream.name} of gate {node.number} ends otherwise in the cloud")


def passages(truth: Truth, events: dict[ChainKey, dict[int, Event]]) -> None:
    """Each opened lane has one admission with one outcome; nobody is lost, nobody counted who did not pass."""
    begun: dict[Ref, Admitted] = {}
    ended: dict[Ref, list[Outcome]] = defaultdict(list)
    for key, chain in events.items():
        if key.stream != Stream.LEDGER:
            continue
        for seq, event in chain.items():
            if isinstance(event, Admitted):
                begun[key.gate, key.epoch, seq] = event
            elif isinstance(event, Outcome):
                ended[key.gate, event.epoch, event.seq].append(event)
    for admission in truth.admissions.values():
        ref = (admission.gate, admission.epoch, admission.seq)
        _passage(admission, begun.get(ref), ended.get(ref, []))


def _passage(admission: Admission, begun: Admitted | None, ended: list[Outcome]) -> None:
    where = f"gate {admission.gate}, admission {admission.epoch}/{admission.seq}"
    if admission.erased:
        return  # its books have two branches, which is shown as a fork
    if begun is None:
        raise Red("lost", f"{where} never reached the cloud; {admission.turned} passed")
    if begun != admission.event:
        raise Red("altered", where)
    if len(ended) != 1:
        raise Red("outcomes", f"{where} has {len(ended)} outcomes")
    outcome = ended[0]
    if admission.turned > outcome.passed + outcome.unknown:
        raise Red("lost", f"{where}: {admission.turned} passed, told {outcome.passed} and {outcome.unknown} unknown")
    if outcome.passed > admission.turned:
        raise Red("duplicated", f"{where}: told {outcome.passed}, {admission.turned} passed")
    if outcome.unknown and not admission.killed:
        raise Red("unknown", f"{where}: {outcome.unknown} unknown although it was never interrupted")
    if outcome.passed + outcome.unknown > admission.event.n:
        raise Red("unknown", f"{where}: {outcome.passed} and {outcome.unknown} unknown of {admission.event.n}")


def charges(truth: Truth) -> None:
    """Persons charged and let in by one memory of a ticket (a card; codes at one gate) are no more than it allows.

    So admits stay within the allowance times isolated gates and media; a restored SD card is one memory more.
    """
    by_memory: dict[tuple[int, bytes, int], int] = defaultdict(int)
    for admission in truth.admissions.values():
        if admission.opened:
            medium = admission.event.medium
            gate = 0 if medium[0] == MediumKind.CARD else admission.gate
            by_memory[admission.event.ticket, medium, gate] += admission.event.charged
    for (ticket, _, gate), charged in by_memory.items():
        allowance = truth.tickets[ticket].allowance
        if allowance is not None and charged > allowance * (1 + truth.restores[gate] if gate else 1):
            raise Red("over_admitted", f"ticket {ticket}: {charged} charged, {allowance} allowed, gate {gate or 'any'}")


def reservations(truth: Truth) -> None:
    """What the hub granted of a ticket is within its allowance, at all gates together."""
    granted: dict[int, int] = defaultdict(int)
    for admission in truth.admissions.values():
        if admission.granted and admission.opened:
            granted[admission.event.ticket] += admission.event.charged
    for ticket, charged in granted.items():
        allowance = truth.tickets[ticket].allowance
        if allowance is not None and charged > allowance:
            raise Red("over_granted", f"ticket {ticket}: the hub granted {charged} of {allowance}")


def alarms(truth: Truth, events: dict[ChainKey, dict[int, Event]]) -> None:
    """No power cut makes a gate say that its journal was damaged or turned back, unless it was."""
    for key, chain in events.items():
        for seq, event in chain.items():
            if isinstance(event, Incident) and event.code in _JOURNAL_ALARMS and not truth.restores[key.gate]:
                raise Red("false_alarm", f"gate {key.gate} says {event.code} ({event.detail}), event {seq}")


def forks(truth: Truth, tables: Tables) -> None:
    """A restored SD card whose lost events the cloud had already is noticed, and nothing else is taken for one."""
    rewound = {key.gate for key in tables.rewound()} | {key.gate for key, _, _ in tables.forks}
    for gate in rewound - {LIAR}:
        if not truth.restores[gate]:
            raise Red("false_fork", f"gate {gate} is taken for a copy of itself")
    known = {(stored.key.gate, stored.key.epoch) for stored in tables.events}
    followed = {
        (stored.key.gate, event.previous_epoch)
        for stored in tables.events
        if stored.seq == 1 and isinstance(event := EVENTS.decode(stored.payload), EpochOpened)
    }
    for gate, restores in truth.restores.items():
        epochs = sorted(epoch for other, epoch in known if other == gate)
        orphans = [epoch for epoch in epochs if (gate, epoch) not in followed and epoch != epochs[-1]]
        if restores and orphans and gate not in rewound:
            raise Red("fork_missed", f"gate {gate} was restored, epochs {orphans} lead nowhere")


def decisions(world: "World") -> None:
    """The cloud, asked anew with what a gate recorded of a card, decides as the gate did: one rule engine."""
    profiles = {
        node.number: lane_profile(node.config.device, place) for node in world.gates if (place := node.config.place)
    }
    for admission in world.truth.admissions.values():
        event, ticket = admission.event, world.truth.tickets[admission.event.ticket]
        if event.medium[0] != MediumKind.CARD or len(ticket.cards) + len(ticket.codes) > 1:
            continue  # what was used of its other media the record does not tell
        before = decode_counters(event.before, event.claim, event.prev)
        owed = None if event.reoffer_of is None else Owed(event.reoffer_of, event.n)
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event.at)
        again = decide(ticket.claim, before, profiles[admission.gate], now, Knowledge(owed=owed))
        same = isinstance(again, Admit) and (again.n, again.charged, encode_counters(again.usage)) == (
            event.n,
            event.charged,
            event.counters,
        )
        if not same:
            raise Red("decided_otherwise", f"gate {admission.gate} recorded {event}, the rules say {again}")


def lies(world: "World") -> None:
    """What a lying gate says stays under its own number, and its two stories of one thing are both kept."""
    told = [event for event in world.cloud.tables.events if event.key.gate == LIAR]
    honest = {node.number for node in world.gates}
    if strangers := {event.key.gate for event in world.cloud.tables.events} - honest - {LIAR}:
        raise Red("stranger_stored", f"events of gates {sorted(strangers)}")
    if world.liar.forked and told and world.cloud.generation == 1 and not world.cloud.tables.forks:
        raise Red("fork_missed", "a lying gate told two stories, and one of them is gone")


def denials(truth: Truth, tables: Tables) -> None:
    """Whatever any gate knows to be denied is denied everywhere: a restored cloud has it back."""
    for gate, tickets in truth.denied.items():
        if missing := tickets - tables.denied.keys():
            raise Red(
                "denial_forgotten", f"gate {gate} was told to deny {sorted(missing)}, the cloud does not any more"
            )


def untold(world: "World") -> list[str]:
    """Gates and documents of which one side has another version than the other."""
    newest = {name: version for name, (version, _) in world.cloud.tables.documents.items()}
    found = []
    for node in world.gates:
        told = node.gate._documents.versions() if node.gate else {}
        if node.journal is not None and node.journal.generation != world.cloud.generation:
            found.append(f"gate {node.number} has met generation {node.journal.generation}")
        for name in sorted(told.keys() | newest.keys()):
            if told.get(name, 0) != newest.get(name, 0):
                found.append(f"gate {node.number} has {name} {told.get(name, 0)}, the cloud {newest.get(name, 0)}")
    return found
