# SPDX-License-Identifier: Apache-2.0
"""Asking the cloud for the time: which answer is fresh, and how exact it is then. Pure; milliseconds, steady clock.

The signature tells when the answer was made, the nonce that it was made after the question: so it was made within the
round trip. Whoever carries the messages may delay an answer, and shifts the time by half of what he delays.
"""

from dataclasses import dataclass
from typing import Final

from pistegate_protocol.time_marks import TimeMark

# Half of it is the error of the answer, which must stay below doubt.TRUST_MS. The cloud answers between two groups of
# messages (tens of ms); bad links of mountain huts took 3 s (facts: 1.5 s one way).
ROUND_TRIP_MS: Final = 10_000
ASK_S: Final = 300.0  # s between questions; a crystal is 15 ms off by then, and 150 bytes go over the line
ASK_AGAIN_S: Final = 10.0  # s until an unanswered question is asked again; doubles up to ASK_S


@dataclass(frozen=True, slots=True)
class Fresh:
    """It is `at_ms` now, give or take `error_ms`."""

    at_ms: int
    error_ms: int


class TimeAsking:
    """One question at a time: a new one makes the one before void."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._open: tuple[bytes, int] | None = None

    def ask(self, nonce: bytes, steady_ms: int) -> None:
        """A question goes out now."""
        self._open = nonce, steady_ms

    def answered(self, mark: TimeMark, steady_ms: int) -> Fresh | None:
        """What a genuine mark tells of now; None: it is no answer to the open question, or took too long."""
        if self._open is None or mark.device != self._device or mark.nonce != self._open[0]:
            return None
        took = steady_ms - self._open[1]
        self._open = None
        if not 0 <= took <= ROUND_TRIP_MS:
            return None
        return Fresh(mark.issued_at + took // 2, took // 2 + 1)
