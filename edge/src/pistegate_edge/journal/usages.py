# SPDX-License-Identifier: Apache-2.0
"""What was used of tickets as far as this gate knows: by their card, and by all media without a memory together.

Written in the commit of each admission. What a card shows that is not admitted waits for the next one: reading a card
costs no commit.
"""

import sqlite3

from pistegate_edge.core.memory import TicketUsage
from pistegate_protocol.elsewhere import newer
from pistegate_protocol.events import Admitted
from pistegate_protocol.signing import MediumKind
from pistegate_protocol.usage import Usage, decode_usage, encode_usage, named_claim, usage_file

TICKETS_MAX = 200_000  # uses, the newest of each kind of medium; a row of about 60 bytes each
_SHOWN_MAX = 1000  # cards that were shown since the last admission
_WRITE = "INSERT OR REPLACE INTO ticket_usage VALUES (?, ?, ?, ?)"


class Usages:
    """The rows of one journal; whatever writes is called inside a transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._shown: dict[int, Usage] = {}

    def of(self, ticket: int) -> TicketUsage:
        """What is known of a ticket; one look-up."""
        rows = self._db.execute("SELECT card, usage, tick FROM ticket_usage WHERE ticket = ?", (ticket,)).fetchall()
        known = {card: decode_usage(usage) for card, usage, _ in rows}
        tick = next((tick for card, _, tick in rows if not card), None)
        return TicketUsage(self._shown.get(ticket, known.get(1)), known.get(0), tick)

    def shown(self, ticket: int, usage: Usage) -> None:
        """What a ticket's card shows holds from now on, unless another card of it is known to have used more."""
        before = self.of(ticket).card
        if before is None and usage.last_entry is None:
            return
        if before is not None and before.claim != usage.claim:
            usage = newer(before, usage)
        if usage != before:
            self._shown.pop(ticket, None)
            self._shown[ticket] = usage
            if len(self._shown) > _SHOWN_MAX:
                del self._shown[next(iter(self._shown))]

    def used(self, event: Admitted, tick: int | None, name: bytes) -> None:
        """An admission named `name`; `tick`: the period of a rotating code, of which the newest is kept."""
        self._shown.pop(event.ticket, None)
        card = event.medium[0] == MediumKind.CARD
        key = (event.ticket, card)
        row = self._db.execute("SELECT usage, tick FROM ticket_usage WHERE ticket = ? AND card = ?", key).fetchone()
        used = usage_file(event.counters, event.claim, name)
        if row is not None and card and named_claim(row[0]) != event.claim:
            used = encode_usage(newer(decode_usage(row[0]), decode_usage(used)))
        if row is not None and not card:
            tick = max((at for at in (tick, row[1]) if at is not None), default=None)
        self._db.execute(_WRITE, (event.ticket, card, used, tick))
        self._db.executemany(_WRITE, ((ticket, 1, encode_usage(usage), None) for ticket, usage in self._shown.items()))

    def committed(self) -> None:
        """The admission is durable, and so is what was shown before it."""
        self._shown.clear()

    def void(self, event: Admitted) -> None:
        """The card did not take this admission: it shows what it showed before."""
        before = usage_file(event.before, event.claim, event.prev)
        self._db.execute(_WRITE, (event.ticket, 1, before, None))
