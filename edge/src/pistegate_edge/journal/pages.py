# SPDX-License-Identifier: Apache-2.0
"""Records out of the pages of an SQLite file and its write-ahead log, whatever else of them is damaged. Pure.

Formats: sqlite.org/fileformat2.html. Only tables WITHOUT ROWID are read (index b-trees, whose cells hold whole rows).
Nothing here proves that a record was meant: the caller does, by chain or signature.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pistegate_edge.journal import log as wal

Value = int | float | bytes | str | None
Record = tuple[Value, ...]

_MAGIC = b"SQLite format 3\x00"
_DEFAULT_PAGE = 4096  # bytes; what SQLite takes, and this journal never asked for another
_INDEX_LEAF, _INDEX_INTERIOR = 0x0A, 0x02
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_OVERFLOWS_MAX = 1 << 16


@dataclass(slots=True)
class Image:
    """Page images of a file: in `main` by number from 1, then those of the log in their order."""

    page_size: int
    main: bytes
    log: list[tuple[int, bytes]] = field(default_factory=list)
    _newest: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, main: bytes, log: bytes) -> "Image":
        """From the bytes of both files, either of which may be empty."""
        size = page_size(main, log)
        image = cls(size, main, wal.committed(log, size))
        image._newest = dict(image.log)
        return image

    def newest(self, number: int) -> bytes:
        """The page as it was last; empty when there is none."""
        found = self._newest.get(number)
        if found is not None:
            return found
        return self.main[(number - 1) * self.page_size : number * self.page_size] if number > 0 else b""

    def records(self) -> Iterator[Record]:
        """Every record of every page that is not free: first the file's, then the log's."""
        free = self._free()
        for number in range(1, len(self.main) // self.page_size + 1):
            if number not in free:
                yield from self._records(number, self.main[(number - 1) * self.page_size : number * self.page_size])
        for number, page in self.log:
            if number not in free:
                yield from self._records(number, page)

    def _free(self) -> set[int]:
        """Numbers of pages on the list of free ones: what they hold was deleted. None, unless the whole list fits."""
        first = self.newest(1)
        if first[:16] != _MAGIC:
            return set()
        trunk, count = int.from_bytes(first[32:36], "big"), int.from_bytes(first[36:40], "big")
        free: set[int] = set()
        while trunk and len(free) < count and len(page := self.newest(trunk)) == self.page_size:
            free.add(trunk)
            leaves = min(int.from_bytes(page[4:8], "big"), self.page_size // 4 - 2)
            free |= {int.from_bytes(page[8 + 4 * k : 12 + 4 * k], "big") for k in range(leaves)}
            trunk = int.from_bytes(page[:4], "big")
        last = max(len(self.main) // self.page_size, *self._newest, 0)
        fits = not trunk and len(free) == count and all(1 < number <= last for number in free)
        return free if fits else set()

    def _records(self, number: int, page: bytes) -> Iterator[Record]:
        start = 100 if number == 1 else 0
        if len(page) < self.page_size or page[start] not in (_INDEX_LEAF, _INDEX_INTERIOR):
            return
        interior = page[start] == _INDEX_INTERIOR
        cells = start + (12 if interior else 8)
        for place in range(cells, cells + 2 * int.from_bytes(page[start + 3 : start + 5], "big"), 2):
            at = int.from_bytes(page[place : place + 2], "big")
            try:
                yield _record(self._payload(page, at + (4 if interior else 0)))
            except (IndexError, ValueError):
                continue  # this cell is damaged; the next need not be

    def _payload(self, page: bytes, at: int) -> bytes:
        """A cell's payload, its overflow pages followed; ValueError when a piece is missing."""
        length, at = _varint(page, at)
        usable = self.page_size
        most, least = (usable - 12) * 64 // 255 - 23, (usable - 12) * 32 // 255 - 23
        if length <= most:
            return _cut(page, at, length)
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        pieces, left = [_cut(page, at, local)], length - local
        follow = int.from_bytes(_cut(page, at + local, 4), "big")
        for _ in range(_OVERFLOWS_MAX):
            if left <= 0:
                return b"".join(pieces)
            overflow = self.newest(follow)
            pieces.append(_cut(overflow, 4, min(left, usable - 4)))
            left -= usable - 4
            follow = int.from_bytes(overflow[:4], "big")
        raise ValueError("too long")


def page_size(main: bytes, log: bytes) -> int:
    """In bytes, as either file tells."""
    told = int.from_bytes(main[16:18], "big") if main[:16] == _MAGIC else wal.page_size_of(log)
    told = 65_536 if told == 1 else told
    return told if 512 <= told <= 65_536 and told & (told - 1) == 0 else _DEFAULT_PAGE


def _cut(data: bytes, at: int, length: int) -> bytes:
    piece = data[at : at + length]
    if len(piece) != length:
        raise ValueError("cut off")
    return piece


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Value and the place after it."""
    value = 0
    for count in range(8):
        byte = data[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    return value << 8 | data[at + 8], at + 9


def _record(payload: bytes) -> Record:
    end, at = _varint(payload, 0)
    values: list[Value] = []
    place = end
    while at < end:
        kind, at = _varint(payload, at)
        length = _INT_BYTES.get(kind, 8 if kind == 7 else (kind - 12) // 2 if kind >= 12 else 0)
        data = _cut(payload, place, length)
        place += length
        values.append(_value(kind, data))
    return tuple(values)


def _value(kind: int, data: bytes) -> Value:
    if kind in _INT_BYTES:
        return int.from_bytes(data, "big", signed=True)
    if kind in (8, 9):
        return kind - 8
    if kind in (7, 10, 11):
        raise ValueError("no value of this journal")
    if kind == 0:
        return None
    return data if kind % 2 == 0 else data.decode()
