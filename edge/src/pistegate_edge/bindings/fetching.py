# SPDX-License-Identifier: Apache-2.0
"""A thread that brings the tables: asks, fetches what is new piece by piece, puts it in force, tells the gate's loop.

A file that broke off goes on where it was, also in the next run of the gate. What is not genuine, of another site or
older than what is here is told once and never applied; passages go on with the version before.
"""

import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pistegate_edge.bindings.asking import Asking
from pistegate_edge.bindings.download import Download
from pistegate_edge.bindings.server import FetchFailed, FileGone, TableServer, Wanted
from pistegate_edge.bindings.store import TablesDamaged, TablesFull
from pistegate_edge.bindings.tables import Tables
from pistegate_edge.bindings.told import TableApplied, TablesCurrent, TableTrouble
from pistegate_edge.core.actions import IncidentCode
from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.tables import WHOLE, TableHead, TableRefused

log = logging.getLogger(__name__)

FILES_MAX: Final = 4  # of one table in one round: a whole, the delta after it, and each once more
Told = TableApplied | TablesCurrent | TableTrouble


class Fetching:
    """One round after another, on whatever thread calls `round`. `tell` hears of what became of it."""

    def __init__(
        self,
        names: tuple[str, ...],
        tables: Tables,
        server: TableServer,
        opener: Callable[[str], Download],
        tell: Callable[[Told], None],
        wall_ms: Callable[[], int],
    ) -> None:
        """`names`: of the tables, in order; `opener`: the download of a table's file, as far as it came."""
        self._names = names
        self._tables = tables
        self._server = server
        self._opener = opener
        self._tell = tell
        self._wall_ms = wall_ms
        self._whole: set[str] = set()
        """Tables of which a delta did not fit: the next whole is taken."""
        self._troubles: dict[str, str] = {}

    def round(self, stop: Callable[[], bool]) -> bool:
        """Bring everything that is new; whether all of it is in force."""
        try:
            if self._tables.broken:
                self._tables.mend()
            found = [self._brought(name, stop) for name in self._names]  # each, whatever became of the one before
        except (TablesFull, TablesDamaged) as error:
            code = IncidentCode.TABLES_FULL if isinstance(error, TablesFull) else IncidentCode.TABLES_DAMAGED
            self._trouble(code, "", str(error))
            return False
        except FetchFailed as error:
            self._unreachable(str(error))
            return False
        except OSError as error:  # the file on its way could not be written
            self._trouble(IncidentCode.TABLES_FULL, "", f"{type(error).__name__}: {error}")
            return False
        if not all(found):
            return False
        self._troubles.clear()
        self._tell(TablesCurrent(self._tables.current_at(self._wall_ms())))
        return True

    def _brought(self, name: str, stop: Callable[[], bool]) -> bool:
        """Whether this table is what the cloud has."""
        for _ in range(FILES_MAX):
            version, keys = self._tables.state(name)
            wanted = self._server.next(name, *((0, 0) if name in self._whole else (version, keys)))
            if wanted is None:
                return True
            if stop():
                return False
            try:
                if wanted.version <= version:
                    raise TableRefused(f"the cloud has {name} version {wanted.version}, here is {version} already")
                head = self._fetched(wanted, stop)
                if head is None:
                    return False
            except FileGone:
                continue
            except (TableRefused, CodecError) as error:
                self._trouble(IncidentCode.TABLES_REFUSED, name, f"{name}: {error}")
                return False
            self._whole.discard(name)
            self._tell(TableApplied(head))
        return False

    def _fetched(self, wanted: Wanted, stop: Callable[[], bool]) -> TableHead | None:
        """Fetch and apply a file; None: told to stop. What an earlier attempt left is used where it fits."""
        download = self._opener(wanted.name)
        if download.head is not None and not _is(download.head, wanted):
            download.discard()
        resumed = download.wanted > 0
        try:
            if not self._fill(download, wanted, stop):
                return None
            head = self._tables.apply(download.path)
        except FileGone:
            download.discard()
            raise
        except (TableRefused, CodecError):
            download.discard()
            if resumed:  # the rest is of another file than the beginning was
                raise FileGone(f"{wanted.name} version {wanted.version} is another one by now") from None
            if wanted.since != WHOLE:
                self._whole.add(wanted.name)
            raise
        download.discard()
        return head

    def _fill(self, download: Download, wanted: Wanted, stop: Callable[[], bool]) -> bool:
        """Whether it is whole; it is not where we were told to stop."""
        while not download.complete:
            if stop():
                return False
            download.take(self._server.piece(wanted, download.wanted))
            if download.head is not None and not _is(download.head, wanted):
                head = download.head
                raise TableRefused(f"asked for {wanted}, came {head.table} {head.since} to {head.version}")
        return True

    def _trouble(self, code: IncidentCode, name: str, detail: str) -> None:
        """Told once, until it is over or another."""
        if self._troubles.get(name) != detail:
            self._troubles[name] = detail
            self._tell(TableTrouble(code, detail))

    def _unreachable(self, detail: str) -> None:
        """A gate may be alone: how long is told by others."""
        if self._troubles.get("cloud") != detail:
            self._troubles["cloud"] = detail
            log.warning("tables: the cloud does not give them: %s", detail)


class FetchThread:
    """`hint` may be called from any thread."""

    def __init__(self, fetching: Fetching, asking: Asking, server: TableServer, monotonic: Callable[[], float]) -> None:
        self._fetching = fetching
        self._asking = asking
        self._server = server
        self._monotonic = monotonic
        self._stopped = False
        self._woken = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tables", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hint(self) -> None:
        """The cloud may have news."""
        with self._woken:
            self._asking.hint(self._monotonic())
            self._woken.notify()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the thread to end and wait for it; a file on its way goes on in the next run."""
        with self._woken:
            self._stopped = True
            self._woken.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while self._due():
            try:
                good = self._fetching.round(lambda: self._stopped)
            except Exception:  # noqa: BLE001 - a thread that ends silently would leave old tables
                log.error("unexpected failure of the tables:\n%s", traceback.format_exc())
                good = False
            with self._woken:
                (self._asking.answered if good else self._asking.failed)(self._monotonic())
        self._server.close()

    def _due(self) -> bool:
        """Wait for the next question; False: the end."""
        with self._woken:
            while not self._stopped and (left := self._asking.due - self._monotonic()) > 0:
                self._woken.wait(left)
            return not self._stopped


def opened_download(directory: Path, keys: KeyRing, site: int) -> Callable[[str], Download]:
    """Where files on their way lie."""
    return lambda name: Download(directory / f"{name}.part", keys, site)


def _is(head: TableHead, wanted: Wanted) -> bool:
    return (head.table, head.since, head.version) == (wanted.name, wanted.since, wanted.version)
