# SPDX-License-Identifier: Apache-2.0
"""Signatures and sealed parts of API v3, byte for byte: WECHATPAY2-SHA256-RSA2048 and AEAD_AES_256_GCM."""

import json
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from pistegate_simulators.payment.keys import ProviderKeys, serial_of

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
SKEW_S: Final = 300  # the provider refuses requests whose timestamp is further away
_FIELD = re.compile(r'(\w+)="([^"]*)"')
_WANTED = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


@dataclass(frozen=True, slots=True)
class SignError(Exception):
    """What is wrong with a request's signature, in words."""

    message: str


def check_request(keys: ProviderKeys, header: str, method: str, target: str, body: bytes, now_s: float) -> None:
    """SignError unless the Authorization header signs exactly these bytes; `target`: path with its query."""
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        raise SignError(f"Authorization must begin with {SCHEME}")
    fields = dict(_FIELD.findall(rest))
    if set(fields) != _WANTED:
        raise SignError(
            f"Authorization lacks {', '.join(sorted(_WANTED - set(fields))) or 'nothing, and has too much'}"
        )
    if fields["mchid"] != keys.mchid or fields["serial_no"].upper() != keys.merchant_serial:
        raise SignError("mchid and serial_no are not those of the merchant")
    if not fields["timestamp"].isdecimal() or abs(now_s - int(fields["timestamp"])) > SKEW_S:
        raise SignError("the timestamp is more than 5 minutes away")
    signed = f"{method}\n{target}\n{fields['timestamp']}\n{fields['nonce_str']}\n".encode() + body + b"\n"
    try:
        signature = b64decode(fields["signature"], validate=True)
        keys.merchant_key.public_key().verify(signature, signed, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        raise SignError("the signature does not fit these bytes") from None


def signed_headers(keys: ProviderKeys, body: bytes, now_s: float, *, public: bool) -> dict[str, str]:
    """Headers that sign an answer or a notification; `public`: with the public key, else with the certificate."""
    key: RSAPrivateKey = keys.public_key if public else keys.platform_key
    timestamp, nonce = str(int(now_s)), secrets.token_hex(16)
    signature = key.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": b64encode(signature).decode(),
        "Wechatpay-Signature-Type": SCHEME,
        "Wechatpay-Serial": keys.public_key_id if public else serial_of(keys.platform_certificate),
    }


def seal(api_v3_key: str, plain: bytes, associated: str) -> dict[str, str]:
    """Encrypted as in notifications and certificates: 12 characters of nonce, tag at the end of the ciphertext."""
    nonce = secrets.token_hex(6)
    ciphertext = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": associated,
        "ciphertext": b64encode(ciphertext).decode(),
    }


def json_bytes(value: Any) -> bytes:
    """JSON as the provider sends it: UTF-8, no spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
