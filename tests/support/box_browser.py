# SPDX-License-Identifier: Apache-2.0
"""A browser at a window's box: keeps cookies, follows redirects, fills in the form of the desk."""

import http.client
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass
class Browser:
    """`path`: of the page that it shows."""

    port: int
    window: int = 3
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = ""

    def get(self, path: str) -> str:
        """A page."""
        return self._ask("GET", path)

    def post(self, path: str, **form: str) -> str:
        """What a button does, and the page after it."""
        return self._ask("POST", path, urlencode(form))

    def _ask(self, method: str, path: str, body: str = "") -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        html = answer.read().decode()
        connection.close()
        for set_cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.status == 303:
            return self.get(answer.headers["Location"])
        assert answer.status == 200, answer.status
        self.path = path
        return html

    def log_in(self, pin: str) -> str:
        """The desk, or the form again."""
        return self.post("/login", window=str(self.window), pin=pin)

    def sell(self, page: str, **form: str) -> str:
        """Fill in the form of the desk and press the button."""
        found = re.search(r'name="form" value="([^"]+)"', page)
        assert found is not None, page
        return self.post("/sell", form=found[1], **({"method": "cash", "tendered": "", "reference": ""} | form))
