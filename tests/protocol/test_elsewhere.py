# SPDX-License-Identifier: Apache-2.0
"""What is known of a ticket's other media: each source by its newest counters, however the news arrives."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW, TODAY

from pistegate_protocol.claims import day_number
from pistegate_protocol.elsewhere import (
    CARD_SOURCE,
    NOTHING,
    PARTS_MAX,
    Elsewhere,
    decode_elsewhere,
    encode_elsewhere,
    gate_source,
    merged,
    newer,
    of_usage,
    source_of,
)
from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import Usage

SOURCES = [CARD_SOURCE, gate_source(1), gate_source(2), gate_source(700)]


def used(total: int, at_s: int = 0, **changes: object) -> Usage:
    """So many persons, the last of them `at_s` seconds into the day of the cases."""
    plain = Usage(claim=b"", used_total=total, used_on_day=total, day=day_number(TODAY))
    return replace(plain, last_entry=NOW + timedelta(seconds=at_s), **changes)


USAGES = st.builds(used, st.integers(0, 9), st.integers(0, 9), in_round=st.integers(0, 3), returns=st.integers(0, 3))
KNOWN = st.lists(st.builds(of_usage, st.sampled_from(SOURCES), USAGES), max_size=6).map(lambda each: merged(*each))


@given(KNOWN, KNOWN, KNOWN)
def test_news_may_come_twice_late_and_in_any_order(one: Elsewhere, two: Elsewhere, three: Elsewhere) -> None:
    """Merging is a join; with nothing it changes nothing."""
    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, one) == merged(one, NOTHING) == one


@given(KNOWN)
def test_what_is_sent_is_what_arrives(known: Elsewhere) -> None:
    """Byte for byte, and every cut is found."""
    wire = encode_elsewhere(known)
    assert decode_elsewhere(wire) == known
    for end in range(len(wire)):
        with pytest.raises(CodecError):
            decode_elsewhere(wire[:end])
    with pytest.raises(CodecError):
        decode_elsewhere(wire + b"\x00")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (used(1), used(2)),
        (used(5, returns=1), used(4, returns=2)),
        (used(4, returns=255), used(2, returns=1)),
        (used(2, at_s=1), used(2, at_s=2)),
        (used(2, in_round=2), used(2, in_round=1)),
        (used(2, bank=True, bank_used=10), used(2, bank=True, bank_used=11)),
    ],
    ids=["charged", "given back", "given back past 255", "a re-offer", "somebody left", "minutes drawn"],
)
def test_newer_counters_are_told_from_older_ones(earlier: Usage, later: Usage) -> None:
    """Whichever is named first."""
    assert newer(earlier, later) == newer(later, earlier) == later


def test_of_a_ticket_that_was_put_on_another_card_the_card_counts_once() -> None:
    """The second card began with what the first had used."""
    known = merged(of_usage(CARD_SOURCE, used(3)), of_usage(CARD_SOURCE, used(4)), of_usage(gate_source(2), used(1)))
    assert [(part.source, part.usage.used_total) for part in known.parts] == [(CARD_SOURCE, 4), (gate_source(2), 1)]
    assert known.usage(gate_source(2)) == used(1)
    assert known.without(CARD_SOURCE) == of_usage(gate_source(2), used(1))


def test_media_without_a_memory_are_counted_by_the_gate() -> None:
    """Codes, documents and fingers are pointers into one journal."""
    assert {source_of(kind, 7) for kind in MediumKind if kind is not MediumKind.CARD} == {gate_source(7)}
    assert source_of(MediumKind.CARD, 7) == source_of(MediumKind.CARD, 8) == CARD_SOURCE


def test_more_sources_than_can_be_told_are_an_error() -> None:
    """As is a source without a name."""
    many = merged(*(of_usage(gate_source(number), used(1)) for number in range(PARTS_MAX + 1)))
    for wrong in (many, of_usage(b"", used(1)), of_usage(bytes(17), used(1))):
        with pytest.raises(CodecError):
            encode_elsewhere(wrong)
