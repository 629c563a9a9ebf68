# SPDX-License-Identifier: Apache-2.0
"""The 32 bytes of usage."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW, TODAY, a_usage, old_usages, spelled_v1, today_number, usages

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.usage import (
    COUNTERS_BYTES,
    COUNTERS_V1_BYTES,
    TIME_END,
    USAGE_BYTES,
    Usage,
    decode_counters,
    decode_counters_v1,
    decode_usage,
    encode_counters,
    encode_usage,
)


@given(usages())
def test_every_usage_comes_back_in_32_bytes(usage: Usage) -> None:
    """The card keeps what the gate wrote; the event's counters plus the names are the same usage."""
    data = encode_usage(usage)
    assert len(data) == USAGE_BYTES
    assert decode_usage(data) == usage
    counters = encode_counters(usage)
    assert len(counters) == COUNTERS_BYTES
    assert decode_counters(counters, usage.claim, usage.admission) == usage


@given(old_usages())
def test_every_usage_of_the_first_release_is_read(usage: Usage) -> None:
    """Cards in circulation, and events that were never sent yet."""
    data = spelled_v1(usage)
    assert decode_usage(data) == usage
    assert decode_counters_v1(data[17:], usage.claim, usage.admission) == usage
    assert len(data[17:]) == COUNTERS_V1_BYTES


LAYOUTS = st.integers(0, 7).map(lambda flags: flags << 5 | 2)


@given(st.binary(max_size=40) | st.builds(lambda layout, rest: bytes([layout]) + rest, LAYOUTS, st.binary(min_size=31)))
def test_random_bytes_never_raise_anything_but_codec_error(data: bytes) -> None:
    """Garbage in the usage file ends in one family of errors; what does decode has one spelling only."""
    try:
        usage = decode_usage(data[:32])
    except CodecError:
        return
    if data[0] != 1:
        assert encode_usage(usage) == data[:32]


@pytest.mark.parametrize("length", [0, 31, 33])
@pytest.mark.parametrize("layout", [b"\x01", b"\x02"])
def test_a_usage_of_another_length_is_refused(length: int, layout: bytes) -> None:
    """Both layouts are 32 bytes."""
    with pytest.raises(CodecError):
        decode_usage((layout * 40)[:length])
    for decode in (decode_counters, decode_counters_v1):
        with pytest.raises(CodecError):
            decode(bytes(length), bytes(8), bytes(8))


@pytest.mark.parametrize("layout", [0, 3, 0x1F, 0xE3, 0x21, 0x81])
def test_a_newer_usage_is_told_apart_from_damage(layout: int) -> None:
    """Another version is for a newer release; the first layout had no flags."""
    data = encode_usage(a_usage(last_entry=NOW, day=today_number()))
    with pytest.raises(UnknownVersion, match=f"{layout:#04x}"):
        decode_usage(bytes([layout]) + data[1:])
    with pytest.raises(UnknownVersion):
        decode_usage(spelled_v1(a_usage())[:-1] + b"\x01")


def test_a_day_before_the_first_is_damage() -> None:
    """The bits of the day say one before 2020: no release writes that."""
    data = encode_usage(a_usage(last_entry=datetime(2020, 1, 1, 0, 0, 1, tzinfo=UTC), day=0))
    with pytest.raises(CodecError, match="before 2020"):
        decode_usage(data[:21] + (1 << 2).to_bytes(4, "big") + data[25:])


@pytest.mark.parametrize(
    "changes",
    [
        {"used_total": 65536},
        {"used_total": -1},
        {"day": 1},
        {"used_on_day": 65536},
        {"used_on_day": 256, "counts_days": True},
        {"days_used": 256, "counts_days": True},
        {"days_used": 1},
        {"last_gate": 65536},
        {"returns": 256},
        {"in_round": 256},
        {"last_entry": datetime(2019, 12, 31, tzinfo=UTC)},
        {"last_entry": datetime(2020, 1, 1, tzinfo=UTC), "day": -1},
        {"last_entry": datetime(2054, 1, 9, 13, 37, 4, tzinfo=UTC), "day": 12427},
        {"last_entry": NOW, "day": today_number() - 2},
        {"last_entry": NOW, "day": today_number() + 3},
        {"started": datetime(2020, 1, 1, tzinfo=UTC)},
        {"started": datetime(2051, 11, 24, 20, 16, tzinfo=UTC)},
        {"started": NOW.replace(second=1)},
        {"started": NOW, "bank": True},
        {"bank_used": 65536, "bank": True},
        {"bank_ahead": 256, "bank": True},
        {"bank_used": 1},
        {"bank_ahead": 1},
        {"claim": bytes(7)},
        {"admission": bytes(9)},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_a_codec_error(changes: dict[str, object]) -> None:
    """Never a wrapped counter on a card, and none that the layout leaves out."""
    with pytest.raises(CodecError):
        encode_usage(a_usage(**changes))


def test_the_last_moment_that_a_card_can_count_is_in_2054() -> None:
    """The boundary of the 30 bits; decide refuses three years earlier."""
    latest = a_usage(last_entry=datetime(2054, 1, 9, 13, 37, 3, tzinfo=UTC), day=12427)
    assert decode_usage(encode_usage(latest)) == latest
    assert (TIME_END.year, TODAY.year) == (2051, 2026)
