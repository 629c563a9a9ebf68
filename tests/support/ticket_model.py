# SPDX-License-Identifier: Apache-2.0
"""An independent model of a ticket: it keeps a log of what happened, where `decide` keeps 15 bytes of counters.

Everything that is asked is reckoned anew from the log: sums of entries, sessions of a bank of hours, single minutes of
a clock. `shift` asks what would be if the clock of the gate stood so many minutes off.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import Claim, ClockStart
from pistegate_protocol.reasons import Reason
from pistegate_protocol.suspensions import Suspension

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # any moment before everything that happens here
MINUTE = timedelta(minutes=1)
OWED_S = 120  # seconds, as gates keep what they owe to one person; to a party until its day ends
LANES = {1: "entrance", 2: "entrance", 3: "lift", 4: "far", 8: "exit"}
AREA_OF = {"entrance": 1, "lift": 1, "far": 4, "exit": 1}


def minute_up(at: datetime) -> int:
    """The minute that begins at or after `at`."""
    return -((EPOCH - at) // MINUTE)


def minute_down(at: datetime) -> int:
    """The minute in which `at` is."""
    return (at - EPOCH) // MINUTE


@dataclass
class Passed:
    """One admission: `charged` persons were charged (0: a re-offer or an exit), `returned` of them given back."""

    at: datetime
    day: date
    lane: int
    n: int
    charged: int
    reoffer: bool = False
    returned: int = 0
    leaves: bool = False

    @property
    def net(self) -> int:
        """Persons charged and not given back."""
        return self.charged - self.returned


@dataclass
class Session:
    """Use of a bank of hours on one day: `ahead` was drawn at its start, `ran` minutes have run since."""

    day: date
    ahead: int
    last: datetime
    ran: int = 0
    given_back: bool = False

    @property
    def drawn(self) -> int:
        """Minutes that it costs."""
        return self.ran if self.given_back else max(self.ahead, self.ran)


@dataclass
class Model:
    """A ticket of `claim` at gates of `zone`; `calendar`: its blackout days."""

    claim: Claim
    zone: ZoneInfo
    calendar: frozenset[date]
    log: list[Passed] = field(default_factory=list)
    rounds: list[list[Passed]] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    amendment: Amendment | None = None
    suspensions: list[Suspension] = field(default_factory=list)

    # Time.

    def day(self, at: datetime) -> date:
        """The site's day."""
        return at.astimezone(self.zone).date()

    def areas(self) -> frozenset[int]:
        """Where it holds now."""
        amended = self.amendment.areas if self.amendment else None
        return self.claim.areas if amended is None else amended

    def extra(self) -> int:
        """Minutes of extension."""
        return self.amendment.extra_minutes if self.amendment else 0

    def running(self, since: int, until: int) -> int:
        """Minutes from `since` to `until` in which the ticket's time ran, counted one by one."""
        still: set[int] = set()
        for each in self.suspensions:
            if each.clocks_paused and each.area in self.areas() and each.end != each.start:
                end = until if each.end is None else min(until, minute_up(each.end))
                still |= set(range(max(since, minute_down(each.start)), end))
        return until - since - len(still) if until >= since else until - since

    # Entries.

    def entries(self, day: date | None = None) -> list[Passed]:
        """Entries that were charged and not given back, of one day or all."""
        return [each for each in self.log if each.net > 0 and day in (None, each.day)]

    def used(self, day: date | None = None) -> int:
        """Persons of them."""
        return sum(each.net for each in self.entries(day))

    def round_goes_on(self, at: datetime, lane: int) -> bool:
        """Whether the party's last round is still running at a lane's post."""
        if not self.rounds or self.claim.reentry_s is None:
            return False
        last = self.rounds[-1][-1]
        return LANES[last.lane] == LANES[lane] and abs((at - last.at).total_seconds()) < self.claim.reentry_s

    def round(self, at: datetime, lane: int) -> int:
        """Persons of the round in progress."""
        return sum(each.net for each in self.rounds[-1]) if self.round_goes_on(at, lane) else 0

    def inside(self, day: date) -> int:
        """Persons inside who entered on this day; with one who was owed his way, the others of his ticket."""
        inside, entered = 0, date.min
        for each in self.log:
            if each.leaves:
                inside -= 0 if each.reoffer else min(inside, each.n)
            elif each.reoffer:
                entered = each.day
            else:
                inside = each.net + (inside if each.day == entered else 0)
                entered = each.day
        return inside if entered == day else 0

    # The clock.

    def clock_start(self, at: datetime, day: date) -> int | None:
        """The minute at which the clock started, or starts if the ticket passes now."""
        term = self.claim.clock
        assert term is not None
        told = self.claim.valid_from + timedelta(days=term.at // 1440)
        hour, minute = divmod(term.at % 1440, 60)
        sold = minute_down(datetime(told.year, told.month, told.day, hour, minute, tzinfo=self.zone).astimezone(UTC))
        if term.start is ClockStart.FIXED:
            return sold
        first = next(iter(self.entries(day if term.start is ClockStart.EACH_DAY else None)), None)
        passage = at if first is None else first.at
        if term.start is not ClockStart.SALE:
            return minute_up(passage)
        if term.within is None or self.running(sold, minute_down(passage)) > term.within:
            return sold
        return max(sold, minute_up(passage))

    def beyond_clock(self, at: datetime, day: date) -> int:
        """Minutes beyond the end of the clock, negative before it."""
        term = self.claim.clock
        assert term is not None
        start = self.clock_start(at, day)
        assert start is not None
        return self.running(start, minute_down(at)) - term.minutes - self.extra()

    # The bank.

    def bank_total(self) -> int:
        """Minutes of the bank with its extension."""
        return (self.claim.bank.minutes if self.claim.bank else 0) + self.extra()

    def session(self, day: date) -> Session | None:
        """The session under way."""
        last = self.sessions[-1] if self.sessions else None
        return last if last and last.day == day and not last.given_back else None

    def runs(self, at: datetime, day: date, whole_party_owed: bool = False) -> int:
        """Minutes since the last passage of the session under way that count."""
        session = self.session(day)
        idle = self.claim.tracked and not self.inside(day)
        if session is None or idle or whole_party_owed:
            return 0
        return self.running(minute_down(session.last), minute_down(at))

    def bank_run(self, at: datetime, day: date) -> int:
        """Minutes gone for good: of former days what they cost, of this one what ran."""
        current = self.session(day)
        former = sum(each.drawn for each in self.sessions if each is not current)
        return former + (current.ran + self.runs(at, day) if current else 0)

    # What is allowed.

    def reasons(self, at: datetime, lane: int, reoffer: bool, shift: int = 0) -> set[Reason]:
        """Every reason to refuse an entry."""
        at += shift * MINUTE
        day, claim = self.day(at), self.claim
        area = AREA_OF[LANES[lane]]
        until = self.amendment.valid_until if self.amendment and self.amendment.valid_until else claim.valid_until
        local = at.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        closed = [s for s in self.suspensions if s.area == area and s.start <= at and (s.end is None or at < s.end)]
        holding = {
            Reason.ON_HOLD: bool(self.amendment and self.amendment.hold),
            Reason.EXPIRED: day > until,
            Reason.NOT_YET_VALID: day < claim.valid_from or self.waits(at, day),
            Reason.BLACKED_OUT: claim.blackout is not None and day in self.calendar,
            Reason.OUTSIDE_WINDOW: bool(claim.windows)
            and all(minute not in range(each.start, each.end) for each in claim.windows),
            Reason.WRONG_AREA: area not in self.areas(),
            Reason.SUSPENDED: bool(closed),
            Reason.TIME_USED_UP: self.out_of_time(at, day, reoffer, shift),
        }
        if not reoffer:
            inside = self.inside(day) if claim.tracked else 0
            holding |= {
                Reason.USED_UP: self.left(claim.entries_total, self.used()) < 1,
                Reason.USED_UP_TODAY: self.left(claim.entries_per_day, self.used(day)) < 1,
                Reason.DAYS_USED_UP: claim.days is not None and day not in self.days and len(self.days) >= claim.days,
                Reason.ALREADY_INSIDE: claim.tracked and inside >= claim.party,
                Reason.PASSBACK: not claim.tracked and self.round(at, lane) >= claim.party,
            }
        return {reason for reason, holds in holding.items() if holds}

    def waits(self, at: datetime, day: date) -> bool:
        """Whether a fixed clock has not begun."""
        term = self.claim.clock
        if term is None or term.start is not ClockStart.FIXED:
            return False
        start = self.clock_start(at, day)
        return start is not None and minute_down(at) < start

    def out_of_time(self, at: datetime, day: date, reoffer: bool, shift: int) -> bool:
        """Whether clock or bank have ended."""
        if self.claim.clock is not None:
            return self.beyond_clock(at, day) >= (self.claim.overtime or 0)
        if self.claim.bank is None or reoffer:
            return False
        # Between gates whose clocks differ every span from a way in to a way out may be told longer or shorter.
        spans = len(self.sessions) + sum(each.leaves for each in self.log)
        return self.bank_run(at, day) + shift * spans >= self.bank_total()

    def left(self, entries: int | None, used: int) -> int:
        """Persons left of a limit."""
        return 10**6 if entries is None else entries * self.claim.party - used

    def allows(self, at: datetime, lane: int, shift: int = 0) -> int:
        """Persons who may enter now, when no reason refuses."""
        at += shift * MINUTE
        claim, day = self.claim, self.day(at)
        already = self.inside(day) if claim.tracked else self.round(at, lane)
        return min(
            claim.party - already,
            claim.batch or claim.party,
            self.left(claim.entries_total, self.used()),
            self.left(claim.entries_per_day, self.used(day)),
        )

    def leaves(self) -> int:
        """Persons whom a lane out lets pass: those inside, or all when nobody is known to be."""
        inside = self.inside(self.last_day()) if self.claim.tracked else 0
        return min(inside or self.claim.party, self.claim.batch or self.claim.party)

    def last_day(self) -> date:
        """The day of the last entry."""
        return next((each.day for each in reversed(self.log) if not each.leaves), date.min)

    # What happens.

    def enters(self, at: datetime, lane: int, n: int, owed: int) -> Passed:
        """An admission of `n`; `owed`: of so many who had been owed their way (0: a charged one)."""
        day = self.day(at)
        if self.claim.bank is not None:
            self.draws(at, day, owed)
        entry = Passed(at, day, lane, n, 0 if owed else n, reoffer=owed > 0)
        if not owed and not self.round_goes_on(at, lane):
            self.rounds.append([])
        self.rounds[-1].append(entry)
        self.log.append(entry)
        if not owed:
            self.days.add(day)
        return entry

    def leaves_now(self, at: datetime, lane: int, n: int, owed: int) -> Passed:
        """An exit; who was inside entered on the day of the last entry."""
        if self.claim.bank is not None and self.claim.tracked and self.session(self.day(at)):
            self.draws(at, self.day(at), owed, leaves=True)
        passed = Passed(at, self.last_day(), lane, n, 0, reoffer=owed > 0, leaves=True)
        self.log.append(passed)
        return passed

    def draws(self, at: datetime, day: date, owed: int, *, leaves: bool = False) -> None:
        """The bank's part of an admission or an exit."""
        session = self.session(day)
        if session is not None:
            session.ran += self.runs(at, day, whole_party_owed=owed >= self.claim.party)
            session.last = at
        elif self.claim.bank is not None and not owed and not leaves:
            spent = sum(each.drawn for each in self.sessions)
            self.sessions.append(Session(day, max(0, min(self.claim.bank.minimum, self.bank_total() - spent)), at))

    def gives_back(self, entry: Passed, persons: int) -> None:
        """A return, met by the ticket before anything else happens to it."""
        entry.returned += persons
        if not self.used():
            self.days.clear()
            self.sessions.clear()
        elif not self.used(entry.day):
            self.days.discard(entry.day)
            if (session := self.session(entry.day)) is not None:
                session.given_back = True
