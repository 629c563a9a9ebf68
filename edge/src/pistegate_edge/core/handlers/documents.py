# SPDX-License-Identifier: Apache-2.0
"""What comes of identity documents and fingers: they carry nothing, and point to claims that the cloud sent down."""

from typing import TYPE_CHECKING, Final

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Action, Lamp, Show
from pistegate_edge.core.handlers import tickets
from pistegate_edge.core.judge import ReadTicket
from pistegate_edge.core.now import Now
from pistegate_edge.core.reading import Unusable
from pistegate_edge.core.telling import refuse
from pistegate_protocol.reasons import Reason

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage

_UNREAD: Final = b""  # stands for every number that was not read: they are one presentation


def seen(p: "Passage", told: i.Pointed, now: Now) -> list[Action]:
    """A document or finger while nobody is at the lane."""
    if not p.codes.begins(told.medium.to_bytes(), now.mono):
        return []
    otherwise = tickets.not_served(p, now)
    if otherwise is not None:
        return otherwise
    read = _believed(p, told)
    if isinstance(read, Unusable):
        return refuse(None, told.medium, read.reason, now, read.detail, read.ticket)
    return tickets.decided(p, read, now)


def unread(p: "Passage", told: i.DocumentUnread, now: Now) -> list[Action]:
    """A number that no document has: nothing of it is kept."""
    if not p.codes.begins(_UNREAD, now.mono):
        return []
    return tickets.not_served(p, now) or refuse(None, None, Reason.DOCUMENT_UNREAD, now)


def busy(p: "Passage", told: i.Pointed | i.DocumentUnread, now: Now) -> list[Action]:
    """A document or finger while somebody is at the lane: there still, or that of the next guest, who waits."""
    shown = told.medium.to_bytes() if isinstance(told, i.Pointed) else _UNREAD
    return [Show(Lamp.KEEP, "prompt.wait")] if p.codes.again(shown, now.mono) else []


def _believed(p: "Passage", told: i.Pointed) -> list[ReadTicket] | Unusable:
    """The tickets behind a medium, the one that began first in front; Unusable: not one of them."""
    if isinstance(told.found, Unusable):
        return told.found
    refused: Unusable | None = None
    read: list[ReadTicket] = []
    for signed in told.found:
        ticket = p.judge.believe_pointed(told.medium, signed)
        if isinstance(ticket, Unusable):
            refused = ticket
        else:
            read.append(ticket)
    if not read:
        return refused or Unusable(Reason.NOT_BOOKED)
    return sorted(read, key=lambda each: (each.believed.ticket.claim.valid_from, each.number))
