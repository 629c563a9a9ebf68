# SPDX-License-Identifier: Apache-2.0
"""A damaged journal is kept under a name with its date; the one salvaged from it takes its place.

A mark is written before anything is renamed, so that a start after a power cut in between finishes it, and tells.
"""

import contextlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Self

from pistegate_edge.errors import JournalBroken, JournalDamaged
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import FILE_NAME, open_to_read

MARK = "journal.set-aside"
SALVAGING = "journal.salvaging"  # the new journal while it is made
SALVAGED = "journal.salvaged"  # when it is whole, until it takes its place
CREATING = "journal.creating"  # there while a journal is made, until its first epoch is open
COUNTER = "epoch"  # the newest epoch's counter apart from the journal, so that none is ever used twice
_OPEN, _CLOSED = "open", "closed"
_SIDES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Mark:
    """`kept`: name of the kept file; `counter`: its newest epoch counter; `told`: what was salvaged, empty: nothing."""

    kept: str
    counter: int
    told: str = ""

    @classmethod
    def read(cls, files: Files) -> Self | None:
        """The mark, while it is there; one of release 0.1 is two lines."""
        text = files.read_text(MARK)
        if not text:
            return None
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            name, _, counter = text.strip().partition("\n")
            return cls(name, int(counter) if counter.isdigit() else 0)

    def write(self, files: Files) -> None:
        """Durably."""
        files.write_text(MARK, json.dumps(asdict(self)))


def is_unfinished(files: Files) -> bool:
    """Whether a journal was being made when the power went: nothing was recorded in it, and it is made anew."""
    return files.exists(CREATING)


def creating(files: Files) -> None:
    """A journal is about to be made; what is left of an unfinished one goes."""
    files.write_text(CREATING, "")
    for side in _SIDES:
        files.remove(FILE_NAME + side)


def is_made(files: Files) -> None:
    """The new journal has its first epoch."""
    files.remove(CREATING)
    files.sync()


def last_counter(files: Files) -> int:
    """The counter of the newest epoch that was begun in this directory; 0: none was, or before that was kept."""
    counter, _, _ = files.read_text(COUNTER).strip().partition(" ")
    return int(counter) if counter.isdigit() else 0


def opened(files: Files, counter: int) -> None:
    """The epoch of this counter has begun."""
    files.write_text(COUNTER, f"{counter} {_OPEN}\n")


def closed(files: Files, counter: int) -> None:
    """It is about to end in good order: from now on the write-ahead log may be gone."""
    files.write_text(COUNTER, f"{counter} {_CLOSED}\n")


def log_is_gone(files: Files) -> bool:
    """The last run was cut off, and the log that it must have left is not there."""
    _, _, state = files.read_text(COUNTER).strip().partition(" ")
    return state == _OPEN and not files.read_start(FILE_NAME + "-wal")


def set_aside(files: Files, stamp: str) -> str:
    """Rename the journal to a name with `stamp`, so that the next start begins a new one; returns the kept name."""
    lock = files.lock()
    try:
        mark = Mark(kept_name(files, stamp), max(_counter_in(files), last_counter(files)))
        if not files.exists(FILE_NAME) and not last_counter(files):
            raise FileNotFoundError(f"there is no journal in {files.directory}")
        mark.write(files)
        files.remove(SALVAGED)
        exchange(files, mark)
        return mark.kept
    finally:
        lock.close()


def kept_name(files: Files, stamp: str) -> str:
    """A name for the kept file that is still free."""
    names = (f"journal-{stamp}{number}.sqlite" for number in ("", *(f"-{count}" for count in range(2, 100))))
    for name in names:
        if not files.exists(name):
            return name
    raise JournalDamaged(f"{files.directory} is full of kept journals of {stamp}: give them to support, then free it")


def exchange(files: Files, mark: Mark) -> None:
    """What is kept goes first, file by file; then the salvaged journal takes its place, if there is one."""
    for side in _SIDES:
        if files.exists(FILE_NAME + side):
            files.rename(FILE_NAME + side, mark.kept + side)
    if files.exists(SALVAGED):
        files.rename(SALVAGED, FILE_NAME)


def finish(files: Files) -> Mark | None:
    """Finish an exchange that was cut off; returns the mark, while the start after it has not been told of."""
    mark = Mark.read(files)
    untouched = mark is not None and files.exists(mark.kept) and files.exists(FILE_NAME)  # the mark is an older one
    if mark is not None and files.exists(SALVAGED) and not untouched:
        exchange(files, mark)
    files.remove(SALVAGED)
    forget_half(files)
    return mark


def forget_half(files: Files) -> None:
    """Delete a salvage that was not brought to its end."""
    for side in (*_SIDES, "-journal"):
        files.remove(SALVAGING + side)


def _counter_in(files: Files) -> int:
    """The newest epoch's counter as far as the file still tells it, else 0."""
    try:
        with contextlib.closing(open_to_read(files)) as connection:
            row = connection.execute("SELECT epoch_counter FROM identity").fetchone()
    except (sqlite3.Error, JournalBroken):
        return 0
    return int(row[0]) if row and isinstance(row[0], int) else 0
