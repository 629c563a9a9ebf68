# SPDX-License-Identifier: Apache-2.0
"""Machine-readable zones of passports among what a scanner of codes gives: two lines of 44 characters. Pure."""

import re
from typing import Final

from pistegate_edge.scanners.told import ScannerLine

NEXT_S: Final = 2.0  # within which the second line follows the first; scanners give both at once
_FIRST: Final = re.compile(r"P[A-Z<][A-Z<]{42}")
_SECOND: Final = re.compile(r"[A-Z0-9<]{44}")


class Zones:
    """Gives the zone once it is whole."""

    def __init__(self) -> None:
        self._first: ScannerLine | None = None

    def taken(self, line: ScannerLine) -> str | None:
        """The zone that ends with this line; empty: it is the first half of one; None: the line is none."""
        text, first = line.text.strip(), self._first
        self._first = None
        if _FIRST.fullmatch(text):
            self._first = line
            return ""
        if first is not None and line.at - first.at <= NEXT_S and _SECOND.fullmatch(text):
            return first.text.strip() + text
        return text if _FIRST.fullmatch(text[:44]) and _SECOND.fullmatch(text[44:]) else None
