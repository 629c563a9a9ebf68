# SPDX-License-Identifier: Apache-2.0
"""The identity of a device on its disk: a directory with its key, certificate, authority and the cloud's address.

Every file is written whole or not at all. The key belongs to this device alone and is readable by its owner only; no
message and no log holds it.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from pistegate_edge.errors import IdentityError
from pistegate_protocol.enrolment import CERTIFICATE_DAYS, RENEW_FROM_DAY, device_name, named_device
from pistegate_protocol.errors import CodecError
from pistegate_protocol.topics import Device

DIRECTORY = "identity"  # beside the journal
KEY = "key.pem"
NEW_KEY = "key.pem.new"  # made for an enrolment that has not been answered yet
CERTIFICATE = "certificate.pem"
AUTHORITY = "authority.pem"
FACTS = "identity.json"
Trust = Literal["authority", "system"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this device is. `cloud`: its HTTP address; `trust`: who vouches for that one's certificate.

    The broker's is always the authority's.
    """

    directory: Path
    device: Device
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    cloud: str
    trust: Trust = "authority"

    @property
    def name(self) -> str:
        """SITE/ROLE/NUMBER."""
        return device_name(self.device)

    @property
    def since(self) -> datetime:
        """When the authority issued the certificate, by its clock: it is that late at least."""
        return self.certificate.not_valid_before_utc

    @property
    def until(self) -> datetime:
        """When the certificate runs out."""
        return self.certificate.not_valid_after_utc

    @property
    def authority(self) -> Path:
        """The authority's certificate."""
        return self.directory / AUTHORITY

    def told(self, now: datetime) -> dict[str, Any]:
        """For `pistegate-gate identity`: everything that is no secret."""
        return {
            "device": self.name,
            "cloud": self.cloud,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "renew_from_day": RENEW_FROM_DAY,
            "days": CERTIFICATE_DAYS,
            "expired": now >= self.until,
        }


def load_identity(directory: Path) -> Identity | None:
    """The identity in `directory`; None when this device was never enrolled. IdentityError when it is damaged."""
    if not (directory / FACTS).exists():
        return None
    try:
        facts = json.loads((directory / FACTS).read_text("utf-8"))
        key_file = directory / KEY
        if key_file.stat().st_mode & 0o077:
            raise IdentityError(f"{key_file} can be read by others: chmod 600 {key_file}")
        key = load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((directory / CERTIFICATE).read_bytes())
        device, cloud, trust = named_device(facts["device"]), str(facts["cloud"]), facts["trust"]
    except (OSError, ValueError, KeyError, TypeError, CodecError) as error:
        if isinstance(error, IdentityError):
            raise
        raise IdentityError(f"the identity in {directory} cannot be read ({error}); enrol this device anew") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise IdentityError(f"key and certificate in {directory} do not belong together; enrol this device anew")
    return Identity(directory, device, key, certificate, cloud, "system" if trust == "system" else "authority")


def key_for_enrolment(directory: Path) -> ec.EllipticCurvePrivateKey:
    """The key to enrol with: a new one, or the one of an enrolment whose answer was lost."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / NEW_KEY
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key
    key = ec.generate_private_key(ec.SECP256R1())
    write_whole(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return key


def request_pem(key: ec.EllipticCurvePrivateKey, device: Device) -> str:
    """What asks for a certificate of this key and device."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_name(device))])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def keep_enrolment(directory: Path, device: Device, certificate: str, authority: str, cloud: str, trust: Trust) -> None:
    """What an enrolment brought, in force at once for the next start; the facts come last and make it count."""
    (directory / FACTS).unlink(missing_ok=True)
    write_whole(directory / AUTHORITY, authority.encode(), 0o644)
    write_whole(directory / CERTIFICATE, certificate.encode(), 0o644)
    write_whole(directory / KEY, (directory / NEW_KEY).read_bytes(), 0o600)
    facts = {"device": device_name(device), "cloud": cloud, "trust": trust}
    write_whole(directory / FACTS, json.dumps(facts).encode(), 0o644)
    (directory / NEW_KEY).unlink()  # last: until here the same code may be used again, with the same key


def keep_certificate(identity: Identity, pem: str) -> bool:
    """Put a renewed certificate in force; False when it is the one that is. IdentityError when it is not of our key."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise IdentityError(f"what the cloud sent is no certificate: {error}") from error
    if certificate.public_key() != identity.key.public_key():
        raise IdentityError("what the cloud sent is a certificate of another key")
    if certificate == identity.certificate:
        return False
    write_whole(identity.directory / CERTIFICATE, pem.encode(), 0o644)
    return True


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Durable, and never half: a power cut leaves the old file or the new one."""
    fresh = path.with_name(path.name + ".tmp")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def utc(ms: int) -> datetime:
    """Aware UTC of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)
