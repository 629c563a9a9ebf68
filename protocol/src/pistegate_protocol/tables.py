# SPDX-License-Identifier: Apache-2.0
"""Tables too large for one message: signed, versioned files of sorted entries, whole or as a delta. Pure.

File: "PGTB", format u8 = 1, key id u8, length of the head u32 (big-endian); head (TABLES: this codec's record);
Ed25519 signature, 64 bytes, over a domain label and head; body. The head names the SHA-256 of each 64 KiB of the body,
so that what has arrived of a file is verified piece by piece, a download goes on where it broke off (an HTTP Range from
the end of the last good chunk), and the signature is checked before the first megabyte is fetched.

Body: entries in ascending order of key, no key twice: key, length of the value u8, value. Bindings have keys of 14
bytes (bindings.py), denials of 6 (the ticket; value: below revision u16). In a delta a value of no bytes takes the
entry away. A delta `since` S tells everything that changed after version S as it is now, so it may be applied to any
version from S on, and twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Annotated, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from pistegate_protocol.bindings import BINDING_KEY_BYTES, TICKET_BYTES
from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.documents import DocumentRefused
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import Count, Millis, ShortText
from pistegate_protocol.signing import SIGNATURE_BYTES, KeyRing

BINDINGS: Final = "bindings"
DENIALS: Final = "denials"
KEY_BYTES: Final = {BINDINGS: BINDING_KEY_BYTES, DENIALS: TICKET_BYTES}
"""Length of the keys, by table; also every table that there is. Names as in Hello.documents."""
CHUNK: Final = 1 << 16  # bytes; 0.5 s of a 1 Mbit/s line, and 11 kB of digests for 200,000 bindings
BODY_MAX: Final = 64 << 20  # bytes; three times the 200,000 bindings that are promised
HEAD_MAX: Final = 1 << 16
VALUE_MAX: Final = 0xFF
WHOLE: Final = 0  # `since` of a file that tells everything

_MAGIC: Final = b"PGTB"
_FORMAT: Final = 1
_LABEL: Final = b"pistegate table\x00"
_PREFIX: Final = Struct(">4sBBI")
_REVISION: Final = Struct(">H")

Entry = tuple[bytes, bytes]
"""Key and value; an empty value takes the entry away."""
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]


class TableHead(Record, frozen=True, tag=1):
    """What a file is: `entries` of `size` bytes lead from version `since` or later to `version` of a site's table,
    which has `total` entries then. `keys`: number of the HandleKeys that bindings were made with (denials: 0).
    """

    table: ShortText
    site: Count
    version: Annotated[int, Meta(ge=1, lt=2**31)]
    since: Count
    issued_at: Millis
    keys: Count
    total: Count
    entries: Count
    size: Annotated[int, Meta(ge=0, le=BODY_MAX)]
    chunks: Annotated[list[Digest], Meta(max_length=BODY_MAX // CHUNK)]


TABLES = Codec(TableHead, HEAD_MAX)


class TableRefused(DocumentRefused):
    """A file that must not be applied."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The beginning of a file: its head as signed, and where the body begins. Not verified yet."""

    key_id: int
    body: bytes
    signature: bytes

    @property
    def body_at(self) -> int:
        """Offset of the file's body."""
        return _PREFIX.size + len(self.body) + SIGNATURE_BYTES

    def to_bytes(self) -> bytes:
        """As in the file."""
        return _PREFIX.pack(_MAGIC, _FORMAT, self.key_id, len(self.body)) + self.body + self.signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What a file's head says besides its content; fields as in TableHead."""

    table: str
    site: int
    version: int
    since: int
    issued_at: int
    keys: int
    total: int


def write_table(edition: Edition, entries: Iterable[Entry], key_id: int, key: Ed25519PrivateKey) -> bytes:
    """The signed file; CodecError for entries out of order, of a wrong length, or too many."""
    body, count = _body(edition, entries)
    chunks = [sha256(body[at : at + CHUNK]).digest() for at in range(0, len(body), CHUNK)]
    head = TABLES.encode(
        TableHead(
            edition.table,
            edition.site,
            edition.version,
            edition.since,
            edition.issued_at,
            edition.keys,
            edition.total,
            count,
            len(body),
            chunks,
        )
    )
    return Signed(key_id, head, key.sign(_LABEL + head)).to_bytes() + body


def read_head(beginning: bytes) -> Signed | None:
    """The head of a file of which this much is there; None: more is needed. CodecError: it is no such file."""
    if len(beginning) < _PREFIX.size:
        return None
    magic, version, key_id, length = _PREFIX.unpack_from(beginning)
    if magic != _MAGIC:
        raise CodecError("no table file")
    if version != _FORMAT:
        raise UnknownVersion(f"table file format {version}, this release reads {_FORMAT}: update this side")
    if length > HEAD_MAX:
        raise CodecError(f"table head of {length} bytes, at most {HEAD_MAX}")
    head_end = _PREFIX.size + length
    if len(beginning) < head_end + SIGNATURE_BYTES:
        return None
    return Signed(key_id, beginning[_PREFIX.size : head_end], beginning[head_end : head_end + SIGNATURE_BYTES])


def verify_head(signed: Signed, keys: KeyRing, site: int) -> TableHead:
    """The head, if it is genuine and for `site`; TableRefused or CodecError otherwise."""
    if signed.key_id not in keys:
        raise TableRefused(f"table signed with unknown key {signed.key_id}: is this device's key list current?")
    if not keys.verify(signed.key_id, signed.signature, _LABEL + signed.body):
        raise TableRefused("table signature is wrong")
    head: TableHead = TABLES.decode(signed.body)
    if head.table not in KEY_BYTES:
        raise UnknownVersion(f"table {head.table!r}, this release has {sorted(KEY_BYTES)}: update this side")
    if head.site != site:
        raise TableRefused(f"table of site {head.site}, this is site {site}")
    if len(head.chunks) != -(-head.size // CHUNK) or head.since >= head.version:
        raise CodecError("table head contradicts itself")
    return head


def check_applicable(head: TableHead, version: int, keys: int) -> None:
    """TableRefused unless the file leads on from `version` (0: none yet), which was made with handle keys `keys`."""
    if head.version <= version:
        raise TableRefused(f"{head.table} version {head.version} is not newer than {version}")
    if head.since > version:
        raise TableRefused(
            f"{head.table} tells what changed since version {head.since}, here is {version}: get it whole"
        )
    if head.since != WHOLE and head.keys != keys:
        raise TableRefused(f"{head.table} is keyed with {head.keys}, here with {keys}: get it whole")


def check_chunk(head: TableHead, number: int, chunk: bytes) -> None:
    """TableRefused unless this is chunk `number` (from 0) of the body."""
    length = min(CHUNK, head.size - number * CHUNK)
    if number >= len(head.chunks) or len(chunk) != length or sha256(chunk).digest() != head.chunks[number]:
        raise TableRefused(f"chunk {number} of {head.table} version {head.version} is not what was signed")


class EntryReader:
    """Entries out of a body that comes in pieces; CodecError for a malformed one."""

    def __init__(self, head: TableHead) -> None:
        self._head = head
        self._key_bytes = KEY_BYTES[head.table]
        self._rest = b""
        self._last = b""
        self._count = 0

    def feed(self, piece: bytes) -> list[Entry]:
        """The entries that are complete now."""
        data, at, found = self._rest + piece, 0, []
        while len(data) - at > self._key_bytes:
            value_at = at + self._key_bytes + 1
            end = value_at + data[value_at - 1]
            if end > len(data):
                break
            found.append(self._checked(data[at : value_at - 1], data[value_at:end]))
            at = end
        self._rest = data[at:]
        return found

    def close(self) -> None:
        """Everything has been fed: nothing may be left over or missing."""
        if self._rest or self._count != self._head.entries:
            raise CodecError(
                f"{self._count} entries, {self._head.entries} announced, {len(self._rest)} bytes left over"
            )

    def _checked(self, key: bytes, value: bytes) -> Entry:
        if key <= self._last:
            raise CodecError("entries out of order")
        if not value and self._head.since == WHOLE:
            raise CodecError("a whole table takes nothing away")
        self._last = key
        self._count += 1
        return key, value


def encode_denial(ticket: int, below_revision: int) -> Entry:
    """Key and value of a denial: claims of `ticket` below the revision are refused; CodecError when out of range."""
    if not (0 <= ticket < 2**48 and 1 <= below_revision < 2**16):
        raise CodecError(f"denial of ticket {ticket} below {below_revision}")
    return ticket.to_bytes(TICKET_BYTES, "big"), _REVISION.pack(below_revision)


def decode_denial(key: bytes, value: bytes) -> tuple[int, int]:
    """Ticket and below revision; CodecError when malformed."""
    if (len(key), len(value)) != (TICKET_BYTES, _REVISION.size) or value == b"\x00\x00":
        raise CodecError(f"denial of {len(key)} and {len(value)} bytes")
    return int.from_bytes(key, "big"), _REVISION.unpack(value)[0]


def _body(edition: Edition, entries: Iterable[Entry]) -> tuple[bytes, int]:
    key_bytes, last, count = KEY_BYTES[edition.table], b"", 0
    parts: list[bytes] = []
    for key, value in entries:
        if len(key) != key_bytes or len(value) > VALUE_MAX or key <= last or (edition.since == WHOLE and not value):
            raise CodecError(f"entry {count} of {edition.table}: out of order, too long or empty")
        parts += (key, bytes([len(value)]), value)
        last, count = key, count + 1
    return b"".join(parts), count


def chunks_of(body: bytes) -> Sequence[bytes]:
    """A body in chunks, the last one shorter."""
    return [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
