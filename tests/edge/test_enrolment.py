# SPDX-License-Identifier: Apache-2.0
"""A device's identity on its disk, TLS without a clock, and renewal, against small servers of the test."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from gate_bench import gate_config

from pistegate_cloud.authority.files import certificate_pem, key_pem
from pistegate_cloud.authority.issuing import Authority, issue_client, issue_server, new_authority
from pistegate_edge.enrolment import identity as identities
from pistegate_edge.enrolment.identity import (
    CERTIFICATE,
    DIRECTORY,
    FACTS,
    KEY,
    NEW_KEY,
    Identity,
    keep_enrolment,
    key_for_enrolment,
    load_identity,
)
from pistegate_edge.enrolment.opening import chain_signer, open_identity
from pistegate_edge.enrolment.renewing import DAILY_S, HOURLY_S, RENEW, renew_once
from pistegate_edge.enrolment.tls import Outdated, authority_context, device_context
from pistegate_edge.errors import CloudUnreachable, IdentityError
from pistegate_edge.uplink.opening import open_link
from pistegate_protocol.enrolment import public_bytes, read_authorization, request_message, verify
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import Batch, SignedBatch
from pistegate_protocol.topics import Device, Role

HOST = "127.0.0.1"
GATE = Device(1, Role.GATE, 3)
NOW = datetime(2026, 1, 17, 4, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An operator's authority."""
    return new_authority("Snow Valley", NOW - timedelta(days=400))


def enrolled(directory: Path, authority: Authority, cloud: str = "https://x", since: datetime = NOW) -> Identity:
    """An identity as enrolment leaves it."""
    key = key_for_enrolment(directory)
    pem = certificate_pem(issue_client(authority, "1/gate/3", key.public_key(), since)).decode()
    keep_enrolment(directory, GATE, pem, certificate_pem(authority.certificate).decode(), cloud, "authority")
    found = load_identity(directory)
    assert found is not None
    return found


@contextmanager
def tls_server(folder: Path, authority: Authority, issued: datetime, host: str = HOST) -> Iterator[int]:
    """A server that shakes hands and says x; its certificate was issued then. The port."""
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "s.pem").write_bytes(certificate_pem(issue_server(authority, [host], key.public_key(), issued)))
    (folder / "s.key").write_bytes(key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "s.pem", folder / "s.key")
    listener = socket.create_server((HOST, 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as line:
                    line.sendall(b"x")
            except OSError:
                plain.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def shake(port: int, context: ssl.SSLContext) -> bytes:
    with socket.create_connection((HOST, port), 10) as plain, context.wrap_socket(plain, server_hostname=HOST) as line:
        return line.recv(1)


def pem(authority: Authority) -> str:
    return certificate_pem(authority.certificate).decode()


@pytest.mark.parametrize("issued", [datetime(1980, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)])
def test_a_certificate_far_from_this_computers_clock_is_taken(
    tmp_path: Path, authority: Authority, issued: datetime
) -> None:
    """A gate in 1970 or in 2099 reaches its cloud: only what the cloud has signed says what time it is at least."""
    with tls_server(tmp_path, authority, issued) as port:
        assert shake(port, authority_context(pem(authority), issued)) == b"x"


def test_a_certificate_that_ran_out_before_the_cloud_last_told_the_time_is_refused(
    tmp_path: Path, authority: Authority
) -> None:
    """The key of an old server opens nothing."""
    with tls_server(tmp_path, authority, NOW - timedelta(days=6 * 366)) as port:
        with pytest.raises(Outdated, match="ran out"):
            shake(port, authority_context(pem(authority), NOW))
        # The issue of our own certificate is such a word too.
        ours = enrolled(tmp_path / "identity", authority)
        with pytest.raises(Outdated):
            shake(port, device_context(ours, datetime(2000, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("bad", ["of another authority", "for another host"])
def test_chain_and_name_are_checked_whatever_the_clock_says(tmp_path: Path, authority: Authority, bad: str) -> None:
    """Bad input: leaving out the time leaves out nothing else."""
    signer = new_authority("Thief", NOW) if bad == "of another authority" else authority
    host = "192.0.2.1" if bad == "for another host" else HOST
    with tls_server(tmp_path, signer, NOW, host) as port, pytest.raises(ssl.SSLCertVerificationError):
        shake(port, authority_context(pem(authority), NOW))


def test_a_devices_certificate_serves_no_gate_as_a_cloud(tmp_path: Path, authority: Authority) -> None:
    """A stolen gate's key makes nobody's broker."""
    ours = enrolled(tmp_path / "identity", authority)
    with tls_server(tmp_path, authority, NOW) as port:
        pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.directory / CERTIFICATE, ours.directory / KEY)
    with socket.create_server((HOST, port)) as listener:

        def serve() -> None:
            plain, _ = listener.accept()
            with plain:
                try:
                    context.wrap_socket(plain, server_side=True)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            shake(port, authority_context(pem(authority), NOW))
        thread.join(10)


def test_a_power_cut_anywhere_in_an_enrolment_leaves_the_key_that_the_cloud_knows(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut at each write: the same code is tried again with the same key, or the identity is whole."""

    class Cut(Exception):
        pass

    write, writes = identities.write_whole, 0
    for stop_at in range(1, 6):
        directory = tmp_path / str(stop_at)
        key = public_bytes(key_for_enrolment(directory).public_key())
        writes = 0

        def cut(path: Path, data: bytes, mode: int, stop_at: int = stop_at) -> None:
            nonlocal writes
            writes += 1
            if writes == stop_at:
                raise Cut
            write(path, data, mode)

        monkeypatch.setattr(identities, "write_whole", cut)
        try:
            enrolled(directory, authority)
        except Cut:
            assert load_identity(directory) is None
        monkeypatch.setattr(identities, "write_whole", write)
        if stop_at < 5:
            assert public_bytes(key_for_enrolment(directory).public_key()) == key
            assert public_bytes(enrolled(directory, authority).key.public_key()) == key
        assert load_identity(directory) is not None
        assert not (directory / NEW_KEY).exists()
        assert (directory / KEY).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("bad", ["cut short", "read by others", "another key", "no facts left"])
def test_a_damaged_identity_is_said(tmp_path: Path, authority: Authority, bad: str) -> None:
    """Bad input: with the remedy, and never the key."""
    directory = enrolled(tmp_path / "identity", authority).directory
    match bad:
        case "cut short":
            (directory / KEY).write_bytes((directory / KEY).read_bytes()[:40])
        case "read by others":
            (directory / KEY).chmod(0o644)
        case "another key":
            (directory / KEY).write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
        case "no facts left":
            (directory / FACTS).write_text("{}")
    with pytest.raises(IdentityError, match=r"enrol this device anew|chmod 600") as told:
        load_identity(directory)
    assert "PRIVATE" not in str(told.value)


def test_a_copied_disk_is_told_by_its_gate_toml(tmp_path: Path, authority: Authority) -> None:
    """Two gates with one identity: the identity of gate 3 in gate 4 is refused at the start."""
    folder = tmp_path / "gate"
    enrolled(folder / DIRECTORY, authority)
    assert open_identity(gate_config(folder)) is not None
    other = gate_config(folder, device={"site": 1, "group": 1, "number": 4}, place=_place(4))
    with pytest.raises(IdentityError, match="copied from another device"):
        open_identity(other)


def test_tls_without_an_identity_says_how_to_get_one(tmp_path: Path) -> None:
    """Not a silent plain line."""
    config = gate_config(tmp_path / "gate", broker={"host": HOST, "port": 1, "tls": True})
    with pytest.raises(IdentityError, match="pistegate-gate enrol"):
        open_link(config, lambda _event: None)


def test_batches_are_signed_where_there_is_a_key(tmp_path: Path, authority: Authority) -> None:
    """And only there: a device of release 0.1 goes on as it did."""
    folder = tmp_path / "gate"
    batch = Batch(3, Stream.LEDGER, 5, 1, bytes(32), [b"\\x01x"])
    assert chain_signer(gate_config(folder))(batch) == batch
    enrolled(folder / DIRECTORY, authority)
    assert isinstance(chain_signer(gate_config(folder))(batch), SignedBatch)


class FakeCloud:
    """Answers renewals with what it is given; keeps what it was asked. Says that it is NOW."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.asked: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.headers["Authorization"], body))
                status, told = outer.answers.pop(0)
                data = json.dumps(told).encode()
                self.send_response_only(status)
                self.send_header("Date", NOW.strftime("%a, %d %b %Y %H:%M:%S GMT"))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """On loopback, where plain HTTP is allowed."""
    cloud = FakeCloud()
    yield cloud
    cloud.close()


def test_a_renewed_certificate_is_in_force_at_the_next_connection(
    tmp_path: Path, authority: Authority, cloud: FakeCloud
) -> None:
    """The same one changes nothing; a new one of our key replaces it whole; the request is ours and fresh."""
    ours = enrolled(tmp_path / "identity", authority, cloud.url, NOW - timedelta(days=31))
    same = certificate_pem(ours.certificate).decode()
    fresh = certificate_pem(issue_client(authority, ours.name, ours.key.public_key(), NOW)).decode()
    cloud.answers = [(200, {"certificate": same}), (200, {"certificate": fresh})]
    assert renew_once(ours, NOW_MS) == DAILY_S
    assert (ours.directory / CERTIFICATE).read_text() == same
    assert renew_once(ours, NOW_MS) == DAILY_S
    renewed = load_identity(ours.directory)
    assert renewed is not None
    assert renewed.until == NOW + timedelta(days=90)
    header, body = cloud.asked[-1]
    request = read_authorization(header)
    message = request_message(GATE, "POST", RENEW, body, NOW_MS)
    assert (request.device, request.at_ms) == (GATE, NOW_MS)
    assert verify(ours.key.public_key(), request.signature, message)
    csr = x509.load_pem_x509_csr(json.loads(body)["csr"].encode())
    assert csr.public_key() == ours.key.public_key()


@pytest.mark.parametrize(
    "answer",
    [
        (202, {"certificate": None}),
        (401, {"code": "device_refused", "title": "no"}),
        (500, {}),
        (200, {"certificate": "garbage"}),
        (200, {"certificate": "another key"}),
    ],
    ids=["waits for a person", "revoked", "broken", "garbage", "another key"],
)
def test_whatever_else_comes_leaves_the_certificate_and_asks_again_within_the_hour(
    tmp_path: Path, authority: Authority, cloud: FakeCloud, answer: tuple[int, dict[str, Any]]
) -> None:
    """Bad input: nothing that a cloud says takes a working identity away."""
    ours = enrolled(tmp_path / "identity", authority, cloud.url)
    before = (ours.directory / CERTIFICATE).read_bytes()
    if answer[1].get("certificate") == "another key":
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        answer = (200, {"certificate": certificate_pem(issue_client(authority, ours.name, other, NOW)).decode()})
    cloud.answers = [answer, answer]
    assert renew_once(ours, NOW_MS) == HOURLY_S
    assert (ours.directory / CERTIFICATE).read_bytes() == before


def test_a_refused_time_is_repeated_once_with_the_clouds_own(
    tmp_path: Path, authority: Authority, cloud: FakeCloud
) -> None:
    """A gate in 1970 learns from the refusal what time it is there."""
    ours = enrolled(tmp_path / "identity", authority, cloud.url)
    cloud.answers = [
        (401, {"code": "request_time"}),
        (200, {"certificate": certificate_pem(ours.certificate).decode()}),
    ]
    assert renew_once(ours, 0) == DAILY_S
    assert [read_authorization(header).at_ms for header, _ in cloud.asked] == [0, NOW_MS]


def test_a_cloud_that_cannot_be_reached_is_asked_again_within_the_hour(tmp_path: Path, authority: Authority) -> None:
    """And plain HTTP to another computer is not even tried."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    assert renew_once(enrolled(tmp_path / "a", authority, f"http://{HOST}:{port}"), NOW_MS) == HOURLY_S
    plain = enrolled(tmp_path / "b", authority, "http://192.0.2.1")
    assert renew_once(plain, NOW_MS) == HOURLY_S
    from pistegate_edge.enrolment.http import ask

    with pytest.raises(CloudUnreachable, match="use https"):
        ask(plain, "GET", "/", NOW_MS, NOW)


def _place(number: int) -> dict[str, Any]:
    return {"area": 0, "post_gates": [number], "zone": "Asia/Shanghai"}
