# SPDX-License-Identifier: Apache-2.0
"""Another gate's journal, from its disk: read from a copy, so that the disk stays as it is."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pistegate_edge.errors import JournalDamaged
from pistegate_edge.journal.epochs import epoch_rows
from pistegate_edge.journal.files import Files
from pistegate_edge.journal.opening import FILE_NAME, open_to_read
from pistegate_protocol.events import Stream, next_head
from pistegate_protocol.messages import BATCH_EVENTS_MAX, Batch

_SIDE = ("-wal",)  # what of the last events is not in the database itself yet


@dataclass(frozen=True, slots=True)
class ForeignJournal:
    """Whose it is, and its batches: what the cloud has not acknowledged, oldest epoch first."""

    site: int
    gate: int
    events: int
    batches: list[Batch]
    broken: str
    """Where a chain breaks, in words; what comes after is not among the batches. Empty: nowhere."""


@contextmanager
def copied(directory: Path) -> Iterator[Path]:
    """A copy of the journal in `directory`, gone afterwards; FileNotFoundError without one."""
    if not (directory / FILE_NAME).exists():
        raise FileNotFoundError(f"there is no {FILE_NAME} in {directory}: name the old gate's [storage] directory")
    with tempfile.TemporaryDirectory(prefix="pistegate-journal-") as folder:
        for name in (FILE_NAME, *(FILE_NAME + side for side in _SIDE)):
            if (directory / name).exists():
                shutil.copyfile(directory / name, Path(folder) / name)
        yield Path(folder)


def read_foreign(directory: Path, *, everything: bool = False) -> ForeignJournal:
    """The journal in `directory`; `everything`: also what was acknowledged. JournalDamaged when it is none."""
    with copied(directory) as copy, contextlib.closing(open_to_read(Files(copy))) as connection:
        try:
            site, gate = connection.execute("SELECT site, gate FROM identity").fetchone()
            rows = epoch_rows(connection)
        except (TypeError, ValueError) as error:
            raise JournalDamaged(f"the journal in {directory} cannot be read: {error}") from error
        batches: list[Batch] = []
        count, broken = 0, ""
        for row in rows:
            after = row.kept_from - 1 if everything else max(row.acked_seq, row.kept_from - 1)
            head = row.head_before(gate)
            kept: list[bytes] = []
            before = head
            query = "SELECT seq, payload FROM event WHERE stream = ? AND epoch = ? ORDER BY seq"
            expected = row.kept_from
            for seq, payload in connection.execute(query, (row.stream, row.epoch)):
                if seq != expected or not isinstance(payload, bytes):
                    broken = f"epoch {row.epoch} of stream {row.stream} breaks at event {seq}"
                    break
                expected += 1
                if seq <= after:
                    before = next_head(before, payload)
                else:
                    kept.append(payload)
            count += len(kept)
            batches += _batches(gate, Stream(row.stream), row.epoch, after + 1, before, kept)
    return ForeignJournal(int(site), int(gate), count, batches, broken)


def _batches(gate: int, stream: Stream, epoch: int, first: int, head: bytes, payloads: list[bytes]) -> list[Batch]:
    found = []
    for at in range(0, len(payloads), BATCH_EVENTS_MAX):
        part = payloads[at : at + BATCH_EVENTS_MAX]
        found.append(Batch(gate, stream, epoch, first + at, head, part))
        for payload in part:
            head = next_head(head, payload)
    return found
