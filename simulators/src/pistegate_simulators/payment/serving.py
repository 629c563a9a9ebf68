# SPDX-License-Identifier: Apache-2.0
"""HTTP around the provider: bytes in, signed bytes out."""

import secrets
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Protocol

from pistegate_simulators.payment.books import Refusal
from pistegate_simulators.payment.keys import ProviderKeys
from pistegate_simulators.payment.signing import SignError, json_bytes, signed_headers

BODY_MAX: Final = 64 * 1024


class Hang(Exception):
    """The work is done, and no answer comes."""


class Answering(Protocol):
    """What answers requests."""

    keys: ProviderKeys
    requests: list[tuple[str, str, int]]

    @property
    def slow_s(self) -> float:
        """Wait so long before each answer."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Status and answer (None: no body, bytes: a file); Refusal, SignError, Hang."""


def handler_of(provider: Answering) -> type[BaseHTTPRequestHandler]:
    """The handler class for a provider."""

    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"
        server_version = "nginx"
        sys_version = ""

        def do_GET(self) -> None:
            """A GET."""
            self._serve()

        def do_POST(self) -> None:
            """A POST."""
            self._serve()

        def _serve(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > BODY_MAX:
                self.close_connection = True
                self._send(413, {"code": "PARAM_ERROR", "message": "body"})
                return
            body = self.rfile.read(int(length))
            try:
                status, told = provider.answer(self.command, self.path, dict(self.headers), body)
            except SignError as error:
                status, told = 401, {"code": "SIGN_ERROR", "message": error.message}
            except Refusal as error:
                status, told = error.status, {"code": error.code, "message": error.message}
            except Hang:
                provider.requests.append((self.command, self.path, 0))
                self.close_connection = True
                return
            if provider.slow_s:
                time.sleep(provider.slow_s)
            self._send(status, told)

        def _send(self, status: int, told: Any) -> None:
            provider.requests.append((self.command, self.path, status))
            payload = b"" if told is None else told if isinstance(told, bytes) else json_bytes(told)
            self.send_response(status)
            if told is not None:
                kind = "application/octet-stream" if isinstance(told, bytes) else "application/json; charset=utf-8"
                self.send_header("Content-Type", kind)
            if status != 204:
                self.send_header("Content-Length", str(len(payload)))
            public = self.headers.get("Wechatpay-Serial") == provider.keys.public_key_id
            for name, value in signed_headers(provider.keys, payload, provider.wall(), public=public).items():
                self.send_header(name, value)
            self.send_header("Request-ID", secrets.token_hex(16).upper())
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: requests are kept in `requests`."""

    return Handler
