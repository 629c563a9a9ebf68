# SPDX-License-Identifier: Apache-2.0
"""The gate's side of a reader thread: tells the loop what is in the field, does with a card what the loop answers.

An empty field is waited upon: the first card that comes is offered to the loop at once. Then, as long as something is
there, all of it is enumerated again and again, so that the loop knows who left and who is in one pocket with whom.
One session of one card at a time.
"""

import contextlib
import queue
import threading
from collections.abc import Callable

from pistegate_edge.bindings.told import DocumentSeen
from pistegate_edge.core.actions import Read, Release, Write
from pistegate_edge.core.inputs import (
    CardRead,
    CardSeen,
    CardUnread,
    CardWritten,
    DocumentUnread,
    FieldSeen,
    Input,
    ReadProblem,
    Stranger,
    WriteResult,
)
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone, Kind, Pn532, Sighting
from pistegate_edge.readers.session import Knows, ReadFailed, is_ours, read_card, write_card
from pistegate_protocol.desfire.transactions import CardContent

WAIT_S = 0.5  # seconds that an empty field is waited upon at a stretch; then resident IDs are looked for
POLL_S = (
    0.03  # seconds between looks at a field with cards; with the look itself (10-25 ms) absences are timed to 50 ms
)
HOLD_S = 1.0  # seconds to wait for the loop's answer before the card is let go; a commit on an SD card takes 0.05

CHIP_LOOKS = 10  # looks between two tellings of a chip that lies there: about half a second; 3 s unseen would end it

Reply = Read | Write | Release


class GateDesk:
    """`reply` is called from the loop, everything else from the reader's thread."""

    def __init__(
        self,
        keys: KeyStore,
        knows: Knows,
        tell: Callable[[Input | DocumentSeen], None],
        chips: Callable[[bytes], DocumentSeen | DocumentUnread] | None = None,
    ) -> None:
        """`chips`: what is told of a resident ID's chip by its id, slow to say; None: the guest is sent elsewhere."""
        self._keys = keys
        self._knows = knows
        self._tell = tell
        self._chips = chips
        self._chip: DocumentSeen | DocumentUnread | None = None
        self._looks = 0  # since it was told last
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._token = 0
        self._field: FieldSeen | None = None  # as last told
        self._occupied = True  # so that the first empty look is told
        self._ours: dict[bytes, bool] = {}  # of cards since the field was empty: whether our application is there

    def reply(self, reply: Reply) -> None:
        """The loop's answer to what it was told of session `reply.token`."""
        self._replies.put(reply)

    def started(self) -> None:
        """The reader was (re)opened: nobody looked at the field meanwhile."""
        self._occupied = True
        self._field = None

    def turn(self, reader: Pn532, stop: threading.Event) -> None:
        """Wait for a card, or look again at those that are there."""
        if self._occupied:
            stop.wait(POLL_S)
            met = reader.look()
        else:
            first = reader.wait(WAIT_S)
            if first is not None and self._serve_first(reader, first):
                return
            met = reader.look([first] if first else None)
        self._refuse_late()
        self._serve(reader, met)

    def _serve_first(self, reader: Pn532, first: Sighting) -> bool:
        """The first card is offered before anything else is asked; False: it is none of ours, who else is there?"""
        self._refuse_late()
        self._occupied = True
        self._field = None
        if first.kind is not Kind.SKI:
            return False
        self._offer(reader, first)
        if self._ours.get(first.uid) is False:
            return False
        reader.rest()
        return True

    def _serve(self, reader: Pn532, met: list[Sighting]) -> None:
        self._occupied = bool(met)
        met = self._without_chip(reader, met)
        if not met:
            self._ours.clear()
            self._tell_field(FieldSeen())
            return
        likely = [one for one in met if one.kind is Kind.SKI]
        if len(likely) > 1:
            self._identify(reader, likely)
        ski = [one for one in likely if self._ours.get(one.uid) is not False]
        self._tell_field(FieldSeen(tuple(one.uid for one in ski), _strangers(met, ski)))
        for sighting in ski:
            self._offer(reader, sighting)
        reader.rest()

    def _without_chip(self, reader: Pn532, met: list[Sighting]) -> list[Sighting]:
        """What is left when a resident ID was presented by its chip: told at once, and again while it is there."""
        if self._chips is None or not any(one.kind is Kind.RESIDENT_ID for one in met):
            self._chip = None
            return met
        if self._chip is None:
            identifier = reader.chip_id()
            if identifier is None:
                return met
            self._chip, self._looks = self._chips(identifier), 0
        if self._looks % CHIP_LOOKS == 0:
            self._tell(self._chip)
        self._looks += 1
        reader.rest()
        return [one for one in met if one.kind is not Kind.RESIDENT_ID]

    def _tell_field(self, field: FieldSeen) -> None:
        if field != self._field or field.strangers:  # they are told what to do as soon as the lane is free
            self._field = field
            self._tell(field)

    def _identify(self, reader: Pn532, likely: list[Sighting]) -> None:
        """Which of several cards are ours: told apart once, as long as they stay."""
        for sighting in likely:
            if sighting.uid not in self._ours:
                with contextlib.suppress(CardGone):
                    self._ours[sighting.uid] = is_ours(reader.activate(sighting))

    # One session

    def _offer(self, reader: Pn532, sighting: Sighting) -> None:
        """Tell the loop of a card and do what it says."""
        self._token += 1
        self._tell(CardSeen(self._token, sighting.uid))
        if not isinstance(self._wait(), Read):
            return
        try:
            card = reader.activate(sighting)
            content, _ = read_card(card, self._keys, self._knows)
        except CardGone as error:
            self._unread(sighting.uid, ReadProblem.TORN, str(error))
        except ReadFailed as error:
            self._unread(sighting.uid, error.problem, error.detail)
        else:
            self._ours[sighting.uid] = True
            self._hold(card, content)

    def _hold(self, card: Card, content: CardContent) -> None:
        """A card that was read: the loop decides, and may have it written."""
        files = content.usage_file, content.claim_file, content.amendment_file
        self._tell(CardRead(self._token, card.uid, *files))
        # While the loop decides. A reader that fails here fails again at the next exchange, where it is dealt with.
        with contextlib.suppress(*READER_FAILURES):
            card.patient(True)
        answer = self._wait()
        if isinstance(answer, Write):
            result, detail, proof = write_card(card, content.session, answer)
            self._tell(CardWritten(self._token, result, detail, proof))
        card.patient(False)

    def _unread(self, uid: bytes, problem: ReadProblem, detail: str) -> None:
        if problem is ReadProblem.FOREIGN:
            self._ours[uid] = False
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


def _strangers(met: list[Sighting], ski: list[Sighting]) -> frozenset[Stranger]:
    """What else is in the field, by kind: nobody needs to know their numbers."""
    return frozenset(
        Stranger.OTHER if one.kind is Kind.SKI else Stranger(one.kind.value) for one in met if one not in ski
    )
