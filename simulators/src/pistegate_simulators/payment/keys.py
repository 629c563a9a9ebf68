# SPDX-License-Identifier: Apache-2.0
"""Keys of a merchant and of the provider, made for one run; on disk they look as the provider hands them out."""

import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

_ALPHABET = string.ascii_letters + string.digits


def _certificate(key: RSAPrivateKey, name: str) -> x509.Certificate:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
        .sign(key, hashes.SHA256())
    )


def _private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def serial_of(certificate: x509.Certificate) -> str:
    """A certificate's serial number as the headers write it: hex in capitals."""
    return f"{certificate.serial_number:X}"


@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """One merchant's and the provider's; the provider signs with a certificate's key or with the public key's."""

    mchid: str
    appid: str
    api_v3_key: str
    merchant_key: RSAPrivateKey
    merchant_certificate: x509.Certificate
    platform_key: RSAPrivateKey
    platform_certificate: x509.Certificate
    public_key: RSAPrivateKey
    public_key_id: str

    @classmethod
    def new(cls, mchid: str = "1900000109", appid: str = "wxd678efh567hg6787") -> "ProviderKeys":
        """Fresh ones (three RSA keys of 2048 bits: a second of work)."""
        merchant, platform, public = (generate_private_key(65537, 2048) for _ in range(3))
        return cls(
            mchid,
            appid,
            "".join(secrets.choice(_ALPHABET) for _ in range(32)),
            merchant,
            _certificate(merchant, mchid),
            platform,
            _certificate(platform, "Tenpay.com sign"),
            public,
            f"PUB_KEY_ID_0{secrets.token_hex(16).upper()}",
        )

    @property
    def merchant_pem(self) -> str:
        """The merchant's private key (apiclient_key.pem)."""
        return _private_pem(self.merchant_key)

    @property
    def merchant_serial(self) -> str:
        """Serial number of the merchant's certificate."""
        return serial_of(self.merchant_certificate)

    @property
    def public_pem(self) -> str:
        """The provider's public key (pub_key.pem)."""
        return _public_pem(self.public_key.public_key())

    @property
    def platform_pem(self) -> str:
        """The provider's certificate."""
        return self.platform_certificate.public_bytes(Encoding.PEM).decode()

    def write(self, directory: Path, gateway: str, notify_url: str) -> str:
        """Put files for a merchant's software into `directory`; the [wechat] section of cloud.toml for them."""
        directory.mkdir(parents=True, exist_ok=True)
        files = {
            "apiclient_key.pem": self.merchant_pem,
            "pub_key.pem": self.public_pem,
            f"{serial_of(self.platform_certificate)}.pem": self.platform_pem,
            "api_v3_key.txt": self.api_v3_key,
        }
        for name, text in files.items():
            path = directory / name
            path.touch(mode=0o600)
            path.write_text(text, "ascii")
        return "\n".join(
            (
                "[wechat]",
                f'mchid = "{self.mchid}"',
                f'appid = "{self.appid}"',
                f'certificate_serial = "{self.merchant_serial}"',
                f'private_key = "{directory / "apiclient_key.pem"}"',
                f'api_v3_key = "{directory / "api_v3_key.txt"}"',
                f'public_key = "{directory / "pub_key.pem"}"',
                f'public_key_id = "{self.public_key_id}"',
                f'notify_url = "{notify_url}"',
                f'gateway = "{gateway}"',
                "",
            )
        )
