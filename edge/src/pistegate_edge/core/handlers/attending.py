# SPDX-License-Identifier: Apache-2.0
"""The lane beyond tickets: in an attendant's hands, its incidents and faults."""

from typing import TYPE_CHECKING

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import (
    Action,
    By,
    Lamp,
    Log,
    Release,
    Show,
)
from pistegate_edge.core.attended import KEY
from pistegate_edge.core.judge import Believed
from pistegate_edge.core.now import Now
from pistegate_edge.core.state import State
from pistegate_edge.core.telling import incident
from pistegate_edge.lane.core import words
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.decide import Decision, Refuse
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import Medium, MediumKind

if TYPE_CHECKING:
    from pistegate_edge.core.passage import Passage

# What a staff card may be refused for and still let people through: its own ride is not asked about.
STAFF_REFUSALS = frozenset({Reason.PASSBACK, Reason.ALREADY_INSIDE})


def is_staff(p: "Passage", card: Believed, decision: Decision) -> bool:
    """A card that may let people through: of staff, genuine, valid here and now."""
    if not p.staff_cards or card.rolled_back or card.ticket.claim.holder is not HolderClass.STAFF:
        return False
    return not isinstance(decision, Refuse) or decision.reason in STAFF_REFUSALS


def staff(p: "Passage", told: i.CardRead, card: Believed, now: Now) -> list[Action]:
    """A staff card: the lane is asked, the card is let go, nothing is written to it."""
    p.go(State.IDLE)
    by = By(Medium(MediumKind.CARD, told.uid).to_bytes(), card.ticket.claim.ticket)
    asked = p.attended.tapped(told.uid, by, now.mono)
    line = Log(f"staff card {told.uid.hex()}: {asked.mode if asked else 'the key holds the lane'}")
    return [Release(told.token), line, asked or Show(Lamp.KEEP, f"lane.{p.attended.mode}")]


def counted(p: "Passage", told: i.LaneCounted, now: Now) -> list[Action]:
    """One person without a ticket."""
    return [p.attended.counted(told.direction, now)]


def mode_changed(p: "Passage", told: i.LaneMode, now: Now) -> list[Action]:
    """The lane changed its mode by itself."""
    return _attended_from(p, told.mode, KEY, 1, now)


def overridden(p: "Passage", told: i.Overridden, now: Now) -> list[Action]:
    """The lane did as a staff card asked."""
    return _attended_from(p, told.asked.mode, told.asked.by, told.asked.persons, now)


def _attended_from(p: "Passage", mode: str, by: By, persons: int, now: Now) -> list[Action]:
    records = p.attended.begun(mode, by, persons, now)
    p.standing.mode = mode
    who = "key" if by == KEY else f"staff card {by.medium[1:].hex() if by.medium else ''}"
    line = Log(f"lane is {mode}" + (f" by {who}" if mode != words.NORMAL else ""))
    return [*records, line, *([] if p.state is State.OPEN else [p.shown()])]


def happened(p: "Passage", told: i.LaneIncident, now: Now) -> list[Action]:
    """The attendant is told at once what to do; the guest's answer goes on showing."""
    return [Show(Lamp.KEEP, f"incident.{told.code}"), incident(now, told.code, "")]


def lane_fault(p: "Passage", told: i.LaneFault, now: Now) -> list[Action]:
    """A fault of the lane began or ended; latched or not, it is noted and shown."""
    if not p.standing.lane(told.code, told.present):
        return []
    note = incident(now, told.code, "" if told.present else "over")
    line = Log(f"lane: {told.code}" + ("" if told.present else " is over"))
    if not told.present or p.state is State.OPEN:
        return [note, line, *([] if p.state is State.OPEN else [p.shown()])]
    return [p.shown(), Show(Lamp.KEEP, f"lane.{told.code}"), note, line]
