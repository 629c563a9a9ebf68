# SPDX-License-Identifier: Apache-2.0
"""Claim codec v1."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protocol_cases import TODAY, a_claim, claims

from pistegate_protocol.claims import (
    CLAIM_BODY_MAX,
    ENTRIES_MAX,
    Claim,
    HolderClass,
    Scope,
    day_number,
    decode_claim,
    encode_claim,
)
from pistegate_protocol.errors import CodecError, UnknownVersion

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


@pytest.mark.parametrize("bit", range(4, 16))
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
    ],
    ids=str,
)
def test_a_claim_that_cannot_be_is_not_sold(changes: dict[str, object]) -> None:
    """What does not fit its field, or contradicts another, is found where it is sold and not at a gate."""
    with pytest.raises(CodecError):
        encode_claim(a_claim(**changes))


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
