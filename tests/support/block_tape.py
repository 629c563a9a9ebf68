# SPDX-License-Identifier: Apache-2.0
"""A file system of one file that is a disk: every write and flush of it goes onto a tape, in order, and so do promises.

Run as a program: IMAGE TAPE MOUNTPOINT. What is written to `promise` beside the disk goes onto the tape too; so that
one order holds, one thread serves all.
"""

import errno
import pickle
import stat
import sys
from pathlib import Path
from typing import Any

import mfusepy

WRITE, FLUSH, PROMISE = "write", "flush", "promise"
Entry = tuple[str, int, bytes]  # kind, offset, data


class Disk(mfusepy.Operations):
    """`/disk` and `/promise`."""

    use_ns = True

    def __init__(self, image: Path, tape: Path) -> None:
        self._content = bytearray(image.read_bytes())
        self._tape = tape.open("wb")

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Sizes are fixed."""
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path == "/disk":
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": len(self._content)}
        if path == "/promise":
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": 0}
        raise mfusepy.FuseOSError(errno.ENOENT)

    def readdir(self, path: str, fh: int) -> list[str]:
        """Both."""
        return [".", "..", "disk", "promise"]

    def open(self, path: str, flags: int) -> int:
        """Always."""
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """A promise file is opened anew."""
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """As last written."""
        return bytes(self._content[offset : offset + size]) if path == "/disk" else b""

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Onto the tape first."""
        if path == "/disk":
            self._content[offset : offset + len(data)] = data
            self._note((WRITE, offset, bytes(data)))
        else:
            self._note((PROMISE, 0, bytes(data)))
        return len(data)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """What was written before is durable."""
        if path == "/disk":
            self._note((FLUSH, 0, b""))
        return 0

    def destroy(self, path: str) -> None:
        """The tape is whole."""
        self._tape.close()

    def _note(self, entry: Entry) -> None:
        pickle.dump(entry, self._tape)


def read_tape(path: Path) -> list[Entry]:
    """All of it."""
    entries: list[Entry] = []
    with path.open("rb") as file:
        while True:
            try:
                entries.append(pickle.load(file))
            except EOFError:
                return entries


if __name__ == "__main__":
    mfusepy.FUSE(Disk(Path(sys.argv[1]), Path(sys.argv[2])), sys.argv[3], foreground=True, nothreads=True)
