# SPDX-License-Identifier: Apache-2.0
"""Claim codec v1."""

import struct
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protocol_cases import TODAY, a_claim, claims

from pistegate_protocol.claim_terms import TERMS
from pistegate_protocol.claims import (
    CLAIM_BODY_MAX,
    ENTRIES_MAX,
    Bank,
    Claim,
    ClockStart,
    ClockTerm,
    HolderClass,
    Scope,
    Window,
    day_number,
    decode_claim,
    encode_claim,
)
from pistegate_protocol.errors import CodecError, UnknownVersion

# The four terms of the first release.
ALL_TERMS = a_claim(party=3, entries_per_day=2, entries_total=9, reentry_s=600, batch=1)
HOLDER_AT = 13  # offset of the holder class: version, key id, ticket, revision, scope, product come before
TERMS_AT = 23


@given(claims())
@example(ALL_TERMS)
def test_every_valid_claim_comes_back_and_fits_a_qr(claim: Claim) -> None:
    """What was sold is what the gate reads, in at most 36 bytes."""
    body = encode_claim(claim)
    assert decode_claim(body) == claim
    assert len(body) <= CLAIM_BODY_MAX


@given(claims().map(encode_claim), st.data())
def test_a_claim_cut_short_or_extended_is_refused(body: bytes, data: st.DataObject) -> None:
    """No prefix of a claim is a claim, and nothing may follow one."""
    cut = data.draw(st.integers(0, len(body) - 1))
    for damaged in (body[:cut], body + data.draw(st.binary(min_size=1, max_size=40))):
        with pytest.raises(CodecError):
            decode_claim(damaged)


def _decodes_or_codec_error(body: bytes) -> None:
    try:
        claim = decode_claim(body)
    except CodecError:
        return
    assert encode_claim(claim) == body


@given(st.binary(max_size=60))
def test_random_bytes_never_raise_anything_but_codec_error(body: bytes) -> None:
    """Garbage on a card ends in one family of errors; what does decode has one spelling only."""
    _decodes_or_codec_error(body)
    _decodes_or_codec_error(b"\x01" + body)


@given(claims().map(encode_claim), st.data())
def test_a_damaged_claim_never_raises_anything_but_codec_error(body: bytes, data: st.DataObject) -> None:
    """The same for bytes that almost are a claim."""
    at = data.draw(st.integers(0, len(body) - 1))
    _decodes_or_codec_error(body[:at] + data.draw(st.binary(min_size=1, max_size=1)) + body[at + 1 :])


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_claim_of_another_version_is_told_apart_from_damage(version: int) -> None:
    """A gate says `version unknown`, whatever the length of the newer body."""
    for rest in (encode_claim(ALL_TERMS)[1:], b"", bytes(200)):
        with pytest.raises(UnknownVersion):
            decode_claim(bytes([version]) + rest)


@pytest.mark.parametrize("bit", range(len(TERMS), 16))
def test_a_term_this_release_cannot_evaluate_is_an_unknown_version(bit: int) -> None:
    """Ignoring a term would admit on conditions that nobody checked."""
    body = encode_claim(a_claim())
    terms = (1 << bit).to_bytes(2, "big")
    with pytest.raises(UnknownVersion):
        decode_claim(body[:TERMS_AT] + terms + bytes(2))


@pytest.mark.parametrize("holder", [0, max(HolderClass) + 1, 255])
def test_an_unknown_holder_class_is_an_unknown_version(holder: int) -> None:
    """A class added later must not be taken for another."""
    body = bytearray(encode_claim(a_claim()))
    assert body[HOLDER_AT] == HolderClass.ADULT
    body[HOLDER_AT] = holder
    with pytest.raises(UnknownVersion):
        decode_claim(bytes(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"key_id": 256},
        {"key_id": -1},
        {"ticket": 2**48},
        {"ticket": -1},
        {"revision": 256},
        {"scope": Scope(0x8000)},
        {"scope": Scope(-1)},
        {"product": 0x10000},
        {"party": 0},
        {"party": 256},
        {"areas": frozenset({32})},
        {"areas": frozenset({-1})},
        {"valid_from": TODAY + timedelta(days=1)},
        {"valid_from": date(2019, 12, 31)},
        {"valid_until": date(2220, 1, 1)},
        {"entries_per_day": 256},
        {"entries_per_day": 0},
        {"entries_total": ENTRIES_MAX + 1},
        {"entries_total": 0},
        {"entries_total": ENTRIES_MAX, "party": 2},
        {"reentry_s": 65536},
        {"reentry_s": -1},
        {"batch": 256},
        {"batch": 0},
        {"blackout": 256},
        {"blackout": -1},
        {"days": 256},
        {"days": 0},
        {"bank": Bank(65536)},
        {"bank": Bank(0)},
        {"bank": Bank(600, 256)},
        {"bank": Bank(600, -1)},
        {"clock": ClockTerm(65536)},
        {"clock": ClockTerm(0)},
        {"clock": ClockTerm(60, ClockStart.FIXED, -1)},
        {"clock": ClockTerm(60, ClockStart.FIXED, 16384), "valid_until": TODAY + timedelta(days=30)},
        {"clock": ClockTerm(60, ClockStart.SALE, 600, 256)},
        {"clock": ClockTerm(60), "overtime": 256},
        {"windows": (Window(-15, 15),)},
        {"windows": (Window(0, 1455),)},
    ],
    ids=str,
)
def test_a_claim_that_cannot_be_is_not_sold(changes: dict[str, object]) -> None:
    """What does not fit its field, or contradicts another, is found where it is sold and not at a gate."""
    with pytest.raises(CodecError):
        encode_claim(a_claim(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bank": Bank(600, 60), "clock": ClockTerm(120)}, "a bank of hours or a clock, not both"),
        ({"bank": Bank(60, 61)}, "of which a day draws 61 at least"),
        ({"overtime": 15}, "overtime is at least one minute, after the end of a clock"),
        ({"overtime": 15, "bank": Bank(600)}, "after the end of a clock"),
        ({"overtime": 0, "clock": ClockTerm(120)}, "at least one minute"),
        ({"clock": ClockTerm(120, within=60)}, "only a clock that starts at the sale may wait"),
        ({"clock": ClockTerm(120, ClockStart.FIXED, 600, 60)}, "only a clock that starts at the sale may wait"),
        ({"clock": ClockTerm(120, ClockStart.SALE, 600, 0)}, "at least a minute"),
        ({"clock": ClockTerm(120, at=600)}, "no start of its own"),
        ({"clock": ClockTerm(120, ClockStart.EACH_DAY, 600)}, "no start of its own"),
        ({"clock": ClockTerm(120, ClockStart.FIXED, 1440)}, "after the ticket's last day"),
        ({"days": 5, "party": 4, "entries_per_day": 64}, "where days are counted, at most 255 a day"),
        ({"tracked": True, "reentry_s": 600}, "needs no re-entry interval"),
        ({"windows": (Window(540, 720), Window(720, 960))}, "in order and apart"),
        ({"windows": (Window(780, 960), Window(540, 720))}, "in order and apart"),
        ({"windows": (Window(600, 600),)}, "from minute 600 to 600"),
        ({"windows": (Window(541, 720),)}, "on a quarter of an hour"),
        ({"windows": (Window(0, 60), Window(120, 180), Window(240, 300))}, "at most 2"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_terms_that_contradict_each_other_are_refused_in_plain_words(changes: dict[str, object], words: str) -> None:
    """Whoever makes such a product reads why."""
    with pytest.raises(CodecError, match=words):
        encode_claim(a_claim(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"clock": ClockTerm(1, ClockStart.SALE, 0, 1), "overtime": 1},
        {"clock": ClockTerm(1, ClockStart.FIXED, 1439)},
        {"bank": Bank(1, 1)},
        {"bank": Bank(1, 0)},
        {"days": 1, "party": 255, "entries_per_day": 1},
        {"windows": (Window(0, 15),)},
        {"windows": (Window(0, 15), Window(30, 1440))},
        {"blackout": 0},
    ],
    ids=str,
)
def test_the_smallest_and_tightest_terms_are_sold(changes: dict[str, object]) -> None:
    """Each just inside its limit."""
    claim = a_claim(**changes)
    assert decode_claim(encode_claim(claim)) == claim


def test_too_many_terms_for_one_claim_are_told_as_such() -> None:
    """Eleven bytes of terms fit a QR beside the head; a twelfth does not, and the message names them."""
    most = {
        "entries_per_day": 9,
        "reentry_s": 600,
        "clock": ClockTerm(240, ClockStart.SALE, 600, 60),
        "windows": (Window(510, 990),),
        "overtime": 15,
    }
    assert len(encode_claim(a_claim(**most))) == CLAIM_BODY_MAX
    with pytest.raises(CodecError, match=r"37 bytes, at most 36: too many terms together \(entries_per_day, .*days"):
        encode_claim(a_claim(**most, days=3))


@pytest.mark.parametrize("bits", [1 << 5, 1 << 10, 1 << 10 | 1 << 8], ids=["second window", "within", "within a bank"])
def test_a_term_without_the_one_that_it_belongs_to_is_refused(bits: int) -> None:
    """Well signed or not: no claim is spelled so."""
    tail = bytes(sum(struct.calcsize(layout) for bit, (_, layout) in enumerate(TERMS) if bits >> bit & 1))
    with pytest.raises(CodecError, match="but no"):
        decode_claim(encode_claim(a_claim())[:TERMS_AT] + bits.to_bytes(2, "big") + tail)


def test_bytes_that_contradict_themselves_are_refused() -> None:
    """A party of nobody, or an end before the beginning, is no claim even when well signed."""
    body = encode_claim(a_claim())
    nobody = body[:14] + b"\x00" + body[15:]
    ends_first = body[:19] + body[21:23] + b"\x00\x00" + body[23:]
    for damaged in (nobody, ends_first):
        assert len(damaged) == len(body)
        with pytest.raises(CodecError):
            decode_claim(damaged)


def test_the_day_number_counts_from_2020() -> None:
    """Anchors of the date field."""
    assert [day_number(date(2020, 1, 1)), day_number(date(2020, 3, 1)), day_number(date(2026, 12, 24))] == [0, 60, 2549]


def test_claims_do_not_change() -> None:
    """A claim is a value: changing one makes another."""
    claim = a_claim()
    with pytest.raises(AttributeError):
        claim.party = 2  # type: ignore[misc]
    assert replace(claim, party=2) != claim
