# SPDX-License-Identifier: Apache-2.0
"""How a gate is let in where it fetches tables: by its own signature once it is enrolled, by a token before that."""

import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol

from pistegate_edge.enrolment.identity import Identity, load_identity
from pistegate_edge.enrolment.signing import signed_headers
from pistegate_edge.enrolment.tls import cloud_context
from pistegate_edge.errors import ConfigError, IdentityError


class Access(Protocol):
    """`url`: of the cloud, without a path of its API."""

    url: str

    def context(self) -> ssl.SSLContext:
        """For a new connection over HTTPS."""

    def headers(self, method: str, target: str) -> Mapping[str, str]:
        """What lets a request in; `target`: as sent, with its query."""

    def refused(self, date: str) -> bool:
        """A request was not let in (401) at `date`, the cloud's; whether another one might be."""


class ByToken:
    """A token of scope tables:read. `ca`: a file with the authority that the cloud's certificate must be of."""

    def __init__(self, url: str, token: str, ca: str | None) -> None:
        self.url = url
        self._token = token
        try:
            self._context = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            remedy = "write the path of a PEM certificate"
            raise ConfigError([f"cloud.ca = {ca!r} cannot be used: {error}; {remedy}"]) from error

    def context(self) -> ssl.SSLContext:
        """See Access."""
        return self._context

    def headers(self, method: str, target: str) -> Mapping[str, str]:
        """See Access."""
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self, date: str) -> bool:
        """See Access."""
        return False


class ByIdentity:
    """The device's own key. Its certificate may be renewed meanwhile: each connection takes what lies there."""

    def __init__(self, identity: Identity, wall_ms: Callable[[], int]) -> None:
        self.url = identity.cloud
        self._directory: Path = identity.directory
        self._identity = identity
        self._wall_ms = wall_ms
        self._ahead_ms = 0
        """By how much the cloud's clock is ahead of ours, where it refused us for that."""

    def context(self) -> ssl.SSLContext:
        """See Access."""
        try:
            self._identity = load_identity(self._directory) or self._identity
        except IdentityError as error:
            raise ConnectionError(str(error)) from error
        return cloud_context(self._identity, self._identity.since)

    def headers(self, method: str, target: str) -> Mapping[str, str]:
        """See Access."""
        return signed_headers(method, target, self._identity, self._wall_ms() + self._ahead_ms)

    def refused(self, date: str) -> bool:
        """See Access: our clock may be the reason; the cloud's is as good as its connection is genuine."""
        try:
            at_ms = int(parsedate_to_datetime(date).timestamp() * 1000)
        except ValueError:
            return False
        before, self._ahead_ms = self._ahead_ms, at_ms - self._wall_ms()
        return abs(self._ahead_ms - before) > 1000  # Date is told in whole seconds
