# SPDX-License-Identifier: Apache-2.0
"""May this ticket enter here and now? Pure: the answer depends on nothing but the arguments.

The gate asks it, and so does the cloud: one rule engine. When several reasons to refuse hold, `reasons.PRIORITY` says
which one is told.

A *round* is a party's entry at one post: its persons may come in several batches, each within the re-entry interval of
the one before, and only when the whole party is in does the ticket count as passed back. Where fewer come than the
party has, the round ends with the interval, so that they are not refused next time for those who stayed away.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from pistegate_protocol.claims import ENTRIES_MAX, Claim, day_number
from pistegate_protocol.decision import Admit as Admit
from pistegate_protocol.decision import Decision as Decision
from pistegate_protocol.decision import GateProfile as GateProfile
from pistegate_protocol.decision import Knowledge as Knowledge
from pistegate_protocol.decision import Owed as Owed
from pistegate_protocol.decision import Prompt as Prompt
from pistegate_protocol.decision import Refuse as Refuse
from pistegate_protocol.reasons import PRIORITY, Reason
from pistegate_protocol.usage import Usage


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the usage means here and now.

    `day`: the number of the day that entries are counted on, `on_day` those used on it; `in_round`: persons of the
    party's round in progress (0: a new one begins); `reoffer`: the owed persons who are offered their way again.
    """

    day: int
    on_day: int
    in_round: int
    reoffer: Owed | None


def decide(claim: Claim, usage: Usage, gate: GateProfile, now: datetime, knowledge: Knowledge) -> Decision:
    """Admit or refuse `claim` with `usage` at `gate`; `now` is aware, rules are read in the gate's zone."""
    if now.utcoffset() is None:
        raise ValueError("a decision needs a time with its zone")
    now = now.astimezone(UTC).replace(microsecond=0)
    today = now.astimezone(gate.zone).date()
    counted = _count(claim, usage, gate, now, today, knowledge)
    holding = _reasons(claim, usage, gate, today, knowledge, counted)
    for reason in PRIORITY:
        if reason in holding:
            return _refuse(reason, claim, usage)
    owed = counted.reoffer
    n = owed.persons if owed else _persons(claim, usage, counted)
    charged = 0 if owed else n
    new = replace(
        usage,
        used_total=usage.used_total + charged,
        day=counted.day,
        used_on_day=counted.on_day + charged,
        last_entry=now,
        last_gate=gate.gate,
        in_round=usage.in_round if owed else counted.in_round + n,
    )
    return Admit(n, new, charged, _prompt(claim, new), owed.admission if owed else None)


def _count(claim: Claim, usage: Usage, gate: GateProfile, now: datetime, today: date, knowledge: Knowledge) -> _Counted:
    day = day_number(today)
    # A gate whose clock is ahead may have begun tomorrow already: go on counting there, or the seconds around
    # midnight would give the day's entries anew at each gate. Further ahead, its clock was wrong: that is not counted.
    same_day = 0 <= usage.day - day <= 1
    owed = knowledge.owed
    return _Counted(
        day=usage.day if same_day else day,
        on_day=usage.used_on_day if same_day else 0,
        in_round=usage.in_round if _just_entered(claim, usage, gate, now) else 0,
        reoffer=owed if owed and owed.persons > 0 and owed.admission == usage.admission else None,
    )


def _just_entered(claim: Claim, usage: Usage, gate: GateProfile, now: datetime) -> bool:
    """Whether the last entry was at this post and within the re-entry interval.

    An entry up to as far in the future counts too, since clocks differ. One further ahead was told by a wrong clock:
    the guest must not wait until that time has come.
    """
    if claim.reentry_s is None or usage.last_entry is None or usage.last_gate not in gate.post_gates:
        return False
    return abs(now - usage.last_entry) < timedelta(seconds=claim.reentry_s)


def _reasons(
    claim: Claim, usage: Usage, gate: GateProfile, today: date, knowledge: Knowledge, counted: _Counted
) -> frozenset[Reason]:
    """Every reason to refuse that holds. What is owed costs no entry, so only the last three do not concern it."""
    here = gate.group if claim.scope.group else gate.site
    charged = counted.reoffer is None
    holds = {
        Reason.WRONG_SITE: claim.scope.number != here,
        Reason.REVOKED: claim.revision < knowledge.deny.get(claim.ticket, 0),
        Reason.EXPIRED: today > claim.valid_until,
        Reason.NOT_YET_VALID: today < claim.valid_from,
        Reason.WRONG_AREA: gate.area not in claim.areas,
        Reason.HOLDER_CLASS: gate.holders is not None and claim.holder not in gate.holders,
        Reason.USED_UP: charged and _left(claim.entries_total, claim, usage.used_total) == 0,
        Reason.USED_UP_TODAY: charged and _left(claim.entries_per_day, claim, counted.on_day) == 0,
        Reason.PASSBACK: charged and counted.in_round >= claim.party,
    }
    return frozenset(reason for reason, held in holds.items() if held)


def _refuse(reason: Reason, claim: Claim, usage: Usage) -> Refuse:
    if reason is Reason.PASSBACK and usage.last_entry is not None:
        return Refuse(reason, usage.last_entry + timedelta(seconds=claim.reentry_s or 0), usage.last_gate)
    return Refuse(reason)


def _left(entries: int | None, claim: Claim, used: int) -> int:
    """Entries left of the party, in persons. Unlimited ones end where the counter does: a card cannot count on."""
    allowed = ENTRIES_MAX if entries is None else entries * claim.party
    return max(0, allowed - used)


def _persons(claim: Claim, usage: Usage, counted: _Counted) -> int:
    """How many may enter now: the rest of the party's round, its batch and what is left."""
    return min(
        claim.party - counted.in_round,
        claim.batch or claim.party,
        _left(claim.entries_total, claim, usage.used_total),
        _left(claim.entries_per_day, claim, counted.on_day),
    )


def _prompt(claim: Claim, usage: Usage) -> Prompt:
    left_today = None if claim.entries_per_day is None else _left(claim.entries_per_day, claim, usage.used_on_day)
    left_total = None if claim.entries_total is None else _left(claim.entries_total, claim, usage.used_total)
    return Prompt(claim.holder, claim.valid_until, left_today, left_total)
