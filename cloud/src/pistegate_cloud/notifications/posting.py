# SPDX-License-Identifier: Apache-2.0
"""JSON over HTTP for senders, by the `requests` package in few threads of its own."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import requests

from pistegate_cloud.notifications.sender import Later, Unclear

THREADS: Final = 4
ANSWER_MAX: Final = 64 * 1024


class Poster:
    """Posts, and reads answers. Redirects are not followed: they would carry a guest's number elsewhere."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="messages")

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and JSON of the answer (None: no JSON). Later when nobody was reached, Unclear after that."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._post, url, body, headers)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], Any]:
        sent = {"Content-Type": "application/json; charset=utf-8", **headers}
        try:
            answer = requests.post(url, body, headers=sent, timeout=self._timeout_s, allow_redirects=False)
        except requests.exceptions.ConnectTimeout:
            raise Later("no connection") from None
        except requests.exceptions.RequestException as error:
            # Whether a broken connection had taken the request, nobody knows. The message would hold the address.
            raise Unclear(type(error).__name__) from None
        try:
            told = answer.json() if len(answer.content) <= ANSWER_MAX else None
        except ValueError:
            told = None
        return answer.status_code, answer.headers, told


def after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; None without one."""
    text = headers.get("Retry-After", "")
    return float(min(int(text), 3600)) if text.isdecimal() else None
