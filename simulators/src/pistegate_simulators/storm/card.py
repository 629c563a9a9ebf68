# SPDX-License-Identifier: Apache-2.0
"""A ski card as a backup file makes it: a commit changes all of it or nothing, and its answer may be lost."""

from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from pistegate_edge.core.actions import Write
from pistegate_edge.core.inputs import WriteResult
from pistegate_protocol.desfire.transactions import Proof


@dataclass(slots=True)
class StormCard:
    """`torn`: the chance that the card leaves the field while it is read or written."""

    uid: bytes
    claim_file: bytes
    usage_file: bytes
    torn: float = 0.0
    amendment_file: bytes | None = None
    counter: int = 0
    held: bool = False
    """Before a reader: nobody can hold it to two."""
    written: list[bytes] = field(default_factory=list)
    """Usage files that were committed, in order."""

    def read_fails(self, rng: Random) -> bool:
        """Whether it left while it was read."""
        return rng.random() < self.torn

    def take(self, write: Write, rng: Random) -> tuple[WriteResult, Proof | None]:
        """What the reader knows of a transaction; the card itself knows more."""
        if rng.random() >= self.torn:
            return WriteResult.OK, self._commit(write)
        where = rng.randrange(3)
        if where == 0:
            return WriteResult.VOID, None
        if where == 1:
            self._commit(write)
        return WriteResult.UNCONFIRMED, None

    def _commit(self, write: Write) -> Proof:
        self.usage_file = write.usage
        if write.amendment is not None:
            self.amendment_file = write.amendment
        self.written.append(write.usage)
        self.counter += 1
        value = sha256(self.uid + self.counter.to_bytes(4, "big") + write.usage + write.record).digest()[:8]
        return Proof(self.counter, value)
