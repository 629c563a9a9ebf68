# SPDX-License-Identifier: Apache-2.0
"""Storing goes before applying: a gate waits for its acknowledgement, nobody for a passage of last week in a report.

In one process both share the loop, and on SQLite the one connection. Applying gives way between its transactions while
batches are being stored and while a full one says that more follow; but for a bounded share of the time, so that it
gets on under a load that never ends.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SHARE = 3.0  # applying gives way for so many times as long as it has just worked: a quarter of the time is its own
MORE_S = 0.05  # within which a gate on the site's network sends its next full batch after an acknowledgement


class Precedence:
    """Whoever stores says so; whoever applies gives way."""

    def __init__(self) -> None:
        self._busy = 0
        self._awaited: asyncio.TimerHandle | None = None
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def storing(self, *, more: bool) -> Iterator[None]:
        """While batches are stored; `more`: others will follow at once."""
        self._busy += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if more:
                self._await_more()
            self._look()

    async def give_way(self, worked_s: float) -> None:
        """Wait until nothing is stored, in proportion to what applying took last."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHARE * worked_s):
                await self._quiet.wait()

    def _await_more(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
        self._awaited = asyncio.get_running_loop().call_later(MORE_S, self._came_not)

    def _came_not(self) -> None:
        self._awaited = None
        self._look()

    def _look(self) -> None:
        if not self._busy and self._awaited is None:
            self._quiet.set()
