# SPDX-License-Identifier: Apache-2.0
"""Chains recomputed from the payloads: what of a journal is as it was written. No I/O of its own."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from pistegate_edge.journal.epochs import EpochRow
from pistegate_protocol.events import next_head

Row = tuple[int, int, int, bytes, bytes]  # stream, epoch, seq, payload, head after it


def events(connection: sqlite3.Connection) -> Iterable[Row]:
    """Every event, chain by chain."""
    return connection.execute("SELECT stream, epoch, seq, payload, head FROM event ORDER BY stream, epoch, seq")


def first_break(rows: Iterable[Row], epochs: Iterable[EpochRow], gate: int) -> str:
    """What is wrong with the chains, in words; empty when nothing is."""
    known = {(row.stream, row.epoch): row for row in epochs}
    ends = {key: row.kept_from - 1 for key, row in known.items()}
    for key, chain in groupby(rows, itemgetter(0, 1)):
        row = known.get(key)
        if row is None:
            return f"events of stream {key[0]}, epoch {key[1]}, which was never opened"
        bad = _break_of(chain, row, gate, ends)
        if bad:
            return f"the chain of stream {key[0]}, epoch {key[1]} breaks at event {bad}"
    for key, row in known.items():
        if not row.sound or row.acked_seq > ends[key]:
            return f"what is known of stream {key[0]}, epoch {key[1]} does not fit its events"
    return ""


def _break_of(chain: Iterator[Row], row: EpochRow, gate: int, ends: dict[tuple[int, int], int]) -> int:
    head, expected = row.head_before(gate), row.kept_from
    for _, _, seq, payload, stored in chain:
        if seq != expected or not isinstance(payload, bytes) or (head := next_head(head, payload)) != stored:
            return int(seq)
        expected += 1
    ends[row.stream, row.epoch] = expected - 1
    return 0
