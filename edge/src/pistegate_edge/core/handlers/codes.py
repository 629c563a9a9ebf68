# SPDX-License-Identifier: Apache-2.0
"""What comes of codes before the scanner: the claim is in the code."""

from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, Lamp, Show
from pistegate_edge.core.handlers import tickets
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Unusable
from pistegate_edge.core.telling import refuse
from pistegate_protocol.codes import NotOurs, PickUpCode, parse
from pistegate_protocol.reasons import Reason

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage


def seen(p: "Passage", told: i.CodeSeen, now: Now) -> list[Action]:
    """A code while nobody is at the lane."""
    if not p.codes.begins(told.text, now.mono):
        return []
    otherwise = tickets.not_served(p, now)
    if otherwise is not None:
        return otherwise
    parsed = parse(told.text)
    if isinstance(parsed, NotOurs):
        return refuse(None, None, parsed.reason, now)
    if isinstance(parsed, PickUpCode):
        return refuse(None, None, Reason.PICK_UP_CODE, now)
    code = p.judge.believe_code(parsed, now)
    if isinstance(code, Unusable):
        return refuse(None, None, code.reason, now, code.detail, code.ticket)
    return tickets.decided(p, [code], now, told.text)


def busy(p: "Passage", told: i.CodeSeen, now: Now) -> list[Action]:
    """A code while somebody is at the lane: shown still, or that of the next guest, who waits."""
    return [Show(Lamp.KEEP, "prompt.wait")] if p.codes.again(told.text, now.mono) else []
