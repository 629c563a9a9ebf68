# SPDX-License-Identifier: Apache-2.0
"""What a host wants of its board and does not know done: one order at a time, sent again until a report answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RESEND_MS = 100
GIVE_UP_MS = 1500  # an opening that nobody answered for so long is taken back


@dataclass(slots=True)
class Order:
    """A command; its nonce is higher than that of every one before."""

    nonce: int
    name: str
    fields: dict[str, Any]
    since: int
    sent: int | None = None


@dataclass(slots=True)
class Opening:
    """An opening that the host asked for and has not told the end of. `told`: persons told as passed."""

    nonce: int
    name: str  # of its order: open, drain, mode
    direction: str
    lease_ms: int
    taken: bool = False
    told: int = 0
    renewed: int = 0


class Orders:
    """Stop and wait."""

    def __init__(self) -> None:
        self._nonce = 0
        self._waiting: list[Order] = []

    def add(self, now: int, name: str, fields: dict[str, Any]) -> int:
        """Ask for something more; its nonce."""
        self._nonce += 1
        self._waiting.append(Order(self._nonce, name, fields, now))
        return self._nonce

    def answered(self, nonce: int) -> None:
        """A report said that the board dealt with every order up to `nonce`."""
        self._waiting = [order for order in self._waiting if order.nonce > nonce]

    def keep(self, wanted: Callable[[Order], bool]) -> None:
        """Forget the orders that are not wanted any more; the others count as never sent."""
        self._waiting = [order for order in self._waiting if wanted(order)]
        for order in self._waiting:
            order.sent = None

    def waits(self, nonce: int) -> bool:
        """Whether this order is not answered."""
        return any(order.nonce == nonce for order in self._waiting)

    def due(self, now: int) -> Order | None:
        """The order to send now."""
        if self._waiting and now >= self.next_at(now):
            self._waiting[0].sent = now
            return self._waiting[0]
        return None

    def next_at(self, now: int) -> int:
        """When `due` has something; call it only while something waits."""
        sent = self._waiting[0].sent
        return now if sent is None else sent + RESEND_MS

    def __bool__(self) -> bool:
        return bool(self._waiting)
