# SPDX-License-Identifier: Apache-2.0
"""The cloud's side of the tables, over HTTP: what leads on from a version, and the file in pieces.

http.client of the standard library: a gate asks two small questions a minute and now and then fetches a file in pieces
of a megabyte over one connection. A library with pools, retries and redirects would bring what is not wanted here.
"""

import contextlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from pistegate_edge.bindings.access import Access
from pistegate_edge.errors import EdgeError

API: Final = "/api/v1"
PATIENCE_S: Final = 15.0  # for a connection, and for each read; the cloud makes a delta of 2,000 entries in 0.1 s
PIECE: Final = 1 << 18  # bytes asked for at once: 2 s of a 1 Mbit/s line
ANSWER_MAX: Final = 1 << 16  # bytes of a JSON answer
_GONE: Final = (404, 416)  # another file is offered by now


class FetchFailed(EdgeError, OSError):
    """The cloud does not answer, or not as it should; worth another try later."""


class FileGone(FetchFailed):
    """The file that was being fetched is not offered any more."""


class Offer(msgspec.Struct, frozen=True):
    """What leads on from a version; all None: nothing does."""

    since: int | None = None
    version: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that the cloud offers."""

    name: str
    since: int
    version: int


class TableServer:
    """The tables of `site`; one connection, kept while it works. For one thread."""

    def __init__(self, access: Access, site: int) -> None:
        parts = urlsplit(access.url)
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/") + API
        self._secure = parts.scheme == "https"
        self._access = access
        self._site = site
        self._connection: http.client.HTTPConnection | None = None

    def next(self, name: str, have: int, keys: int) -> Wanted | None:
        """What leads on from version `have` under handle keys `keys`; None: nothing newer. FetchFailed."""
        query = {"site": self._site, "have": have, "keys": keys}
        body = self._get(f"/tables/{name}/next?{urlencode(query)}", {}, ANSWER_MAX, 200)
        try:
            offer = msgspec.json.decode(body, type=Offer)
        except msgspec.MsgspecError as error:
            raise FetchFailed(f"the cloud's answer about {name} is none: {error}") from error
        if offer.since is None or offer.version is None:
            return None
        return Wanted(name, offer.since, offer.version)

    def piece(self, wanted: Wanted, start: int) -> bytes:
        """Bytes of a file from `start` on, PIECE at most. FileGone: ask anew; FetchFailed."""
        query = {"site": self._site, "since": wanted.since, "version": wanted.version}
        headers = {"Range": f"bytes={start}-{start + PIECE - 1}"}
        return self._get(f"/tables/{wanted.name}/file?{urlencode(query)}", headers, PIECE, 206)

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _get(self, target: str, headers: Mapping[str, str], most: int, status: int, *, again: bool = True) -> bytes:
        """The body of an answer of this status."""
        target = self._path + target
        kept = self._connection is not None
        try:
            answer, body = self._exchange(target, headers, most)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if not kept:
                raise FetchFailed(f"{type(error).__name__}: {error}") from error
            return self._get(target.removeprefix(self._path), headers, most, status, again=again)  # it was closed
        if answer.status == status:
            return body
        self.close()
        if answer.status == http.client.UNAUTHORIZED and again and self._access.refused(answer.getheader("Date", "")):
            return self._get(target.removeprefix(self._path), headers, most, status, again=False)
        failure = FileGone if answer.status in _GONE else FetchFailed
        raise failure(f"HTTP {answer.status} {_problem(body)}".rstrip())

    def _exchange(self, target: str, headers: Mapping[str, str], most: int) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            self._connection = self._opened()
        self._connection.request("GET", target, headers={**headers, **self._access.headers("GET", target)})
        with self._connection.getresponse() as answer:
            body = answer.read(most + 1)  # what came of it where the line breaks: the next request goes on from there
        if answer.status == http.client.PARTIAL_CONTENT and not body:
            raise ConnectionError("the line broke")
        if len(body) > most:
            raise ValueError(f"an answer of more than {most} bytes")
        return answer, body

    def _opened(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE_S)
        context = self._access.context()
        return http.client.HTTPSConnection(self._host, self._port, timeout=PATIENCE_S, context=context)


def _problem(body: bytes) -> str:
    """The cloud's own word for what is wrong."""
    with contextlib.suppress(ValueError):
        told: Any = json.loads(body)
        if isinstance(told, dict):
            return str(told.get("code", ""))[:100]
    return ""
