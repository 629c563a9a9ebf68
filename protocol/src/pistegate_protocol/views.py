# SPDX-License-Identifier: Apache-2.0
"""What a ticket means here and now: claim and usage with their amendment, its day, its round, its time. Pure.

A *round* is a party's entry at one post: its persons may come in several batches, each within the re-entry interval of
the one before, and only when the whole party is in does the ticket count as passed back. Where fewer come than the
party has, the round ends with the interval, so that they are not refused next time for those who stayed away. Of a
ticket tracked in and out the same counter holds the persons inside; they are forgotten with the day on which they
entered, because after a fire alarm nobody left through a lane.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claim_terms import DAY_MINUTES, WINDOW_END_MAX
from pistegate_protocol.claims import ON_DAY_MAX, Claim, ClockStart, day_number
from pistegate_protocol.clocks import Clock, Drawn, Paused, clock_at, draw_first, draw_since, site_minute
from pistegate_protocol.decision import GateProfile, Knowledge, Owed
from pistegate_protocol.instants import minute_of
from pistegate_protocol.others import (
    NOBODY,
    Others,
    Round,
    inside,
    latest_of,
    on_this_day,
    others,
    round_of,
)
from pistegate_protocol.returns import given_back
from pistegate_protocol.shared_returns import shared_back
from pistegate_protocol.suspensions import pauses
from pistegate_protocol.usage import BANK_MAX, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A ticket at `gate` at `now`; `claim` and `usage` as `amendment` leaves them.

    `today`: the site's; `day`: the number of the day that entries are counted on, `on_day` those used on it by this
    medium; `in_round`: persons of the party's round in progress, or inside (0: a new round begins), by all media, and
    `latest` the entry before; `reoffer`: the owed persons who are offered their way again; `clock`: of the ticket if it
    passes now, `drawn`: of this medium; `parts`, `others`: usage of the other media, and their sums.
    """

    claim: Claim
    usage: Usage
    amendment: Amendment | None
    gate: GateProfile
    now: datetime
    today: date
    day: int
    on_day: int
    in_round: int
    reoffer: Owed | None
    clock: Clock | None = None
    drawn: Drawn | None = None
    parts: tuple[Usage, ...] = ()
    others: Others = NOBODY
    latest: Round | None = None

    @property
    def begun(self) -> bool:
        """Whether the ticket was used on this day, by any medium."""
        return self.on_day > 0 or self.others.on_day > 0

    @property
    def run(self) -> int:
        """Minutes of the bank that have run, by all media."""
        return 0 if self.drawn is None else self.drawn.run + self.others.bank_used

    @property
    def extra(self) -> int:
        """Minutes of extension."""
        return 0 if self.amendment is None else self.amendment.extra_minutes

    @property
    def bank_minutes(self) -> int:
        """All minutes of the bank, as far as a usage can count them; 0 without one."""
        return 0 if self.claim.bank is None else min(BANK_MAX, self.claim.bank.minutes + self.extra)


def look(claim: Claim, usage: Usage, gate: GateProfile, now: datetime, knowledge: Knowledge) -> View:
    if now.utcoffset() is None:
        raise ValueError("a decision needs a time with its zone")
    now = now.astimezone(UTC).replace(microsecond=0)
    amendment = knowledge.amendment
    if amendment is not None and amendment.ticket != claim.ticket:
        amendment = None
    usage = _laid_out(claim, usage)
    parts = tuple(_laid_out(claim, part.usage) for part in knowledge.elsewhere.parts)
    if amendment is not None:
        if parts:
            usage, parts = shared_back(claim, usage, parts, amendment)
        else:
            usage = given_back(claim, usage, amendment)
        usage = replace(usage, amended=True)
        claim = _amended(claim, amendment)
    view = _count(claim, usage, amendment, gate, now, knowledge.owed)
    if parts:
        view = _shared(view, parts)
    if claim.clock is None and claim.bank is None:
        return view
    paused = pauses(knowledge.suspensions, claim.areas)
    return replace(view, clock=_clock(view, paused), drawn=_drawn(view, paused))


def _laid_out(claim: Claim, usage: Usage) -> Usage:
    """The usage with the counters that the claim needs: a fresh card and one of the first release have none of them."""
    return replace(
        usage,
        counts_days=claim.days is not None,
        used_on_day=usage.used_on_day if claim.days is None else min(ON_DAY_MAX, usage.used_on_day),
        days_used=usage.days_used if claim.days is not None else 0,
        bank=claim.bank is not None,
        bank_used=usage.bank_used if claim.bank is not None else 0,
        bank_ahead=usage.bank_ahead if claim.bank is not None else 0,
        started=usage.started if claim.clock is not None else None,
    )


def _amended(claim: Claim, amendment: Amendment) -> Claim:
    return replace(
        claim,
        valid_until=claim.valid_until if amendment.valid_until is None else amendment.valid_until,
        areas=claim.areas if amendment.areas is None else amendment.areas,
    )


def _count(
    claim: Claim, usage: Usage, amendment: Amendment | None, gate: GateProfile, now: datetime, owed: Owed | None
) -> View:
    today = _site_day(claim, gate, now)
    day = day_number(today)
    same_day = on_this_day(usage, day)
    in_round = same_day if claim.tracked else _just_entered(claim, usage, gate, now)
    return View(
        claim=claim,
        usage=usage,
        amendment=amendment,
        gate=gate,
        now=now,
        today=today,
        day=usage.day if same_day else day,
        on_day=usage.used_on_day if same_day else 0,
        in_round=usage.in_round if in_round else 0,
        reoffer=owed if owed and owed.persons > 0 and owed.admission == usage.admission else None,
    )


def _shared(view: View, parts: tuple[Usage, ...]) -> View:
    """With what its other media used."""
    claim, gate, day = view.claim, view.gate, day_number(view.today)
    media = (view.usage, *parts)
    if claim.tracked:
        latest = inside(usage for usage in media if on_this_day(usage, day))
    else:
        last = (view.usage, latest_of(media))
        latest = round_of(usage for usage in last if _just_entered(claim, usage, gate, view.now))
    each_day = claim.clock is not None and claim.clock.start is ClockStart.EACH_DAY
    sums = others(parts, day, each_day=each_day)
    return replace(view, parts=parts, others=sums, in_round=latest.persons, latest=latest)


def _site_day(claim: Claim, gate: GateProfile, now: datetime) -> date:
    """The day that what happens now belongs to: a night's session to the one on which it began.

    Whoever leaves does so until noon, however late: what they draw and how many are inside is of that day.
    """
    today = now.astimezone(gate.zone).date()
    night = max((window.end for window in claim.windows), default=0)
    if night <= DAY_MINUTES or today == date.min:
        return today
    before = today - timedelta(days=1)
    over = site_minute(before, WINDOW_END_MAX if gate.exit else night, gate.zone)
    return before if minute_of(now) < over else today


def _just_entered(claim: Claim, usage: Usage, gate: GateProfile, now: datetime) -> bool:
    """Whether the last entry was at this post and within the re-entry interval.

    An entry up to as far in the future counts too, since clocks differ. One further ahead was told by a wrong clock:
    the guest must not wait until that time has come.
    """
    if claim.reentry_s is None or usage.last_entry is None:
        return False
    if usage.last_gate not in gate.post_codes(group=claim.scope.group):
        return False
    return abs(now - usage.last_entry) < timedelta(seconds=claim.reentry_s)


def _clock(view: View, paused: Paused) -> Clock | None:
    term = view.claim.clock
    if term is None:
        return None
    started = view.usage.started
    if term.start is ClockStart.EACH_DAY and not view.on_day:
        started = None
    if view.others.started is not None:
        started = view.others.started if started is None else min(started, view.others.started)
    return clock_at(term, view.claim.valid_from, started, view.now, view.gate.zone, view.extra, paused)


def _drawn(view: View, paused: Paused) -> Drawn | None:
    """Minutes drawn when this passage is: of the day's first its minimum, of a later one those since the last.

    Minutes drawn ahead are the ticket's, whoever drew them: each medium keeps what the latest passage left of them.
    """
    bank, usage = view.claim.bank, view.usage
    if bank is None:
        return None
    if not view.begun:  # what was drawn ahead for another day is spent
        free = view.reoffer is not None or view.gate.exit
        left = view.bank_minutes - view.others.bank_used
        return Drawn(usage.bank_used, 0) if free else draw_first(bank.minimum, usage.bank_used, left)
    today = ((usage,) if on_this_day(usage, day_number(view.today)) else ()) + view.others.today
    entered = [(each.bank_ahead, each.last_entry) for each in today if each.last_entry is not None]
    nobody_inside = view.claim.tracked and not view.in_round
    nobody_came = view.reoffer is not None and view.reoffer.persons >= view.claim.party
    if not entered or nobody_inside or nobody_came:
        return Drawn(usage.bank_used, latest_of(today).bank_ahead)
    since = [draw_since(Drawn(0, ahead), last, view.now, paused) for ahead, last in entered]
    beyond, ahead = min(each.used for each in since), max(each.ahead for each in since)
    return Drawn(min(BANK_MAX, usage.bank_used + beyond), ahead)
