# SPDX-License-Identifier: Apache-2.0
"""The cloud's tables over real HTTP on loopback, with the faults that lines and clouds have."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from binding_cases import PUBLISHERS, SITE

from pistegate_edge.bindings.access import ByToken
from pistegate_edge.bindings.fetching import Fetching, Told, opened_download
from pistegate_edge.bindings.server import TableServer
from pistegate_edge.bindings.tables import Tables
from pistegate_protocol.tables import read_head, verify_head

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
TOKEN = "token of the tables"


class TableCloud:
    """Give it files by `put`; the newest whole or delta is offered as the real cloud does."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, int, int], bytes] = {}
        self.newest: dict[str, int] = {}
        self.cut: list[int | None] = []
        """So many bytes of each piece to come, then the line breaks; None: the cloud is not itself (503)."""
        self.refuse: list[int] = []
        """HTTP statuses of the requests to come."""
        self.forget: set[tuple[str, int, int]] = set()
        """Files that are gone when they are asked for, once each."""
        self.asked: list[str] = []
        self.connections = 0
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                cloud.connections += 1

            def do_GET(self) -> None:
                cloud._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, data: bytes, *, name: str = "", version: int = 0, since: int | None = None) -> None:
        """Offer a file, by what its head says unless told otherwise."""
        signed = read_head(data)
        assert signed is not None
        if not name:
            head = verify_head(signed, PUBLISHERS, SITE)
            name, version, since = head.table, head.version, head.since
        self.files[name, since or 0, version] = data
        self.newest[name] = version

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def lets_in(self, request: BaseHTTPRequestHandler) -> bool:
        """Whether whoever asks may have tables."""
        return request.headers["Authorization"] == f"Bearer {TOKEN}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append(request.path)
        if self.refuse:
            return _send(request, self.refuse.pop(0), b'{"code": "refused_by_test"}')
        if not self.lets_in(request) or int(query["site"]) != SITE:
            return _send(request, 401, b"{}")
        name = parts.path.split("/")[4]
        if parts.path.endswith("/next"):
            return _send(request, 200, json.dumps(self._offered(name, int(query["have"]))).encode())
        return self._piece(request, (name, int(query["since"]), int(query["version"])))

    def _offered(self, name: str, have: int) -> dict[str, int | None]:
        version = self.newest.get(name, 0)
        if version in (0, have):
            return {"since": None, "version": None, "bytes": None}
        since = have if have and (name, have, version) in self.files else 0
        return {"since": since, "version": version, "bytes": len(self.files.get((name, since, version), b""))}

    def _piece(self, request: BaseHTTPRequestHandler, key: tuple[str, int, int]) -> None:
        if key in self.forget or key not in self.files:
            self.forget.discard(key)
            return _send(request, 404, b'{"code": "table_not_there"}')
        found = _RANGE.fullmatch(request.headers["Range"])
        assert found is not None
        data = self.files[key][int(found[1]) : int(found[2]) + 1]
        if not data:
            return _send(request, 416, b"")
        cut = self.cut.pop(0) if self.cut else len(data) + 1
        return _send(request, 503, b"") if cut is None else _send(request, 206, data, cut)


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, cut: int = 1 << 30) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[:cut])
    request.close_connection = cut <= len(body)


class Fetcher:
    """The fetching of a gate without its thread: `go` is one round."""

    def __init__(self, directory: Path, cloud: TableCloud, names: tuple[str, ...] = ("denials", "bindings")) -> None:
        self.told: list[Told] = []
        self.damage: list[str] = []
        self.wall_ms = 1_768_622_400_000
        self.directory = directory
        self.tables = Tables(directory, PUBLISHERS, SITE, self.damage.append)
        self.server = TableServer(ByToken(cloud.url, TOKEN, None), SITE)
        opener = opened_download(directory, PUBLISHERS, SITE)
        self._fetching = Fetching(names, self.tables, self.server, opener, self.told.append, lambda: self.wall_ms)

    def go(self, stop: bool = False) -> list[Told]:
        """What one round tells."""
        self.told.clear()
        self._fetching.round(lambda: stop)
        return list(self.told)

    def close(self) -> None:
        """The process ends."""
        self.server.close()
        self.tables.close()
