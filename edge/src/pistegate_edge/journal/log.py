# SPDX-License-Identifier: Apache-2.0
"""The frames of an SQLite write-ahead log, and whether commits in it cannot be reached any more. Pure.

Where a frame does not fit its checksum, SQLite takes the log to end, silently. After a power cut that is right: the one
commit under way may be torn. Two commits behind such a frame were there before: then the log is damaged.
Format: sqlite.org/fileformat2.html, "The Write-Ahead Log".
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from struct import iter_unpack

HEADER, FRAME_HEADER = 32, 24
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_UNDER_WAY = 1  # commits that a power cut may tear
_MASK = 0xFFFFFFFF
Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """`at`: its place in the log. `commits`: it ends a transaction."""

    at: int
    number: int
    commits: bool
    salts: bytes


def page_size_of(log: bytes) -> int:
    """As its header tells."""
    return int.from_bytes(log[8:12], "big")


def frames(log: bytes, page_size: int) -> Iterator[Frame]:
    """All frames that have room in the log, those of earlier runs of it behind its own among them."""
    for at in range(HEADER, len(log) - FRAME_HEADER - page_size + 1, FRAME_HEADER + page_size):
        number = int.from_bytes(log[at : at + 4], "big")
        yield Frame(at, number, log[at + 4 : at + 8] != bytes(4), log[at + 8 : at + 16])


def committed(log: bytes, page_size: int) -> list[tuple[int, bytes]]:
    """(page number, page) of each frame up to the last commit of the log's own run, its checksums not asked."""
    own = list(frames(log, page_size))
    salts = _salts(log, own)
    own = [frame for frame in own if frame.salts == salts]
    end = max((count for count, frame in enumerate(own, 1) if frame.commits), default=0)
    start = FRAME_HEADER
    return [(frame.number, log[frame.at + start : frame.at + start + page_size]) for frame in own[:end]]


def unreachable(log: bytes, page_size: int) -> int:
    """How many commits lie behind a frame that is damaged; 0 for a log as it was written, or torn by a power cut."""
    if len(log) <= HEADER:
        return 0
    all_frames = list(frames(log, page_size))
    salts = _salts(log, all_frames)
    sums = _sums(log, log[:24], (0, 0))
    reached = HEADER if _stored(log, 24) == sums and _big(log) is not None else 0
    for frame in all_frames if reached else ():
        sums = _sums(log, log[frame.at : frame.at + 8], sums)
        start = frame.at + FRAME_HEADER
        sums = _sums(log, log[start : start + page_size], sums)
        if frame.salts != salts or _stored(log, frame.at + 16) != sums:
            break
        reached = frame.at + 1
    behind = sum(frame.commits and frame.salts == salts for frame in all_frames if frame.at >= reached)
    return behind if behind > _UNDER_WAY else 0


def _salts(log: bytes, all_frames: list[Frame]) -> bytes:
    """Those of the log's own run; when its header is damaged, the ones most frames have."""
    if _big(log) is not None and _stored(log, 24) == _sums(log, log[:24], (0, 0)):
        return log[16:24]
    (most, _), *_ = Counter(frame.salts for frame in all_frames).most_common(1) or [(b"", 0)]
    return most


def _big(log: bytes) -> bool | None:
    """Whether its checksums are of big-endian words; None: it does not begin as a log does."""
    return {_MAGIC_BIG: True, _MAGIC_LITTLE: False}.get(int.from_bytes(log[:4], "big"))


def _stored(log: bytes, at: int) -> Sums:
    return int.from_bytes(log[at : at + 4], "big"), int.from_bytes(log[at + 4 : at + 8], "big")


def _sums(log: bytes, data: bytes, before: Sums) -> Sums:
    first, second = before
    for x, y in iter_unpack(">II" if _big(log) else "<II", data):
        first = first + x + second & _MASK
        second = second + y + first & _MASK
    return first, second
