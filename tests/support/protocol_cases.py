# SPDX-License-Identifier: Apache-2.0
"""Claims, usages, gates and keys for tests: one plain case of each, and hypothesis strategies for all the others."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from pistegate_protocol.claims import AREAS_MAX, DAY_ZERO, ENTRIES_MAX, Claim, HolderClass, Scope, day_number
from pistegate_protocol.decide import GateProfile
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


def _optional(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(low, high) | st.integers(low, min(high, 5))


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Every claim that codec v1 can hold."""
    first, last = sorted(draw(st.tuples(*[st.integers(0, 0xFFFF)] * 2)))
    party = draw(st.integers(1, 255) | st.integers(1, 4))
    return Claim(
        key_id=draw(st.integers(0, 255)),
        ticket=draw(st.integers(0, 2**48 - 1)),
        revision=draw(st.integers(0, 255)),
        scope=Scope(draw(st.integers(0, 0x7FFF)), draw(st.booleans())),
        product=draw(st.integers(0, 0xFFFF)),
        holder=draw(st.sampled_from(HolderClass)),
        party=party,
        areas=draw(st.frozensets(st.integers(0, AREAS_MAX - 1))),
        valid_from=DAY_ZERO + timedelta(days=first),
        valid_until=DAY_ZERO + timedelta(days=last),
        entries_per_day=draw(_optional(1, 255)),
        entries_total=draw(_optional(1, ENTRIES_MAX // party)),
        reentry_s=draw(_optional(0, 0xFFFF)),
        batch=draw(_optional(1, 255)),
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Every usage that layout v1 can hold, the senseless ones included."""
    u16 = st.integers(0, 0xFFFF)
    seconds = draw(st.none() | st.integers(1, 2**32 - 1))
    return Usage(
        claim=draw(st.binary(min_size=8, max_size=8)),
        admission=draw(st.binary(min_size=8, max_size=8)),
        used_total=draw(u16),
        day=draw(u16),
        used_on_day=draw(u16),
        last_entry=None if seconds is None else datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds),
        last_gate=draw(u16),
        returns=draw(st.integers(0, 255)),
        in_round=draw(st.integers(0, 255)),
    )


def today_number(day: date = TODAY) -> int:
    """The day number that a usage of `day` carries."""
    return day_number(day)
