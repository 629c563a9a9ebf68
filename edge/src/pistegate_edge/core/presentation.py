# SPDX-License-Identifier: Apache-2.0
"""Presentations: from a card's coming into the field to its having left it for 500 ms.

Only what was observed counts: a field that nobody looked at (reader lost, loop busy) is not an empty field. Cards that
come out of one pocket are one presentation as far as tickets go: where one of them was admitted, no other is used
before it too has left the field.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LEFT_S = 0.5  # seconds out of the field that end a presentation (DESIGN, "One passage" 4)
# Two cards in one pocket hide each other now and then: one that appears so soon after an admitted one was out of sight
# is taken to be of the same pocket. Nobody takes a card away and holds another one there within this time. Estimate.
JOIN_S = 0.2
CODE_LEFT_S = 3.0  # seconds unseen that end a code's presentation (DESIGN, "One passage" 4)


@dataclass(slots=True)
class Presentation:
    """One card being held to the reader. `spent`: it was decided; nothing more comes of it.

    `admitted`: an admission came of it. `refused`: it is ours, was read, and could not be used. `joined`: it was
    held to the reader together with an admitted one, and `spent` for that alone; `beside`: seen beside it, not just
    after it; `told`: its guest knows.
    """

    uid: bytes
    spent: bool = False
    admitted: bool = False
    refused: bool = False
    joined: bool = False
    beside: bool = False
    told: bool = False
    foreign: bool = False
    failed_reads: int = 0
    told_wait: bool = False
    absent_since: float | None = None

    @property
    def present(self) -> bool:
        """In the field when it was last looked at."""
        return self.absent_since is None


class Presentations:
    """Those under way, by card UID (or by what stands for one)."""

    def __init__(self) -> None:
        self._open: dict[bytes, Presentation] = {}

    def seen(self, uid: bytes, mono: float) -> Presentation:
        """The presentation that this sight of a card belongs to; says nothing of other cards.

        `joined` and not `told`: it was joined to an admitted one just now.
        """
        self._end(mono)
        presentation = self._open.get(uid)
        if presentation is None:
            presentation = self._open[uid] = Presentation(uid)
        presentation.absent_since = None
        self._join(presentation, mono)
        return presentation

    def looked(self, uids: Iterable[bytes], mono: float) -> list[Presentation]:
        """The whole field: exactly these are in it. Gives back the cards that are joined and were not told so."""
        self._end(mono)
        present = set(uids)
        for uid, presentation in self._open.items():
            if uid not in present and presentation.absent_since is None:
                presentation.absent_since = mono
        found = [self.seen(uid, mono) for uid in sorted(present)]
        return [one for one in found if one.joined and not one.told]

    def frozen(self) -> None:
        """Nobody looks at the field: absences begin anew when somebody does."""
        for presentation in self._open.values():
            presentation.absent_since = None

    def renew(self, uid: bytes) -> None:
        """What made this card wait is settled: while it stays, it is looked at anew. One that was joined stays so."""
        presentation = self._open.get(uid)
        if presentation is not None and not presentation.joined:
            presentation.spent = presentation.refused = False

    def left_unread(self) -> list[Presentation]:
        """Those out of the field after failed attempts to read them."""
        return [p for p in self._open.values() if p.failed_reads and not p.spent and not p.present]

    def other_refused(self, uid: bytes) -> bool:
        """Whether another card of ours is in the field that could not be used either."""
        return any(p.refused and p.present for p in self._open.values() if p.uid != uid)

    def one_of_ours(self) -> bool:
        """Whether a card that was decided and is not foreign is in the field."""
        return any(p.present and p.spent and not p.foreign for p in self._open.values())

    def _join(self, presentation: Presentation, mono: float) -> None:
        if presentation.spent:
            return
        for other in self._open.values():
            # A card that was joined holds the pocket together while it hides the admitted one.
            if other is not presentation and (other.admitted or other.joined) and self._near(other, mono):
                presentation.spent = presentation.joined = True
                presentation.beside = other.present

    def _near(self, other: Presentation, mono: float) -> bool:
        return other.absent_since is None or mono - other.absent_since < JOIN_S

    def _end(self, mono: float) -> None:
        for uid, presentation in list(self._open.items()):
            if presentation.absent_since is not None and mono - presentation.absent_since >= LEFT_S:
                del self._open[uid]


class Codes:
    """Codes, documents and fingers: the same again and again is one presentation, until it was unseen for 3 s.

    Codes go by their text, documents and fingers by the bytes of their medium.
    """

    def __init__(self) -> None:
        self._seen: dict[str | bytes, float] = {}

    def begins(self, text: str | bytes, mono: float) -> bool:
        """Whether this sight begins a presentation."""
        self._seen = {shown: at for shown, at in self._seen.items() if mono - at < CODE_LEFT_S}
        known = text in self._seen
        self._seen[text] = mono
        return not known

    def forget(self, text: str | bytes) -> None:
        """The next sight of it begins a presentation."""
        self._seen.pop(text, None)

    def again(self, text: str | bytes, mono: float) -> bool:
        """A sight while the lane is busy: it lengthens a presentation, and begins none. Whether there is none."""
        if text not in self._seen or mono - self._seen[text] >= CODE_LEFT_S:
            return True
        self._seen[text] = mono
        return False
