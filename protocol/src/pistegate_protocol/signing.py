# SPDX-License-Identifier: Apache-2.0
"""Ed25519 signatures with a key id, over claims (bound to a medium) and over documents.

Signed claim, as stored on a medium: format u8 = 1, body length u8, body, medium kind u8, medium id length u8, medium
id, signature 64 bytes. The signature covers a domain label, then everything before itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pistegate_protocol.claims import CLAIM_BODY_MAX, Claim, decode_claim, encode_claim
from pistegate_protocol.errors import CodecError, ProtocolError, UnknownVersion
from pistegate_protocol.reasons import Reason

SIGNATURE_BYTES = 64
DIGEST_BYTES = 8  # of a claim or an admission where a card or an event names it
MEDIUM_ID_MAX = 16
SIGNED_CLAIM_MAX = 2 + CLAIM_BODY_MAX + 2 + MEDIUM_ID_MAX + SIGNATURE_BYTES
_FORMAT = 1
_CLAIM_LABEL = b"pistegate claim\x00"


class MediumKind(IntEnum):
    """What carries a ticket; the number is stored and sent."""

    BEARER = 0
    """No binding: whoever shows it (a QR code)."""
    CARD = 1
    FINGER = 2
    """A finger that a gate's sensor knows; its id is its holder's name (fingers.py)."""
    IDENTITY = 3
    """An identity document or its chip; its id is a binding's handle (bindings.py)."""
    ROTATING = 4
    """A code that changes on a phone's page; its id is the anchor of a day's chain (rotating.py)."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One thing that can be presented: its kind and id (card: UID, 4, 7 or 10 bytes; finger, identity: 8 bytes)."""

    kind: MediumKind
    id: bytes = b""

    def to_bytes(self) -> bytes:
        """Kind u8, then the id."""
        return bytes([self.kind]) + self.id

    @classmethod
    def from_bytes(cls, data: bytes) -> "Medium":
        """The inverse of `to_bytes`; UnknownVersion for an unknown kind, CodecError for a length out of range."""
        if not 1 <= len(data) <= 1 + MEDIUM_ID_MAX:
            raise CodecError(f"medium of {len(data)} bytes")
        if data[0] not in list(MediumKind):
            raise UnknownVersion(f"medium kind {data[0]}")
        return cls(MediumKind(data[0]), data[1:])


class ClaimRefused(ProtocolError):
    """A signed claim that must not be believed; `reason` is what the gate tells."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason.value)
        self.reason = reason


class KeyRing:
    """Public keys by key id (raw 32-byte Ed25519 keys)."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._keys = {number: Ed25519PublicKey.from_public_bytes(raw) for number, raw in keys.items()}

    def __contains__(self, key_id: int) -> bool:
        return key_id in self._keys

    def verify(self, key_id: int, signature: bytes, message: bytes) -> bool:
        """Whether `signature` over `message` was made with key `key_id`; KeyError for an unknown id."""
        try:
            self._keys[key_id].verify(signature, message)
        except InvalidSignature:
            return False
        return True


def sign_claim(claim: Claim, medium: Medium, key: Ed25519PrivateKey) -> bytes:
    """The signed claim bound to `medium`, at most 120 bytes."""
    unsigned = _unsigned(encode_claim(claim), medium)
    return unsigned + key.sign(_CLAIM_LABEL + unsigned)


def open_claim(signed: bytes, medium: Medium, keys: KeyRing) -> Claim:
    """The claim in `signed` as presented on `medium`; ClaimRefused with the reason when it must not be believed."""
    try:
        body, bound, unsigned, signature = split_signed_claim(signed)
        claim = decode_claim(body)
    except UnknownVersion as error:
        raise ClaimRefused(Reason.VERSION_UNKNOWN, str(error)) from error
    except CodecError as error:
        raise ClaimRefused(Reason.UNREADABLE, str(error)) from error
    if claim.key_id not in keys:
        raise ClaimRefused(Reason.KEY_UNKNOWN, f"key id {claim.key_id}")
    if not keys.verify(claim.key_id, signature, _CLAIM_LABEL + unsigned):
        raise ClaimRefused(Reason.SIGNATURE_INVALID)
    if bound != medium:  # a bearer's claim too: written on cards it would make as many tickets as there are cards
        raise ClaimRefused(Reason.WRONG_MEDIUM)
    return claim


def signed_claim_length(data: bytes) -> int:
    """Length of the signed claim that `data` begins with (a card file is padded); CodecError when it is none."""
    if len(data) < 2:
        raise CodecError("no signed claim")
    if data[0] != _FORMAT:
        raise UnknownVersion(f"signed claim format {data[0]}, this release reads {_FORMAT}")
    medium_at = 2 + data[1]
    if not 1 <= data[1] <= CLAIM_BODY_MAX or len(data) < medium_at + 2:
        raise CodecError("signed claim is cut short")
    length = medium_at + 2 + data[medium_at + 1] + SIGNATURE_BYTES
    if data[medium_at + 1] > MEDIUM_ID_MAX or len(data) < length:
        raise CodecError("signed claim is cut short")
    return length


def split_signed_claim(signed: bytes) -> tuple[bytes, Medium, bytes, bytes]:
    """Body, bound medium, signed part, signature; CodecError unless `signed` is exactly one signed claim."""
    if signed_claim_length(signed) != len(signed):
        raise CodecError("bytes after the signed claim")
    unsigned, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
    medium_at = 2 + signed[1]
    bound = Medium.from_bytes(bytes([unsigned[medium_at]]) + unsigned[medium_at + 2 :])
    return unsigned[2:medium_at], bound, unsigned, signature


def join_signed_claim(body: bytes, medium: Medium, signature: bytes) -> bytes:
    """The inverse of `split_signed_claim`, for what keeps the parts; nothing is verified."""
    return _unsigned(body, medium) + signature


def claim_digest(signed: bytes) -> bytes:
    """The 8-byte name of a signed claim; a card's usage carries it."""
    return sha256(signed).digest()[:DIGEST_BYTES]


def _unsigned(body: bytes, medium: Medium) -> bytes:
    if len(medium.id) > MEDIUM_ID_MAX:
        raise CodecError(f"medium id of {len(medium.id)} bytes")
    return bytes([_FORMAT, len(body)]) + body + bytes([medium.kind, len(medium.id)]) + medium.id
