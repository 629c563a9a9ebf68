# SPDX-License-Identifier: Apache-2.0
"""A reader and the card that somebody holds to it, with the timing of a real one, as events."""

from collections.abc import Callable
from random import Random

from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Read, Release, Write
from pistegate_edge.devices import Put, ReaderOpened
from pistegate_edge.readers.session import Knows
from pistegate_protocol.usage import named_claim
from pistegate_simulators.storm.card import StormCard
from pistegate_simulators.storm.timeline import Timeline

READ_S = 0.2  # seconds of a read over a 115200 baud line
WRITE_S = 0.1
AGAIN_S = 0.9  # seconds after which a card that is still there is offered again (a real reader: 0.03)


class StormReader:
    """One run's reader; see CardReader."""

    def __init__(self, timeline: Timeline, rng: Random, knows: Knows, put: Put) -> None:
        self._timeline = timeline
        self._rng = rng
        self._knows = knows
        self._put = put
        self._token = 0
        self._card: StormCard | None = None
        self._written: StormCard | None = None
        self._running = False
        self._works = True

    # CardReader

    def start(self) -> None:
        """See CardReader."""
        self._running = True
        self._later(0.3, lambda: self._put(ReaderOpened("storm reader")))

    def stop(self) -> None:
        """See CardReader; also what the death of the process does."""
        self._running = False
        self._card = None

    def reply(self, reply: Read | Write | Release) -> None:
        """See CardReader."""
        if reply.token != self._token:
            if isinstance(reply, Write):
                self._put(i.CardWritten(reply.token, i.WriteResult.VOID, "the card had been let go"))
            return
        card, token = self._card, reply.token
        if isinstance(reply, Read):
            self._later(READ_S, lambda: self._read(token, card))
        elif isinstance(reply, Write):
            self._later(WRITE_S, lambda: self._write(reply, card))

    # Guests and faults

    @property
    def held(self) -> StormCard | None:
        """The card of the session under way, also when it has just left."""
        return self._written or self._card

    def free(self) -> bool:
        """Whether nobody holds a card to it."""
        return self._running and self._works and self._card is None

    def hold(self, card: StormCard, seconds: float) -> None:
        """Somebody holds a card to it for so long."""
        self._card, self._written = card, None
        card.held = True
        self._timeline.after(seconds, lambda: setattr(card, "held", False))
        self._put(i.FieldSeen((card.uid,)))
        self._offer(card)
        self._later(seconds, lambda: self._lift(card))

    def fail(self, seconds: float) -> None:
        """The device is gone for a while."""
        self._works = False
        self._token += 1
        self._card = None
        self._put(i.ReaderLost("unplugged"))
        self._later(seconds, self._back)

    def _back(self) -> None:
        self._works = True
        self._put(ReaderOpened("storm reader"))

    def _offer(self, card: StormCard) -> None:
        if self._card is not card or not self._works:
            return
        self._token += 1
        self._put(i.CardSeen(self._token, card.uid))
        self._later(AGAIN_S, lambda: self._offer(card))

    def _lift(self, card: StormCard) -> None:
        if self._card is card:
            self._card = None
            self._put(i.FieldSeen())

    def _read(self, token: int, card: StormCard | None) -> None:
        if token != self._token or card is None:
            return
        if self._card is not card or card.read_fails(self._rng):
            self._put(i.CardUnread(token, card.uid, i.ReadProblem.TORN, "gone while read"))
            return
        claim = None if self._knows(named_claim(card.usage_file)) else card.claim_file
        self._put(i.CardRead(token, card.uid, card.usage_file, claim, card.amendment_file))

    def _write(self, write: Write, card: StormCard | None) -> None:
        if not self._works:
            self._put(i.CardWritten(write.token, i.WriteResult.UNCONFIRMED, "the reader failed"))
            return
        if card is None or self._card is not card:
            self._put(i.CardWritten(write.token, i.WriteResult.VOID, "gone before it was written"))
            return
        self._written = card
        result, proof = card.take(write, self._rng)
        self._put(i.CardWritten(write.token, result, "", proof))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self._timeline.after(seconds, lambda: what() if self._running else None)
