# SPDX-License-Identifier: Apache-2.0
"""Who is let in where tables are fetched: an enrolled gate by its signature, also with a wrong clock."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from binding_cases import SITE, denial_file, denials
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from table_cloud import TableCloud

from pistegate_edge.bindings.access import ByIdentity, ByToken
from pistegate_edge.bindings.server import FetchFailed, TableServer
from pistegate_edge.enrolment.identity import Identity
from pistegate_edge.errors import ConfigError
from pistegate_protocol.enrolment import REQUEST_WINDOW_MS, read_authorization, request_message, verify
from pistegate_protocol.topics import Device, Role

GATE = Device(SITE, Role.GATE, 3)
HOUR_MS = 3_600_000


class SigningCloud(TableCloud):
    """Lets in what this key signed within the last minutes, as the real cloud does."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        super().__init__()
        self.key = key

    def lets_in(self, request: BaseHTTPRequestHandler) -> bool:
        """See TableCloud."""
        signed = read_authorization(request.headers["Authorization"])
        message = request_message(signed.device, "GET", request.path, b"", signed.at_ms)
        in_time = abs(time.time() * 1000 - signed.at_ms) <= REQUEST_WINDOW_MS
        return signed.device == GATE and in_time and verify(self.key, signed.signature, message)


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def cloud(key: ec.EllipticCurvePrivateKey) -> Iterator[SigningCloud]:
    """A cloud with one table."""
    with SigningCloud(key.public_key()) as cloud:
        cloud.put(denial_file(denials([5])))
        yield cloud


def identity(key: ec.EllipticCurvePrivateKey, url: str, directory: Path) -> Identity:
    """As an enrolment leaves it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate")])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, today, today + timedelta(days=90))
    return Identity(directory, GATE, key, builder.sign(key, SHA256()), url)


@pytest.mark.parametrize("ahead_ms", [0, 30 * 24 * HOUR_MS, -2 * HOUR_MS, -50 * 365 * 24 * HOUR_MS])
def test_enrolled_gate_is_let_in_whatever_its_clock_says(
    key: ec.EllipticCurvePrivateKey, cloud: SigningCloud, tmp_path: Path, ahead_ms: int
) -> None:
    """Refused once at most, for the cloud's own time is in the refusal; a gate without a battery wakes in 1970."""
    access = ByIdentity(identity(key, cloud.url, tmp_path), lambda: max(0, int(time.time() * 1000) + ahead_ms))
    server = TableServer(access, SITE)
    wanted = server.next("denials", 0, 0)
    assert wanted is not None
    assert server.piece(wanted, 0) == cloud.files["denials", 0, 1]
    assert len(cloud.asked) == (2 if ahead_ms == 0 else 3)
    server.close()


def test_other_key_is_not_let_in_and_asks_no_more_than_twice(cloud: SigningCloud, tmp_path: Path) -> None:
    """A revoked gate, or a copy: nothing of it depends on its clock."""
    stranger = identity(ec.generate_private_key(ec.SECP256R1()), cloud.url, tmp_path)
    server = TableServer(ByIdentity(stranger, lambda: int(time.time() * 1000)), SITE)
    with pytest.raises(FetchFailed, match="HTTP 401"):
        server.next("denials", 0, 0)
    assert len(cloud.asked) <= 2
    server.close()


def test_authority_that_cannot_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    """Not by a gate that never fetches."""
    with pytest.raises(ConfigError, match=r"cloud\.ca"):
        ByToken("https://cloud.example", "token", str(tmp_path / "nowhere.pem"))
