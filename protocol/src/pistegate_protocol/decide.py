# SPDX-License-Identifier: Apache-2.0
"""May this ticket enter here and now? Pure: the answer depends on nothing but the arguments.

The gate asks it, and so does the cloud: one rule engine. When several reasons to refuse hold, `reasons.PRIORITY` says
which one is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo

from pistegate_protocol.claims import Claim, HolderClass, day_number
from pistegate_protocol.reasons import PRIORITY, Reason
from pistegate_protocol.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class GateProfile:
    """What a gate knows of itself. `post_gates`: all gates of its post, itself included."""

    site: int
    group: int
    gate: int
    post_gates: frozenset[int]
    area: int
    zone: tzinfo
    holders: frozenset[HolderClass] | None = None
    """Holder classes this lane serves; None: all."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Persons admitted by `admission` (its name) who did not pass, still within their time."""

    admission: bytes
    persons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What was sent down or journaled about this ticket and others.

    `deny`: ticket -> revisions below this one are refused. `owed`: of this ticket at this gate, if any.
    """

    deny: Mapping[int, int] = field(default_factory=dict)
    owed: Owed | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the guest and the attendant are shown: entries left today and in total after this one (None: unlimited)."""

    holder: HolderClass
    valid_until: date
    left_today: int | None
    left_total: int | None


@dataclass(frozen=True, slots=True)
class Admit:
    """Permission for `n` persons. `usage` still names the previous admission: whoever commits names the new one.

    `charged` entries were added to the usage; `reoffer_of` names the admission whose owed persons these are.
    """

    n: int
    usage: Usage
    charged: int
    prompt: Prompt
    reoffer_of: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """`reason`, and for a passback: `until` when, and the gate to go back to."""

    reason: Reason
    until: datetime | None = None
    gate: int | None = None


Decision = Admit | Refuse


def decide(claim: Claim, usage: Usage, gate: GateProfile, now: datetime, knowledge: Knowledge) -> Decision:
    """Admit or refuse `claim` with `usage` at `gate`; `now` is aware, rules are read in the gate's zone."""
    today = now.astimezone(gate.zone).date()
    on_day = usage.used_on_day if usage.day == day_number(today) else 0
    reoffer = _reoffer(usage, knowledge)
    holding = _reasons(claim, usage, gate, now, today, on_day, knowledge, reoffer is not None)
    for reason in PRIORITY:
        if reason in holding:
            if reason is Reason.PASSBACK and usage.last_entry is not None:
                return Refuse(reason, usage.last_entry + timedelta(seconds=claim.reentry_s or 0), usage.last_gate)
            return Refuse(reason)
    n = reoffer.persons if reoffer else _persons(claim, usage, on_day)
    charged = 0 if reoffer else n
    new = replace(
        usage,
        used_total=usage.used_total + charged,
        day=day_number(today),
        used_on_day=on_day + charged,
        last_entry=now,
        last_gate=gate.gate,
    )
    return Admit(n, new, charged, _prompt(claim, new), reoffer.admission if reoffer else None)


def _reoffer(usage: Usage, knowledge: Knowledge) -> Owed | None:
    """The owed entry, if the medium still names the admission it came from."""
    owed = knowledge.owed
    return owed if owed and owed.persons > 0 and owed.admission == usage.admission else None


def _reasons(
    claim: Claim,
    usage: Usage,
    gate: GateProfile,
    now: datetime,
    today: date,
    on_day: int,
    knowledge: Knowledge,
    reoffer: bool,
) -> frozenset[Reason]:
    """Every reason to refuse that holds."""
    here = gate.group if claim.scope.group else gate.site
    holds = {
        Reason.WRONG_SITE: claim.scope.number != here,
        Reason.REVOKED: claim.revision < knowledge.deny.get(claim.ticket, 0),
        Reason.EXPIRED: today > claim.valid_until,
        Reason.NOT_YET_VALID: today < claim.valid_from,
        Reason.WRONG_AREA: gate.area not in claim.areas,
        Reason.HOLDER_CLASS: gate.holders is not None and claim.holder not in gate.holders,
        Reason.USED_UP: not reoffer and _left(claim.entries_total, claim, usage.used_total) == 0,
        Reason.USED_UP_TODAY: not reoffer and _left(claim.entries_per_day, claim, on_day) == 0,
        Reason.PASSBACK: not reoffer and _passed_back(claim, usage, gate, now),
    }
    return frozenset(reason for reason, held in holds.items() if held)


def _left(entries: int | None, claim: Claim, used: int) -> int | None:
    """Entries left of the party, in persons; None when unlimited."""
    return None if entries is None else max(0, entries * claim.party - used)


def _persons(claim: Claim, usage: Usage, on_day: int) -> int:
    """How many may enter now: the rest of the party's current round, its batch and what is left."""
    limits = [claim.party - usage.used_total % claim.party, claim.batch]
    limits += [
        _left(claim.entries_total, claim, usage.used_total),
        _left(claim.entries_per_day, claim, on_day),
    ]
    return min(limit for limit in limits if limit is not None)


def _passed_back(claim: Claim, usage: Usage, gate: GateProfile, now: datetime) -> bool:
    """Whether this ticket entered at this post too short a time ago; later batches of one party are one entry."""
    if claim.reentry_s is None or usage.last_entry is None or usage.last_gate not in gate.post_gates:
        return False
    if usage.used_total % claim.party:
        return False
    return now - usage.last_entry < timedelta(seconds=claim.reentry_s)


def _prompt(claim: Claim, usage: Usage) -> Prompt:
    left_today = _left(claim.entries_per_day, claim, usage.used_on_day)
    left_total = _left(claim.entries_total, claim, usage.used_total)
    return Prompt(claim.holder, claim.valid_until, left_today, left_total)
