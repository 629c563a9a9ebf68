# SPDX-License-Identifier: Apache-2.0
"""The authority on the disk: root.pem and root.key in a directory of its own, the key for its owner alone."""

import os
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pistegate_cloud.authority.issuing import Authority, new_authority
from pistegate_cloud.errors import SettingsError

ROOT = "root.pem"
ROOT_KEY = "root.key"
CRL = "revoked.crl"


def make(directory: Path, name: str, now: datetime) -> Authority:
    """A new authority in `directory`; SettingsError when there is one: its devices would know nobody any more."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (directory / ROOT_KEY).exists() or (directory / ROOT).exists():
        raise SettingsError(f"{directory} holds an authority already: every device trusts that one")
    authority = new_authority(name, now)
    write_private(directory / ROOT_KEY, key_pem(authority.key))
    (directory / ROOT).write_bytes(certificate_pem(authority.certificate))
    return authority


def load(directory: Path) -> Authority:
    """The authority in `directory`; SettingsError with the command that makes one."""
    key_file = directory / ROOT_KEY
    try:
        if key_file.stat().st_mode & 0o077:
            raise SettingsError(f"{key_file} can be read by others: chmod 600 {key_file}")
        key = load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((directory / ROOT).read_bytes())
    except FileNotFoundError as error:
        remedy = "make one with `pistegate-cloud authority init`, or put its files back from the backup"
        raise SettingsError(f"there is no authority in {directory}: {remedy}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"the authority in {directory} cannot be used: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(f"{key_file} is not the key of {directory / ROOT}")
    return Authority(key, certificate)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """As files and answers hold it."""
    return certificate.public_bytes(Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key, bare."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, data: bytes) -> None:
    """A new file for its owner alone; FileExistsError when there is one."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_crl(directory: Path) -> bytes | None:
    """The list as it was written last; None: never."""
    path = directory / CRL
    return path.read_bytes() if path.exists() else None


def write_crl(directory: Path, data: bytes) -> Path:
    """The list of revoked certificates, replaced whole: the broker may read it at any moment."""
    path, fresh = directory / CRL, directory / f"{CRL}.new"
    fresh.write_bytes(data)
    fresh.chmod(0o644)
    fresh.replace(path)
    return path
