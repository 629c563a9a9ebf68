# SPDX-License-Identifier: Apache-2.0
"""A disk in memory that counts its operations, loses its power at any of them, and fills up."""

import errno
from random import Random

from pistegate_simulators.disk.image import FATES, Fate, File, Write


class PowerCut(BaseException):
    """The power went: no code runs any more. Not an Exception, so that nobody handles it as an error."""


class DiskFull(OSError):
    """No room; `errno` is ENOSPC."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.ENOSPC, "no space left on the simulated disk", name)


class Disk:
    """Named files, and one power switch.

    `operations` counts what changes the medium: write, truncate, sync, delete, rename. Where `cut_at` is set, the
    operation of this number (the first is 1) is the last one begun: it raises PowerCut and may be done in part.
    `session` numbers the runs of those who use the disk: a file opened in an earlier one is dead.
    `capacity`: bytes that all files together may have; None: no limit.
    """

    def __init__(self, rng: Random, capacity: int | None = None) -> None:
        self.files: dict[str, File] = {}
        self.operations = 0
        self.cut_at: int | None = None
        self.capacity = capacity
        self.session = 0
        self.off = False
        self.syncs = 0
        self._rng = rng
        self._deleted: dict[str, File] = {}

    # What the world does

    def cut(self) -> None:
        """The power goes now, between two operations."""
        self.off = True
        self.session += 1

    def kill(self) -> None:
        """The process dies; what it wrote is in the page cache and stays."""
        self.session += 1

    def power_on(self, fate: Fate | None = None) -> Fate:
        """After a cut: what was not synced meets its fate (drawn unless given), which is told."""
        chosen = self._rng.choice(FATES) if fate is None else fate
        found = {name: file.after_cut(chosen, self._rng) for name, file in self.files.items()}
        back = {name: file for name, file in self._deleted.items() if self._rng.random() < 0.5}
        self.files = back | {name: file for name, file in found.items() if file is not None}
        self._deleted.clear()
        self.off, self.cut_at = False, None
        return chosen

    def image(self) -> dict[str, File]:
        """A copy of everything, as somebody takes it of an SD card that is not in use."""
        return {name: file.copy() for name, file in self.files.items()}

    def restore(self, image: dict[str, File]) -> None:
        """The card is written anew from an image."""
        self.session += 1
        self.files = {name: file.copy() for name, file in image.items()}
        self._deleted.clear()

    # What programs do

    @property
    def used(self) -> int:
        """Bytes of all files."""
        return sum(len(file.data) for file in self.files.values())

    def open(self, name: str) -> File:
        """The file, made where it is missing."""
        file = self.files.get(name)
        if file is None:
            self._room_for(name, 0)
            file = self.files[name] = File()
        return file

    def write(self, name: str, file: File, offset: int, data: bytes) -> None:
        """Seen at once; durable with the next sync."""
        if self.capacity is not None and (more := offset + len(data) - len(file.data)) > 0:
            self._room_for(name, more)
        cut = self._counted()
        file.write(Write(offset, data))
        if cut:
            self._end()

    def truncate(self, file: File, size: int) -> None:
        """Cut to `size` bytes, or filled up to it with zeros."""
        cut = self._counted()
        if size <= len(file.data):
            file.write(Write(size, None))
        else:
            file.write(Write(len(file.data), bytes(size - len(file.data))))
        if cut:
            self._end()

    def sync(self, file: File) -> None:
        """Durable when it returns; when the power goes before, in part or not at all.

        Deletions before it are durable too: ext4 has one journal, and every sync writes it up to there.
        """
        if self._counted():
            self._end()
        file.sync()
        self._deleted.clear()
        self.syncs += 1

    def sync_names(self) -> None:
        """The directory is synced: deletions before it are durable."""
        if self._counted():
            self._end()
        self._deleted.clear()

    def delete(self, name: str, *, durable: bool) -> None:
        """Not `durable`: until the next sync of any file, it may be back after a cut."""
        cut = self._counted()
        file = self.files.pop(name)
        if file.named and not (durable and not cut):
            self._deleted[name] = File(bytearray(file.durable), bytearray(file.durable), [], True)
        if cut:
            self._end()

    def rename(self, old: str, new: str) -> None:
        """Durable at once: what the product renames it renames before anything depends on it, or syncs itself."""
        cut = self._counted()
        self.files[new] = self.files.pop(old)
        if cut:
            self._end()

    def check(self, session: int) -> None:
        """PowerCut for whoever goes on after a cut, a kill or another start."""
        if self.off or session != self.session:
            raise PowerCut

    def _counted(self) -> bool:
        """One operation more; whether it is the last."""
        self.operations += 1
        return self.operations == self.cut_at

    def _end(self) -> None:
        self.cut()
        raise PowerCut

    def _room_for(self, name: str, more: int) -> None:
        if self.capacity is not None and self.used + more > self.capacity:
            raise DiskFull(name)
