# SPDX-License-Identifier: Apache-2.0
"""A gate's journal at work on a disk whose power goes, and what a guest was promised when it did.

A promise is whatever a call of the journal returned for: the lane opens after `admit`, the cloud may forget after
nothing, a person counts after `outcome`. After the cut the next start must know all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from journal_aging import Hands

from pistegate_edge.core.actions import RecordAdmission, RecordOutcome, RecordSettled
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.journal import retention
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import EVENTS, Admitted, Event, Incident, Outcome, OutcomeKind, Settled, Stream
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.usage import Usage, encode_counters
from pistegate_simulators.disk import FATES, Disk, DiskFiles, Fate, PowerCut

SITE, GATE, RESERVE = 1, 3, 16_384
USED = encode_counters(Usage(claim=b"", used_total=1))
Connector = Callable[[DiskFiles], DiskFiles]
Place = tuple[Stream, int, int]


@dataclass
class Promises:
    """What the journal said is safe. `open`: admissions without outcome, with the persons told as through."""

    events: dict[Place, bytes] = field(default_factory=dict)
    open: dict[bytes, int] = field(default_factory=dict)
    owed: dict[bytes, int] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)


class Workplace:
    """A journal's files and what was promised. `told`: called whenever a promise was made."""

    def __init__(self, promises: Promises | None = None) -> None:
        self.clock = Hands()
        self.promises = Promises() if promises is None else promises
        self.told: Callable[[Promises], None] = lambda promises: None

    def files(self) -> Files:
        """Where the journal lies."""
        raise NotImplementedError

    def start(self) -> Journal:
        """The next run of the gate."""
        run, files = len(self.promises.epochs) + 1, self.files()
        journal = Journal(files.directory, SITE, GATE, RESERVE, self.clock, run, "cut", keep_days=1, files=files)
        self.promises.epochs.append(journal.epoch)
        return journal

    def keep(self, stream: Stream, epoch: int, seq: int, event: Event) -> None:
        """An event is durable."""
        self.promises.events[stream, epoch, seq] = EVENTS.encode(event)
        self.told(self.promises)


class Bench(Workplace):
    """On a simulated disk; `wrap`: another way to its files, for planted bugs."""

    def __init__(self, disk: Disk, wrap: Connector = lambda files: files) -> None:
        super().__init__()
        self.disk = disk
        self.wrap = wrap

    def files(self) -> Files:
        """See Workplace."""
        return self.wrap(DiskFiles(self.disk))

    def until_cut(self, work: Callable[["Bench"], None]) -> bool:
        """Do the work; whether the power went in it."""
        try:
            work(self)
        except PowerCut:
            return True
        return False


def day(bench: Workplace) -> None:
    """A short day: guests, one of them turned back, one in an open lane at the end; notes, documents, forgetting."""
    journal = bench.start()
    for number in range(3):
        _guest(bench, journal, number)
    _turned_back(bench, journal, 3)
    _note(bench, journal)
    _document(bench, journal, journal.epoch >> 32)
    _acknowledge(bench, journal)
    _settle(bench, journal)
    bench.clock.on(2 * retention.DAY_S)
    for _ in range(6):
        bench.clock.on(retention.MARK_S)
        journal.tidy()
    _guest(bench, journal, 4)
    _admit(bench, journal, 5)
    journal.close()


def _admit(bench: Workplace, journal: Journal, number: int, n: int = 1) -> tuple[int, bytes]:
    card = b"\x01" + number.to_bytes(7, "big")
    event = Admitted(bench.clock.wall_ms(), number, card, bytes(8), n, n, USED, bytes(8))
    seq, name = journal.admit(RecordAdmission(event, n))
    bench.promises.open[name] = 0
    bench.keep(Stream.LEDGER, journal.epoch, seq, event)
    return seq, name


def _guest(bench: Workplace, journal: Journal, number: int) -> None:
    """Two persons, told one by one."""
    seq, name = _admit(bench, journal, number, 2)
    journal.progress(journal.epoch, seq, 1)
    bench.promises.open[name] = 1
    bench.told(bench.promises)
    _outcome(bench, journal, seq, name, 2, None)


def _turned_back(bench: Workplace, journal: Journal, number: int) -> None:
    seq, name = _admit(bench, journal, number)
    _outcome(bench, journal, seq, name, 0, OwedEntry(name, 1, bench.clock.mono + 10_000_000))


def _outcome(bench: Workplace, journal: Journal, seq: int, name: bytes, passed: int, owed: OwedEntry | None) -> None:
    kind = OutcomeKind.PASSED if passed else OutcomeKind.CARD_UNCONFIRMED
    event = Outcome(bench.clock.wall_ms(), journal.epoch, seq, kind, passed)
    del bench.promises.open[name]  # until the call returns, nobody is promised that it is open still
    bench.told(bench.promises)
    journal.outcome(RecordOutcome(event, owed, unsettled=not passed))
    if owed is not None:
        bench.promises.owed[name] = owed.persons
    bench.keep(Stream.LEDGER, journal.epoch, journal.last_seq(Stream.LEDGER), event)


def _settle(bench: Workplace, journal: Journal) -> None:
    """The one that was turned back comes again: its card tells."""
    unsettled = [place for place in bench.promises.events if place[1] == journal.epoch]
    seq = max(at for stream, _, at in unsettled if stream is Stream.LEDGER) - 1
    event = Settled(bench.clock.wall_ms(), journal.epoch, seq, True)
    journal.settled(RecordSettled(event))
    bench.keep(Stream.LEDGER, journal.epoch, journal.last_seq(Stream.LEDGER), event)


def _note(bench: Workplace, journal: Journal) -> None:
    event = Incident(bench.clock.wall_ms(), "reader_lost", "")
    journal.note(event)
    bench.keep(Stream.NOTES, journal.epoch, journal.last_seq(Stream.NOTES), event)


def _document(bench: Workplace, journal: Journal, version: int) -> None:
    journal.store_document("deny_list", version, SignedDocument(1, bytes(3000), bytes(64)))
    bench.promises.documents["deny_list"] = version
    bench.told(bench.promises)


def _acknowledge(bench: Workplace, journal: Journal) -> None:
    for pending in journal.pending():
        journal.acknowledge(pending.stream, pending.epoch, pending.last_seq)


def violations(bench: Workplace) -> list[str]:
    """What the next start does not know, of all that was promised; empty: nothing is lost."""
    before = list(bench.promises.epochs)
    promised = bench.promises
    try:
        journal = bench.start()
    except PowerCut:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the gate does not open in the morning
        return [f"does not start: {type(error).__name__}: {error}"]
    with journal:
        found = [] if journal.mark is None else [f"took itself for damaged: {journal.mark}"]
        if before and journal.created:
            found.append("began empty")
        if before and journal.epoch >> 32 <= max(epoch >> 32 for epoch in before):
            found.append(f"epoch {journal.epoch >> 32} again")
        found += [f"lost {place}" for place, payload in promised.events.items() if not _kept(journal, place, payload)]
        left = {each.name: each.passed for each in journal.unfinished()}
        found += [f"lost open admission {name.hex()}" for name in promised.open if name not in left]
        found += [
            f"lost persons of {name.hex()}" for name, passed in promised.open.items() if left.get(name, passed) < passed
        ]
        owed = {entry.admission: entry.persons for entry in journal.owed()}
        found += [f"lost owed {name.hex()}" for name in promised.owed if name not in owed]
        for name, version in promised.documents.items():
            stored = journal.document(name)
            if stored is None or stored[0] < version:
                found.append(f"lost document {name} {version}")
        if not journal.reserve.held:
            found.append("no reserve")
    return found


def _kept(journal: Journal, place: Place, payload: bytes) -> bool:
    stream, epoch, seq = place
    rows: list[Any] = journal._db.execute(
        "SELECT payload FROM event WHERE stream = ? AND epoch = ? AND seq = ?", (stream, epoch, seq)
    ).fetchall()
    return (bool(rows) and bytes(rows[0][0]) == payload) or _was_forgotten(journal, place)


def _was_forgotten(journal: Journal, place: Place) -> bool:
    stream, epoch, seq = place
    known = journal._db.execute(
        "SELECT kept_from FROM epoch WHERE stream = ? AND epoch = ?", (stream, epoch)
    ).fetchone()
    return known is not None and seq < int(known[0])


@dataclass
class Found:
    """`operations` of the whole work; `cuts` made, `missed`: the work was over before; red ones with what was wrong."""

    operations: int
    cuts: int = 0
    missed: int = 0
    red: list[tuple[int, Fate, list[str]]] = field(default_factory=list)


def cut_everywhere(made: Callable[[object], Bench], work: Callable[[Bench], None], every: int = 1) -> Found:
    """Do the work once whole, then again with the power going in each `every`th operation, for each fate.

    `made`: a bench whose disk draws from this seed.
    """
    whole = made("whole")
    began = whole.disk.operations
    work(whole)
    found = Found(whole.disk.operations - began)
    for at in range(1, found.operations + 1, every):
        for fate in FATES:
            bench = made(f"{at} {fate}")
            bench.disk.cut_at = began + at
            found.cuts += 1
            found.missed += not bench.until_cut(work)
            bench.disk.power_on(fate)
            wrong = violations(bench)
            if wrong:
                found.red.append((at, fate, wrong))
    return found


def cut_twice(made: Callable[[object], Bench], work: Callable[[Bench], None], times: int, seed: int) -> Found:
    """The power goes in the work, and then again in the start after it: flickering, as before a storm."""
    random = Random(seed)
    whole = made("whole")
    work(whole)
    found = Found(whole.disk.operations)
    for number in range(times):
        bench = made(f"{seed} {number}")
        bench.disk.cut_at = random.randrange(1, found.operations + 1)
        bench.until_cut(work)
        for _ in range(random.randrange(1, 4)):
            bench.disk.power_on()
            bench.disk.cut_at = bench.disk.operations + random.randrange(1, 25)
            found.cuts += 1
            found.missed += not bench.until_cut(lambda bench: bench.start().close())
        fate = bench.disk.power_on()
        wrong = violations(bench)
        if wrong:
            found.red.append((number, fate, wrong))
    return found
