# SPDX-License-Identifier: Apache-2.0
"""A journal that grows old under the test's hands."""

from pathlib import Path

from pistegate_edge.clock import Clock
from pistegate_edge.journal import retention
from pistegate_edge.journal.journal import Journal

SITE, GATE = 1, 3
DAY_S = 86_400


class Hands(Clock):
    """A clock whose both readings are set by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.mono, self.wall = 1000.0, 1_764_000_000_000

    def monotonic(self) -> float:
        """As set."""
        return self.mono

    def wall_ms(self) -> int:
        """As set."""
        return self.wall

    def on(self, seconds: float) -> None:
        """Both go on."""
        self.mono += seconds
        self.wall += int(seconds * 1000)


def opened(directory: Path, clock: Hands, keep_days: int = 3) -> Journal:
    """A gate's journal."""
    journal = Journal(directory, SITE, GATE, 65_536, clock, 1, "test", keep_days=keep_days)
    journal._db.execute("PRAGMA synchronous = OFF")  # nobody cuts the power here
    return journal


def acknowledge_all(journal: Journal) -> None:
    """The cloud has everything."""
    for pending in journal.pending():
        journal.acknowledge(pending.stream, pending.epoch, pending.last_seq)


def run_for(
    journal: Journal, clock: Hands, seconds: float, step: float = retention.MARK_S, *, alone: bool = False
) -> None:
    """An idle gate, to whose hellos the cloud answers unless it is alone."""
    end = clock.mono + seconds
    while clock.mono < end:
        clock.on(step)
        if not alone:
            journal.heard()
        journal.tidy()
