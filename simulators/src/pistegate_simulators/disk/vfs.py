# SPDX-License-Identifier: Apache-2.0
"""SQLite's view of a simulated disk: one VFS for all disks of this process, files named NUMBER.SESSION/NAME.

Without shared memory, so WAL needs locking_mode=EXCLUSIVE; connection.py sets it.
"""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import apsw

from pistegate_simulators.disk.disk import Disk, DiskFull, PowerCut
from pistegate_simulators.disk.image import SECTOR, File

VFS_NAME = "pistegate-crashing"

_disks: "WeakValueDictionary[int, Disk]" = WeakValueDictionary()
_numbers = itertools.count(1)


def path_on(disk: Disk, name: str) -> str:
    """What SQLite is to open; good for this session of the disk only."""
    number = next((number for number, known in _disks.items() if known is disk), None)
    if number is None:
        number = next(_numbers)
        _disks[number] = disk
    return f"{number}.{disk.session}/{name}"


def _place(path: str) -> tuple[Disk, str, bool]:
    """The disk, the file's name, and whether the session is over."""
    where, _, name = path.partition("/")
    number, _, session = where.partition(".")
    disk = _disks[int(number)]
    return disk, name, disk.off or disk.session != int(session)


def _full(error: DiskFull) -> apsw.FullError:
    told: Any = apsw.FullError(str(error))
    told.result = told.extendedresult = apsw.SQLITE_FULL
    made: apsw.FullError = told
    return made


class _OpenFile:
    """One file opened by SQLite, by the methods that apsw calls."""

    def __init__(self, disk: Disk, name: str, file: File, *, delete_on_close: bool) -> None:
        self._disk = disk
        self._name = name
        self._file = file
        self._session = disk.session
        self._delete_on_close = delete_on_close

    def _do(self, change: Callable[..., None], *values: object) -> None:
        """Nothing, once the power is gone: the connection looks after each statement whether it still is there."""
        if self._disk.off or self._session != self._disk.session:
            return
        try:
            change(*values)
        except PowerCut:
            return
        except DiskFull as error:
            raise _full(error) from None

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's names
        return bytes(self._file.data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._do(self._disk.write, self._name, self._file, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._do(self._disk.truncate, self._file, size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._do(self._disk.sync, self._file)

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.data)

    def xClose(self) -> None:  # noqa: N802
        if self._delete_on_close and self._session == self._disk.session:
            self._disk.files.pop(self._name, None)

    def xLock(self, level: int) -> None:  # noqa: N802
        """One process per disk: the journal's own lock keeps others away."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """See xLock."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        # As on a Pi: bytes beside those written stay what they were, whatever happens.
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802
        return False


class _Vfs(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(VFS_NAME, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802
        if name is None:
            return _OpenFile(Disk(_NO_CHANCE), "temporary", File(), delete_on_close=True)
        disk, found, _ = _place(name if isinstance(name, str) else name.filename())
        if found not in disk.files and not flags[0] & apsw.SQLITE_OPEN_CREATE:
            raise apsw.CantOpenError(f"there is no {found}")
        flags[1] = flags[0]
        try:
            file = disk.open(found)
        except DiskFull as error:
            raise _full(error) from None
        return _OpenFile(disk, found, file, delete_on_close=bool(flags[0] & apsw.SQLITE_OPEN_DELETEONCLOSE))

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802
        disk, found, over = _place(name)
        if over or found not in disk.files:
            return
        with contextlib.suppress(PowerCut):
            disk.delete(found, durable=syncdir)

    def xAccess(self, name: str, flags: int) -> bool:  # noqa: N802
        disk, found, _ = _place(name)
        return found in disk.files

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name

    def xCurrentTimeInt64(self) -> int:  # noqa: N802
        return 0

    def xRandomness(self, count: int) -> bytes:  # noqa: N802
        return bytes(count)

    def xSleep(self, microseconds: int) -> int:  # noqa: N802
        return 0


class _NoChance:
    """Of files without a name nothing is ever drawn."""


_NO_CHANCE: Any = _NoChance()
_vfs = _Vfs()  # registered for the life of the process
