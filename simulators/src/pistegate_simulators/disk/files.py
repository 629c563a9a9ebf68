# SPDX-License-Identifier: Apache-2.0
"""A journal's directory on a simulated disk, in place of `pistegate_edge.journal.files.Files`."""

from pathlib import Path
from typing import Any

from pistegate_edge.errors import JournalInUse
from pistegate_edge.journal.files import Closable, Files
from pistegate_simulators.disk.connection import CrashingConnection
from pistegate_simulators.disk.disk import Disk


class _Lock:
    """Held by one run; a dead run's holds nobody up."""

    def __init__(self, files: "DiskFiles", session: int) -> None:
        self._files = files
        self.session = session

    def close(self) -> None:
        """Let go."""
        if self._files.held is self:
            self._files.held = None


class DiskFiles(Files):
    """One run's view of the disk: dead with the session in which it was made."""

    def __init__(self, disk: Disk, directory: Path = Path("/simulated")) -> None:
        super().__init__(directory)
        self._disk = disk
        self._session = disk.session
        self.held: _Lock | None = None

    def connect(self, name: str, *, read_only: bool = False) -> Any:
        """See Files."""
        self._disk.check(self._session)
        return CrashingConnection(self._disk, name, read_only=read_only)

    def exists(self, name: str) -> bool:
        """See Files."""
        self._disk.check(self._session)
        return name in self._disk.files

    def remove(self, name: str) -> None:
        """See Files."""
        if self.exists(name):
            self._disk.delete(name, durable=False)

    def rename(self, old: str, new: str) -> None:
        """See Files."""
        self._disk.check(self._session)
        self._disk.rename(old, new)

    def read_bytes(self, name: str) -> bytes:
        """See Files."""
        return bytes(self._disk.files[name].data) if self.exists(name) else b""

    def read_start(self, name: str) -> bytes:
        """See Files."""
        return self.read_bytes(name)[:100]

    def write_text(self, name: str, text: str) -> None:
        """See Files."""
        self._disk.check(self._session)
        half = f"{name}.half"
        file = self._disk.open(half)
        self._disk.truncate(file, 0)
        self._disk.write(half, file, 0, text.encode())
        self._disk.sync(file)
        self._disk.rename(half, name)

    def allocate(self, name: str, size: int) -> None:
        """See Files."""
        self._disk.check(self._session)
        file = self._disk.open(name)
        if len(file.data) < size:
            self._disk.write(name, file, len(file.data), bytes(size - len(file.data)))
        self._disk.sync(file)

    def lock(self) -> Closable:
        """See Files."""
        self._disk.check(self._session)
        if self.held is not None and self.held.session == self._disk.session:
            raise JournalInUse(f"another gate process uses {self.directory}: stop it first")
        self.held = _Lock(self, self._disk.session)
        return self.held

    def sync(self) -> None:
        """See Files."""
        self._disk.check(self._session)
        self._disk.sync_names()
