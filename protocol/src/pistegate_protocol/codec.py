# SPDX-License-Identifier: Apache-2.0
"""One versioned codec for events and messages: a version byte, then MessagePack of a tagged array (msgspec).

What a decoder does not know it refuses: another version byte or tag is UnknownVersion, anything else malformed is
CodecError. Fields are positional; a change of fields is a new tag or a new version, never a reordering.
"""

from typing import Any, TypeVar

import msgspec

from pistegate_protocol.errors import CodecError, UnknownVersion

CODEC_VERSION = 1
T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of everything this codec carries."""


class Codec:
    """Encodes and decodes one closed union of tagged records, at most `max_bytes` long."""

    def __init__(self, union: Any, max_bytes: int) -> None:
        self._decoder = msgspec.msgpack.Decoder(union)
        self._max_bytes = max_bytes

    def encode(self, record: Record) -> bytes:
        """Version byte and MessagePack; CodecError when longer than this codec allows."""
        data = bytes([CODEC_VERSION]) + _encoder.encode(record)
        if len(data) > self._max_bytes:
            raise CodecError(f"{type(record).__name__} of {len(data)} bytes, at most {self._max_bytes}")
        return data

    def decode(self, data: bytes) -> Any:
        """The record in `data`."""
        if not data or len(data) > self._max_bytes:
            raise CodecError(f"message of {len(data)} bytes, 1..{self._max_bytes} expected")
        if data[0] != CODEC_VERSION:
            raise UnknownVersion(f"codec version {data[0]}, this release reads {CODEC_VERSION}: update this side")
        try:
            return self._decoder.decode(memoryview(data)[1:])
        except msgspec.ValidationError as error:
            if "tag" in str(error).lower() or "Invalid value" in str(error):
                raise UnknownVersion(str(error)) from error
            raise CodecError(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CodecError(str(error)) from error
