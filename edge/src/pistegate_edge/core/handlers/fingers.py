# SPDX-License-Identifier: Apache-2.0
"""What comes of fingers that are asked for beside a card or code, and of those that nobody could use.

A finger is never the only way in, and a broken sensor is our fault, not the guest's: then the card alone lets in, and
an incident says so. Nobody is asked at an exit.
"""

from typing import TYPE_CHECKING, Final

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, AskFinger, IncidentCode, Lamp, Log, Show
from pistegate_edge.core.asking import ASK_S, Asked
from pistegate_edge.core.now import Now
from pistegate_edge.core.state import State
from pistegate_edge.core.telling import incident, refuse
from pistegate_edge.fingers.told import FingerProblem
from pistegate_edge.lane.core import words
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage

# A document names its holder by itself, and a finger is one.
BESIDE: Final = frozenset({MediumKind.CARD, MediumKind.BEARER, MediumKind.ROTATING})
REASONS: Final = {
    FingerProblem.NONE_CAME: Reason.FINGER_NONE_CAME,
    FingerProblem.UNREADABLE: Reason.FINGER_UNREADABLE,
    FingerProblem.OTHER_FINGER: Reason.FINGER_OTHER,
    FingerProblem.TEMPLATE: Reason.FINGER_TEMPLATE,
    FingerProblem.SENSOR: Reason.FINGER_SENSOR,
}
_OURS: Final = frozenset({FingerProblem.TEMPLATE, FingerProblem.SENSOR})
"""Not the guest's fault, and nothing that the guest can do."""


def asked(p: "Passage", medium: Medium, ticket: int, now: Now, shown: str | bytes | None = None) -> list[Action] | None:
    """What is done before this ticket is admitted; None: nothing, it is admitted now."""
    if p.gate.exit or medium.kind not in BESIDE or not p.fingers.wanted(ticket, now.mono):
        return None
    question = p.fingers.ask(ticket, medium, shown)
    return [Show(Lamp.REFUSE, "prompt.finger"), AskFinger(question.token, ticket, now.mono + ASK_S)]


def known(p: "Passage", told: i.FingersKnown, now: Now) -> list[Action]:
    """Other fingers can be compared from now on."""
    p.fingers.known = told.tickets
    return []


def matched(p: "Passage", told: i.FingerMatched, now: Now) -> list[Action]:
    """It is the holder's: the card or code that is still there, or comes again, opens."""
    question = p.fingers.answered(told.token)
    return [] if question is None else _proven(p, question, "prompt.finger_known", now)


def refused(p: "Passage", told: i.FingerRefused, now: Now) -> list[Action]:
    """A finger let nobody in."""
    if told.token is None:
        return _nobody(p, told, now)
    question = p.fingers.answered(told.token)
    if question is None:
        return []
    if told.problem in _OURS:
        detail = f"ticket {question.ticket}: {told.problem.value} {told.detail}".rstrip()
        return [*_proven(p, question, "prompt.finger_off", now), incident(now, IncidentCode.FINGER_EXCUSED, detail)]
    told_as = refuse(
        None,
        question.medium,
        REASONS[told.problem],
        now,
        told.detail,
        question.ticket,
        key=f"prompt.{REASONS[told.problem].value}",
    )
    return told_as if p.state is State.IDLE else [action for action in told_as if not isinstance(action, Show)]


def _proven(p: "Passage", question: Asked, key: str, now: Now) -> list[Action]:
    p.fingers.prove(question.ticket, now.mono)
    if question.shown is not None:
        p.codes.forget(question.shown)
    else:
        p.presentations.renew(question.medium.id)
    shown = [Show(Lamp.REFUSE, key)] if p.state is State.IDLE else []
    return [*shown, Log(f"ticket {question.ticket}: {key.rpartition('.')[2].replace('_', ' ')}")]


def _nobody(p: "Passage", told: i.FingerRefused, now: Now) -> list[Action]:
    """A finger that was looked up and is nobody's, or cannot be read; while somebody is at the lane it can wait."""
    if p.state is not State.IDLE or p.faults or p.attended.mode != words.NORMAL:
        return []
    return refuse(None, None, REASONS[told.problem], now, told.detail)
