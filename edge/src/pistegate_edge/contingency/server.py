# SPDX-License-Identifier: Apache-2.0
"""The box's page over HTTP, on threads of their own: http.server of the standard library.

A handful of browsers on the site's own network, plain forms, no files: docs/decisions/0040 says what was compared.
"""

import logging
import secrets
import threading
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from pistegate_edge.contingency import pages
from pistegate_edge.contingency.desk import Asked, Desk, Refused
from pistegate_edge.contingency.pages import Seller, Words
from pistegate_edge.errors import EdgeError
from pistegate_edge.money import minor_units
from pistegate_protocol.texts import LOCALES

log = logging.getLogger(__name__)

FORM_MAX: Final = 8 << 10  # bytes
PATIENCE_S: Final = 15.0  # for a request to come whole
AT_ONCE: Final = 32  # requests; a browser asks for one page
_SESSION: Final = "pistegate_window"
_LANGUAGE: Final = "pistegate_language"
_FORM_BYTES: Final = 12


class Redirect(Exception):
    """The browser asks for another page."""

    def __init__(self, to: str, cookie: str = "") -> None:
        super().__init__(to)
        self.to, self.cookie = to, cookie


class BoxServer(ThreadingHTTPServer):
    """Serves a desk's page; `start` and `stop`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, desk: Desk, locale: str) -> None:
        self.desk, self.locale = desk, locale
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._thread = threading.Thread(target=self.serve_forever, name="contingency page", daemon=True)
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()
        log.info("the contingency page is at http://%s:%d", self.server_address[0], self.port)

    def stop(self) -> None:
        """End."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """A thread per request, so many at most."""
        with self._room:
            super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error."""
        log.debug("a request ended: %s", traceback.format_exc(limit=1))


class _Handler(BaseHTTPRequestHandler):
    server: BoxServer
    timeout = PATIENCE_S
    server_version, sys_version = "Pistegate", ""

    def log_message(self, format: str, *args: Any) -> None:
        """Pages are not logged: every receipt is recorded anyway."""

    def do_GET(self) -> None:
        """A page."""
        self._answer({})

    def do_POST(self) -> None:
        """Something a seller asks for."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > FORM_MAX or not self._own_origin():
            self._send(HTTPStatus.BAD_REQUEST, "")
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        self._answer(dict(parse_qsl(body, keep_blank_values=True, max_num_fields=60)))

    def _own_origin(self) -> bool:
        """Another site's page cannot post here; browsers say where a form came from."""
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("Host")

    def _answer(self, form: Mapping[str, str]) -> None:
        place = [part for part in urlsplit(self.path).path.split("/") if part]
        try:
            self._send(HTTPStatus.OK, self._page(place, form))
        except Redirect as redirect:
            self._redirect(redirect)
        except (EdgeError, OSError):
            log.exception("the contingency page")
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, pages.page("", "<h1>503</h1>", self._words()))

    def _page(self, place: list[str], form: Mapping[str, str]) -> str:
        cookies = self._cookies()
        words = self._words()
        desk, post = self.server.desk, self.command == "POST"
        if place[:1] == ["language"] and len(place) == 2 and place[1] in LOCALES:
            raise Redirect("/", f"{_LANGUAGE}={place[1]}; Path=/; SameSite=Strict; Max-Age=31536000")
        if place == ["login"] and post:
            return self._log_in(form, words)
        token = cookies.get(_SESSION, "")
        window = desk.window(token)
        if window is None:
            if place:
                raise Redirect("/")
            return pages.login(desk.store.windows(), words)
        if place == ["logout"] and post:
            desk.log_out(token)
            raise Redirect("/")
        page = _Pages(desk, window, words)
        return page.post(place, form) if post else page.get(place)

    def _log_in(self, form: Mapping[str, str], words: Words) -> str:
        desk, number = self.server.desk, form.get("window", "")
        try:
            window = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
            token = desk.log_in(window, form.get("pin", ""))
        except Refused as refused:
            return pages.login(desk.store.windows(), words, refused.key)
        raise Redirect("/", f"{_SESSION}={token}; Path=/; HttpOnly; SameSite=Strict")

    def _words(self) -> Words:
        chosen = self._cookies().get(_LANGUAGE, "")
        return Words(chosen if chosen in LOCALES else self.server.locale)

    def _cookies(self) -> dict[str, str]:
        try:
            return {name: each.value for name, each in SimpleCookie(self.headers.get("Cookie", "")).items()}
        except CookieError:
            return {}

    def _redirect(self, redirect: Redirect) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", redirect.to)
        if redirect.cookie:
            self.send_header("Set-Cookie", redirect.cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: HTTPStatus, html: str) -> None:
        body = html.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        self.send_header("Referrer-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()
        self.wfile.write(body)


class _Pages:
    """What a seller who is logged in sees and does."""

    def __init__(self, desk: Desk, window: int, words: Words) -> None:
        self._desk, self._window, self._words = desk, window, words

    def get(self, place: list[str]) -> str:
        """A page; what is not there leads to the desk."""
        if place == ["day"]:
            return pages.day(self._window, self._desk.day(self._window), self._words)
        if len(place) == 3 and place[0] in ("receipt", "codes"):
            batch, receipt = _receipt(place)
            show = self._receipt if place[0] == "receipt" else self._codes
            try:
                return show(batch, receipt)
            except Refused as refused:
                return self._at_desk(refused.key)
        if place:
            raise Redirect("/")
        return self._at_desk()

    def post(self, place: list[str], form: Mapping[str, str]) -> str:
        """Done, and the next page; or the desk with why not."""
        doing: dict[str, Callable[[list[str], Mapping[str, str]], str]] = {
            "sell": self._sell,
            "give": self._give,
            "void": self._void,
            "drawer": self._drawer,
        }
        if not place or place[0] not in doing:
            raise Redirect("/")
        try:
            raise Redirect(doing[place[0]](place, form))
        except Refused as refused:
            return self._at_desk(refused.key, form)

    def _at_desk(self, notice: str = "", typed: Mapping[str, str] | None = None) -> str:
        standing = self._desk.standing(self._window)
        sales = [] if standing.batch is None else self._desk.store.sales(standing.batch.head.id)
        return pages.desk(standing, sales, self._seller(notice, typed), self._words)

    def _seller(self, notice: str = "", typed: Mapping[str, str] | None = None) -> Seller:
        return Seller(self._window, secrets.token_urlsafe(_FORM_BYTES), notice, typed or {})

    def _sell(self, _: list[str], form: Mapping[str, str]) -> str:
        standing = self._desk.standing(self._window)
        currency = standing.batch.head.currency if standing.batch is not None else ""
        written = form.get("tendered", "").strip()
        tendered = minor_units(written, currency)
        if written and tendered is None:
            raise Refused("amount_wrong")
        method = form.get("method", "")
        if method not in ("cash", "terminal") or not form.get("form", ""):
            raise Refused("count_wrong")
        asked = Asked(_counts(form), method, form.get("reference", ""), tendered, form["form"][:64])
        sale = self._desk.sell(self._window, asked)
        return f"/receipt/{sale.batch}/{sale.receipt}"

    def _give(self, place: list[str], _: Mapping[str, str]) -> str:
        batch, receipt = _receipt(place)
        self._desk.give(self._window, batch, receipt)
        return f"/codes/{batch}/{receipt}"

    def _void(self, place: list[str], _: Mapping[str, str]) -> str:
        batch, receipt = _receipt(place)
        self._desk.void(self._window, batch, receipt)
        return f"/receipt/{batch}/{receipt}"

    def _drawer(self, _: list[str], form: Mapping[str, str]) -> str:
        standing = self._desk.standing(self._window)
        currency = standing.batch.head.currency if standing.batch is not None else ""
        written = form.get("amount", "").strip()
        amount = 0 if written == "0" else minor_units(written, currency)
        if amount is None:
            raise Refused("amount_wrong")
        self._desk.begin_drawer(self._window, amount)
        return "/day"

    def _receipt(self, batch: str, receipt: int) -> str:
        head, sale = self._desk.sale(self._window, batch, receipt)
        tickets = self._desk.store.tickets(batch, receipt)
        return pages.receipt(head, sale, tickets, self._desk.clock.wall_ms(), self._seller(), self._words)

    def _codes(self, batch: str, receipt: int) -> str:
        tickets = self._desk.codes(self._window, batch, receipt)
        head, sale = self._desk.sale(self._window, batch, receipt)
        return pages.codes(head, sale, tickets, self._seller(), self._words)


def _receipt(place: list[str]) -> tuple[str, int]:
    if len(place) != 3 or not place[2].isascii() or not place[2].isdigit() or len(place[2]) > 9:
        raise Refused("not_here")
    return place[1], int(place[2])


def _counts(form: Mapping[str, str]) -> dict[int, int]:
    """By product; Refused count_wrong."""
    counts = {}
    for name, value in form.items():
        if name.startswith("count_"):
            product, written = name.removeprefix("count_"), value.strip() or "0"
            if not (product + written).isascii() or not product.isdigit() or not written.isdigit() or len(written) > 4:
                raise Refused("count_wrong")
            counts[int(product)] = int(written)
    return counts
