# SPDX-License-Identifier: Apache-2.0
"""The cloud of a storm: its real ingest core over tables in memory, with a commit that takes time and may not come."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from pistegate_cloud.documents.asking import ANSWER_S, first_after
from pistegate_cloud.ingest.core import (
    Accepted,
    ChainKey,
    Refused,
    acknowledgement,
    acknowledgements,
    key_of,
    observe_epoch,
    open_message,
    start_of,
)
from pistegate_protocol.documents import (
    DENY_LIST,
    DOCUMENT_NAMES,
    DenyList,
    Document,
    DocumentRefused,
    sign_document,
    verify_document,
)
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import (
    DOWN,
    Batch,
    DocumentWanted,
    HeldDocument,
    Hello,
    Notice,
    SignedDocument,
    TimeAsked,
)
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.time_marks import TimeMark, sign_time
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.storm.cloud_tables import Tables
from pistegate_simulators.storm.tickets import DOCUMENTS, KEY_ID, SITE
from pistegate_simulators.storm.timeline import Timeline
from pistegate_simulators.storm.trace import Trace

COMMIT_S = (0.005, 0.03)  # seconds from a message's arrival to the commit of its group
TELL_S = (0.0, 0.02)  # seconds from a commit to its acknowledgements

_RING = KeyRing({KEY_ID: DOCUMENTS.public_key().public_bytes_raw()})

Down = Callable[[bytes], None]


class CloudNode:
    """`lines`: how each gate is told. `stored`: called with the tables after each commit."""

    def __init__(self, timeline: Timeline, rng: Random, trace: Trace, stored: Callable[[Tables], None]) -> None:
        self.tables = Tables()
        self.generation = 1
        self.up = True
        self.lines: dict[int, Down] = {}
        self.hellos: dict[int, Hello] = {}
        self._timeline = timeline
        self._rng = rng
        self._trace = trace
        self._stored = stored
        self._run = 0
        self._waiting: list[tuple[str, bytes]] = []
        self._asked: dict[tuple[int, str, int], float] = {}

    # What the world does

    def crash(self) -> None:
        """What is not committed is lost, and so are answers not yet sent."""
        self.up = False
        self._run += 1
        self._waiting.clear()

    def start(self) -> None:
        """It serves again."""
        self.up = True

    def restore(self, backup: Tables) -> None:
        """From a backup, as another generation."""
        self._run += 1
        self._waiting.clear()
        self.tables = tables = backup.copy()
        self.generation += 1
        self._asked.clear()
        self.hellos.clear()
        for name in (DENY_LIST,):
            newest = max(tables.documents.get(name, (0, None))[0], tables.floor(name) - 1)
            tables.lost.setdefault(name, []).append((newest, first_after(newest, self._timeline.wall_ms)))

    def publish(self, kind: type[Document], entries: Sequence[object]) -> int:
        """A new version of a document, for every gate; the version."""
        name = DOCUMENT_NAMES[kind]
        version = max(self.tables.documents.get(name, (0, None))[0] + 1, self.tables.floor(name))
        document = kind(site=SITE, version=version, issued_at=self._timeline.wall_ms, entries=list(entries))  # type: ignore[arg-type]
        self.tables.documents[name] = version, sign_document(document, KEY_ID, DOCUMENTS)
        self._trace("cloud", f"publishes {name} version {version}")
        for number, tell in self.lines.items():
            if self._may_push(number, name):
                tell(DOWN.encode(self.tables.documents[name][1]))
        return version

    def _may_push(self, gate: int, name: str) -> bool:
        """Not to whom a restored cloud may have to ask for a newer one: they are answered when they say hello."""
        if name not in self.tables.lost:
            return True
        hello = self.hellos.get(gate)
        return hello is not None and not self._waits_for(gate, hello, name)

    def deny(self, denied: Mapping[int, int]) -> int:
        """These tickets below these revisions too; the list's version."""
        self.tables.denied |= denied
        return self.publish(DenyList, sorted(self.tables.denied.items()))

    # What gates tell

    def receive(self, gate: int, payload: bytes) -> None:
        """A message of a gate, taken in with whatever else comes until the commit."""
        if not self.up:
            return
        if not self._waiting:
            run = self._run
            self._timeline.after(self._rng.uniform(*COMMIT_S), lambda: self._commit(run))
        self._waiting.append((Device(SITE, Role.GATE, gate).up, payload))

    def _commit(self, run: int) -> None:
        if run != self._run:
            return
        opened = [open_message(topic, payload) for topic, payload in self._waiting]
        self._waiting.clear()
        answers: list[tuple[int, bytes]] = []
        batches: list[tuple[ChainKey, Batch]] = []
        for item in opened:
            match item:
                case Refused():
                    self.tables.quarantine.append(item)
                case Accepted(device, Hello() as hello):
                    answers += [(device.number, answer) for answer in self._hello(device, hello)]
                case Accepted(device, Batch() as batch):
                    batches.append((key_of(device, batch), batch))
                case Accepted(device, TimeAsked() as asked):
                    mark = TimeMark(SITE, device.number, asked.nonce, self._timeline.wall_ms)
                    answers.append((device.number, DOWN.encode(sign_time(mark, KEY_ID, DOCUMENTS))))
                case Accepted(device, HeldDocument() as held):
                    self._returned(device, held)
        answers += self._store(batches)
        self._timeline.after(self._rng.uniform(*TELL_S), lambda: self._answer(run, answers))

    def _store(self, batches: list[tuple[ChainKey, Batch]]) -> list[tuple[int, bytes]]:
        chains = self.tables.store(batches)
        self._stored(self.tables)
        for key, chain in chains.items():
            if chain.forks:
                self._trace("cloud", f"fork: gate {key.gate} epoch {key.epoch} seq {chain.forks[0].seq}")
        return [
            (key.gate, DOWN.encode(ack))
            for key, chain in chains.items()
            for ack in acknowledgements(chain, self.generation)
        ]

    def _hello(self, device: Device, hello: Hello) -> list[bytes]:
        """As gates/service.hello: newer documents first, then where the epoch's chains end."""
        tables = self.tables
        self.hellos[device.number] = hello
        recent, conflict = observe_epoch(tables.recent_epochs.get(device.number, []), hello.epoch)
        tables.recent_epochs[device.number] = recent
        asked = self._wanted(device, hello)
        newer = [name for name, (version, _) in tables.documents.items() if version > hello.documents.get(name, 0)]
        answers = [DOWN.encode(DocumentWanted(name)) for name in asked]
        answers += [DOWN.encode(tables.documents[name][1]) for name in sorted(newer) if name not in asked]
        for stream in Stream:
            key = ChainKey(device.site, device.number, stream, hello.epoch)
            position = tables.positions.get(key, start_of(key))
            answers.append(DOWN.encode(acknowledgement(key, position, self.generation)))
        if conflict:
            answers.append(DOWN.encode(Notice("identity_conflict", f"gate {device.number}")))
        return answers

    def _wanted(self, device: Device, hello: Hello) -> list[str]:
        """As documents.asking.wanted."""
        return [name for name in self.tables.lost if self._waits_for(device.number, hello, name)]

    def _waits_for(self, gate: int, hello: Hello, name: str) -> bool:
        """Whether a gate has a version that was lost here and did not come back yet, and has time to give it back."""
        version = hello.documents.get(name, 0)
        if not self.tables.was_lost(name, version) or self.tables.recovered.get(name, 0) >= version:
            return False
        since = self._asked.setdefault((gate, name, version), self._timeline.now)
        return self._timeline.now - since < ANSWER_S

    def _returned(self, device: Device, held: HeldDocument) -> None:
        """As documents.recovery.take: a lost deny list is believed by its signature, and what it denies is denied."""
        try:
            document = verify_document(SignedDocument(held.key_id, held.body, held.signature), _RING, device.site)
        except (DocumentRefused, CodecError):
            return
        name = DOCUMENT_NAMES[type(document)]
        if self.tables.was_lost(name, document.version) and self.tables.recovered.get(name, 0) < document.version:
            self.tables.recovered[name] = document.version
            self._trace("cloud", f"gets {name} version {document.version} back from gate {device.number}")
            if isinstance(document, DenyList):
                self.deny(dict(document.entries))

    def _answer(self, run: int, answers: list[tuple[int, bytes]]) -> None:
        if run != self._run:
            return
        for gate, answer in answers:
            self.lines[gate](answer)
