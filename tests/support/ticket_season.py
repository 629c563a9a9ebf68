# SPDX-License-Identifier: Apache-2.0
"""A ticket's season: its card walks through gates, days, amendments and suspensions, beside `ticket_model`.

Two promises are compared at every presentation: never more than what was sold, never refuse an innocent one. Where
clocks of gates differ, presentations that a few minutes would decide are left out, and all others must agree.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from protocol_cases import a_claim, a_gate, a_usage, an_amendment
from ticket_model import AREA_OF, LANES, OWED_S, Model, Passed

from pistegate_protocol import decide as rules
from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import Bank, Claim, ClockStart, ClockTerm, Window, encode_claim
from pistegate_protocol.decide import Admit, GateProfile, Knowledge, Owed, Refuse
from pistegate_protocol.errors import CodecError
from pistegate_protocol.suspensions import Suspension
from pistegate_protocol.usage import decode_usage, encode_usage

FIRST = date(2027, 3, 27)  # the day before summer time begins in Vienna
BLACKOUT = frozenset({date(2027, 3, 29), date(2027, 4, 2)})
ZONES = ["Europe/Vienna", "Asia/Shanghai", "America/St_Johns"]
SKEWS = {1: 0, 2: 55, 3: -60, 4: 40, 8: -30}  # seconds by which a lane's clock is ahead
SEASONS = range(600)  # seeds that the tests walk
SLACK = 5  # minutes; more than clocks and rounding to whole minutes may make together


class Season:
    """One ticket of `claim`, its card, and the model of it, from `hour` of the first day on.

    `skewed`: clocks of gates are up to a minute off; else all of them tell the true time.
    """

    def __init__(self, claim: Claim, zone: str, hour: int, *, skewed: bool = False) -> None:
        self.skews = SKEWS if skewed else dict.fromkeys(LANES, 0)
        self.slack = SLACK if skewed else 0
        self.claim = claim
        self.zone = ZoneInfo(zone)
        self.at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=self.zone).astimezone(UTC)
        self.at += timedelta(hours=hour)
        self.model = Model(claim, self.zone, BLACKOUT)
        self.usage = decode_usage(encode_usage(a_usage()))
        self.number = 0
        self.owed: dict[int, tuple[Owed, datetime]] = {}
        self.turned_back: tuple[Passed, int] | None = None
        self.amendment: Amendment | None = None
        self.suspensions: list[Suspension] = []

    # Time goes on.

    def waits(self, seconds: int) -> None:
        """Nothing happens."""
        self.at += timedelta(seconds=seconds)

    def waits_for_midnight(self, minutes: int) -> None:
        """The minutes around the site's next midnight."""
        self.at = max(self.at, self.tomorrow() + timedelta(minutes=minutes))

    def waits_for_tomorrow(self, hours: int) -> None:
        """The next day at the ski area."""
        self.at = self.tomorrow() + timedelta(hours=hours)

    def tomorrow(self) -> datetime:
        """The site's next midnight."""
        day = self.at.astimezone(self.zone).date() + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    # The ticket is presented.

    def rides(self, taps: list[tuple[int, int, int]]) -> None:
        """At lanes that lead in, one after another."""
        for lane, turned_back, seconds in taps:
            self.taps(lane, turned_back)
            self.at += timedelta(seconds=seconds)

    def taps(self, lane: int, turned_back: int) -> None:
        """At one lane; so many of those admitted do not pass."""
        if not self.clear(lane):
            return
        decision = self.decide(lane)
        owed = self.owed_at(lane)
        reasons = self.model.reasons(self.at, lane, owed > 0)
        if reasons:
            assert isinstance(decision, Refuse), f"more than was sold: {reasons}, got {decision}"
            if not self.slack:
                assert decision.reason in reasons, f"{decision.reason} told, {reasons} hold"
            return
        assert isinstance(decision, Admit), f"an innocent guest is refused: {decision}"
        expected = owed or self.model.allows(self.at, lane)
        assert (decision.n, decision.charged) == (expected, 0 if owed else expected), f"{expected} expected: {decision}"
        passed = self.model.enters(self.at, lane, decision.n, owed)
        self.written(decision, lane, passed, turned_back)

    def leaves(self, turned_back: int) -> None:
        """At the lane that leads out."""
        days = {self.model.day(self.at + timedelta(minutes=shift)) for shift in (-self.slack, self.slack)}
        if len(days) > 1:
            return
        owed = self.owed_at(8)
        decision = self.decide(8)
        assert isinstance(decision, Admit), f"somebody is locked in: {decision}"
        assert (decision.charged, decision.exit) == (0, True)
        expected = owed or self.model.leaves()
        assert decision.n == expected, f"{expected} may leave: {decision}"
        passed = self.model.leaves_now(self.at, 8, decision.n, owed)
        self.written(decision, 8, passed, turned_back)

    def clear(self, lane: int) -> bool:
        """Whether a few minutes more or less would change nothing."""
        if not self.slack:
            return True
        shifts = (-self.slack, -1, 0, 1, self.slack)
        local = [(self.at + timedelta(minutes=shift)).astimezone(self.zone) for shift in shifts]
        owed = self.owed_at(lane) > 0
        told = [
            (local[index].date(), self.told(lane, owed, shift), self.starts_at_sale(shift))
            for index, shift in enumerate(shifts)
        ]
        return all(each == told[0] for each in told)

    def told(self, lane: int, owed: bool, shift: int) -> int:
        """Persons let in if the gate's clock stood `shift` minutes off; -1 for nobody."""
        return -1 if self.model.reasons(self.at, lane, owed, shift) else self.model.allows(self.at, lane, shift)

    def starts_at_sale(self, shift: int) -> bool | None:
        """Whether the ticket's clock starts, or started, at the sale although a passage might have started it."""
        if self.claim.clock is None or self.claim.clock.within is None:
            return None
        at = self.at + timedelta(minutes=shift)
        never = replace(self.claim.clock, within=None)
        sold = replace(self.model, claim=replace(self.claim, clock=never)).clock_start(at, self.model.day(at))
        return self.model.clock_start(at, self.model.day(at)) == sold

    def gate(self, lane: int) -> GateProfile:
        """What lane `lane` knows of itself."""
        post = LANES[lane]
        return a_gate(
            gate=lane,
            post_gates=frozenset(each for each in LANES if LANES[each] == post),
            area=AREA_OF[post],
            zone=self.zone,
            exit=post == "exit",
        )

    def knowledge(self, lane: int) -> Knowledge:
        """What lane `lane` knows of the ticket."""
        owed, until = self.owed.get(lane, (None, self.at))
        return Knowledge(
            owed=owed if self.at < until else None,
            amendment=self.amendment,
            suspensions=tuple(self.suspensions),
            calendars={3: BLACKOUT},
        )

    def decide(self, lane: int) -> rules.Decision:
        """What the gate's software says."""
        now = self.at + timedelta(seconds=self.skews[lane])
        return rules.decide(self.claim, self.usage, self.gate(lane), now, self.knowledge(lane))

    def owed_at(self, lane: int) -> int:
        """Persons owed to this card here."""
        owed, until = self.owed.get(lane, (None, self.at))
        return owed.persons if owed and self.at < until and owed.admission == self.usage.admission else 0

    def written(self, admit: Admit, lane: int, passed: Passed, turned_back: int) -> None:
        """The card holds the admission; who did not pass is owed."""
        self.number += 1
        name = self.number.to_bytes(8, "big")
        self.usage = decode_usage(encode_usage(replace(admit.usage, admission=name)))
        assert self.usage == replace(admit.usage, admission=name)
        persons = min(turned_back, admit.n)
        self.turned_back = (passed, persons) if persons and passed.charged else None
        day_ends = datetime(passed.day.year, passed.day.month, passed.day.day, tzinfo=self.zone) if persons else None
        until = self.at + timedelta(seconds=OWED_S)
        if self.claim.party > 1 and day_ends is not None:
            until = (day_ends + timedelta(days=1)).astimezone(UTC)
        self.owed[lane] = Owed(name, persons), until
        self.agrees(admit)

    def agrees(self, admit: Admit) -> None:
        """What the card counts, and what the guest is shown, is what the log says."""
        model, usage = self.model, self.usage
        assert usage.used_total == model.used()
        assert usage.days_used == (len(model.days) if self.claim.days else 0)
        if self.slack:
            return
        if self.claim.bank is not None:
            assert usage.bank_used == sum(each.drawn for each in model.sessions)
        if self.claim.clock is not None and model.used() and not admit.exit:
            start = model.clock_start(self.at, model.day(self.at))
            assert start is not None
            running = model.beyond_clock(self.at, model.day(self.at))
            assert admit.overtime == (running >= 0)

    # What is changed meanwhile.

    def is_amended(self, **changes: object) -> None:
        """The next amendment, cumulative; a hold ends with it, unless it is one."""
        before = self.amendment or an_amendment(number=0)
        self.amendment = replace(before, number=before.number + 1, **{"hold": False} | changes)
        self.model.amendment = self.amendment

    def is_given_back(self) -> None:
        """Who did not pass is given back, once no gate can offer the way any more; the ticket meets it at once."""
        if self.turned_back is None:
            return
        passed, persons = self.turned_back
        self.turned_back = None
        self.owed.clear()
        before = self.amendment.returns if self.amendment else 0
        self.is_amended(returns=before + persons, return_day=passed.day)
        self.model.gives_back(passed, persons)

    def is_suspended(self, area: int, seconds: int | None, paused: bool) -> None:
        """An area closes."""
        end = None if seconds is None else self.at + timedelta(seconds=seconds)
        self.suspensions.append(Suspension(area, self.at, end, paused))
        self.model.suspensions = self.suspensions

    def opens_again(self) -> None:
        """Whatever was closed until further notice."""
        self.suspensions = [replace(each, end=each.end or self.at) for each in self.suspensions]
        self.model.suspensions = self.suspensions


# Chosen by chance, but the same for the same seed.


def some_claim(chance: Random) -> Claim:
    """A ticket with a few terms: one of time, one of ways, and one or two of entries, days and hours."""
    start = chance.choice(list(ClockStart))
    at = chance.choice([0, 540, 900, 2000]) if start in (ClockStart.SALE, ClockStart.FIXED) else 0
    within = chance.choice([None, 10, 60, 200]) if start is ClockStart.SALE else None
    clock = ClockTerm(chance.choice([30, 120, 600, 1500]), start, at, within)
    time: list[dict[str, object]] = [
        {},
        {"clock": clock, "overtime": chance.choice([None, 15])},
        {"bank": Bank(chance.randint(60, 400), chance.randint(0, 60))},
    ]
    ways: list[dict[str, object]] = [{}, {"tracked": True}, {"reentry_s": chance.choice([60, 1800, 20_000])}]
    windows = [(Window(480, 1020),), (Window(0, 720), Window(900, 1440)), (Window(600, 660), Window(1200, 1260))]
    others = [
        ("entries_per_day", chance.randint(1, 3)),
        ("entries_total", chance.randint(1, 12)),
        ("days", chance.randint(1, 4)),
        ("batch", chance.randint(1, 2)),
        ("blackout", 3),
        ("windows", chance.choice(windows)),
    ]
    claim = a_claim(
        party=chance.choice([1, 1, 2, 3]),
        valid_from=FIRST,
        valid_until=FIRST + timedelta(days=40),
        areas=frozenset({1, 4}),
        **chance.choice(time) | chance.choice(ways) | dict(chance.sample(others, chance.choice([0, 0, 1, 1, 2]))),
    )
    try:
        encode_claim(claim)
    except CodecError:  # too many terms for one claim
        return some_claim(chance)
    return claim


def some_ride(chance: Random) -> tuple[int, int, int]:
    """A lane, how many turn back, and the seconds until the next tap."""
    after = chance.choice([5, 50, 110, chance.randint(1, 900), chance.randint(1, 9000)])
    return chance.choice([1, 1, 1, 2, 3, 4]), chance.choice([0, 0, 0, 0, 1, 2, 3]), after


def some_amendment(chance: Random) -> dict[str, object]:
    """One change."""
    return chance.choice(
        [
            {"hold": True},
            {"extra_minutes": chance.choice([30, 240])},
            {"valid_until": FIRST + timedelta(days=chance.choice([2, 20, 60]))},
            {"areas": chance.choice([frozenset({1}), frozenset({4}), frozenset({1, 4})])},
            {"areas": None},
        ]
    )


def some_season(seed: int, *, skewed: bool = False, steps: int = 40, kind: type[Season] = Season) -> Season:
    """A whole season; AssertionError where the two promises are broken, with the seed and the step."""
    chance = Random(seed)
    claim = some_claim(chance)
    hour = claim.clock.at // 60 + chance.randint(0, 3) if claim.clock and claim.clock.at else chance.randint(-3, 20)
    season = kind(claim, chance.choice(ZONES), hour, skewed=skewed)
    for step in range(steps):
        try:
            _step(season, chance)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {step} at {season.at}: {error}; {season.claim}") from error
    return season


def _step(season: Season, chance: Random) -> None:
    what = chance.random()
    if what < 0.55:
        season.rides([some_ride(chance) for _ in range(chance.choice([1, 1, 2, 3]))])
    elif what < 0.65:
        if season.claim.tracked or chance.random() < 0.2:
            season.leaves(chance.choice([0, 0, 0, 1, 2]))
    elif what < 0.73:
        season.waits(chance.choice([chance.randint(1, 600), chance.randint(1, 30_000)]))
    elif what < 0.75:
        season.waits_for_midnight(chance.randint(-3, 3))
    elif what < 0.77:  # turned back before midnight, and again at the lane after it
        season.waits_for_midnight(-1)
        season.rides([(1, 1, chance.choice([50, 110])), (1, 0, chance.randint(1, 90))])
    elif what < 0.84:
        season.waits_for_tomorrow(chance.randint(7, 15))
    elif what < 0.92:
        season.is_given_back()
    elif what < 0.95:
        season.is_amended(**some_amendment(chance))
    elif what < 0.97 and len(season.suspensions) < 4:
        length = chance.choice([10, 45, 1800, 3600, 10_000, None])
        season.is_suspended(chance.choice([1, 4]), length, chance.random() < 0.6)
    else:
        season.opens_again()
        season.is_amended()
