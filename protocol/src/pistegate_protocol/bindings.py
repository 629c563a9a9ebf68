# SPDX-License-Identifier: Apache-2.0
"""Bindings: from the keyed hash of an identity document or a finger's slot to a ticket with its signed claim. Pure.

What a hash without a key would be worth: 18 digits look like 60 bits, but a resident ID holds one of about 3,000
regions, 30,000 birth dates and 1,000 sequence numbers, 2^36 in all: a graphics card tries them in minutes. So there
are two steps. `stretch` is slow and needs memory (scrypt), with a salt of the operator's season, once per sale and
once per presentation. `handle_of` is a fast HMAC with the site's own key.

- Who has the file alone, without the gate's keys (a copy on its way, a cache, an SD card whose keys are sealed), learns
  nothing, and cannot tell whether two sites' files speak of one guest.
- Who has a gate with its keys open can try numbers, at scrypt's price: 2^36 of them are 43 years of one core (15 ms
  each, measured; 4 days for HMAC alone). But **it can ask whether a person whose birth date and county it knows is
  coming**: 1,000 guesses, 15 seconds; of whom it knows the year of birth, an hour and a half. No hash lifts that; few
  days in the file, and new keys after a theft, limit it.
- New keys of one site cost an HMAC per binding: the cloud keeps what `stretch` gave, not the number.

A key per day would give a stolen gate no less (a gate alone for weeks holds the keys of those weeks) and would make of
every delta a whole. Decision 22 has the figures.
"""

import hmac
from dataclasses import dataclass
from hashlib import scrypt, sha256
from typing import Final

from pistegate_protocol.claims import CLAIM_BODY_MAX
from pistegate_protocol.errors import CodecError
from pistegate_protocol.identity import DocumentKind, Identity
from pistegate_protocol.signing import (
    SIGNATURE_BYTES,
    Medium,
    MediumKind,
    join_signed_claim,
    split_signed_claim,
)

# Of 200,000 bindings two share a handle by chance once in 10^9 seasons, and a stranger's document meets one of them
# once in 10^14 presentations. Nobody can look for such a number without the keys.
HANDLE_BYTES: Final = 8
KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
STRETCHED_BYTES: Final = 32
# scrypt: 4 MiB and 13 to 22 ms where this was measured (two shared x86 cores); estimate for a Pi 4: 40 ms. More would
# be felt at a window that binds a coach party, and would not fit a gate's memory limit besides the table.
STRETCH_N, STRETCH_R, STRETCH_P = 2**12, 8, 1
_STRETCH_MEMORY: Final = 16 << 20  # bytes that OpenSSL may use at most
_STRETCH_LABEL: Final = b"pistegate identity\x00"
_HANDLE_LABEL: Final = b"pistegate handle\x00"

TICKET_BYTES: Final = 6
BINDING_KEY_BYTES: Final = HANDLE_BYTES + TICKET_BYTES
_TICKET_IN_BODY: Final = slice(2, 2 + TICKET_BYTES)  # claims.py: version, key id, ticket
_BODY_MIN: Final = 25  # bytes of a claim without terms


@dataclass(frozen=True, slots=True)
class HandleKeys:
    """What makes handles: the season's salt, and the key of a site with its number (a new key has a higher one)."""

    number: int
    salt: bytes
    key: bytes

    def __post_init__(self) -> None:
        if (len(self.salt), len(self.key)) != (SALT_BYTES, KEY_BYTES):
            raise CodecError(f"a salt of {SALT_BYTES} and a key of {KEY_BYTES} bytes are expected")

    def __repr__(self) -> str:
        return f"HandleKeys({self.number}, ...)"

    def handle(self, identity: Identity) -> bytes:
        """What the site's table calls this document: slow, by intent."""
        return handle_of(stretch(identity, self.salt), self.key)


def stretch(identity: Identity, salt: bytes) -> bytes:
    """32 bytes that stand for a document in the cloud's database during a season."""
    return scrypt(
        identity.to_bytes(),
        salt=_STRETCH_LABEL + salt,
        n=STRETCH_N,
        r=STRETCH_R,
        p=STRETCH_P,
        maxmem=_STRETCH_MEMORY,
        dklen=STRETCHED_BYTES,
    )


def handle_of(stretched: bytes, key: bytes) -> bytes:
    """The 8-byte name of a document at one site."""
    return hmac.digest(key, _HANDLE_LABEL + stretched, sha256)[:HANDLE_BYTES]


def medium_of(kind: DocumentKind, handle: bytes) -> Medium:
    """The medium that a binding's claim is bound to: of no use as a QR code, nor under another document's handle."""
    return Medium(MediumKind.FINGER if kind is DocumentKind.FINGER else MediumKind.IDENTITY, handle)


@dataclass(frozen=True, slots=True)
class Binding:
    """A ticket that a medium points to, with its signed claim."""

    medium: Medium
    ticket: int
    signed: bytes

    @property
    def key(self) -> bytes:
        """As tables.py keys it: handle, then ticket; a document may hold several tickets."""
        return self.medium.id + self.ticket.to_bytes(TICKET_BYTES, "big")


def encode_binding(signed: bytes) -> tuple[bytes, bytes]:
    """Key and value of a signed claim in a table of bindings; CodecError when it is not bound to a handle.

    Value: medium kind u8, claim body, signature. 90 to 101 bytes, and 15 of key and length: 200,000 are 21 to 23 MB.
    Without the signature they would be 8 to 10 MB, but then whoever signs documents could make tickets.
    """
    body, medium, _, signature = split_signed_claim(signed)
    if medium.kind not in (MediumKind.FINGER, MediumKind.IDENTITY) or len(medium.id) != HANDLE_BYTES:
        raise CodecError(f"a claim bound to a {medium.kind.name} with an id of {len(medium.id)} bytes")
    return medium.id + body[_TICKET_IN_BODY], bytes([medium.kind]) + body + signature


def decode_binding(key: bytes, value: bytes) -> Binding:
    """The inverse; CodecError for anything malformed. The claim is verified when it is used (open_claim), not here."""
    body = value[1:-SIGNATURE_BYTES]
    if len(key) != BINDING_KEY_BYTES or not _BODY_MIN <= len(body) <= CLAIM_BODY_MAX:
        raise CodecError(f"binding of {len(key)} and {len(value)} bytes")
    if body[_TICKET_IN_BODY] != key[HANDLE_BYTES:]:
        raise CodecError("binding and claim name different tickets")
    medium = Medium.from_bytes(value[:1] + key[:HANDLE_BYTES])
    if medium.kind not in (MediumKind.FINGER, MediumKind.IDENTITY):
        raise CodecError(f"binding of a {medium.kind.name}")
    signed = join_signed_claim(body, medium, value[-SIGNATURE_BYTES:])
    return Binding(medium, int.from_bytes(key[HANDLE_BYTES:], "big"), signed)
