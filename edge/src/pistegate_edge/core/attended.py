# SPDX-License-Identifier: Apache-2.0
"""A lane in an attendant's hands 人工放行: whoever holds the key or a staff card lets people through without tickets.

A staff card held to the reader lets one person through, and each time again one more, which makes a group. Held for
three seconds it opens the lane for everybody (rescue sledge, evacuation), for eight it takes it out of service; held
once more, it gives the lane back. Each person is counted by the lane and recorded with who let them and why. Pure.
"""

from dataclasses import dataclass

from pistegate_edge.core.actions import By, OverrideLane, RecordOverride
from pistegate_edge.core.now import Now
from pistegate_edge.lane.core import words
from pistegate_protocol.events import Override, OverrideKind

HOLD_FREE_S = 3.0  # seconds; nobody keeps a card on a reader so long who only wants to pass. Estimate
HOLD_OUT_S = 8.0
GROUP_MOST = 99  # persons that one group may still be short of

_KINDS = {words.GROUP: OverrideKind.GROUP, words.FREE: OverrideKind.FREE, words.OUT: OverrideKind.OUT}


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why people are let through, as the site words it for its records: by key, by staff card."""

    key: str = "key switch"
    staff: str = "staff card"


KEY = By()


@dataclass(slots=True)
class _Held:
    """A staff card on the reader since `since`; what it did last."""

    uid: bytes
    since: float
    by: By
    mode: str


class Attended:
    """The override under way, if any. `direction`: the lane's own."""

    def __init__(self, direction: str, reasons: Reasons) -> None:
        self.mode = words.NORMAL
        self._direction = direction
        self._reasons = reasons
        self._number = 0
        self._by = KEY
        self._left = 0  # persons of a group that are not through yet
        self._held: _Held | None = None

    def tapped(self, uid: bytes, by: By, mono: float) -> OverrideLane | None:
        """A staff card was held to the reader; None where the key holds the lane."""
        if self.mode in (words.FREE, words.OUT):
            if self._by == KEY:
                return None
            self._held = None
            return OverrideLane(words.NORMAL, self._direction, 0, by)
        self._held = _Held(uid, mono, by, words.GROUP)
        left = self._left if self.mode == words.GROUP else 0
        return OverrideLane(words.GROUP, self._direction, min(left + 1, GROUP_MOST), by)

    def still_there(self, uid: bytes, mono: float) -> OverrideLane | None:
        """The card is still on the reader: after a while that means more."""
        held = self._held
        if held is None or held.uid != uid:
            return None
        long = mono - held.since
        wanted = words.OUT if long >= HOLD_OUT_S else words.FREE if long >= HOLD_FREE_S else held.mode
        if wanted == held.mode:
            return None
        held.mode = wanted
        return OverrideLane(wanted, self._direction, 0, held.by)

    def begun(self, mode: str, by: By, persons: int, now: Now) -> list[RecordOverride]:
        """The lane is in `mode` on somebody's word; NORMAL: it is the gate's again."""
        self.mode, self._by, self._left = mode, by, persons
        if mode == words.NORMAL:
            return []
        self._number += 1
        return [self._record(_KINDS[mode], 0, 0, now)]

    def counted(self, direction: str, now: Now) -> RecordOverride:
        """One person went through without a ticket; where nobody gave a word, the way was free (fire, power loss)."""
        self._left = max(0, self._left - 1)
        entered = direction == words.ENTRY
        entries, exits = int(entered), int(not entered)
        if self.mode == words.NORMAL:
            freed = OverrideKind.FREE, entries, exits, None, None, "the way was free: fire or power"
            return RecordOverride(Override(now.wall_ms, 0, *freed))
        return self._record(_KINDS[self.mode], entries, exits, now)

    def _record(self, kind: OverrideKind, entries: int, exits: int, now: Now) -> RecordOverride:
        by = self._by
        why = self._reasons.key if by == KEY else self._reasons.staff
        return RecordOverride(
            Override(now.wall_ms, self._number, kind, entries, exits, by.medium, by.ticket, why),
        )
