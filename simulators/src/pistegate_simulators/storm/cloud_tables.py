# SPDX-License-Identifier: Apache-2.0
"""The cloud's tables in memory: what the real ones (ingest/store.py) hold, without their SQL.

A differential test gives the same batches to both.
"""

from dataclasses import dataclass, field

from pistegate_cloud.ingest.core import (
    Chain,
    ChainKey,
    Position,
    Refused,
    StoredEvent,
    add_batches,
    opening_of,
    start_of,
)
from pistegate_protocol.messages import Batch, SignedDocument


@dataclass(slots=True)
class Tables:
    """`events`: in the order of storing. `heads`: of stored chains. `documents`: the newest of each name, signed."""

    positions: dict[ChainKey, Position] = field(default_factory=dict)
    events: list[StoredEvent] = field(default_factory=list)
    heads: dict[ChainKey, dict[int, bytes]] = field(default_factory=dict)
    forks: dict[tuple[ChainKey, int, bytes], StoredEvent] = field(default_factory=dict)
    quarantine: list[Refused] = field(default_factory=list)
    documents: dict[str, tuple[int, SignedDocument]] = field(default_factory=dict)
    denied: dict[int, int] = field(default_factory=dict)
    recent_epochs: dict[int, list[int]] = field(default_factory=dict)
    lost: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Name -> the versions between two of these were made by a database that was lost."""
    recovered: dict[str, int] = field(default_factory=dict)
    """Name -> newest of the lost versions that a device sent back."""

    def copy(self) -> "Tables":
        """As a backup holds it."""
        return Tables(
            dict(self.positions),
            list(self.events),
            {key: dict(heads) for key, heads in self.heads.items()},
            dict(self.forks),
            list(self.quarantine),
            dict(self.documents),
            dict(self.denied),
            {device: list(epochs) for device, epochs in self.recent_epochs.items()},
            {name: list(spans) for name, spans in self.lost.items()},
            dict(self.recovered),
        )

    def chains(self, keys: list[ChainKey]) -> dict[ChainKey, Chain]:
        """The chains, begun where they are new."""
        return {key: Chain(key, self.positions.get(key, start_of(key))) for key in keys}

    def store(self, work: list[tuple[ChainKey, Batch]]) -> dict[ChainKey, Chain]:
        """Take batches in, all or nothing; the chains as they are now."""
        chains = self.chains(sorted({key for key, _ in work}))
        for key, batch in work:
            stored = self.heads.get(key, {})
            chains[key].heads |= {seq: stored[seq] for seq in chains[key].missing_heads(batch) if seq in stored}
        add_batches(chains, work)
        for key, chain in chains.items():
            self.positions[key] = chain.position
            self.events += chain.fresh
            self.heads.setdefault(key, {}).update((event.seq, event.head) for event in chain.fresh)
            for event in chain.forks:
                self.forks.setdefault((key, event.seq, event.head), event)
        return chains

    def floor(self, name: str) -> int:
        """New versions of a document are this at least."""
        return max((before for _, before in self.lost.get(name, [])), default=1)

    def was_lost(self, name: str, version: int) -> bool:
        """Whether a database that is lost made this version."""
        return any(after < version < before for after, before in self.lost.get(name, []))

    def rewound(self) -> set[ChainKey]:
        """Epochs that follow a head in the middle of an epoch, or one that another epoch follows too."""
        found: set[ChainKey] = set()
        followed: dict[tuple[int, int, int, int], ChainKey] = {}
        for event in self.events:
            opening = opening_of(event.payload) if event.seq == 1 else None
            if opening is None:
                continue
            key = event.key
            place = (key.site, key.gate, key.stream, opening.previous_epoch)
            if (other := followed.setdefault(place, key)) != key:
                found |= {other, key}
            before = ChainKey(key.site, key.gate, key.stream, opening.previous_epoch)
            position = self.positions.get(before)
            if position is not None and position.head != opening.previous_head:
                found.add(key)
        return found
