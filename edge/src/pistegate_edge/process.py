# SPDX-License-Identifier: Apache-2.0
"""What the processes of all roles have in common: one queue, one loop, a journal, a reader, and an orderly end."""

import secrets
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pistegate_edge import config as settings
from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.journal.journal import Journal
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import Pn532
from pistegate_edge.readers.supervisor import Desk, ReaderThread
from pistegate_protocol.version import __version__

IDLE_S = 5.0  # seconds; a loop wakes at least so often
DRAIN_S = 2.0  # seconds that an orderly end waits for the cloud's acknowledgements
TIDY_S = 2.0  # seconds between looks whether the journal wants tidying

T = TypeVar("T")
SomeJournal = TypeVar("SomeJournal", bound=Journal)


@dataclass(frozen=True, slots=True)
class Stop:
    """End in good order; a second one does not wait for what is under way."""


class Process(Protocol):
    """One of them."""

    def stop(self) -> None:
        """Ask for an orderly end; from any thread or a signal handler."""

    def run(self) -> None:
        """Until told to stop."""


def run_until_signal(process: Process) -> None:
    """`run`, until it is over or SIGTERM or SIGINT asks for the end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    process.run()


class Feed(Generic[T]):
    """Inputs in order: one that comes of carrying out another waits for its end."""

    def __init__(self, step: Callable[[T], None]) -> None:
        self._step = step
        self._pending: deque[T] = deque()
        self._feeding = False

    def __call__(self, told: T) -> None:
        """Take `told`, now or after what is being carried out."""
        self._pending.append(told)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._pending:
                self._step(self._pending.popleft())
        finally:
            self._feeding = False
            self._pending.clear()


def open_journal(
    kind: type[SomeJournal], storage: settings.Storage, device: settings.Device, clock: Clock
) -> SomeJournal:
    """The device's journal, its directory made where it is missing."""
    directory = Path(storage.directory)
    directory.mkdir(parents=True, exist_ok=True)
    reserve = storage.reserve_kib * 1024
    random32 = secrets.randbits(32)
    return kind(
        directory, device.site, device.number, reserve, clock, random32, __version__, keep_days=storage.keep_days
    )


def open_reader(
    reader: settings.Reader, desk: Desk, ready: Callable[[str], None], lost: Callable[[str], None]
) -> ReaderThread:
    """Not yet started; `ready` and `lost` are called from its thread."""
    return ReaderThread(partial(Pn532, reader.path, reader.fastest), desk, ready, lost)


def noted_at_start(documents: DocumentStore, journal: Journal, keys: KeyStore) -> list[tuple[IncidentCode, str]]:
    """What a device has to report when it starts."""
    found = [(IncidentCode.DOCUMENT_REFUSED, f"stored {name}: {why}") for name, why in documents.problems]
    if journal.mark is not None and journal.mark.told:
        found.append((IncidentCode.JOURNAL_SALVAGED, journal.mark.told))
    elif journal.set_aside:
        found.append((IncidentCode.JOURNAL_SET_ASIDE, f"kept as {journal.set_aside}"))
    elif journal.created:
        found.append((IncidentCode.JOURNAL_CREATED, "a new journal was begun"))
    if journal.rolled_back is not None:
        begun, there = journal.rolled_back
        found.append(
            (IncidentCode.JOURNAL_ROLLED_BACK, f"run {begun} was begun here, the journal ends with run {there}")
        )
    elif journal.log_is_gone:
        found.append((IncidentCode.JOURNAL_ROLLED_BACK, "the write-ahead log of the last run is gone"))
    if keys.warning:
        found.append((IncidentCode.LAB_KEYS, keys.warning))
    return found


def service_with_keys(service: str, keys: KeyStore) -> str:
    """A device's state as Hello tells it; keys that are kept for the lab only are told with it."""
    return service + ("; lab only" if keys.warning else "")
