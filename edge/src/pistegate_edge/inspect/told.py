# SPDX-License-Identifier: Apache-2.0
"""What an attendant is told of whatever was held to the reader. Pure."""

from dataclasses import dataclass
from typing import Any

from pistegate_edge.card.assess import Assessor
from pistegate_edge.card.facts import understand
from pistegate_edge.card.seen import Seen, Unread
from pistegate_edge.card.told import card_told
from pistegate_edge.card.view import card_lines
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.inputs import ReadProblem, Stranger
from pistegate_edge.core.judge import Believed
from pistegate_edge.core.now import Now
from pistegate_edge.core.prompts import STRANGERS
from pistegate_protocol.decide import Refuse
from pistegate_protocol.events import Refused
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing, Medium, MediumKind
from pistegate_protocol.texts import text

_UNREAD = {
    ReadProblem.TORN: Reason.UNREADABLE,
    ReadProblem.FOREIGN: Reason.FOREIGN_MEDIUM,
    ReadProblem.KEY_REFUSED: Reason.CARD_KEY_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """`card` as JSON; `key`, `values`: one line for a small display; `refused`: what is to be noted of it."""

    card: dict[str, Any]
    key: str
    values: dict[str, object]
    refused: Refused | None = None

    def lines(self, locale: str) -> list[str]:
        """For a terminal."""
        if "uid" in self.card and "wallet" in self.card:
            return card_lines(self.card, locale)
        return [self.line(locale)]

    def line(self, locale: str) -> str:
        """For a small display."""
        return text(self.key, locale, **self.values)


class Inspector:
    """Tells by the place it stands at; `here`: whether that place is a lane's, so that entering can be judged."""

    def __init__(self, assessor: Assessor, issuers: KeyRing, currency: str | None, *, here: bool) -> None:
        self._assessor = assessor
        self._issuers = issuers
        self._currency = currency
        self._here = here

    def tell(self, seen: Seen, knowledge: Facts, now: Now) -> Told:
        """What was seen, in words and as JSON."""
        if isinstance(seen, Stranger):
            return Told({"foreign": seen.value}, STRANGERS[seen], {})
        if isinstance(seen, Unread):
            reason = _UNREAD[seen.problem]
            card = {"uid": seen.uid.hex(), "problem": {"reason": reason.value, "ticket": None}}
            return Told(card, f"reason.{reason.value}", {}, _refused(now, reason, seen.uid, None))
        facts = understand(seen, self._issuers)
        assessed = self._assessor.assess(facts, knowledge, now)
        lost = seen.uid in knowledge.lost
        card = card_told(facts, assessed, self._assessor.profile, currency=self._currency, lost=lost, here=self._here)
        if not isinstance(assessed.ticket, Believed):
            reason = Reason.CARD_LOST if lost else assessed.ticket.reason
            return Told(card, f"reason.{reason.value}", {}, _refused(now, reason, seen.uid, assessed.ticket.ticket))
        if isinstance(assessed.decision, Refuse):
            reason = assessed.decision.reason
            until = assessed.decision.until
            values: dict[str, object] = {
                "until": until.astimezone(self._assessor.profile.zone).strftime("%H:%M") if until else "",
                "gate": assessed.decision.gate or 0,
            }
            ticket = assessed.ticket.ticket.claim.ticket
            return Told(card, f"reason.{reason.value}", values, _refused(now, reason, seen.uid, ticket))
        n = assessed.decision.n if assessed.decision is not None else 0
        return Told(card, "card.admit", {"n": n})


def _refused(now: Now, reason: Reason, uid: bytes, ticket: int | None) -> Refused:
    return Refused(now.wall_ms, reason.value, Medium(MediumKind.CARD, uid).to_bytes(), ticket)
