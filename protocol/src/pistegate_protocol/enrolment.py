# SPDX-License-Identifier: Apache-2.0
"""Who a device is to the cloud: the name in its certificate, its signatures on batches and requests, its first code.

A device has one key, EC P-256, made on it: for TLS, batches and requests. Each use signs a text that begins with a
label of its own. Signatures are r and s, 32 bytes each.
"""

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import Stream
from pistegate_protocol.topics import Device, Role

SIGNATURE_BYTES = 64
PUBLIC_KEY_BYTES = 33  # a compressed point
CERTIFICATE_DAYS = 90
RENEW_FROM_DAY = 30
REQUEST_WINDOW_MS = 300_000  # a signed request is believed so long before and after its time
SCHEME = "PistegateDevice"  # of the Authorization header

_BATCH_LABEL = b"pistegate batch\x00"
_FORGOTTEN_LABEL = b"pistegate forgotten\x00"
_HELLO_LABEL = b"pistegate hello\x00"
_REQUEST_LABEL = b"pistegate request\x00"
_PLACE = struct.Struct(">H8sHBQI32s")
_NAME = re.compile(rf"(0|[1-9][0-9]{{0,4}})/({'|'.join(Role)})/([1-9][0-9]{{0,4}})")
_ECDSA = ec.ECDSA(SHA256())
_COORDINATE = SIGNATURE_BYTES // 2


def device_name(device: Device) -> str:
    """SITE/ROLE/NUMBER: a certificate's common name, and the middle of the device's topics."""
    return f"{device.site}/{device.role}/{device.number}"


def named_device(name: str) -> Device:
    """The inverse of `device_name`; CodecError for anything else."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise CodecError(f"no device: {name[:40]!r}; SITE/ROLE/NUMBER is expected")
    return Device(int(found[1]), Role(found[2]), int(found[3]))


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as it is kept and compared, PUBLIC_KEY_BYTES; CodecError for another curve."""
    if not isinstance(key.curve, ec.SECP256R1):
        raise CodecError(f"a key of curve {key.curve.name}: devices have keys of P-256")
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def public_key(raw: bytes) -> ec.EllipticCurvePublicKey:
    """The inverse of `public_bytes`; CodecError when it is no point."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as error:
        raise CodecError("no public key of P-256") from error


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """SIGNATURE_BYTES over a message that begins with a label."""
    r, s = decode_dss_signature(key.sign(message, _ECDSA))
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


def verify(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over `message` was made with the key's private half."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature[:_COORDINATE], "big"), int.from_bytes(signature[_COORDINATE:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, _ECDSA)
    except (InvalidSignature, ValueError):
        return False
    return True


def batch_message(device: Device, stream: Stream, epoch: int, first_seq: int, head: bytes) -> bytes:
    """What the signature of a batch covers; `head`: the chain's head after its last event.

    That head stands for the events and for the head before them: so the cost does not grow with the batch.
    """
    return _BATCH_LABEL + _place(device, stream, epoch, first_seq, head)


def forgotten_message(device: Device, stream: Stream, epoch: int, first_seq: int, head: bytes) -> bytes:
    """What the signature of Forgotten covers; `head`: the chain's head before `first_seq`."""
    return _FORGOTTEN_LABEL + _place(device, stream, epoch, first_seq, head)


def hello_message(device: Device, encoded: bytes) -> bytes:
    """What the signature of a hello covers; `encoded`: the plain one."""
    return _HELLO_LABEL + device_name(device).encode() + b"\x00" + encoded


def _place(device: Device, stream: Stream, epoch: int, seq: int, head: bytes) -> bytes:
    role = device.role.value.encode().ljust(8, b"\x00")
    return _PLACE.pack(device.site, role, device.number, stream, epoch, seq, head)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What an Authorization header of a device says: who, when (milliseconds since 1970 UTC), and the signature."""

    device: Device
    at_ms: int
    signature: bytes


def request_message(device: Device, method: str, path: str, body: bytes, at_ms: int) -> bytes:
    """What the signature of a request covers; `path`: with its query, as it is sent."""
    lines = (device_name(device), method.upper(), path, str(at_ms), sha256(body).hexdigest())
    return _REQUEST_LABEL + "\n".join(lines).encode()


def authorization(request: SignedRequest) -> str:
    """The header's value."""
    signature = base64.urlsafe_b64encode(request.signature).decode().rstrip("=")
    return f"{SCHEME} {device_name(request.device)} {request.at_ms} {signature}"


def read_authorization(value: str) -> SignedRequest:
    """The inverse of `authorization`; CodecError for anything else."""
    words = value[:300].split(" ")
    if len(words) != 4 or words[0] != SCHEME or not re.fullmatch("[0-9]{1,16}", words[2]):
        raise CodecError(f"no header {SCHEME} DEVICE TIME SIGNATURE")
    try:
        signature = base64.b64decode(words[3] + "==", b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CodecError("a signature that is no base64") from error
    return SignedRequest(named_device(words[1]), int(words[2]), signature)


# A code is typed by hand, once, at a gate: no letter of it looks like a digit (Crockford's base 32).
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
SECRET_LETTERS = 12  # 60 bits: 48 hours and some guesses a second do not find it
PIN_LETTERS = 16  # 80 bits of the authority's fingerprint
_GROUP = 4


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """`secret`: what the cloud knows one device by, once. `pin`: of the authority whose cloud this is."""

    secret: str
    pin: str

    def __str__(self) -> str:
        """Seven groups of four."""
        whole = self.secret + self.pin
        return "-".join(whole[at : at + _GROUP] for at in range(0, len(whole), _GROUP))


def letters(data: bytes, count: int) -> str:
    """The first `count` letters of `data`, 5 bits each."""
    bits = int.from_bytes(data, "big") >> (8 * len(data) - 5 * count)
    return "".join(_LETTERS[bits >> 5 * at & 31] for at in reversed(range(count)))


def new_code(random: bytes, authority_der: bytes) -> EnrolmentCode:
    """A code from 8 random bytes, for the authority with this certificate (DER)."""
    return EnrolmentCode(letters(random, SECRET_LETTERS), authority_pin(authority_der))


def authority_pin(authority_der: bytes) -> str:
    """What a code says of an authority's certificate."""
    return letters(sha256(authority_der).digest(), PIN_LETTERS)


def parse_code(typed: str) -> EnrolmentCode:
    """A code as somebody typed it: small letters, spaces, O for 0; CodecError when it cannot be one."""
    plain = typed.upper().translate(_ALIKE)
    if len(plain) != SECRET_LETTERS + PIN_LETTERS or not set(plain) <= set(_LETTERS):
        groups = (SECRET_LETTERS + PIN_LETTERS) // _GROUP
        raise CodecError(f"no enrolment code: {groups} groups of {_GROUP} letters and digits are expected")
    return EnrolmentCode(plain[:SECRET_LETTERS], plain[SECRET_LETTERS:])
