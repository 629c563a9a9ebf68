# SPDX-License-Identifier: Apache-2.0
"""A gate's tables whatever becomes of their file: lookups never raise, damage is told once and mended by the fetcher.

Lookups come from the loop (10 to 30 us each), `apply` and `mend` from the one thread that fetches.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pistegate_edge.bindings.store import BindingStore, TablesDamaged, TablesFull
from pistegate_edge.core.reading import Unusable
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing, Medium
from pistegate_protocol.tables import BINDINGS, TableHead

CURRENT: Final = "tables.current"  # the file that tells when the cloud last had nothing newer; wall milliseconds
NOTED_EVERY_MS: Final = 600_000  # it is written no more often: an SD card wears
_NO_TABLE: Final = "no table of bindings came yet"


class Tables:
    """`damaged` is called once for each time that the file cannot be used, from the thread that noticed.

    `refusing`: why nobody is looked up though the table is there (too old, say); empty: they are.
    """

    def __init__(self, directory: Path, keys: KeyRing, site: int, damaged: Callable[[str], None]) -> None:
        self._directory = directory
        self._keys = keys
        self._site = site
        self._damaged = damaged
        self._store: BindingStore | None = None
        self._useless = False
        """Whether what lies on the disk is damaged: not only out of reach."""
        self.refusing = ""
        self.current_ms = self._noted = _written(directory / CURRENT)
        """Wall milliseconds at which everything here was as new as the cloud's; 0: never."""
        try:
            self._store = BindingStore(directory, keys, site)
        except (TablesDamaged, TablesFull) as error:
            self._useless = isinstance(error, TablesDamaged)
            damaged(str(error))

    @property
    def broken(self) -> bool:
        """Whether they have to be mended."""
        return self._store is None

    def looked_up(self, media: Mapping[int, Medium]) -> tuple[Medium, tuple[bytes, ...] | Unusable]:
        """A document's medium under the keys that the table was made with, and what is bound to it.

        During a change of the site's handle keys a gate holds both; the table says which it is made with.
        """
        number = self._number()
        medium = media.get(number, media[max(media)])
        if number and number not in media:
            held = ", ".join(str(each) for each in sorted(media))
            why = f"the table is made with handle keys {number}, this gate holds {held}"
            return medium, Unusable(Reason.DOCUMENTS_UNKNOWN, why)
        return medium, self.found(medium)

    def found(self, medium: Medium) -> tuple[bytes, ...] | Unusable:
        """The signed claims that are bound to a document or finger; Unusable: that cannot be known."""
        if self.refusing:
            return Unusable(Reason.DOCUMENTS_UNKNOWN, self.refusing)
        if not self._number():
            return Unusable(Reason.DOCUMENTS_UNKNOWN, _NO_TABLE)
        with self._noticing():
            if self._store is not None:
                return tuple(binding.signed for binding in self._store.bindings(medium))
        return Unusable(Reason.DOCUMENTS_UNKNOWN, "the tables are damaged")

    def denied_below(self, ticket: int) -> int:
        """Claims of `ticket` below this revision are refused; 0: none is, or nobody knows."""
        with self._noticing():
            if self._store is not None:
                return self._store.denied_below(ticket)
        return 0

    def versions(self) -> dict[str, int]:
        """As Hello tells them."""
        with self._noticing():
            if self._store is not None:
                return self._store.versions()
        return {}

    def state(self, name: str) -> tuple[int, int]:
        """Version of a table and number of its handle keys; 0 for none."""
        return self.versions().get(name, 0), self._number() if name == BINDINGS else 0

    def apply(self, path: Path) -> TableHead:
        """As BindingStore.apply; TablesDamaged while there is nothing to apply it to."""
        store = self._store
        if store is None:
            raise TablesDamaged(f"{self._directory}: the tables could not be opened")
        try:
            return store.apply(path)
        except TablesDamaged as error:
            self._lost(error)
            raise

    def mend(self) -> None:
        """Begin anew after damage; TablesFull or TablesDamaged: not yet. On the thread that applies."""
        if self._store is not None:
            return
        if self._useless:
            BindingStore.discard(self._directory)
        self._store = BindingStore(self._directory, self._keys, self._site)
        self._useless = False

    def current_at(self, wall_ms: int) -> int:
        """Everything here is as new as the cloud's; gives the time back. On the thread that applies."""
        self.current_ms = wall_ms
        if abs(wall_ms - self._noted) >= NOTED_EVERY_MS:
            path = self._directory / CURRENT
            with contextlib.suppress(OSError):  # without room it is written later: the tables look older than they are
                path.with_suffix(".new").write_text(str(wall_ms))
                path.with_suffix(".new").replace(path)
                self._noted = wall_ms
        return wall_ms

    def close(self) -> None:
        """No lookups any more."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _number(self) -> int:
        with self._noticing():
            if self._store is not None:
                return self._store.handle_keys()
        return 0

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except TablesDamaged as error:
            self._lost(error)

    def _lost(self, error: TablesDamaged) -> None:
        store, self._store = self._store, None
        if store is not None:
            self._useless = True
            store.close()
            self._damaged(str(error))


def _written(path: Path) -> int:
    try:
        return max(0, int(path.read_text()))
    except (OSError, ValueError):
        return 0


class Denied(Mapping[int, int]):
    """Denials of the document and of the large table together, as decisions ask for them (Knowledge.deny).

    The higher revision holds: a denial is never lifted by the list that has not heard of it.
    """

    def __init__(self, listed: Mapping[int, int], denied_below: Callable[[int], int]) -> None:
        """`denied_below`: of the table; 0 where it denies nothing."""
        self._listed = listed
        self._denied_below = denied_below

    def __getitem__(self, ticket: int) -> int:
        """Below which revision claims are refused; KeyError where none is."""
        below = max(self._listed.get(ticket, 0), self._denied_below(ticket))
        if not below:
            raise KeyError(ticket)
        return below

    def __iter__(self) -> Iterator[int]:
        """Of the document alone: nobody walks through 200,000 tickets."""
        return iter(self._listed)

    def __len__(self) -> int:
        """As `__iter__`."""
        return len(self._listed)
