# SPDX-License-Identifier: Apache-2.0
"""What a scanner tells. Texts are kept out of `repr`: they are tickets and ID numbers, and events get logged."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ScannerLine:
    """One line as it was read; `at`: monotonic seconds of its end. Bytes of serial lines are characters 0-255.

    U+FFFD stands for what a keyboard typed and nobody can tell.
    """

    text: str = field(repr=False)
    at: float


@dataclass(frozen=True, slots=True)
class ScannerReady:
    """The scanner works (again); `what`: for people."""

    what: str


@dataclass(frozen=True, slots=True)
class ScannerLost:
    """The scanner failed and is being restarted."""

    detail: str


ScannerTold = ScannerLine | ScannerReady | ScannerLost
