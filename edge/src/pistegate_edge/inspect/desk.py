# SPDX-License-Identifier: Apache-2.0
"""The handheld's side of a reader thread: each card is read once while it stays, and told to the loop."""

import threading
from collections.abc import Callable

from pistegate_edge.card.looking import LookingKeys, look
from pistegate_edge.card.seen import Seen
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import Pn532

POLL_S = 0.05  # seconds between looks at a field with cards
WAIT_S = 0.5  # seconds that an empty field is waited upon at a stretch
GONE_LOOKS = 3  # looks in a row that must miss a card before it counts as gone: one may miss it by chance


class InspectDesk:
    """Everything is called from the reader's thread."""

    def __init__(self, keys: KeyStore, tell: Callable[[Seen], None]) -> None:
        self._keys = LookingKeys(keys)
        self._tell = tell
        self._missed: dict[bytes, int] = {}  # cards told and not yet gone: how many looks in a row missed them

    def started(self) -> None:
        """The reader was (re)opened."""
        self._missed.clear()

    def turn(self, reader: Pn532, stop: threading.Event) -> None:
        """Wait for a card, or look again at those that are there."""
        if self._missed:
            stop.wait(POLL_S)
        elif reader.wait(WAIT_S) is None and not reader.look():
            reader.rest()
            return
        else:
            reader.rest()
        seen, there = look(reader, self._keys, frozenset(self._missed))
        for one in seen:
            self._tell(one)
        known = {*self._missed, *(name for name in there)}
        missed = {name: 0 if name in there else self._missed[name] + 1 for name in known}
        self._missed = {name: times for name, times in missed.items() if times < GONE_LOOKS}
