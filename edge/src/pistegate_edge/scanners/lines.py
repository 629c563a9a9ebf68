# SPDX-License-Identifier: Apache-2.0
"""From what arrives, in pieces, to lines: a line ends with one of its `breaks`, or when nothing came for a while.

Silence ends lines of scanners that have a terminator too: one that was set to none still works, and the first half of a
line that was torn never becomes the beginning of the next guest's code.
"""

import re
from collections import deque

from pistegate_edge.scanners.told import ScannerLine

LINE_MAX = 1024  # characters kept of a line: ours are far shorter, and the parser tells an over-long one by its length
REPEAT_S = (
    0.2  # the same line again within this is left out; a code's presentation ends by 3 s unseen, so nobody misses it
)
LINES_MAX = 50  # a second; no scanner reads so many codes (Newland and GM65: about 10): more is a device gone mad


class LineAssembler:
    """Pure. Feed every piece with the time when it was read; ask `quiet` when nothing came."""

    def __init__(self, breaks: str, gap_s: float) -> None:
        self._breaks = re.compile(f"[{re.escape(breaks)}]" if breaks else r"(?!)")
        self.gap_s = gap_s
        self._kept = ""
        self._last = 0.0

    def feed(self, piece: str, at: float) -> list[ScannerLine]:
        """The lines that end with this piece; empty ones are none."""
        lines = []
        *ended, rest = self._breaks.split(piece)
        for part in ended:
            self._keep(part)
            lines += self._end(at)
        self._keep(rest)
        self._last = at
        return lines

    def quiet(self, at: float) -> list[ScannerLine]:
        """Nothing had come until now; the line that ends by it, if any."""
        return self._end(self._last) if at - self._last >= self.gap_s else []

    @property
    def wait_s(self) -> float | None:
        """How long to wait for more before asking `quiet`; None while no line has begun."""
        return self.gap_s if self._kept else None

    def _keep(self, part: str) -> None:
        self._kept += part[: LINE_MAX - len(self._kept)]

    def _end(self, at: float) -> list[ScannerLine]:
        text, self._kept = self._kept, ""
        return [ScannerLine(text, at)] if text else []


class Thinning:
    """Leaves out what the gate cannot need, so that no scanner floods its queue."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._told_at = 0.0
        self._recent: deque[float] = deque(maxlen=LINES_MAX)
        self.flooded = False
        """Whether the last line was left out for there being too many."""

    def wants(self, line: ScannerLine) -> bool:
        """Whether this line is to be told."""
        self.flooded = False
        if line.text == self._text and line.at - self._told_at < REPEAT_S:
            return False
        if len(self._recent) == LINES_MAX and line.at - self._recent[0] < 1.0:
            self.flooded = True
            return False
        self._text, self._told_at = line.text, line.at
        self._recent.append(line.at)
        return True
