# SPDX-License-Identifier: Apache-2.0
"""Requests to the cloud's HTTP API: signed, over HTTPS; plain HTTP only to this computer itself."""

import http.client
import ipaddress
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from pistegate_edge.enrolment.identity import Identity
from pistegate_edge.enrolment.signing import signed_headers
from pistegate_edge.enrolment.tls import cloud_context
from pistegate_edge.errors import CloudRefused, CloudUnreachable

API = "/api/v1"
TIMEOUT_S = 20.0
ANSWER_MAX = 2 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `at`: the cloud's time, where it told it."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def at(self) -> datetime | None:
        """The header Date."""
        try:
            return parsedate_to_datetime(self.headers.get("date", ""))
        except ValueError:
            return None

    def json(self) -> dict[str, Any]:
        """Its body; CloudRefused for a refusal, or for something that is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if self.status >= 400:
            told = found if isinstance(found, dict) else {}
            words = " ".join(str(told[name]) for name in ("title", "detail") if told.get(name))
            raise CloudRefused(str(told.get("code", self.status)), words or f"the cloud answers {self.status}")
        if not isinstance(found, dict):
            raise CloudRefused("no_json", "the answer is not of a Pistegate cloud: check the address")
        return found


def send(
    url: str,
    method: str,
    path: str,
    context: ssl.SSLContext | None,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request; CloudUnreachable when there is no answer. `path`: after the address, with API and query."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CloudUnreachable(f"{url!r} is no address: https://HOST is expected")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=context)
    else:
        _check_loopback(parts.hostname)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, {"Accept-Language": "en", **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(ANSWER_MAX), {k.lower(): v for k, v in answer.getheaders()})
    except (OSError, http.client.HTTPException) as error:
        raise CloudUnreachable(f"no answer from {url}: {error}") from error
    finally:
        connection.close()


def ask(
    identity: Identity,
    method: str,
    path: str,
    now_ms: int,
    floor: datetime,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A request signed by this device. `now_ms`: wall time; a wrong clock is helped by the cloud's own, once.

    `floor`: see tls.py. CloudUnreachable without an answer; a refusal is an answer.
    """
    context = cloud_context(identity, floor) if identity.cloud.startswith("https:") else None
    for last in (False, True):
        signed = signed_headers(method, path, identity, now_ms, body)
        answer = send(identity.cloud, method, path, context, body, {**(headers or {}), **signed})
        if answer.status != http.client.UNAUTHORIZED or last or answer.at is None:
            return answer
        now_ms = int(answer.at.timestamp() * 1000)
    return answer


def _check_loopback(host: str) -> None:
    try:
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise CloudUnreachable(f"http://{host} would show everybody what is sent: use https://")
