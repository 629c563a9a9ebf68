# SPDX-License-Identifier: Apache-2.0
"""Claims, usages, gates and keys for tests: one plain case of each, and hypothesis strategies for all the others."""

import contextlib
import struct
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import (
    AREAS_MAX,
    DAY_ZERO,
    ENTRIES_MAX,
    Bank,
    Claim,
    ClockStart,
    ClockTerm,
    HolderClass,
    Scope,
    Window,
    day_number,
    encode_claim,
)
from pistegate_protocol.decide import GateProfile
from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import TIME_ZERO, at_minute
from pistegate_protocol.signing import KeyRing, Medium, MediumKind
from pistegate_protocol.usage import Usage

ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY_ID = 7
KEYS = KeyRing({KEY_ID: ISSUER.public_key().public_bytes_raw()})
CARD = Medium(MediumKind.CARD, bytes.fromhex("04A1B2C3D4E5F6"))

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 12, 24, 2, 0, tzinfo=UTC)  # ten in the morning in ZONE
TODAY = NOW.astimezone(ZONE).date()
TICKET = 4_000_000_001
CLAIM_NAME = bytes(range(8))


def a_claim(**changes: Any) -> Claim:
    """A day ticket for site 3, area 1, one person, without limits."""
    plain: dict[str, Any] = {
        "key_id": KEY_ID,
        "ticket": TICKET,
        "scope": Scope(3),
        "product": 12,
        "areas": frozenset({1, 4}),
        "valid_from": TODAY,
        "valid_until": TODAY,
    }
    return Claim(**plain | changes)


def a_usage(**changes: Any) -> Usage:
    """Nothing used yet."""
    return Usage(**{"claim": CLAIM_NAME} | changes)


def a_gate(**changes: Any) -> GateProfile:
    """Gate 1 of a post of two, in area 1 of site 3, group 30."""
    plain: dict[str, Any] = {
        "site": 3,
        "group": 30,
        "gate": 1,
        "post_gates": frozenset({1, 2}),
        "area": 1,
        "zone": ZONE,
    }
    return GateProfile(**plain | changes)


def an_amendment(**changes: Any) -> Amendment:
    """The first amendment of the plain ticket, which changes nothing yet."""
    return Amendment(**{"key_id": KEY_ID, "ticket": TICKET, "number": 1} | changes)


def _optional(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(low, high) | st.integers(low, min(high, 5))


DAYS = st.integers(0, 0xFFFF).map(lambda number: DAY_ZERO + timedelta(days=number))
AREAS = st.frozensets(st.integers(0, AREAS_MAX - 1))


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    """None, one or two windows, in order and apart."""
    ends = sorted(draw(st.sets(st.integers(0, 96), min_size=4, max_size=4)))
    both = (Window(ends[0] * 15, ends[1] * 15), Window(ends[2] * 15, ends[3] * 15))
    return both[: draw(st.integers(0, 2))]


@st.composite
def clock_terms(draw: st.DrawFn, days: int) -> ClockTerm:
    """A clock of a ticket that holds for `days` days after its first one."""
    start = draw(st.sampled_from(ClockStart))
    told = start in (ClockStart.SALE, ClockStart.FIXED)
    return ClockTerm(
        minutes=draw(st.integers(1, 0xFFFF) | st.integers(1, 600)),
        start=start,
        at=draw(st.integers(0, min(0x3FFF, days * 1440 + 1439))) if told else 0,
        within=draw(_optional(1, 255)) if start is ClockStart.SALE else None,
    )


@st.composite
def _time_terms(draw: st.DrawFn, days: int) -> dict[str, Any]:
    """A clock with or without overtime, a bank, or neither."""
    kind = draw(st.sampled_from(["none", "clock", "bank"]))
    if kind == "bank":
        minutes = draw(st.integers(1, 0xFFFF) | st.integers(1, 300))
        return {"bank": Bank(minutes, draw(st.integers(0, min(255, minutes))))}
    if kind == "clock":
        return {"clock": draw(clock_terms(days)), "overtime": draw(_optional(1, 255))}
    return {}


@st.composite
def _terms(draw: st.DrawFn, party: int, days: int) -> dict[str, Any]:
    """Terms of which none contradicts another; they may be too many for one claim."""
    counted = draw(_optional(1, 255))
    per_day = 255 if counted is None else 255 // party
    tracked = draw(st.booleans())
    return {
        "entries_per_day": draw(_optional(1, per_day)) if per_day else None,
        "entries_total": draw(_optional(1, ENTRIES_MAX // party)),
        "reentry_s": None if tracked else draw(_optional(0, 0xFFFF)),
        "batch": draw(_optional(1, 255)),
        "windows": draw(windows()),
        "blackout": draw(_optional(0, 255)),
        "days": counted,
        "tracked": tracked,
        **draw(_time_terms(days)),
    }


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Every claim that codec v1 can hold."""
    first, last = sorted(draw(st.tuples(*[st.integers(0, 0xFFFF)] * 2)))
    party = draw(st.integers(1, 255) | st.integers(1, 4))
    terms = draw(_terms(party, last - first))
    claim = Claim(
        key_id=draw(st.integers(0, 255)),
        ticket=draw(st.integers(0, 2**48 - 1)),
        revision=draw(st.integers(0, 255)),
        scope=Scope(draw(st.integers(0, 0x7FFF)), draw(st.booleans())),
        product=draw(st.integers(0, 0xFFFF)),
        holder=draw(st.sampled_from(HolderClass)),
        party=party,
        areas=draw(AREAS),
        valid_from=DAY_ZERO + timedelta(days=first),
        valid_until=DAY_ZERO + timedelta(days=last),
        **terms,
    )
    return _shortened(claim, draw(st.permutations(sorted(OPTIONAL))))


OPTIONAL: dict[str, Any] = {
    name: Claim.__dataclass_fields__[name].default
    for name in [
        "entries_per_day",
        "entries_total",
        "reentry_s",
        "batch",
        "windows",
        "blackout",
        "days",
        "bank",
        "overtime",
        "clock",
    ]
}


def _shortened(claim: Claim, order: list[str]) -> Claim:
    """The claim without as many of its terms, in `order`, as are too many; a clock goes with its overtime."""
    for name in order:
        with contextlib.suppress(CodecError):
            encode_claim(claim)
            return claim
        claim = replace(claim, **{name: OPTIONAL[name]} | ({"overtime": None} if name == "clock" else {}))
    return claim


def _moments(seconds: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, seconds).map(lambda each: TIME_ZERO + timedelta(seconds=each))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Every usage that layout 2 can hold, the senseless ones included."""
    u16, u8 = st.integers(0, 0xFFFF), st.integers(0, 255)
    counts_days, bank = draw(st.booleans()), draw(st.booleans())
    last_entry = draw(st.none() | _moments(2**30 - 1))
    day = 0 if last_entry is None else max(0, (last_entry - TIME_ZERO).days + draw(st.integers(-1, 2)))
    minutes = draw(st.none() | st.integers(1, 2**24 - 1))
    return Usage(
        claim=draw(st.binary(min_size=8, max_size=8)),
        admission=draw(st.binary(min_size=8, max_size=8)),
        used_total=draw(u16),
        day=day,
        used_on_day=draw(u8 if counts_days else u16),
        last_entry=last_entry,
        last_gate=draw(u16),
        returns=draw(u8),
        in_round=draw(u8),
        days_used=draw(u8) if counts_days else 0,
        started=None if bank or minutes is None else at_minute(minutes),
        bank_used=draw(u16) if bank else 0,
        bank_ahead=draw(u8) if bank else 0,
        amended=draw(st.booleans()),
        counts_days=counts_days,
        bank=bank,
    )


@st.composite
def old_usages(draw: st.DrawFn) -> Usage:
    """Every usage that layout 1 could hold, the senseless ones included."""
    u16, u8 = st.integers(0, 0xFFFF), st.integers(0, 255)
    names = st.binary(min_size=8, max_size=8)
    return Usage(
        claim=draw(names),
        admission=draw(names),
        used_total=draw(u16),
        day=draw(u16),
        used_on_day=draw(u16),
        last_entry=draw(st.none() | _moments(2**32 - 1).filter(TIME_ZERO.__ne__)),
        last_gate=draw(u16),
        returns=draw(u8),
        in_round=draw(u8),
    )


def spelled_v1(usage: Usage) -> bytes:
    """A usage as the first release wrote it."""
    last = 0 if usage.last_entry is None else (usage.last_entry - TIME_ZERO) // timedelta(seconds=1)
    counters = struct.pack(
        ">HHHIHBBB",
        usage.used_total,
        usage.day,
        usage.used_on_day,
        last,
        usage.last_gate,
        usage.returns,
        usage.in_round,
        0,
    )
    return b"\x01" + usage.claim + usage.admission + counters


@st.composite
def amendments(draw: st.DrawFn) -> Amendment:
    """Every amendment that can be signed."""
    returns = draw(st.just(0) | st.integers(0, 0xFFFF))
    return Amendment(
        key_id=draw(st.integers(0, 255)),
        ticket=draw(st.integers(0, 2**48 - 1)),
        number=draw(st.integers(1, 255)),
        valid_until=draw(st.none() | DAYS),
        areas=draw(st.none() | AREAS),
        hold=draw(st.booleans()),
        extra_minutes=draw(st.just(0) | st.integers(0, 0xFFFF)),
        returns=returns,
        return_day=draw(st.none() | DAYS) if returns else None,
    )


def today_number(day: date = TODAY) -> int:
    """The day number that a usage of `day` carries."""
    return day_number(day)
