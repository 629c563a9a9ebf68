# SPDX-License-Identifier: Apache-2.0
"""Files as a process sees them, and what of them is left after the power went.

Between two syncs of a file anything may be on the medium: what was written is kept, dropped, kept in part, or torn at
sectors of 512 bytes. A file whose entry was never synced may be gone as a whole, and a deleted one may be back.
"""

from dataclasses import dataclass, field
from enum import Enum
from random import Random

SECTOR = 512  # bytes that a medium writes as a whole; ext4 adds nothing to it (facts: durability-and-faults)


class Fate(Enum):
    """What becomes of writes that were not synced."""

    KEPT = "kept"
    DROPPED = "dropped"
    SUBSET = "subset"
    """Each write by itself is kept or dropped, in whatever order they were."""
    TORN = "torn"
    """Each sector of each write by itself is kept or dropped."""


FATES = tuple(Fate)


@dataclass(frozen=True, slots=True)
class Write:
    """`data` at `offset`; None: the file was cut to `offset` bytes."""

    offset: int
    data: bytes | None

    def apply(self, content: bytearray) -> None:
        """To what is there."""
        if self.data is None:
            del content[self.offset :]
            return
        if (gap := self.offset - len(content)) > 0:
            content.extend(bytes(gap))
        content[self.offset : self.offset + len(self.data)] = self.data

    def sectors(self) -> "list[Write]":
        """In parts that a medium writes as a whole."""
        if self.data is None:
            return [self]
        data, at, parts = self.data, 0, []
        while at < len(data):
            end = min(len(data), at + SECTOR - (self.offset + at) % SECTOR)
            parts.append(Write(self.offset + at, data[at:end]))
            at = end
        return parts


@dataclass(slots=True)
class File:
    """`data`: what processes read; `durable`: what is on the medium for sure; `pending`: written since."""

    data: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)
    named: bool = False
    """Its directory entry is on the medium."""

    def write(self, change: Write) -> None:
        """Seen at once, durable at the next sync."""
        change.apply(self.data)
        self.pending.append(change)

    def sync(self) -> None:
        """Everything written is durable, and so is the file's name."""
        for change in self.pending:
            change.apply(self.durable)
        self.pending.clear()
        self.named = True

    def after_cut(self, fate: Fate, rng: Random) -> "File | None":
        """What is found when the power is back; None: no such file."""
        if not self.named and (fate is Fate.DROPPED or (fate is not Fate.KEPT and rng.random() < 0.5)):
            return None
        content = bytearray(self.durable)
        for change in _surviving(self.pending, fate, rng):
            change.apply(content)
        return File(content, bytearray(content), [], True)

    def copy(self) -> "File":
        """As an image of a card holds it: everything is durable there."""
        return File(bytearray(self.data), bytearray(self.data), [], True)


def _surviving(pending: list[Write], fate: Fate, rng: Random) -> list[Write]:
    if fate is Fate.KEPT:
        return pending
    if fate is Fate.DROPPED:
        return []
    parts = pending if fate is Fate.SUBSET else [part for change in pending for part in change.sectors()]
    return [part for part in parts if rng.random() < 0.5]
