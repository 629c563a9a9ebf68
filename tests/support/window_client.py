# SPDX-License-Identifier: Apache-2.0
"""The rule by which a window's program sells over a line that fails (docs/integrator.md), in little code."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from pistegate_protocol.contingency import CUT_S

TIMEOUT_S = 10.0  # of one try
PAUSES_S = (0.5, 1.0, 2.0, 4.0)  # between tries; the last one again and again
_AGAIN = (429, 502, 503, 504)  # whoever stands between says so, or the cloud is just starting


class Undecided(Exception):
    """A minute is over: sell at the box, and ask `became_of` with this key once the cloud is back."""


async def sell(
    http: httpx.AsyncClient,
    order: dict[str, Any],
    key: str,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> Any:
    """The order, once, however often it had to be asked for; Undecided after a minute. A refusal raises at once."""
    until, tries = now() + CUT_S, 0
    while True:
        try:
            answer = await http.post("/orders", json=order, headers={"Idempotency-Key": key}, timeout=TIMEOUT_S)
            if answer.status_code not in _AGAIN:
                answer.raise_for_status()
                return answer.json()
        except httpx.TransportError:
            pass
        pause = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
        tries += 1
        if now() + pause >= until:
            raise Undecided(key)
        await sleep(pause)


async def became_of(http: httpx.AsyncClient, site: int, key: str) -> str | None:
    """After the cut: the order that was made under a key all the same, to be taken back; None: none was."""
    answer = await http.get(f"/contingency/asked/{key}?site={site}")
    answer.raise_for_status()
    order: str | None = answer.json()["order"]
    return order
