# SPDX-License-Identifier: Apache-2.0
"""A real ext4 on a loop device over a FUSE file: what was written between two flushes may be lost or torn at a cut."""

import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from block_tape import FLUSH, PROMISE, WRITE, Entry, read_tape
from power_cut import Promises, Workplace, violations

from pistegate_edge.journal.files import Files

SIZE_MB: Final = 24
SECTOR: Final = 512  # bytes
FATES: Final = ("all", "none", "some", "torn")
TOOLS: Final = ("fusermount3", "losetup", "mkfs.ext4", "mount", "umount")


def why_not() -> str:
    """Why this machine has no such rig; empty: it has."""
    if os.geteuid() != 0:
        return "mounting needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return f"{', '.join(missing) or '/dev/fuse'} is not there (packages fuse3, e2fsprogs, mount)"
    if not Path("/dev/loop-control").exists():
        return "no loop devices"
    return ""


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


class OnDisk(Workplace):
    """A journal in a directory of a real file system."""

    def __init__(self, directory: Path, promises: Promises | None = None) -> None:
        super().__init__(promises)
        self._directory = directory

    def files(self) -> Files:
        """See Workplace."""
        return Files(self._directory)


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """The file system in `image`, through a loop device of its own; both are gone afterwards, whatever happened."""
    at.mkdir(exist_ok=True)
    device = _run("losetup", "--find", "--show", str(image))
    try:
        _run("mount", "-t", "ext4", device, str(at))
        try:
            yield at
        finally:
            _unmounted(at)
    finally:
        _run("losetup", "--detach", device)


def _unmounted(at: Path) -> None:
    for _ in range(50):
        if subprocess.run(["umount", str(at)], check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "--lazy", str(at)], check=True)


@dataclass
class Recording:
    """The empty file system, the tape of the work on it, and the promises that it names by number (pickled)."""

    base: bytes
    tape: list[Entry]
    promises: list[bytes]


def recorded(directory: Path, work: Callable[[Workplace], None]) -> Recording:
    """The work, done once on a disk that is taped."""
    promises: list[bytes] = []
    image, tape, fuse = directory / "image", directory / "tape", directory / "fuse"
    with image.open("wb") as file:
        file.truncate(SIZE_MB << 20)
    _run("mkfs.ext4", "-q", "-O", "^metadata_csum_seed", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    fuse.mkdir()
    program = Path(__file__).with_name("block_tape.py")
    daemon = subprocess.Popen([sys.executable, str(program), str(image), str(tape), str(fuse)])
    try:
        _wait_for_disk(fuse, daemon)
        with mounted(fuse / "disk", directory / "work") as place:
            bench = OnDisk(place)
            promise = os.open(fuse / "promise", os.O_WRONLY)
            bench.told = lambda made: _promised(promise, promises, made)
            work(bench)
            os.close(promise)
    finally:
        subprocess.run(["fusermount3", "-u", str(fuse)], check=False)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    return Recording(image.read_bytes(), read_tape(tape), promises)


def _promised(promise: int, promises: list[bytes], made: Promises) -> None:
    promises.append(pickle.dumps(made))
    os.write(promise, len(promises).to_bytes(4, "big"))  # in one piece, as any write below a page


def _wait_for_disk(fuse: Path, daemon: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        if (fuse / "disk").exists():
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("the FUSE file system did not come up")


def exposed(recording: Recording) -> list[int]:
    """Places on the tape right behind a promise that was made, as others before it, without any flush."""
    found, unflushed = [], 0
    for number, (kind, _, _) in enumerate(recording.tape):
        if kind == FLUSH:
            unflushed = 0
        elif kind == PROMISE:
            unflushed += 1
            if unflushed >= 3:  # of one admission two are told: that it is no longer open is none that can be lost
                found.append(number + 1)
    return found


def cut(recording: Recording, at: int, random: Random, how: str = "") -> tuple[bytes, Promises]:
    """The disk as the power left it before entry `at` of the tape, and what had been promised by then.

    `how`: what becomes of writes that were not flushed, one of FATES; drawn where it is not given.
    """
    disk, promises, pending = bytearray(recording.base), Promises(), []
    for kind, offset, data in recording.tape[:at]:
        if kind == WRITE:
            pending.append((offset, data))
        elif kind == FLUSH:
            for each in pending:
                _put(disk, *each)
            pending = []
        elif kind == PROMISE:
            promises = pickle.loads(recording.promises[int.from_bytes(data, "big") - 1])
    how = how or random.choice(FATES)
    for offset, data in pending:
        if how == "all" or (how == "some" and random.random() < 0.5):
            _put(disk, offset, data)
        elif how == "torn":
            for sector in range(0, len(data), SECTOR):
                if random.random() < 0.5:
                    _put(disk, offset + sector, data[sector : sector + SECTOR])
    return bytes(disk), promises


def _put(disk: bytearray, offset: int, data: bytes) -> None:
    disk[offset : offset + len(data)] = data


def lost_after(directory: Path, disk: bytes, promises: Promises) -> list[str]:
    """What a start on this disk does not know of what was promised."""
    image = directory / "cut"
    image.write_bytes(disk)
    with mounted(image, directory / "after") as place:
        return violations(OnDisk(place, promises))
