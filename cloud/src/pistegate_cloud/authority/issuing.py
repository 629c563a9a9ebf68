# SPDX-License-Identifier: Apache-2.0
"""Certificates of the operator's authority. Times are given, nothing is stored here.

Keys are EC P-256. A device's certificate names its address (enrolment.device_name) and serves TLS clients only; a
server's names its hosts. Whoever reads a certificate must find the authority's constraint: it signs no authorities.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pistegate_protocol.enrolment import CERTIFICATE_DAYS, named_device, public_bytes
from pistegate_protocol.errors import CodecError
from pistegate_protocol.topics import Device

ROOT_DAYS = 20 * 366
# An expiry in mid-season would cut every gate off at once; a stolen key of the broker is answered by a new authority.
SERVER_DAYS = 5 * 366
CRL_DAYS = ROOT_DAYS  # a CRL that has run out locks every device out of Mosquitto (facts/security.md)
# A broker whose clock is behind the cloud's must still take a certificate of this minute.
BACKDATED = timedelta(hours=1)
CSR_MAX = 4096  # bytes of PEM; one with a P-256 key is under 500
CLOUD = "cloud"  # common name of the cloud's own client at the broker; no device's address


class CsrRefused(CodecError):
    """A request for a certificate that must not be granted; `why` is one of csr_unreadable, csr_of_another."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why


@dataclass(frozen=True, slots=True)
class Authority:
    """A root: its key signs, its certificate is what others trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(name: str, now: datetime) -> Authority:
    """A root for ROOT_DAYS."""
    key = new_key()
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), now, ROOT_DAYS)
    usage = _usage(cert_sign=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(key, builder.sign(key, SHA256()))


def read_csr(pem: str, device: Device) -> ec.EllipticCurvePublicKey:
    """The key for which `device` asks; CsrRefused unless the asker holds it and names the device."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode("ascii", "replace")[:CSR_MAX])
        key = csr.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise CsrRefused("csr_unreadable", "a key of another kind than EC P-256")
        public_bytes(key)  # of P-256
        if not csr.is_signature_valid:
            raise CsrRefused("csr_unreadable", "the request is not signed by its own key")
    except (ValueError, InvalidSignature) as error:
        if isinstance(error, CsrRefused):
            raise
        raise CsrRefused("csr_unreadable", f"no request for a certificate: {error}") from error
    names = [str(found.value) for found in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        named = [named_device(name) for name in names]
    except CodecError:
        named = []
    if named != [device]:
        raise CsrRefused("csr_of_another", f"the request names {', '.join(names)[:80] or 'nobody'}")
    return key


def issue_client(
    authority: Authority, name: str, key: ec.EllipticCurvePublicKey, now: datetime, days: int = CERTIFICATE_DAYS
) -> x509.Certificate:
    """A certificate of a device, or of the cloud, for its connections."""
    builder = _leaf(authority, name, key, now, days, ExtendedKeyUsageOID.CLIENT_AUTH)
    return builder.sign(authority.key, SHA256())


def issue_server(
    authority: Authority, hosts: Sequence[str], key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.Certificate:
    """A certificate of the broker or of the HTTP API: names and addresses by which devices reach it."""
    builder = _leaf(authority, hosts[0], key, now, SERVER_DAYS, ExtendedKeyUsageOID.SERVER_AUTH)
    names = x509.SubjectAlternativeName([_host(host) for host in hosts])
    return builder.add_extension(names, critical=False).sign(authority.key, SHA256())


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that nobody may use any more. `replaced`: its device has another key; else a person ended it."""

    serial: int
    at: datetime
    replaced: bool


def issue_crl(authority: Authority, revoked: Iterable[Revoked], now: datetime) -> bytes:
    """The list of revoked certificates as Mosquitto's `crlfile` takes it, PEM."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(now - BACKDATED).next_update(now + timedelta(days=CRL_DAYS))
    for each in sorted(revoked, key=lambda each: each.serial):
        entry = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(each.at)
        reason = x509.ReasonFlags.superseded if each.replaced else x509.ReasonFlags.privilege_withdrawn
        builder = builder.add_revoked_certificate(entry.add_extension(x509.CRLReason(reason), critical=False).build())
    return builder.sign(authority.key, SHA256()).public_bytes(Encoding.PEM)


def read_crl(authority: Authority, pem: bytes) -> list[Revoked]:
    """The inverse; CodecError when it is not this authority's."""
    try:
        crl = x509.load_pem_x509_crl(pem)
        genuine = crl.is_signature_valid(authority.key.public_key())
    except ValueError as error:
        raise CodecError(f"no list of revoked certificates: {error}") from error
    if not genuine:
        raise CodecError("a list of revoked certificates that this authority did not sign")
    return [Revoked(each.serial_number, each.revocation_date_utc, _superseded(each)) for each in crl]


def _superseded(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason is x509.ReasonFlags.superseded


def _leaf(
    authority: Authority,
    name: str,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
    purpose: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    builder = _builder(_name(name), authority.certificate.subject, key, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(cert_sign=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return builder.add_extension(identifier, critical=False)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
