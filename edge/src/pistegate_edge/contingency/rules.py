# SPDX-License-Identifier: Apache-2.0
"""When a box may sell, what of a sale may still be taken back, and what it tells the cloud when. Pure.

`steady_ms` is a clock that runs on without steps; wall times are milliseconds since 1970 UTC.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pistegate_protocol.contingency import CUT_S

CUT_MS: Final = int(CUT_S * 1000)
# Answers must come for so long before the cloud counts as back: a line that comes and goes would stop both ways of
# selling.
BACK_MS: Final = 20_000
# A sale that nobody saw a code of: until then it may be voided, after it it counts. Longer than any guest waits.
VOID_MS: Final = 600_000


class Why(StrEnum):
    """Why a window may not sell; texts at `contingency.why_WHY`."""

    ONLINE = "online"
    """The cloud is there, or was less than a minute ago."""
    NO_BATCH = "no_batch"
    """There are no tickets for today, or not all of them have come."""
    SOLD_OUT = "sold_out"
    """All are sold."""
    CLOCK = "clock"
    """Nobody knows for sure what time it is, hence what day."""


@dataclass(slots=True)
class Line:
    """Whether the cloud is out of reach, by what became of questions to it."""

    steady_ms: int
    """Since when nobody has answered; at first, since the box began to ask."""
    cut: bool = False
    _since_ms: int | None = None
    """Since when every question was answered."""

    def answered(self, steady_ms: int) -> None:
        """The cloud has answered."""
        if self._since_ms is None or steady_ms - self.steady_ms > CUT_MS:
            self._since_ms = steady_ms
        self.cut = self.is_cut(steady_ms) and steady_ms - self._since_ms < BACK_MS
        self.steady_ms = steady_ms

    def failed(self, steady_ms: int) -> None:
        """A question was not answered."""
        self.cut = self.is_cut(steady_ms)
        self._since_ms = None

    def is_cut(self, steady_ms: int) -> bool:
        """Whether the window may sell by itself."""
        return self.cut or steady_ms - self.steady_ms >= CUT_MS

    def left_ms(self, steady_ms: int) -> int:
        """How long until it counts as cut, if nobody answers; 0: it does."""
        return 0 if self.is_cut(steady_ms) else CUT_MS - (steady_ms - self.steady_ms)


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is for a window: whether a batch is whole and of today, and how many tickets of it are left."""

    ready: bool
    left: int


def why_not(*, cut: bool, trusted: bool, stock: Stock) -> Why | None:
    """Why a window may not sell now; None: it may."""
    if not cut:
        return Why.ONLINE
    if not trusted:
        return Why.CLOCK
    if not stock.ready:
        return Why.NO_BATCH
    return None if stock.left else Why.SOLD_OUT


def may_void(state: str, sold_ms: int, now_ms: int) -> bool:
    """Whether a sale may be taken back: nobody saw its codes, and it was just now."""
    return state == "open" and now_ms - sold_ms < VOID_MS


def is_final(state: str, sold_ms: int, now_ms: int) -> bool:
    """Whether a sale may be told to the cloud: nothing of it changes any more."""
    return state != "open" or now_ms - sold_ms >= VOID_MS


def may_close(*, steady: bool, over: bool, sold: int, untold: int) -> bool:
    """Whether a box is done with a batch: its day is over, or it sold of it and the cloud is back for good."""
    return untold == 0 and (over or (steady and sold > 0))
