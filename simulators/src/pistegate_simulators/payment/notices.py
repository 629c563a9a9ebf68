# SPDX-License-Identifier: Apache-2.0
"""Notifications on their way: lost, doubled, late and out of order, as told; repeated until they are taken."""

import heapq
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from pistegate_simulators.payment.books import china_time
from pistegate_simulators.payment.keys import ProviderKeys
from pistegate_simulators.payment.signing import json_bytes, seal, signed_headers

# When a notification that was not taken is sent again, seconds after the one before (the provider's documents).
RETRY_S: Final = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
_ANSWER_S: Final = 5.0  # the provider waits so long for an answer


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification; its body stays, its signature is made anew whenever it is sent."""

    url: str
    body: bytes

    def headers(self, keys: ProviderKeys, now_s: float, *, public: bool = True) -> dict[str, str]:
        """Headers for sending it now."""
        return {"Content-Type": "application/json", **signed_headers(keys, self.body, now_s, public=public)}


def make(keys: ProviderKeys, url: str, kind: str, told: Mapping[str, Any], now_s: float) -> Notice:
    """A notification; `kind`: TRANSACTION.SUCCESS, REFUND.SUCCESS, REFUND.CLOSED or REFUND.ABNORMAL."""
    original = "transaction" if kind.startswith("TRANSACTION") else "refund"
    body = {
        "id": str(uuid4()),
        "create_time": china_time(now_s),
        "resource_type": "encrypt-resource",
        "event_type": kind,
        "summary": "支付成功" if original == "transaction" else "退款结果",
        "resource": {"original_type": original, **seal(keys.api_v3_key, json_bytes(told), original)},
    }
    return Notice(url, json_bytes(body))


@dataclass(slots=True)
class Fate:
    """What happens to notifications: shares from 0 to 1, delays in seconds; `hold`: kept for a test to deliver."""

    lose: float = 0.0
    duplicate: float = 0.0
    delay_s: tuple[float, float] = (0.0, 0.0)
    retry_scale: float = 1.0
    hold: bool = False
    seed: int = 0


@dataclass(order=True, slots=True)
class _Due:
    at: float
    count: int
    notice: Notice = field(compare=False)
    attempt: int = field(compare=False, default=0)


class Post:
    """Sends notifications from its own thread; `held`: kept under `hold`; `taken`: how many were answered with 2xx."""

    def __init__(self, keys: ProviderKeys, fate: Fate, wall: Callable[[], float]) -> None:
        self._keys, self.fate, self._wall = keys, fate, wall
        self.held: list[Notice] = []
        self.taken = 0
        self._random = Random(fate.seed)
        self._due: list[_Due] = []
        self._count = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="payment notices")

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def send(self, notice: Notice) -> None:
        """Put it on its way, as the fate wants."""
        if self.fate.hold:
            self.held.append(notice)
            return
        copies = 2 if self._random.random() < self.fate.duplicate else 1
        for _ in range(copies):
            if self._random.random() >= self.fate.lose:
                self._put(notice, self._random.uniform(*self.fate.delay_s), 0)
            else:
                self._again(notice, 0)

    def _put(self, notice: Notice, delay_s: float, attempt: int) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._due, _Due(monotonic() + delay_s, self._count, notice, attempt))
            self._changed.notify()

    def _again(self, notice: Notice, attempt: int) -> None:
        if attempt < len(RETRY_S):
            self._put(notice, RETRY_S[attempt] * self.fate.retry_scale, attempt + 1)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0].at > monotonic()):
                    self._changed.wait(self._due[0].at - monotonic() if self._due else None)
                if self._stopped:
                    return
                due = heapq.heappop(self._due)
            if self._deliver(due.notice):
                self.taken += 1
            else:
                self._again(due.notice, due.attempt)

    def _deliver(self, notice: Notice) -> bool:
        headers = notice.headers(self._keys, self._wall())
        request = urllib.request.Request(notice.url, notice.body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
                return int(answer.status) in range(200, 300)
        except (OSError, urllib.error.URLError):
            return False
