# SPDX-License-Identifier: Apache-2.0
"""Every reason to refuse a ticket that holds here and now, and what the guest can do about it. Pure."""

from datetime import datetime, timedelta

from pistegate_protocol.clocks import site_minute
from pistegate_protocol.decision import Knowledge, Refuse
from pistegate_protocol.entries import left_today, left_total
from pistegate_protocol.instants import TIME_ZERO, at_minute, minute_of
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import TIME_END
from pistegate_protocol.views import View


def reasons_holding(view: View, knowledge: Knowledge) -> frozenset[Reason]:
    """Every reason to refuse that holds. What is owed costs nothing: entries, days and the bank do not concern it."""
    claim, gate = view.claim, view.gate
    holds = {
        Reason.WRONG_SITE: claim.scope.number != (gate.group if claim.scope.group else gate.site),
        Reason.REVOKED: claim.revision < knowledge.deny.get(claim.ticket, 0),
        Reason.ON_HOLD: view.amendment is not None and view.amendment.hold,
        Reason.RULES_MISSING: _rules_missing(view, knowledge),
        Reason.WRONG_AREA: gate.area not in claim.areas,
        Reason.SUSPENDED: any(each.closes(gate.area, view.now) for each in knowledge.suspensions),
        Reason.HOLDER_CLASS: gate.holders is not None and claim.holder not in gate.holders,
        Reason.TIME_USED_UP: _time_used_up(view),
    }
    holding = {reason for reason, held in holds.items() if held}
    return frozenset(holding | _reasons_of_time(view, knowledge) | (set() if view.reoffer else _reasons_of_use(view)))


def _rules_missing(view: View, knowledge: Knowledge) -> bool:
    """The calendar, or the amendment that the card says it has."""
    blackout = view.claim.blackout
    if blackout is not None and blackout not in knowledge.calendars:
        return True
    return view.usage.amended and view.amendment is None


def _reasons_of_time(view: View, knowledge: Knowledge) -> set[Reason]:
    claim = view.claim
    blacked_out = () if claim.blackout is None else knowledge.calendars.get(claim.blackout, ())
    holds = {
        Reason.EXPIRED: view.today > claim.valid_until or view.now >= TIME_END,
        Reason.NOT_YET_VALID: view.today < claim.valid_from or view.now <= TIME_ZERO or _waits(view),
        Reason.BLACKED_OUT: view.today in blacked_out,
        Reason.OUTSIDE_WINDOW: bool(claim.windows) and not _in_window(view),
    }
    return {reason for reason, held in holds.items() if held}


def _waits(view: View) -> bool:
    return view.clock is not None and view.clock.waits


def _in_window(view: View) -> bool:
    """Compared as instants: where the night's clocks are set back, what is over does not begin once more."""
    day, zone, now = view.today, view.gate.zone, minute_of(view.now)
    return any(
        site_minute(day, window.start, zone) <= now < site_minute(day, window.end, zone)
        for window in view.claim.windows
    )


def _time_used_up(view: View) -> bool:
    """The clock has ended, overtime included; or no minute is left in the bank, which does not concern what is owed.

    Minutes drawn ahead are the guest's: the bank is empty when as many have run as it had.
    """
    if view.clock is not None and view.clock.beyond is not None:
        return view.clock.beyond >= (view.claim.overtime or 0)
    if view.drawn is None or view.reoffer is not None:
        return False
    return view.run >= view.bank_minutes


def _reasons_of_use(view: View) -> set[Reason]:
    claim, usage = view.claim, view.usage
    everybody = view.in_round >= claim.party
    holds = {
        Reason.USED_UP: left_total(view, usage.used_total) == 0,
        Reason.DAYS_USED_UP: _days_used_up(view),
        Reason.USED_UP_TODAY: left_today(view, view.on_day) == 0,
        Reason.ALREADY_INSIDE: claim.tracked and everybody,
        Reason.PASSBACK: not claim.tracked and everybody,
    }
    return {reason for reason, held in holds.items() if held}


def _days_used_up(view: View) -> bool:
    """No day is left and this one has not begun, as this medium counts or as all of them do."""
    days, used = view.claim.days, view.usage.days_used
    if days is None:
        return False
    return (not view.on_day and used >= days) or (not view.begun and used + view.others.days >= days)


def refusal(reason: Reason, view: View, knowledge: Knowledge) -> Refuse:
    """With what the guest can do about it, where that is known."""
    last_entry, last_gate = view.usage.last_entry, view.usage.last_gate
    if view.latest is not None:
        last_entry, last_gate = view.latest.last_entry, view.latest.last_gate
    gate = view.gate.post_codes(group=view.claim.scope.group).get(last_gate)
    if reason is Reason.PASSBACK and last_entry is not None:
        return Refuse(reason, last_entry + timedelta(seconds=view.claim.reentry_s or 0), gate)
    if reason is Reason.ALREADY_INSIDE:
        return Refuse(reason, None, gate)
    if reason is Reason.NOT_YET_VALID and view.clock is not None and view.clock.waits:
        return Refuse(reason, at_minute(view.clock.start))
    if reason is Reason.OUTSIDE_WINDOW:
        return Refuse(reason, _next_window(view))
    if reason is Reason.SUSPENDED:
        ends = [each.end for each in knowledge.suspensions if each.closes(view.gate.area, view.now)]
        return Refuse(reason, None if None in ends else max(end for end in ends if end))
    return Refuse(reason)


def _next_window(view: View) -> datetime | None:
    """When the next window of today begins."""
    starts = (at_minute(site_minute(view.today, each.start, view.gate.zone)) for each in view.claim.windows)
    return next((start for start in starts if start > view.now), None)
