# SPDX-License-Identifier: Apache-2.0
"""The tables of a storm's cloud against the real ones: the same batches give the same rows and acknowledgements."""

from dataclasses import dataclass
from typing import Any

import pytest

from pistegate_cloud.ingest.core import ChainKey
from pistegate_cloud.ingest.models import ForkEvent, RawEvent
from pistegate_cloud.passages.models import Admission
from pistegate_protocol.events import EVENTS, Admitted, Outcome, OutcomeKind, Stream
from pistegate_protocol.messages import DOWN, UP, Ack, Batch
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.storm.cloud_node import CloudNode
from pistegate_simulators.storm.cloud_tables import Tables
from pistegate_simulators.storm.tickets import SITE
from pistegate_simulators.storm.world import GATES, World

SEEDS = 60  # among them there are storms of every kind
Told = tuple[int, int, int, int, bytes]


@dataclass(frozen=True)
class Group:
    """Batches of one commit, and what was acknowledged: (gate, stream, epoch, seq, head), in order by chain."""

    messages: list[tuple[str, bytes]]
    told: list[Told]


class RecordingCloud(CloudNode):
    """Keeps what it takes in and what it answers."""

    groups: list[Group]

    def _store(self, batches: list[tuple[ChainKey, Batch]]) -> list[tuple[int, bytes]]:
        answers = super()._store(batches)
        told = [told_in(gate, DOWN.decode(payload)) for gate, payload in answers]
        messages = [(Device(SITE, Role.GATE, key.gate).up, UP.encode(batch)) for key, batch in batches]
        if not hasattr(self, "groups"):
            self.groups = []
        self.groups.append(Group(messages, sorted(told)))
        return answers


def told_in(gate: int, ack: Ack) -> Told:
    """An acknowledgement, comparable."""
    return gate, int(ack.stream), ack.epoch, ack.seq, ack.head


def stormed(*, turned_back: bool) -> tuple[list[Group], Tables]:
    """What came to the cloud in a storm, and its tables; `turned_back`: a gate's SD card was written anew meanwhile.

    Of a storm in which the cloud itself was not restored (it would have forgotten what it was told) and nobody lied.
    """
    for seed in range(SEEDS):
        world = World(seed, cloud=RecordingCloud)
        try:
            world.run()
        finally:
            world.close()
        assert isinstance(world.cloud, RecordingCloud)
        forked = bool(world.cloud.tables.rewound())
        honest = {key.gate for key in world.cloud.tables.positions} == set(GATES)
        restored = any(world.truth.restores.values())
        if world.cloud.generation == 1 and honest and forked is restored is turned_back:
            return world.cloud.groups, world.cloud.tables
    raise AssertionError("no such storm")


def folded(tables: Tables) -> dict[tuple[int, int, int], tuple[Any, ...]]:
    """Admissions as the ledger tells them: (gate, epoch, seq) -> ticket, persons, charged, state, passed, unknown."""
    found: dict[tuple[int, int, int], tuple[Any, ...]] = {}
    for stored in tables.events:
        event = EVENTS.decode(stored.payload) if stored.key.stream == Stream.LEDGER else None
        if isinstance(event, Admitted):
            found[stored.key.gate, stored.key.epoch, stored.seq] = (event.ticket, event.n, event.charged, "open", 0, 0)
        elif isinstance(event, Outcome):
            ref = (stored.key.gate, event.epoch, event.seq)
            end = (OutcomeKind(event.kind).name.lower(), event.passed, event.unknown)
            found[ref] = (*found[ref][:3], *end)
    return found


async def take(cloud: Any, groups: list[Group]) -> None:
    """Give the real ingestion the same, and let it apply as it goes."""
    for gate in GATES:
        if gate > 3:  # the first three stand at the test's site already
            await cloud.post("/gates", {"site": SITE, "number": gate, "post": 1, "name": f"Lane {gate}"})
    for number, group in enumerate(groups):
        answers = await cloud.services.ingest.receive(group.messages)
        gate_of = {Device(SITE, Role.GATE, gate).down: gate for gate in GATES}
        told = sorted(told_in(gate_of[topic], DOWN.decode(payload)) for topic, payload in answers)
        assert told == group.told, f"group {number}"
        if number % 20 == 0:
            await cloud.services.ingest.apply_pending()
    for _ in range(3):  # an epoch whose predecessor never came is waited for
        await cloud.services.ingest.apply_pending()
        cloud.clock.seconds += 61


@pytest.mark.parametrize("turned_back", [False, True])
async def test_real_tables_end_like_those_of_the_storm(cloud: Any, *, turned_back: bool) -> None:
    """Every acknowledgement of every commit, every event, every fork, every admission; and no false alarm."""
    groups, tables = stormed(turned_back=turned_back)
    await take(cloud, groups)
    raw = {(r.gate, r.stream, r.epoch, r.seq): (bytes(r.payload), bytes(r.head)) for r in await RawEvent.all()}
    stored = {(e.key.gate, e.key.stream, e.key.epoch, e.seq): (e.payload, e.head) for e in tables.events}
    assert raw == stored
    forks = {(row.gate, row.stream, row.epoch, row.seq, row.head) for row in await ForkEvent.all()}
    assert forks == {(key.gate, key.stream, key.epoch, seq, head.hex()) for key, seq, head in tables.forks}
    kinds = set(await cloud.exceptions())
    assert bool(kinds & {"rewound", "fork_epochs", "fork"}) is bool(tables.rewound() or tables.forks)
    if not turned_back:
        rows = {
            (row.gate, row.epoch, row.seq): (row.ticket, row.n, row.charged, row.state, row.passed, row.unknown)
            for row in await Admission.all()
        }
        assert rows == folded(tables)
        assert "inapplicable" not in kinds
