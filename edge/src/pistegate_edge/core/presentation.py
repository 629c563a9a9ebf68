# SPDX-License-Identifier: Apache-2.0
"""Presentations: from a card's coming into the field to its having left it for 500 ms.

Only what was observed counts: a field that nobody looked at (reader lost, loop busy) is not an empty field.
"""

from dataclasses import dataclass

LEFT_S = 0.5  # seconds out of the field that end a presentation (DESIGN, "One passage" 4)


@dataclass(slots=True)
class Presentation:
    """One card being held to the reader. `spent`: it was decided; nothing more comes of it."""

    uid: bytes
    spent: bool = False
    failed_reads: int = 0
    told_wait: bool = False
    absent_since: float | None = None


class Presentations:
    """Those under way, by card UID."""

    def __init__(self) -> None:
        self._open: dict[bytes, Presentation] = {}

    def seen(self, uid: bytes, mono: float) -> Presentation:
        """The presentation that this sight of a card belongs to; other cards are out of the field meanwhile."""
        self._leave(mono, except_uid=uid)
        presentation = self._open.get(uid)
        if presentation is None:
            presentation = self._open[uid] = Presentation(uid)
        presentation.absent_since = None
        return presentation

    def empty(self, mono: float) -> None:
        """A look at the field met no card."""
        self._leave(mono)

    def frozen(self) -> None:
        """Nobody looks at the field: absences begin anew when somebody does."""
        for presentation in self._open.values():
            presentation.absent_since = None

    def get(self, uid: bytes) -> Presentation | None:
        """The presentation of this card, if there is one."""
        return self._open.get(uid)

    def unread(self) -> list[Presentation]:
        """Those out of the field after failed attempts to read them."""
        return [p for p in self._open.values() if p.failed_reads and not p.spent and p.absent_since is not None]

    def _leave(self, mono: float, except_uid: bytes | None = None) -> None:
        for uid, presentation in list(self._open.items()):
            if presentation.absent_since is not None and mono - presentation.absent_since >= LEFT_S:
                del self._open[uid]
            elif uid != except_uid and presentation.absent_since is None:
                presentation.absent_since = mono
