# SPDX-License-Identifier: Apache-2.0
"""A table file on its way: kept on the disk piece by piece, verified as it comes, resumed after any interruption.

The transport asks `wanted` for the offset to go on from (an HTTP Range) and gives what comes to `take`; where the
server has another file by now, it calls `discard` and begins anew. What lies on the disk is believed only as far as
the chunks' digests go.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.tables import CHUNK, HEAD_MAX, TableHead, TableRefused, check_chunk, read_head, verify_head

_BEGINNING: Final = HEAD_MAX + 1024  # bytes in which a head is whole


class Download:
    """A file at `path` that becomes whole; `head` as soon as it is there and genuine."""

    def __init__(self, path: Path, keys: KeyRing, site: int) -> None:
        self.path = path
        self.head: TableHead | None = None
        self._keys = keys
        self._site = site
        self._body_at = 0
        self._good = 0
        """Chunks verified; the file is never longer than them and one that is not whole."""
        self._pending = b""
        path.touch()
        self._resume()

    @property
    def wanted(self) -> int:
        """Offset of the next byte to fetch."""
        return (self._body_at + self._good * CHUNK if self.head is not None else 0) + len(self._pending)

    @property
    def complete(self) -> bool:
        """Whether the file can be applied."""
        return self.head is not None and self._good == len(self.head.chunks)

    def take(self, data: bytes) -> None:
        """The next bytes. TableRefused or CodecError: what was good is kept, `wanted` says where to go on."""
        self._pending += data
        try:
            if self.head is None:
                self._take_head()
            if self.head is not None:
                self._take_chunks(self.head)
        except (TableRefused, CodecError):
            self._pending = b""
            raise

    def discard(self) -> None:
        """Forget the file: it was applied, or is no longer what the server has."""
        self.path.unlink(missing_ok=True)
        self.head, self._body_at, self._good, self._pending = None, 0, 0, b""
        self.path.touch()

    def _take_head(self) -> None:
        signed = read_head(self._pending)
        if signed is None:
            if len(self._pending) > _BEGINNING:
                raise CodecError("no head where it should be")
            return
        self.head = verify_head(signed, self._keys, self._site)
        self._body_at = signed.body_at
        with self.path.open("wb") as file:
            file.write(self._pending[: self._body_at])
        self._pending = self._pending[self._body_at :]

    def _take_chunks(self, head: TableHead) -> None:
        while self._good < len(head.chunks):
            size = min(CHUNK, head.size - self._good * CHUNK)
            if len(self._pending) < size:
                return
            chunk, self._pending = self._pending[:size], self._pending[size:]
            check_chunk(head, self._good, chunk)
            with self.path.open("ab") as file:
                file.write(chunk)
            self._good += 1
        if self._pending:
            raise TableRefused("bytes after the table")

    def _resume(self) -> None:
        """Go on from what an earlier process left, as far as it is good."""
        with self.path.open("rb") as file:
            beginning = file.read(_BEGINNING)
            try:
                signed = read_head(beginning)
                self.head = None if signed is None else verify_head(signed, self._keys, self._site)
            except (TableRefused, CodecError):
                signed = None
            if signed is None or self.head is None:
                self.discard()
                return
            self._body_at = signed.body_at
            file.seek(self._body_at)
            self._good = _good_chunks(self.head, file.read)
        with self.path.open("r+b") as file:
            file.truncate(self._body_at + min(self._good * CHUNK, self.head.size))


def _good_chunks(head: TableHead, read: Callable[[int], bytes]) -> int:
    for number in range(len(head.chunks)):
        try:
            check_chunk(head, number, read(min(CHUNK, head.size - number * CHUNK)))
        except TableRefused:
            return number
    return len(head.chunks)
