# SPDX-License-Identifier: Apache-2.0
"""Messages that travel packed: the same in the end, never larger, and no bomb."""

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import DOWN, MESSAGE_MAX, UP, Ack, Batch
from pistegate_protocol.packing import MARK, pack, unpack

BATCH = UP.encode(Batch(3, Stream.LEDGER, 5, 1, bytes(32), [b"one event of a gate" + bytes([at]) for at in range(200)]))


def test_batch_travels_in_less_and_is_read_as_ever() -> None:
    """Whoever decodes need not know whether it was packed."""
    packed = pack(BATCH)
    assert len(packed) < len(BATCH) / 3
    assert UP.decode(packed) == UP.decode(BATCH)


@given(st.binary(min_size=1, max_size=2000))
def test_packing_never_makes_longer_and_always_comes_back(message: bytes) -> None:
    """Of any message that does not begin with the mark itself."""
    if message[0] == MARK:
        return
    assert len(pack(message)) <= len(message)
    assert unpack(pack(message), 2000) == message


def test_bomb_is_refused_before_it_fills_memory() -> None:
    """A few kilobytes that stand for a gigabyte."""
    bomb = bytes([MARK]) + zlib.compress(bytes(1 << 27))
    with pytest.raises(CodecError, match="longer than"):
        UP.decode(bomb)
    twice = bytes([MARK]) + zlib.compress(pack(BATCH))
    with pytest.raises(CodecError, match="packed twice"):
        UP.decode(twice)
    with pytest.raises(CodecError, match="longer than"):
        UP.decode(bytes([MARK]) + zlib.compress(BATCH + bytes(MESSAGE_MAX)))


@given(st.integers(1, len(pack(BATCH)) - 1), st.integers(0, 7))
def test_damaged_or_cut_message_is_malformed_or_another(at: int, bit: int) -> None:
    """No other exception escapes; what is cut short is never read."""
    packed = bytearray(pack(BATCH))
    with pytest.raises(CodecError):
        UP.decode(bytes(packed[:at]))
    packed[at] ^= 1 << bit
    with contextlib.suppress(CodecError):
        UP.decode(bytes(packed))
    with pytest.raises(CodecError):
        UP.decode(pack(BATCH) + b"more")


def test_only_messages_up_are_packed() -> None:
    """A device of an older release would say that the cloud is newer; nothing down needs it."""
    down = DOWN.encode(Ack(Stream.LEDGER, 5, 0, bytes(32), 1))
    with pytest.raises(UnknownVersion):
        DOWN.decode(bytes([MARK]) + zlib.compress(down))
