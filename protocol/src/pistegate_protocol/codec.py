# SPDX-License-Identifier: Apache-2.0
"""One versioned codec for events and messages: a version byte, then MessagePack of a tagged array (msgspec).

What a decoder does not know it refuses: another version byte or tag is UnknownVersion, anything else malformed is
CodecError. Fields are positional; a change of fields (or of an enumeration in one) is a new tag or a new version,
never a reordering.
"""

from typing import Any, get_args

import msgspec

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.packing import unpack

CODEC_VERSION = 1

_encoder = msgspec.msgpack.Encoder()


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of everything this codec carries."""


class _Tagged(msgspec.Struct, array_like=True):
    """The beginning of any record, its fields unread."""

    tag: int


_tag_decoder = msgspec.msgpack.Decoder(_Tagged)


class Codec:
    """Encodes and decodes one closed union of tagged records, at most `max_bytes` long.

    `packed`: what travels may be packed (packing.pack) after it was encoded.
    """

    def __init__(self, union: Any, max_bytes: int, *, packed: bool = False) -> None:
        self._packed = packed
        self._decoder = msgspec.msgpack.Decoder(union)
        self.records: tuple[type[Record], ...] = get_args(union) or (union,)
        self._tags = {record.__struct_config__.tag for record in self.records}
        self._max_bytes = max_bytes

    def encode(self, record: Record) -> bytes:
        """Version byte and MessagePack; CodecError for what `decode` would refuse: too long, a value out of range."""
        name = type(record).__name__
        try:
            body = _encoder.encode(record)
            # msgspec checks only what it decodes, and an event that nobody can read must not get into a chain.
            self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError, TypeError) as error:
            raise CodecError(f"{name}: {error}") from error
        data = bytes([CODEC_VERSION]) + body
        if len(data) > self._max_bytes:
            raise CodecError(f"{name} of {len(data)} bytes, at most {self._max_bytes}")
        return data

    def decode(self, data: bytes) -> Any:
        """The record in `data`, packed or not; UnknownVersion for a newer one, CodecError for anything else."""
        data = unpack(data, self._max_bytes) if self._packed else data
        if not data or len(data) > self._max_bytes:
            raise CodecError(f"message of {len(data)} bytes, 1..{self._max_bytes} expected")
        if data[0] != CODEC_VERSION:
            raise UnknownVersion(f"codec version {data[0]}, this release reads {CODEC_VERSION}: update this side")
        body = memoryview(data)[1:]
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            self._check_tag(body)
            raise CodecError(str(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise CodecError(str(error)) from error

    def _check_tag(self, body: memoryview) -> None:
        try:
            tag = _tag_decoder.decode(body).tag
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if tag not in self._tags:
            raise UnknownVersion(f"record {tag}, this release reads {sorted(self._tags, key=str)}: update this side")
