# SPDX-License-Identifier: Apache-2.0
"""What a scanner types when it plays a keyboard of the US layout (Linux input event codes, input-event-codes.h)."""

from collections.abc import Iterable
from dataclasses import dataclass

from pistegate_edge.scanners.lines import LineAssembler
from pistegate_edge.scanners.told import ScannerLine

UNKNOWN = "\ufffd"  # stands for a key that makes no character here: the line is then refused, not read as another one
DROPPED = -1  # instead of a key's code: the kernel's buffer ran over, keys are missing
_ENTERS = {28, 96, 15}  # Enter, the numeric pad's, Tab: what scanners are set to end codes with
_SHIFTS = {42, 54}
_SILENT = {58, 69, 70, *_SHIFTS}  # Caps, Num and Scroll Lock, Shift: make no character by themselves
_ROWS = (  # code of the first key, then the keys of the row, plain and with Shift
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (55, "*", "*"),
    (57, " ", " "),
)
_PAD = {71 + n: key for n, key in enumerate("789-456+1230.")} | {98: "/"}
PLAIN = {first + n: key for first, keys, _ in _ROWS for n, key in enumerate(keys)} | _PAD
SHIFTED = {first + n: key for first, _, keys in _ROWS for n, key in enumerate(keys)} | _PAD
GAP_S = 0.3  # silence that ends a line; a keyboard of 125 reports a second needs 16 ms for a character


@dataclass(frozen=True, slots=True)
class Key:
    """`value`: 0 released, 1 pressed, 2 the kernel repeats it (nobody typed it again)."""

    code: int
    value: int


class KeyLines:
    """Pure: from keys to lines. Caps Lock counts only while it is on; scanners use Shift."""

    def __init__(self) -> None:
        self._lines = LineAssembler("\n", GAP_S)
        self._held: set[int] = set()
        self._caps = False

    def typed(self, keys: Iterable[Key], at: float) -> list[ScannerLine]:
        """The lines that ended with these."""
        return self._lines.feed("".join(self._character(key) for key in keys), at)

    def quiet(self, at: float) -> list[ScannerLine]:
        """The line that ended because nothing was typed."""
        return self._lines.quiet(at)

    @property
    def wait_s(self) -> float | None:
        """How long to wait before asking `quiet`; None while no line has begun."""
        return self._lines.wait_s

    def _character(self, key: Key) -> str:
        if key.code == DROPPED:
            self._held.clear()  # a release may be among what is missing
            return UNKNOWN
        if key.code in _SHIFTS:
            (self._held.add if key.value else self._held.discard)(key.code)
        if key.value != 1:
            return ""
        if key.code == 58:
            self._caps = not self._caps
        if key.code in _SILENT:
            return ""
        return "\n" if key.code in _ENTERS else self._shown(key.code)

    def _shown(self, code: int) -> str:
        shown = (SHIFTED if self._held else PLAIN).get(code, UNKNOWN)
        return shown.swapcase() if self._caps else shown
