# SPDX-License-Identifier: Apache-2.0
"""What to do with batches of events: pure, no I/O, no clock. Storing and acknowledging follow from its answers.

A chain is one stream of one epoch of a gate. What continues a chain is fresh; what repeats it is a duplicate; what
contradicts it is a fork, kept beside it; what leaves a gap waits for what is missing. In every case an
acknowledgement names the end of the stored chain; a repetition's own end is acknowledged besides, for a gate that was
restored from an old image of its card knows no later event of that epoch, and would send it for ever.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import EVENTS, EpochOpened, Stream, first_head, next_head
from pistegate_protocol.messages import UP, Ack, Batch, Up
from pistegate_protocol.topics import Device, Role, device_of

SITE_MAX = 0x7FFF  # claims carry a site in 15 bits
DEVICE_MAX = 0xFFFF  # messages carry a device in 16 bits
TELLERS = frozenset({Role.GATE, Role.TILL, Role.INSPECT})  # roles that tell events


@dataclass(frozen=True, slots=True, order=True)
class ChainKey:
    """Which chain."""

    site: int
    gate: int
    stream: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a stored chain."""

    seq: int
    head: bytes


class StoredEvent(NamedTuple):
    """An event in its place, `head` being the chain's head after it. A tuple: thousands are made per second."""

    key: ChainKey
    seq: int
    head: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that goes into quarantine, unacknowledged; `reason` as in texts exception.quarantined_REASON.

    `name`: what makes it the same as another one, where that is not its payload.
    """

    topic: str
    payload: bytes
    reason: str
    device: Device | None = None
    name: bytes | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message whose sender is who its topic says."""

    device: Device
    message: Up


def open_message(topic: str, payload: bytes) -> Accepted | Refused:
    """Decode a message and compare it with its topic."""
    try:
        device = device_of(topic)
    except ValueError:
        return Refused(topic, payload, "bad_topic")
    if not (device.site <= SITE_MAX and device.number <= DEVICE_MAX):
        return Refused(topic, payload, "bad_topic")
    try:
        message = UP.decode(payload)
    except UnknownVersion:
        return Refused(topic, payload, "unknown_version", device)
    except CodecError:
        return Refused(topic, payload, "unreadable", device)
    if message.device != device.number:
        return Refused(topic, payload, "identity_mismatch", device)
    if isinstance(message, Batch) and device.role not in TELLERS:
        return Refused(topic, payload, "wrong_role", device)
    return Accepted(device, message)


def key_of(device: Device, batch: Batch) -> ChainKey:
    """The chain a batch belongs to."""
    return ChainKey(device.site, device.number, batch.stream, batch.epoch)


def start_of(key: ChainKey) -> Position:
    """Where a chain begins, before its first event."""
    return Position(0, first_head(key.gate, Stream(key.stream), key.epoch))


@dataclass(slots=True)
class Chain:
    """A chain while batches are added; `heads` holds those heads by seq that were stored or have been loaded."""

    key: ChainKey
    position: Position
    heads: dict[int, bytes] = field(default_factory=dict)
    fresh: list[StoredEvent] = field(default_factory=list)
    forks: list[StoredEvent] = field(default_factory=list)
    repeated: list[Position] = field(default_factory=list)
    """Ends of batches that were stored whole before, short of the chain's end."""

    def __post_init__(self) -> None:
        """The end as stored stays known while the position moves on."""
        self.heads[self.position.seq] = self.position.head

    def missing_heads(self, batch: Batch, heads_of: "HeadsOf | None" = None) -> range:
        """Seqs whose stored heads `add` will need for this batch; empty unless it overlaps in a doubtful way."""
        if batch.first_seq > self.position.seq:
            return range(0)
        heads = (heads_of or heads_after)(batch)
        last = min(batch.first_seq + len(heads) - 1, self.position.seq)
        if self.heads.get(last) == heads[last - batch.first_seq]:
            return range(0)
        return range(batch.first_seq, last + 1)

    def add(self, batch: Batch, heads_of: "HeadsOf | None" = None) -> None:
        """Take a batch in: nothing of it is lost unless it leaves a gap, and then it will be sent again."""
        if batch.first_seq > self.position.seq + 1:
            return
        heads = (heads_of or heads_after)(batch)
        events = [
            StoredEvent(self.key, batch.first_seq + offset, head, payload)
            for offset, (head, payload) in enumerate(zip(heads, batch.payloads, strict=True))
        ]
        duplicates = self._duplicates(batch, events)
        rest = events[duplicates:]
        if not rest and events[-1].seq < self.position.seq:
            self.repeated.append(Position(events[-1].seq, events[-1].head))
        if rest and (rest[0].seq <= self.position.seq or self._breaks(batch)):
            self.forks += rest
        else:
            self._append(rest)

    def _breaks(self, batch: Batch) -> bool:
        """Whether a batch that begins right after this chain follows another head."""
        return batch.first_seq == self.position.seq + 1 and batch.previous != self.position.head

    def _duplicates(self, batch: Batch, events: list[StoredEvent]) -> int:
        """How many leading events are stored already, by key and head."""
        overlap = min(events[-1].seq, self.position.seq) - batch.first_seq + 1
        agreeing = (count for count in range(overlap, 0, -1) if self._stored(events[count - 1]))
        return next(agreeing, 0)

    def _stored(self, event: StoredEvent) -> bool:
        return self.heads.get(event.seq) == event.head

    def _append(self, events: list[StoredEvent]) -> None:
        for event in events:
            self.heads[event.seq] = event.head
        if events:
            self.fresh += events
            self.position = Position(events[-1].seq, events[-1].head)


def heads_after(batch: Batch) -> list[bytes]:
    """The chain's head after each event of a batch, by what the batch says of the head before."""
    return list(accumulate(batch.payloads, next_head, initial=batch.previous))[1:]


HeadsOf = Callable[[Batch], list[bytes]]


class Heads:
    """`heads_after`, worked out once for each batch: it was a sixth of taking a group in (measured).

    For as long as the caller holds the batches: they are told apart by being the same object.
    """

    def __init__(self) -> None:
        self._known: dict[int, list[bytes]] = {}

    def of(self, batch: Batch) -> list[bytes]:
        """As `heads_after`."""
        found = self._known.get(id(batch))
        if found is None:
            found = self._known[id(batch)] = heads_after(batch)
        return found


def add_batches(
    chains: Mapping[ChainKey, Chain], batches: Iterable[tuple[ChainKey, Batch]], heads_of: HeadsOf = heads_after
) -> None:
    """Add every batch to its chain, those with lower seqs first, so that order of arrival hardly matters."""
    for key, batch in sorted(batches, key=lambda item: (item[0], item[1].first_seq)):
        chains[key].add(batch, heads_of)


def acknowledgements(chain: Chain, generation: int) -> list[Ack]:
    """What is told of a chain after the commit, in order."""
    return [acknowledgement(chain.key, position, generation) for position in (*chain.repeated, chain.position)]


def acknowledgement(key: ChainKey, position: Position, generation: int) -> Ack:
    """What is told to the gate after the commit."""
    return Ack(Stream(key.stream), key.epoch, position.seq, position.head, generation)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a chain's first event says of the epoch before; previous_epoch 0: there was none."""

    previous_epoch: int
    previous_head: bytes


def opening_of(payload: bytes) -> Opening | None:
    """The opening in a chain's first event; None when it is something else (shown when it is applied)."""
    try:
        event = EVENTS.decode(payload)
    except CodecError:
        return None
    return Opening(event.previous_epoch, event.previous_head) if isinstance(event, EpochOpened) else None


def observe_epoch(recent: list[int], epoch: int) -> tuple[list[int], bool]:
    """Epochs of a device's hellos in order of change, and whether it went back (A, B, A): two devices, one identity."""
    if recent and recent[-1] == epoch:
        return recent, False
    return [*recent, epoch][-8:], epoch in recent
