# SPDX-License-Identifier: Apache-2.0
"""What comes of codes before the scanner: the claim is in the code, what was used of it is in the journal."""

from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core import prompts
from pistegate_edge.core.actions import Action, Lamp, RecordAdmission, Show
from pistegate_edge.core.admission import admission
from pistegate_edge.core.judge import ReadCode
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Unusable
from pistegate_edge.core.state import State
from pistegate_edge.core.telling import refuse
from pistegate_edge.lane.core import words
from pistegate_protocol.codes import NotOurs, PickUpCode, parse
from pistegate_protocol.decide import Decision, Refuse
from pistegate_protocol.reasons import Reason

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage


def seen(p: "Passage", told: i.CodeSeen, now: Now) -> list[Action]:
    """A code while nobody is at the lane."""
    if not p.codes.begins(told.text, now.mono):
        return []
    if p.faults:
        return refuse(None, None, Reason.OUT_OF_SERVICE, now, lamp=Lamp.KEEP)
    if p.attended.mode != words.NORMAL:
        return [Show(Lamp.KEEP, f"lane.{p.attended.mode}")]
    parsed = parse(told.text)
    if isinstance(parsed, NotOurs):
        return refuse(None, None, parsed.reason, now)
    if isinstance(parsed, PickUpCode):
        return refuse(None, None, Reason.PICK_UP_CODE, now)
    code = p.judge.believe_code(parsed, now)
    if isinstance(code, Unusable):
        return refuse(None, None, code.reason, now, code.detail, code.ticket)
    return _decided(p, code, now)


def _decided(p: "Passage", code: ReadCode, now: Now) -> list[Action]:
    ticket = code.believed.ticket
    today = now.wall.astimezone(p.gate.zone).date()
    owed = p.owed.of(ticket.usage.admission, now.mono, today)
    if code.replayed and owed is None:
        return refuse(None, code.medium, Reason.CODE_REPLAYED, now, ticket=ticket.claim.ticket)
    decision: Decision = p.judge.decide(code.believed, owed, now)
    if isinstance(decision, Refuse):
        shown = prompts.refused(decision, p.gate.zone)
        return refuse(None, code.medium, decision.reason, now, ticket=ticket.claim.ticket, shown=shown)
    p.current = admission(None, code.medium, code.believed, decision, p.gate, now)
    p.go(State.COMMITTING)
    return [RecordAdmission(p.current.event, p.current.party, p.current.tick)]


def busy(p: "Passage", told: i.CodeSeen, now: Now) -> list[Action]:
    """A code while somebody is at the lane: shown still, or that of the next guest, who waits."""
    return [Show(Lamp.KEEP, "prompt.wait")] if p.codes.again(told.text, now.mono) else []
