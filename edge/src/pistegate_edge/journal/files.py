# SPDX-License-Identifier: Apache-2.0
"""The journal's directory: everything that touches a file goes through here."""

import contextlib
import errno
import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Protocol

from pistegate_edge.errors import JournalInUse

LOCK_NAME = "lock"
_CACHED_STATEMENTS = 64
_BLOCK = 4096  # bytes; a page, and what a card or disk fails to read at least


class Closable(Protocol):
    """Something that is held until it is closed."""

    def close(self) -> None:
        """Let go."""


class Files:
    """Files of one directory, by name. Renames and texts are durable when the call returns."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def connect(self, name: str, *, read_only: bool = False) -> sqlite3.Connection:
        """A database, without any pragma."""
        path = self.directory / name
        if read_only:
            return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        return sqlite3.connect(path, isolation_level=None, cached_statements=_CACHED_STATEMENTS)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.directory / name).exists()

    def remove(self, name: str) -> None:
        """Delete it, if it is there."""
        (self.directory / name).unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        (self.directory / old).rename(self.directory / new)
        self.sync()

    def read_bytes(self, name: str) -> bytes:
        """All of a file; empty when there is none. Blocks that cannot be read any more are zeros."""
        path = self.directory / name
        if not path.exists():
            return b""
        try:
            return path.read_bytes()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return self._readable(path)

    def _readable(self, path: Path) -> bytes:
        blocks = []
        with path.open("rb", buffering=0) as file:
            for at in range(0, path.stat().st_size, _BLOCK):
                try:
                    blocks.append(os.pread(file.fileno(), _BLOCK, at))
                except OSError:
                    blocks.append(bytes(_BLOCK))
        return b"".join(blocks)

    def read_start(self, name: str) -> bytes:
        """Its first 100 bytes, or what there is of them."""
        path = self.directory / name
        if not path.exists():
            return b""
        with path.open("rb") as file:
            return file.read(100)

    def read_text(self, name: str) -> str:
        """All of a small file; empty when there is none or it is no text."""
        return self.read_bytes(name).decode("utf-8", "replace")

    def write_text(self, name: str, text: str) -> None:
        """Replace a small file, all or nothing."""
        path = self.directory / name
        half = path.with_name(name + ".half")
        with half.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
        self.sync()

    def allocate(self, name: str, size: int) -> None:
        """Real blocks of `size` bytes under this name; OSError when there is no room."""
        with (self.directory / name).open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            file.flush()
            os.fsync(file.fileno())

    def lock(self) -> Closable:
        """The journal is this process's until the lock is closed; JournalInUse when it is another one's.

        SQLite would let two gates write by turns, and so break both chains.
        """
        file = (self.directory / LOCK_NAME).open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise JournalInUse(f"another gate process uses {self.directory}: stop it first") from error
        return file

    def sync(self) -> None:
        """Make names durable."""
        with contextlib.suppress(OSError):  # some file systems cannot, and then have nothing to lose
            handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
