# SPDX-License-Identifier: Apache-2.0
"""The encoder's side of a reader thread: runs the cloud's commands on the card in the field, and knows no key."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone, Kind, Pn532, Sighting
from pistegate_protocol.messages import RelayError, RelayRequest, RelayResponse

POLL_S = 0.04  # seconds between looks while a card is wanted
IDLE_LOOK_S = 1.0  # seconds between looks while none is: only whether the reader still answers
SESSION_IDLE_S = 10.0  # seconds without a request after which a session's card is let go
_GOOD = (b"\x91\x00", b"\x91\xaf", b"\x90\x00")  # done, or more to come


@dataclass(slots=True)
class _Session:
    """One session of the cloud with one card; `last` answers a repeated request."""

    number: int
    last: RelayResponse


class RelayDesk:
    """`ask` is called from the loop, everything else from the reader's thread. One session at a time."""

    def __init__(self, device: int, answer: Callable[[RelayResponse], None], monotonic: Callable[[], float]) -> None:
        self._device = device
        self._answer = answer
        self._monotonic = monotonic
        self._requests: queue.SimpleQueue[RelayRequest | None] = queue.SimpleQueue()
        self._down = True
        self._wanted: RelayRequest | None = None
        self._deadline = 0.0
        self._session: _Session | None = None
        self._asked = threading.Event()

    def turn(self, reader: Pn532, stop: threading.Event) -> None:
        """Look often only while a card is wanted; a request ends the wait."""
        self._pause(stop)
        sighting = next((one for one in reader.look() if one.kind is Kind.SKI), None)
        if sighting is None:
            self._empty()
        else:
            self._card(reader, sighting)
        reader.rest()

    @property
    def wanted(self) -> bool:
        """Whether a session of the cloud waits for its card."""
        return self._wanted is not None

    def _pause(self, stop: threading.Event) -> None:
        if self._wanted is not None:
            stop.wait(POLL_S)
        elif self._asked.wait(IDLE_LOOK_S):
            self._asked.clear()

    def ask(self, request: RelayRequest) -> None:
        """A request of the cloud."""
        if self._down:
            self._answer(self._response(request, b"", [], "reader_lost"))
        else:
            self._requests.put(request)
            self._asked.set()

    def stop(self) -> None:
        """Let go of the card of a session that waits for its next request."""
        self._requests.put(None)
        self._asked.set()

    def started(self) -> None:
        """The reader was (re)opened; a session's card lost its power with it."""
        self._session = None
        self._down = False

    def lost(self) -> None:
        """The reader failed: whoever waits is told."""
        self._down = True
        self._take()
        if self._wanted is not None:
            self._answer(self._response(self._wanted, b"", [], "reader_lost"))
            self._wanted = None

    def _empty(self) -> None:
        """No card that could be ours in the field."""
        self._take()
        if self._wanted is not None and self._monotonic() >= self._deadline:
            self._answer(self._response(self._wanted, b"", [], "no_card"))
            self._wanted = None

    def _card(self, reader: Pn532, sighting: Sighting) -> None:
        """A card in the field: serve the session that wants one, to its end."""
        self._take()
        if self._wanted is None:
            return
        try:
            card = reader.activate(sighting)
        except CardGone:
            self._empty()
            return
        following: RelayRequest | None = self._wanted
        self._wanted = None
        while following is not None and self._serve(card, following):
            following = self._next(following.session)

    def _take(self) -> None:
        """Requests that came while no card is held: number 1 begins a session, others have none."""
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return
            if request is None or self._repeated(request):
                continue
            if request.number != 1:
                self._answer(self._response(request, b"", [], "unknown_session"))
            elif self._wanted is not None and self._wanted.session != request.session:
                self._answer(self._response(request, b"", [], "busy"))
            else:
                self._wanted = request
                self._deadline = self._monotonic() + request.wait_ms / 1000

    def _serve(self, card: Card, request: RelayRequest) -> bool:
        """Run one request; False when the session is over."""
        responses: list[bytes] = []
        error: RelayError = ""
        try:
            for apdu in request.apdus:
                response = card.transceive(apdu)
                responses.append(response)
                if response[-2:] not in _GOOD:
                    break
        except CardGone:
            error = "card_lost"
        except READER_FAILURES:
            self._answer(self._response(request, card.uid, responses, "reader_lost"))
            raise
        answer = self._response(request, card.uid, responses, error)
        self._session = _Session(request.session, answer)
        self._answer(answer)
        return not error and not request.final

    def _next(self, session: int) -> RelayRequest | None:
        """The session's next request, None when it is idle for too long."""
        deadline = self._monotonic() + SESSION_IDLE_S
        while (left := deadline - self._monotonic()) > 0:
            try:
                request = self._requests.get(timeout=left)
            except queue.Empty:
                return None
            if request is None:
                return None
            if request.session != session:
                self._answer(self._response(request, b"", [], "busy" if request.number == 1 else "unknown_session"))
            elif not self._repeated(request):
                return request
        return None

    def _repeated(self, request: RelayRequest) -> bool:
        """A broker may deliver twice: the same answer again, and nothing to the card."""
        last = self._session
        if last is None or last.number != request.session or request.number > last.last.number:
            return False
        if request.number == last.last.number:
            self._answer(last.last)
        return True

    def _response(self, request: RelayRequest, uid: bytes, responses: list[bytes], error: RelayError) -> RelayResponse:
        return RelayResponse(self._device, request.session, request.number, uid, responses, error)
