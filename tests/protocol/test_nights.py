# SPDX-License-Identifier: Apache-2.0
"""Days of a ticket by the site's clocks: midnight, nights that cross it, and the two nights when clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import KEY_ID

from pistegate_protocol.claim_terms import DAY_MINUTES, WINDOW_END_MAX
from pistegate_protocol.claims import Bank, Claim, Scope, Window, day_number, decode_claim, encode_claim
from pistegate_protocol.clocks import site_minute
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, Refuse, decide
from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import at_minute
from pistegate_protocol.reasons import Reason
from pistegate_protocol.usage import Usage, decode_usage, encode_usage

VIENNA, DENVER, SHANGHAI = (ZoneInfo(name) for name in ("Europe/Vienna", "America/Denver", "Asia/Shanghai"))
ZONES = [VIENNA, DENVER, SHANGHAI]
FRIDAY, SATURDAY, SUNDAY = date(2026, 1, 16), date(2026, 1, 17), date(2026, 1, 18)
# Clocks ahead and back of a winter, by zone.
CHANGES = [
    (VIENNA, date(2026, 3, 29), date(2025, 10, 26)),
    (DENVER, date(2026, 3, 8), date(2025, 11, 2)),
]
NIGHT = Window(17 * 60, 25 * 60 + 30)  # 17:00 to 01:30


def gate(zone: ZoneInfo, *, exit: bool = False) -> GateProfile:
    return GateProfile(site=1, group=1, gate=3, post_gates=frozenset({3}), area=0, zone=zone, exit=exit)


def ticket(*windows: Window, first: date = SATURDAY, last: date | None = None, **terms: object) -> Claim:
    values: dict[str, object] = {
        "key_id": KEY_ID,
        "ticket": 1,
        "scope": Scope(1),
        "product": 1,
        "areas": frozenset({0}),
        "valid_from": first,
        "valid_until": last or first,
        "windows": windows,
    }
    return Claim(**values | terms)  # type: ignore[arg-type]


def local(zone: ZoneInfo, day: date, hour: int, minute: int = 0, *, fold: int = 0) -> datetime:
    """A time as the site's clocks show it; `fold` 1: for the second time."""
    shown = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
    return shown.astimezone(UTC)


def at_gate(
    claim: Claim, zone: ZoneInfo, now: datetime, usage: Usage | None = None, *, leaving: bool = False
) -> Decision:
    return decide(claim, usage or Usage(claim=bytes(8)), gate(zone, exit=leaving), now, Knowledge())


def entered(claim: Claim, zone: ZoneInfo, now: datetime, usage: Usage | None = None) -> Usage:
    """What a card holds after a passage."""
    decision = at_gate(claim, zone, now, usage)
    assert isinstance(decision, Admit), decision
    return decode_usage(encode_usage(decision.usage))


def reason(claim: Claim, zone: ZoneInfo, now: datetime, usage: Usage | None = None) -> Reason:
    decision = at_gate(claim, zone, now, usage)
    assert isinstance(decision, Refuse), decision
    return decision.reason


# Midnight


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_day_ticket_ends_at_the_sites_midnight(zone: ZoneInfo) -> None:
    """Not at that of UTC; the first second of the next day is too late, the first of its own is not too early."""
    claim = ticket()
    midnight, second = local(zone, SUNDAY, 0), timedelta(seconds=1)
    entered(claim, zone, midnight - second)
    assert reason(claim, zone, midnight) is Reason.EXPIRED
    entered(claim, zone, local(zone, SATURDAY, 0))
    assert reason(claim, zone, local(zone, SATURDAY, 0) - second) is Reason.NOT_YET_VALID


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_entries_of_the_day_begin_anew_at_midnight(zone: ZoneInfo) -> None:
    """And not a second sooner."""
    claim = ticket(last=SUNDAY, entries_per_day=1)
    usage = entered(claim, zone, local(zone, SATURDAY, 9))
    midnight = local(zone, SUNDAY, 0)
    assert reason(claim, zone, midnight - timedelta(seconds=1), usage) is Reason.USED_UP_TODAY
    assert entered(claim, zone, midnight, usage).day == day_number(SUNDAY)


# Nights


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_night_session_belongs_to_the_day_on_which_it_began(zone: ZoneInfo) -> None:
    """A ticket for Saturday night opens until half past one on Sunday, and not on the night before."""
    claim = ticket(NIGHT)
    assert reason(claim, zone, local(zone, SATURDAY, 1)) is Reason.NOT_YET_VALID
    assert reason(claim, zone, local(zone, SATURDAY, 16, 59)) is Reason.OUTSIDE_WINDOW
    evening = entered(claim, zone, local(zone, SATURDAY, 17))
    night = entered(claim, zone, local(zone, SUNDAY, 1, 29), evening)
    assert (night.day, night.used_on_day) == (day_number(SATURDAY), 2)
    assert reason(claim, zone, local(zone, SUNDAY, 1, 30), night) is Reason.EXPIRED
    assert reason(claim, zone, local(zone, SUNDAY, 17), night) is Reason.EXPIRED


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_entries_of_a_night_are_not_given_anew_at_midnight(zone: ZoneInfo) -> None:
    """Two rides a day: used at ten and at eleven, none is left at half past midnight; the next evening has two."""
    claim = ticket(NIGHT, last=SUNDAY, entries_per_day=2, days=2)
    usage = entered(claim, zone, local(zone, SATURDAY, 22))
    usage = entered(claim, zone, local(zone, SATURDAY, 23), usage)
    assert reason(claim, zone, local(zone, SUNDAY, 0, 30), usage) is Reason.USED_UP_TODAY
    usage = entered(claim, zone, local(zone, SUNDAY, 17), usage)
    assert (usage.days_used, usage.used_on_day, usage.day) == (2, 1, day_number(SUNDAY))
    usage = entered(claim, zone, local(zone, SUNDAY + timedelta(days=1), 1), usage)
    assert (usage.days_used, usage.used_on_day) == (2, 2)


def test_blackout_of_a_day_covers_its_night_and_no_other() -> None:
    """A holiday's set of days."""
    claim = ticket(NIGHT, first=FRIDAY, last=SUNDAY, blackout=1)
    knowledge = Knowledge(calendars={1: frozenset({SATURDAY})})

    def refused(now: datetime) -> bool:
        decision = decide(claim, Usage(claim=bytes(8)), gate(VIENNA), now, knowledge)
        return isinstance(decision, Refuse) and decision.reason is Reason.BLACKED_OUT

    assert not refused(local(VIENNA, SATURDAY, 1))  # Friday's night
    assert refused(local(VIENNA, SATURDAY, 18))
    assert refused(local(VIENNA, SUNDAY, 1))
    assert not refused(local(VIENNA, SUNDAY, 18))


def test_guest_who_is_late_leaves_after_the_night_has_ended() -> None:
    """Persons inside and minutes of the bank are those of the night, until noon; a day later they are forgotten."""
    claim = ticket(NIGHT, last=SUNDAY, tracked=True, bank=Bank(600))
    usage = entered(claim, VIENNA, local(VIENNA, SUNDAY, 1))
    assert (usage.day, usage.in_round) == (day_number(SATURDAY), 1)
    out = at_gate(claim, VIENNA, local(VIENNA, SUNDAY, 1, 45), usage, leaving=True)
    assert isinstance(out, Admit)
    assert (out.usage.in_round, out.usage.bank_used) == (0, 45)


def test_guest_who_is_outside_the_night_is_told_when_it_begins() -> None:
    """In the afternoon: at five."""
    refusal = at_gate(ticket(NIGHT, first=FRIDAY, last=SUNDAY), VIENNA, local(VIENNA, SATURDAY, 9))
    assert isinstance(refusal, Refuse)
    assert (refusal.reason, refusal.until) == (Reason.OUTSIDE_WINDOW, local(VIENNA, SATURDAY, 17))


def test_nights_that_claims_can_tell() -> None:
    """Until the next noon, and never into the same ticket's next day."""
    for windows in [(NIGHT,), (Window(0, DAY_MINUTES),), (Window(12 * 60 + 15, WINDOW_END_MAX),)]:
        assert decode_claim(encode_claim(ticket(*windows))).windows == windows
    both = (Window(8 * 60, 16 * 60), NIGHT)
    assert decode_claim(encode_claim(ticket(*both))).windows == both
    for windows in [
        (Window(DAY_MINUTES, DAY_MINUTES + 60),),
        (Window(17 * 60, WINDOW_END_MAX + 15),),
        (Window(60, 12 * 60), NIGHT),
        (Window(60, DAY_MINUTES + 60),),
    ]:
        with pytest.raises(CodecError):
            encode_claim(ticket(*windows))


# Clocks set ahead and back


@pytest.mark.parametrize(("zone", "ahead", "back"), CHANGES, ids=lambda value: str(value))
def test_days_on_which_clocks_change_begin_and_end_at_their_midnights(zone: ZoneInfo, ahead: date, back: date) -> None:
    """23 and 25 hours: every quarter of an hour of them, and none besides."""
    for day, hours in ((ahead, 23), (back, 25)):
        claim = ticket(first=day)
        first, end = local(zone, day, 0), local(zone, day + timedelta(days=1), 0)
        assert end - first == timedelta(hours=hours)
        now = first
        while now < end:
            entered(claim, zone, now)
            now += timedelta(minutes=15)
        assert reason(claim, zone, end) is Reason.EXPIRED
        assert reason(claim, zone, first - timedelta(seconds=1)) is Reason.NOT_YET_VALID


@pytest.mark.parametrize(("zone", "ahead", "back"), CHANGES, ids=lambda value: str(value))
def test_window_over_a_change_of_clocks_opens_once(zone: ZoneInfo, ahead: date, back: date) -> None:
    """Every window of that night in quarter hours: it opens when the clocks first show its start, or pass it, and
    shuts when they first show its end; set back, they do not open it again.
    """
    for day in (ahead, back):
        midnight = local(zone, day, 0)
        for start in range(0, 4 * 60, 45):
            for end in range(start + 15, 5 * 60, 45):
                claim = ticket(Window(start, end), first=day)
                opens = [
                    isinstance(at_gate(claim, zone, midnight + timedelta(minutes=15 * quarter)), Admit)
                    for quarter in range(6 * 4)
                ]
                turns = [now for before, now in zip([False, *opens], opens, strict=False) if before != now]
                assert turns in ([], [True, False]), (day, start, end, opens)


@pytest.mark.parametrize(("zone", "ahead", "back"), CHANGES, ids=lambda value: str(value))
def test_night_before_clocks_change_keeps_its_own_end(zone: ZoneInfo, ahead: date, back: date) -> None:
    """Until half past one by the clocks of that night, before they change; 45 min of the bank are 45 min."""
    for day in (ahead, back):
        eve = day - timedelta(days=1)
        claim = ticket(NIGHT, first=eve, bank=Bank(600))
        usage = entered(claim, zone, local(zone, day, 0, 44))
        assert usage.day == day_number(eve)
        usage = entered(claim, zone, local(zone, day, 1, 29), usage)
        assert usage.bank_used == 45
        assert reason(claim, zone, local(zone, day, 1, 30), usage) is Reason.EXPIRED


def test_time_between_passages_is_what_passed_not_what_clocks_show() -> None:
    """The hour that is shown twice counts twice, the one left out not at all."""
    claim = ticket(first=date(2025, 10, 1), last=date(2026, 4, 30), bank=Bank(6000))
    for day, minutes in ((date(2026, 3, 29), 60), (date(2025, 10, 26), 180)):
        usage = entered(claim, VIENNA, local(VIENNA, day, 1))
        assert entered(claim, VIENNA, local(VIENNA, day, 3), usage).bank_used == minutes


@pytest.mark.parametrize(("zone", "ahead", "back"), CHANGES, ids=lambda value: str(value))
def test_every_minute_of_a_change_of_clocks(zone: ZoneInfo, ahead: date, back: date) -> None:
    """One that is left out is the first after; one that is shown twice is the first time."""
    for day in (ahead, back):
        midnight, minute = local(zone, day, 0), timedelta(minutes=1)
        shown = [(midnight + n * minute).astimezone(zone).replace(tzinfo=None) for n in range(6 * 60)]
        for wanted in range(4 * 60):
            clock = datetime(day.year, day.month, day.day) + wanted * minute  # noqa: DTZ001 - what clocks show
            first = next(n for n, each in enumerate(shown) if each >= clock)
            assert at_minute(site_minute(day, wanted, zone)) == midnight + first * minute


@given(
    st.sampled_from([VIENNA, DENVER, SHANGHAI, ZoneInfo("America/Santiago"), ZoneInfo("Africa/Cairo")]),
    st.dates(date(2021, 1, 1), date(2030, 12, 31)),
    st.integers(0, WINDOW_END_MAX),
)
def test_minute_of_the_site_is_the_first_at_which_its_clocks_show_it_or_have_passed_it(
    zone: ZoneInfo, day: date, minutes: int
) -> None:
    """Also where a day begins at one o'clock."""
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - what clocks show
    at = at_minute(site_minute(day, minutes, zone))
    shown = at.astimezone(zone).replace(tzinfo=None)
    assert shown >= wanted
    before = (at - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
    assert before < wanted
    assert shown == wanted or shown - before > timedelta(minutes=1)


@given(st.sampled_from(ZONES), st.dates(date(2021, 1, 1), date(2030, 12, 31)), st.integers(0, 2159))
def test_night_is_one_day_on_the_card_whatever_the_zone(zone: ZoneInfo, day: date, minute: int) -> None:
    """The longest night there may be: each passage is told by the card as of the day on which it began."""
    claim = ticket(Window(12 * 60 + 15, WINDOW_END_MAX), first=day)
    now = at_minute(site_minute(day, minute, zone))
    decision = at_gate(claim, zone, now)
    if isinstance(decision, Admit):
        usage = decode_usage(encode_usage(decision.usage))
        assert (usage.day, usage.last_entry) == (day_number(day), now)
    else:
        assert minute < 12 * 60 + 15
