# SPDX-License-Identifier: Apache-2.0
"""The gate's side of a reader thread: tells the loop what the reader sees, does with a card what the loop answers."""

import os
import queue
import threading
from collections.abc import Callable

from pistegate_edge.core.actions import Read, Release, Write
from pistegate_edge.core.inputs import (
    CardRead,
    CardSeen,
    CardUnread,
    CardWritten,
    FieldEmpty,
    Input,
    ReadProblem,
    WriteResult,
)
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import CardGone, ForeignCard, Sighting
from pistegate_edge.readers.session import ReadFailed, read_card, write_card

POLL_S = 0.03  # seconds between looks; with the look itself (5-15 ms) a card is met within 50 ms
HOLD_S = 1.0  # seconds to wait for the loop's answer before the card is let go; a commit on an SD card takes 0.05
_RND_BYTES = 16

Reply = Read | Write | Release


class GateDesk:
    """`reply` is called from the loop, everything else from the reader's thread."""

    def __init__(self, keys: KeyStore, tell: Callable[[Input], None]) -> None:
        self._keys = keys
        self._tell = tell
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._token = 0
        self._occupied = True  # so that the first empty look is told

    def reply(self, reply: Reply) -> None:
        """The loop's answer to what it was told of session `reply.token`."""
        self._replies.put(reply)

    def pause(self, stop: threading.Event) -> None:
        """A guest may come any moment."""
        stop.wait(POLL_S)

    def started(self) -> None:
        """The reader was (re)opened: nobody looked at the field meanwhile."""
        self._occupied = True

    def empty(self) -> None:
        """No card in the field."""
        self._refuse_late()
        if self._occupied:
            self._occupied = False
            self._tell(FieldEmpty())

    def card(self, sighting: Sighting) -> None:
        """A card in the field: one session of it."""
        self._refuse_late()
        self._occupied = True
        self._token += 1
        self._tell(CardSeen(self._token, sighting.uid))
        if not isinstance(self._wait(), Read):
            return
        try:
            card = sighting.activate()
            key = self._keys.gate_key(sighting.uid, self._keys.sets[0])
            content = read_card(card, key, os.urandom(_RND_BYTES))
        except ForeignCard as error:
            self._unread(sighting.uid, ReadProblem.FOREIGN, str(error))
            return
        except CardGone as error:
            self._unread(sighting.uid, ReadProblem.TORN, str(error))
            return
        except ReadFailed as error:
            self._unread(sighting.uid, error.problem, error.detail)
            return
        self._tell(CardRead(self._token, sighting.uid, content.claim_file, content.usage_file))
        answer = self._wait()
        if isinstance(answer, Write):
            result, detail = write_card(card, content.session, answer.usage)
            self._tell(CardWritten(self._token, result, detail))

    def _unread(self, uid: bytes, problem: ReadProblem, detail: str) -> None:
        self._tell(CardUnread(self._token, uid, problem, detail))

    def _wait(self) -> Reply | None:
        """The loop's answer for this session, None when it does not come in time."""
        while True:
            try:
                reply = self._replies.get(timeout=HOLD_S)
            except queue.Empty:
                return None
            if reply.token == self._token:
                return reply
            self._late(reply)

    def _refuse_late(self) -> None:
        """Answers that came after their card was let go."""
        while True:
            try:
                reply = self._replies.get_nowait()
            except queue.Empty:
                return
            self._late(reply)

    def _late(self, reply: Reply) -> None:
        """Every Write gets an answer: this one's card was let go before, nothing was sent to it."""
        if isinstance(reply, Write):
            self._tell(CardWritten(reply.token, WriteResult.VOID, "the card had been let go"))
