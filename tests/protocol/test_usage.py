# SPDX-License-Identifier: Apache-2.0
"""The 32 bytes of usage."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import NOW, a_usage, usages

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.usage import (
    COUNTERS_BYTES,
    USAGE_BYTES,
    Usage,
    decode_counters,
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


@given(st.binary(max_size=40) | st.binary(min_size=31, max_size=31).map(lambda rest: b"\x01" + rest))
def test_random_bytes_never_raise_anything_but_codec_error(data: bytes) -> None:
    """Garbage in the usage file ends in one family of errors; what does decode has one spelling only."""
    try:
        usage = decode_usage(data)
    except CodecError:
        return
    assert encode_usage(usage) == data


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_usage_of_another_length_is_refused(length: int) -> None:
    """Version 1 is 32 bytes."""
    with pytest.raises(CodecError):
        decode_usage((b"\x01" * 40)[:length])
    with pytest.raises(CodecError):
        decode_counters(bytes(length), bytes(8), bytes(8))


def test_a_newer_usage_is_told_apart_from_damage() -> None:
    """Another version, or the reserved byte in use, is for a newer release."""
    data = encode_usage(a_usage(last_entry=NOW))
    for newer in (b"\x02" + data[1:], data[:-1] + b"\x01"):
        with pytest.raises(UnknownVersion):
            decode_usage(newer)


@pytest.mark.parametrize(
    "changes",
    [
        {"used_total": 65536},
        {"used_total": -1},
        {"day": 65536},
        {"used_on_day": 65536},
        {"last_gate": 65536},
        {"returns": 256},
        {"in_round": 256},
        {"last_entry": datetime(2019, 12, 31, tzinfo=UTC)},
        {"last_entry": datetime(2157, 1, 1, tzinfo=UTC)},
        {"claim": bytes(7)},
        {"admission": bytes(9)},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_a_codec_error(changes: dict[str, object]) -> None:
    """Never a wrapped counter on a card."""
    with pytest.raises(CodecError):
        encode_usage(a_usage(**changes))
