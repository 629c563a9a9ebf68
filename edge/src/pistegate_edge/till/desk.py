# SPDX-License-Identifier: Apache-2.0
"""The till's side of a reader thread: one card for the operator's request, or the reader for the cloud; never both."""

import contextlib
import queue
import threading
from collections.abc import Callable

from pistegate_edge.card.looking import read_whole
from pistegate_edge.core.inputs import ReadProblem, WriteResult
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone, Kind, Pn532, Sighting
from pistegate_edge.readers.relay import RelayDesk
from pistegate_edge.readers.session import ReadFailed, is_ours
from pistegate_edge.till.core.actions import Relay, Release, Want, Write
from pistegate_edge.till.core.inputs import CardMet, CardRead, CardUnread, CardWritten, Input, RelayOver, Unread
from pistegate_edge.till.session import change_card
from pistegate_protocol.card_layout import KeySet

POLL_S = 0.03  # seconds between looks while a card is wanted
IDLE_LOOK_S = 1.0  # seconds between looks while none is: only whether the reader still answers
HOLD_S = 3.0  # seconds to wait for the loop's answer before a card is let go; a commit on a slow SD card takes 1

Order = Want | Release | Write | Relay
_STRANGERS = {Kind.OTHER: Unread.FOREIGN, Kind.PHONE: Unread.PHONE, Kind.RESIDENT_ID: Unread.RESIDENT_ID}
_UNREAD = {
    ReadProblem.TORN: Unread.TORN,
    ReadProblem.FOREIGN: Unread.FOREIGN,
    ReadProblem.KEY_REFUSED: Unread.KEY_REFUSED,
}


class TillDesk:
    """`order` is called from the loop, everything else from the reader's thread."""

    def __init__(self, keys: KeyStore, relay: RelayDesk, tell: Callable[[Input], None]) -> None:
        self._keys = keys
        self._relay = relay
        self._tell = tell
        self._orders: queue.SimpleQueue[Want | Release | Write] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._token: int | None = None  # of the wish for a card that stands
        self._relayed = 0  # requests given to the relay; counted after each is in its queue
        self._served = 0  # of these when the cloud last let go of the reader

    def order(self, order: Order) -> None:
        """What the loop wants."""
        if isinstance(order, Relay):
            self._relay.ask(order.request)
            self._relayed += 1
        else:
            self._orders.put(order)
        self._wake.set()

    def started(self) -> None:
        """The reader was (re)opened."""
        self._relay.started()

    def lost(self) -> None:
        """The reader failed: whoever waits at the cloud is told."""
        self._relay.lost()

    def stop(self) -> None:
        """Let go of whatever is held."""
        self._relay.stop()
        self._wake.set()

    def turn(self, reader: Pn532, stop: threading.Event) -> None:
        """One look at the field, for whoever has the reader."""
        self._take()
        if self._relayed != self._served:
            self._serve_cloud(reader, stop)
        elif self._token is None:
            if not self._wake.wait(IDLE_LOOK_S):
                reader.look()
                reader.rest()
            self._wake.clear()
        else:
            self._look(reader, self._token, stop)

    def _serve_cloud(self, reader: Pn532, stop: threading.Event) -> None:
        before = self._relayed
        self._relay.turn(reader, stop)
        if not self._relay.wanted:
            self._served = before
            self._tell(RelayOver(before))

    # The operator's card

    def _look(self, reader: Pn532, token: int, stop: threading.Event) -> None:
        met = reader.look()
        likely = [one for one in met if one.kind is Kind.SKI]
        ours = likely if len(likely) < 2 else self._ours(reader, likely)
        if len(ours) > 1:
            self._tell(CardUnread(token, Unread.TWO_CARDS))
        elif ours:
            self._serve(reader, ours[0], token)
        elif met:
            kinds = {one.kind for one in met}
            self._tell(
                CardUnread(token, _STRANGERS.get(kinds.pop(), Unread.FOREIGN) if len(kinds) == 1 else Unread.FOREIGN)
            )
        reader.rest()
        stop.wait(POLL_S)

    def _ours(self, reader: Pn532, likely: list[Sighting]) -> list[Sighting]:
        found = []
        for sighting in likely:
            with contextlib.suppress(CardGone):
                if is_ours(reader.activate(sighting)):
                    found.append(sighting)
        return found

    def _serve(self, reader: Pn532, sighting: Sighting, token: int) -> None:
        """One session with one card: read, decided by the loop, written."""
        try:
            card = reader.activate(sighting)
            files = read_whole(card, self._keys, lambda: self._tell(CardMet(token, sighting.uid)))
        except CardGone as error:
            self._tell(CardUnread(token, Unread.TORN, str(error)))
            return
        except ReadFailed as error:
            self._tell(CardUnread(token, _UNREAD[error.problem], error.detail))
            return
        self._tell(CardRead(token, files))
        # While the loop decides. A reader that fails here fails again at the next exchange, where it is dealt with.
        with contextlib.suppress(*READER_FAILURES):
            card.patient(True)
        write = self._answer(token)
        if write is not None:
            self._tell(self._write(card, files.key_set, write))
        card.patient(False)

    def _write(self, card: Card, key_set: KeySet, write: Write) -> CardWritten:
        if self._token == write.token:
            self._token = None
        return change_card(card, self._keys, key_set, write)

    def _answer(self, token: int) -> Write | None:
        """The loop's answer to a card that was read; None: it is let go, or the loop did not answer in time."""
        while True:
            try:
                order = self._orders.get(timeout=HOLD_S)
            except queue.Empty:
                self._token = None
                return None
            if isinstance(order, Write) and order.token == token:
                return order
            self._note(order)
            if self._token != token:
                return None

    def _take(self) -> None:
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            self._note(order)

    def _note(self, order: Want | Release | Write) -> None:
        """An order while no card is held, or of another wish than the card's."""
        if isinstance(order, Want):
            self._token = order.token
        elif isinstance(order, Write):
            # Its card was let go before; nothing was sent to it.
            self._tell(CardWritten(order.token, WriteResult.VOID, detail="the card had been let go"))
        elif order.token == self._token:
            self._token = None
