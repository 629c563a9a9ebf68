# SPDX-License-Identifier: Apache-2.0
"""What a benchmark measures: figures, a limit where one is promised, and how far along it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One number. `limit`, where there is one, is met when `value` is at most (or at least) it; a limit is a ratio
    to something measured in the same run, so that it holds on any machine.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    direction: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def missed(self) -> bool:
        """Whether a promise is broken."""
        if self.limit is None:
            return False
        # Spelled so that a value that is no number is missed too.
        return not (self.value <= self.limit if self.direction == "at most" else self.value >= self.limit)


_listener: Callable[[int, int], None] = lambda done, total: None  # noqa: E731


def listen(listener: Callable[[int, int], None]) -> None:
    """Have `listener(done, total)` called as the next benchmark goes on."""
    global _listener
    _listener = listener


def progress(done: int, total: int) -> None:
    """Called by a benchmark: `done` of `total` samples are taken."""
    _listener(done, total)
