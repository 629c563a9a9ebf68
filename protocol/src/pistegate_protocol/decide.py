# SPDX-License-Identifier: Apache-2.0
"""May this ticket enter here and now? Pure: the answer depends on nothing but the arguments.

The gate asks it, and so does the cloud: one rule engine. When several reasons to refuse hold, `reasons.PRIORITY` says
which one is told. What is asked about and answered is in decision.py, what the usage means in views.py, what refuses
in refusals.py, entries in entries.py, time in clocks.py.
"""

from dataclasses import replace
from datetime import datetime

from pistegate_protocol.claims import Claim
from pistegate_protocol.clocks import Drawn
from pistegate_protocol.decision import Admit as Admit
from pistegate_protocol.decision import Decision as Decision
from pistegate_protocol.decision import GateProfile as GateProfile
from pistegate_protocol.decision import Knowledge as Knowledge
from pistegate_protocol.decision import Owed as Owed
from pistegate_protocol.decision import Prompt as Prompt
from pistegate_protocol.decision import Refuse as Refuse
from pistegate_protocol.entries import counted, left_today, left_total, persons
from pistegate_protocol.instants import TIME_ZERO, at_minute
from pistegate_protocol.others import inside
from pistegate_protocol.reasons import PRIORITY
from pistegate_protocol.refusals import reasons_holding, refusal
from pistegate_protocol.usage import TIME_END, Usage, keeps_last_entry
from pistegate_protocol.views import View, look


def decide(claim: Claim, usage: Usage, gate: GateProfile, now: datetime, knowledge: Knowledge) -> Decision:
    """Admit or refuse `claim` with `usage` at `gate`; `now` is aware, rules are read in the gate's zone."""
    view = look(claim, usage, gate, now, knowledge)
    if gate.exit:
        return _leave(view)
    holding = reasons_holding(view, knowledge)
    for reason in PRIORITY:
        if reason in holding:
            return refusal(reason, view, knowledge)
    return _enter(view)


def worth(claim: Claim, usage: Usage, gate: GateProfile, now: datetime, knowledge: Knowledge) -> Prompt:
    """What the ticket still holds, for whoever reads it without passing: as if at `gate`, nothing charged."""
    view = look(claim, usage, gate, now, knowledge)
    drawn = view.drawn if view.begun else Drawn(view.usage.bank_used, 0)
    return _prompt(_as_it_runs(replace(view, drawn=drawn if claim.bank else None)), counted(view, 0))


def _enter(view: View) -> Admit:
    owed = view.reoffer
    n = owed.persons if owed else persons(view)
    charged = 0 if owed else n
    usage = replace(
        counted(view, charged),
        day=view.day,
        last_entry=view.now,
        last_gate=view.gate.code(group=view.claim.scope.group),
        in_round=_offered_again(view) if owed else view.in_round + n,
        started=_started(view, charged),
        bank_used=view.drawn.used if view.drawn else 0,
        bank_ahead=view.drawn.ahead if view.drawn else 0,
    )
    return Admit(n, usage, charged, _prompt(view, usage), owed.admission if owed else None, _overtime(view))


def _offered_again(view: View) -> int:
    """The round, or the persons inside, when those who are owed pass: they were counted when they were admitted."""
    if view.claim.tracked:
        return inside((view.usage, *view.parts)).persons
    return max(view.usage.in_round, view.in_round)


def _leave(view: View) -> Admit:
    """A lane that leads out lets everybody pass, whatever the ticket is worth, and charges no entry.

    Persons tracked in and out are inside no more; their bank of hours draws the minutes until now.
    """
    claim, usage, owed = view.claim, view.usage, view.reoffer
    known = inside((usage, *view.parts)).persons if claim.tracked else 0
    n = owed.persons if owed else min(known or claim.party, claim.batch or claim.party)
    if not keeps_last_entry(usage):  # of a card of the first release, told by a wrong clock
        usage = replace(usage, last_entry=None, day=0, used_on_day=0)
    if claim.tracked and not owed:
        usage = replace(usage, in_round=max(0, known - n))
    # Where other media know of persons inside, the newest entry tells whose word holds: leaving counts as one.
    draws = view.begun and view.drawn is not None
    if claim.tracked and (draws or (view.parts and not owed)) and TIME_ZERO < view.now < TIME_END:
        usage = replace(usage, day=view.day, used_on_day=view.on_day, last_entry=view.now)
        if not owed:
            usage = replace(usage, in_round=max(0, view.in_round - n))
        if view.drawn is not None:
            usage = replace(usage, bank_used=view.drawn.used, bank_ahead=view.drawn.ahead)
    view = _as_it_runs(view)
    return Admit(n, usage, 0, _prompt(view, usage), owed.admission if owed else None, _overtime(view), exit=True)


def _as_it_runs(view: View) -> View:
    """Without a clock that only a passage would start."""
    return replace(view, clock=view.clock if view.clock is not None and view.clock.runs else None)


def _overtime(view: View) -> bool:
    """Whether the ticket's time has ended: a bank's can be overdrawn by staying inside only."""
    if view.drawn is not None and view.gate.exit:
        return view.run > view.bank_minutes
    return view.clock is not None and view.clock.beyond is not None


def _started(view: View, charged: int) -> datetime | None:
    """What the usage keeps of the clock: its start, once a charged passage has told it."""
    if view.clock is None or not view.clock.kept:
        return None
    return at_minute(view.clock.start) if charged else view.usage.started


def _prompt(view: View, usage: Usage) -> Prompt:
    claim, clock, drawn = view.claim, view.clock, view.drawn
    on_day = usage.used_on_day
    return Prompt(
        claim.holder,
        claim.valid_until,
        left_today=None if claim.entries_per_day is None else left_today(view, on_day),
        left_total=None if claim.entries_total is None else left_total(view, usage.used_total),
        ends=None if clock is None or clock.end is None else at_minute(clock.end),
        left_minutes=None if drawn is None else max(0, view.bank_minutes - max(0, view.run)),
        left_days=None if claim.days is None else max(0, claim.days - usage.days_used - view.others.days),
    )
