# SPDX-License-Identifier: Apache-2.0
"""Both providers on one port of 127.0.0.1; what guests got is in `phones`, by number or open id.

Short messages as pistegate_cloud.notifications.sms describes them; WeChat as its documents do (stable_token,
template/send with client_msg_id).
"""

import hmac
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

BODY_MAX: Final = 64 * 1024
FRESH_S: Final = 300  # a signature of a time further away is refused
KNOWN_S: Final = 600.0  # WeChat: the same client_msg_id is known for ten minutes


@dataclass(slots=True)
class Habits:
    """How they behave. `slow_s`: before each answer. `knows_keys`: the same key is delivered once.

    `troubles`: for coming messages one after another: "unknown" (delivered, answered with 500), "broken" (not
    delivered, 500), "hang" (delivered, no answer), "cut" (not delivered, no answer), "lost" (answered as taken, never
    delivered), "twice" (delivered twice), "limit" (too many, come later), "never" (refused), "token" (WeChat: the
    access token is over), "" (as usual).
    """

    slow_s: float = 0.0
    knows_keys: bool = True
    retry_after_s: int = 2
    troubles: list[str] = field(default_factory=list)


class MessageProviders:
    """`wall`: seconds since 1970."""

    def __init__(self, secret: str, appsecret: str, *, wall: Callable[[], float] = time.time, port: int = 0) -> None:
        self.habits = Habits()
        self.phones: dict[str, list[str]] = defaultdict(list)
        self.requests: list[str] = []
        """Targets of everything that was asked, without queries."""
        self.asked = threading.Event()
        """Somebody has asked something."""
        self.tokens = 0
        """How many access tokens were made."""
        self._secret, self._appsecret, self._wall = secret.encode(), appsecret, wall
        self._taken: dict[str, tuple[str, float]] = {}
        self._token = ""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """Base address of both."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], Any] | None:
        """Status, headers and JSON of an answer; None: none comes."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        with self._lock:
            self.requests.append(path)
            self.asked.set()
            if path == "/sms":
                return self._sms(headers, body)
            if path == "/cgi-bin/stable_token":
                return 200, {}, self._stable_token(json.loads(body))
            if path == "/cgi-bin/message/template/send":
                return self._template(query.get("access_token", [""])[0], json.loads(body))
        return 404, {}, {"code": "not_found"}

    def _sms(self, headers: Any, body: bytes) -> tuple[int, dict[str, str], Any] | None:
        if not self._signed(headers.get("Pistegate-Signature", ""), body):
            return 401, {}, {"code": "signature"}
        told = json.loads(body)
        if headers.get("Idempotency-Key") != told["key"]:
            return 400, {}, {"code": "key"}
        trouble = self._trouble()
        if trouble == "limit":
            return 429, {"Retry-After": str(self.habits.retry_after_s)}, {"code": "limit"}
        if trouble == "never":
            return 422, {}, {"code": "number"}
        number = self._deliver(told["key"], told["to"], told["text"], trouble)
        if trouble in ("hang", "cut"):
            return None
        return (500, {}, {"code": "internal"}) if trouble in ("unknown", "broken") else (202, {}, {"id": number})

    def _signed(self, header: str, body: bytes) -> bool:
        parts = dict(part.partition("=")[::2] for part in header.split(","))
        seconds = parts.get("t", "")
        if not seconds.isdecimal() or abs(int(seconds) - self._wall()) > FRESH_S:
            return False
        right = hmac.new(self._secret, f"{seconds}.".encode() + body, sha256).hexdigest()
        return hmac.compare_digest(right, parts.get("v1", ""))

    def _stable_token(self, told: dict[str, Any]) -> dict[str, Any]:
        if told.get("secret") != self._appsecret:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        if not self._token or told.get("force_refresh"):
            self._token = f"token-{secrets.token_hex(8)}"
            self.tokens += 1
        return {"access_token": self._token, "expires_in": 7200}

    def _template(self, token: str, told: dict[str, Any]) -> tuple[int, dict[str, str], Any] | None:
        trouble = self._trouble()
        if trouble == "token":
            self._token = ""
        if not self._token or token != self._token:
            return 200, {}, {"errcode": 40001, "errmsg": "invalid credential"}
        if trouble == "limit":
            return 200, {}, {"errcode": 45009, "errmsg": "reach max api daily quota limit"}
        if trouble == "never":
            return 200, {}, {"errcode": 43004, "errmsg": "require subscribe"}
        words = " ".join(str(one["value"]) for one in told["data"].values())
        number = self._deliver(told["client_msg_id"], told["touser"], f"{words} {told.get('url', '')}".strip(), trouble)
        if trouble in ("hang", "cut"):
            return None
        if trouble in ("unknown", "broken"):
            return 500, {}, {}
        return 200, {}, {"errcode": 0, "errmsg": "ok", "msgid": int(number)}

    def _trouble(self) -> str:
        return self.habits.troubles.pop(0) if self.habits.troubles else ""

    def _deliver(self, key: str, to: str, words: str, trouble: str) -> str:
        """The number of the message; the same for a key that is known."""
        known = self._taken.get(key)
        if self.habits.knows_keys and known is not None and self._wall() - known[1] < KNOWN_S:
            return known[0]
        number = str(secrets.randbits(40))
        if trouble not in ("broken", "cut"):
            self._taken[key] = (number, self._wall())
        if trouble not in ("broken", "cut", "lost"):
            self.phones[to] += [words] * (2 if trouble == "twice" else 1)
        return number


def _handler_of(providers: MessageProviders) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """A POST."""
            body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), BODY_MAX))
            told = providers.answer(self.path, self.headers, body)
            if providers.habits.slow_s:
                time.sleep(providers.habits.slow_s)
            if told is None:
                self.close_connection = True
                return
            status, headers, answer = told
            payload = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: requests are kept in `requests`."""

    return Handler
