# SPDX-License-Identifier: Apache-2.0
"""The codec of events, messages and documents: what it does not know it refuses, in one family of errors."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pistegate_protocol.codec import CODEC_VERSION, Codec, Record
from pistegate_protocol.documents import DOCUMENTS, DenyList
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import EVENT_MAX, EVENTS, Incident, OutcomeKind, OutcomeV1, Settled
from pistegate_protocol.messages import DOWN, MESSAGE_MAX, UP

CODECS = {"events": EVENTS, "up": UP, "down": DOWN, "documents": DOCUMENTS}
TAGS = {
    "events": {1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12},
    "up": {1, 2, 7},
    "down": {3, 4, 5, 6},
    "documents": {1, 2, 3, 4, 5, 6},
}
OUTCOME = OutcomeV1(at=1, epoch=2, seq=3, kind=OutcomeKind.PASSED, passed=1)
OUTCOME_ROW = [3, 1, 2, 3, 1, 1, 0]


def wire(row: Any) -> bytes:
    """A record as another program would spell it."""
    return bytes([CODEC_VERSION]) + msgspec.msgpack.encode(row)


def test_the_spelling_used_here_is_the_codecs() -> None:
    """A version byte, then a MessagePack array: tag and fields in order."""
    assert EVENTS.encode(OUTCOME) == wire(OUTCOME_ROW)
    assert EVENTS.decode(wire(OUTCOME_ROW)) == OUTCOME


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_codec_version_is_told_as_such(version: int) -> None:
    """Whatever follows: the rest of it is not ours to judge."""
    for rest in (b"", b"\xc1", wire(OUTCOME_ROW)[1:]):
        with pytest.raises(UnknownVersion, match="update this side"):
            EVENTS.decode(bytes([version]) + rest)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("rest", [[], [1], ["tag", None, {"tag": []}], [0] * 400], ids=["alone", "one", "odd", "long"])
def test_a_record_with_a_tag_of_a_later_release_is_told_as_such(name: str, rest: list[Any]) -> None:
    """A gate that meets a newer record says so, and does not call it damaged."""
    for tag in {0, 5, 99, 127, 128, 65536, 2**63 - 1, 2**63, -1} - TAGS[name]:
        with pytest.raises(UnknownVersion, match="update this side"):
            CODECS[name].decode(wire([tag, *rest]))


@pytest.mark.parametrize(
    "row",
    [
        OUTCOME_ROW[:-2],
        [*OUTCOME_ROW, 0],
        [3],
        [],
        [3, -1, 2, 3, 1, 1, 0],
        [3, 2**53, 2, 3, 1, 1, 0],
        [3, 1.0, 2, 3, 1, 1, 0],
        [3, "1", 2, 3, 1, 1, 0],
        [3, 1, 2, 3, 6, 1, 0],
        [3, 1, 2, 3, 1, 256, 0],
        [3, None, 2, 3, 1, 1, 0],
        [3, True, 2, 3, 1, 1, 0],
        [11, 1, "Invalid value", "tag"],
        [11, 1, "Invalid value", "tag", -1],
        [11, 1, "tag", "x" * 201],
        [3.0, 1, 2, 3, 1, 1, 0],
        ["3", 1, 2, 3, 1, 1, 0],
        [None],
        [[3]],
        {"tag": 3},
        {},
        3,
        None,
        "tag",
    ],
    ids=repr,
)
def test_a_malformed_record_with_a_known_tag_is_damage_not_a_later_release(row: Any) -> None:
    """Missing and extra fields, values out of range, wrong types, other shapes; whatever words are in it."""
    if row == [11, 1, "Invalid value", "tag"]:
        assert EVENTS.decode(wire(row)) == Incident(1, "Invalid value", "tag")
        return
    with pytest.raises(CodecError) as refused:
        EVENTS.decode(wire(row))
    assert not isinstance(refused.value, UnknownVersion)


@pytest.mark.parametrize("name", CODECS)
def test_huge_and_deep_input_is_refused(name: str) -> None:
    """A megabyte too many, an array that promises four thousand million entries, a hundred thousand brackets."""
    codec = CODECS[name]
    deep = [bytes([CODEC_VERSION]) + opening * 100_000 for opening in (b"\x91", b"\x81\xa1x", b"\x92\x03")]
    promises = [bytes([CODEC_VERSION, lead]) + b"\xff" * 4 for lead in (0xDD, 0xDF, 0xDB, 0xC6, 0xC9)]
    promises += [bytes([CODEC_VERSION, 0xDD]) + b"\xff" * 4 + b"\x01" * 1000]
    for data in (bytes([CODEC_VERSION]) * (MESSAGE_MAX + 1), *deep, *promises, b""):
        with pytest.raises(CodecError):
            codec.decode(data)


@given(st.sampled_from(sorted(CODECS)), st.binary(max_size=200))
@example("events", b"\xc1")
@example("up", b"\x97\x01\x01\x01\x01\xa1\xff\x80\xa0\x01")
def test_random_bytes_never_raise_anything_but_codec_error(name: str, data: bytes) -> None:
    """Raw, behind a version byte, and behind each known tag."""
    tags = [bytes([0x90 | 6, tag]) for tag in TAGS[name]]
    for head in (b"", bytes([CODEC_VERSION]), *(bytes([CODEC_VERSION]) + tag for tag in tags)):
        with contextlib.suppress(CodecError):
            CODECS[name].decode(head + data)


@given(st.data())
def test_a_damaged_record_never_raises_anything_but_codec_error(data: st.DataObject) -> None:
    """One byte changed, removed or inserted: decoded to something or refused, never a crash."""
    good = EVENTS.encode(OUTCOME)
    at = data.draw(st.integers(0, len(good)))
    damaged = good[:at] + data.draw(st.binary(max_size=2)) + good[at + data.draw(st.integers(0, 1)) :]
    with contextlib.suppress(CodecError):
        EVENTS.decode(damaged)


@pytest.mark.parametrize("extra", [b"\x00", b"\xc0", wire(OUTCOME_ROW)])
def test_bytes_after_a_record_are_refused(extra: bytes) -> None:
    """One message, one record."""
    with pytest.raises(CodecError):
        EVENTS.decode(wire(OUTCOME_ROW) + extra)


@pytest.mark.parametrize(
    "record",
    [
        OutcomeV1(at=-1, epoch=2, seq=3, kind=OutcomeKind.PASSED, passed=1),
        OutcomeV1(at=1, epoch=2, seq=3, kind=OutcomeKind.PASSED, passed=256),
        OutcomeV1(at=1, epoch=2**80, seq=3, kind=OutcomeKind.PASSED, passed=1),
        OutcomeV1(at=1, epoch=2, seq=3, kind=6, passed=1),  # type: ignore[arg-type]
        Incident(at=1, code="disk", detail="x" * 201),
        Incident(at=1, code="disk", detail="\ud800"),
        Incident(at=1, code="disk", detail=object()),  # type: ignore[arg-type]
        DenyList(site=1, version=1, issued_at=1, entries=[]),
    ],
    ids=lambda record: repr(record).split(" at 0x")[0],  # the same in every process
)
def test_what_no_reader_would_accept_is_not_written(record: Record) -> None:
    """An event that the cloud refuses would stop its stream for good: it is found where it is made."""
    with pytest.raises(CodecError):
        EVENTS.encode(record)


def test_too_long_a_record_is_not_written() -> None:
    """A codec's own limit, both ways."""
    short = Codec(Settled | OutcomeV1, 12)
    record = Settled(at=1, epoch=2, seq=3, charged=True)
    assert short.decode(short.encode(record)) == record
    long = Settled(at=2**52, epoch=2**62, seq=3, charged=True)
    with pytest.raises(CodecError, match="at most 12"):
        short.encode(long)
    with pytest.raises(CodecError):
        short.decode(EVENTS.encode(long))
    assert len(EVENTS.encode(long)) < EVENT_MAX
