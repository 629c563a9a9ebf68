# SPDX-License-Identifier: Apache-2.0
"""The till process: reader, broker and operators' programs put what happens on one queue, one loop does the rest."""

import logging
import queue
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pistegate_edge.card.assess import Assessor
from pistegate_edge.card.told import card_told
from pistegate_edge.clock import Clock, open_clock
from pistegate_edge.config import Config, placeless
from pistegate_edge.core.actions import RecordNote
from pistegate_edge.core.now import Now
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.enrolment.opening import chain_signer
from pistegate_edge.keystore.opening import open_key_store
from pistegate_edge.process import (
    DRAIN_S,
    IDLE_S,
    TIDY_S,
    Feed,
    Stop,
    noted_at_start,
    open_journal,
    open_reader,
    run_until_signal,
    service_with_keys,
)
from pistegate_edge.readers.relay import RelayDesk
from pistegate_edge.signals import Display
from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.machine import State, TillCore
from pistegate_edge.till.core.plan import TillProfile
from pistegate_edge.till.core.requests import Cancel, Last
from pistegate_edge.till.desk import TillDesk
from pistegate_edge.till.journal import TillJournal
from pistegate_edge.till.recorder import TillRecorder
from pistegate_edge.till.server import Heard, HungUp, Misheard, TillServer, Word
from pistegate_edge.till.words import line_of
from pistegate_edge.uplink.link import Uplink
from pistegate_edge.uplink.mqtt import Arrived, LinkDown, LinkEvent, LinkUp
from pistegate_edge.uplink.opening import open_link
from pistegate_protocol.documents import LoadList
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import Incident, short_text
from pistegate_protocol.messages import DOWN, UP, RelayError, RelayRequest, RelayResponse
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.texts import text
from pistegate_protocol.wallet import load_of

log = logging.getLogger(__name__)

_QUIET = (State.IDLE, State.WAITING, State.RELAYING)  # no card waits for the loop

Item = i.Input | LinkEvent | Word | RelayResponse | Stop


class Till:
    """Everything of one till; `run` returns when it was told to stop."""

    def __init__(self, config: Config, clock: Clock, parts: ExitStack) -> None:
        till, storage = config.till, config.storage
        if till is None or storage is None or config.key_store is None:
            raise ValueError("a checked configuration of a till is needed")
        device = config.device
        self._clock = clock
        self._number = device.number
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._feed: Feed[i.Input] = Feed(self._step)
        self._stop_at: float | None = None
        self._tidy_at = 0.0
        self._currency, self._locale = till.currency, config.display.locale
        self._display = Display(config.display.path, config.display.locale)
        self._keys = open_key_store(config.key_store)
        issuers = KeyRing(config.issuer_keys)
        self._assessor = Assessor(placeless(device, till.zone), issuers)
        self._journal = parts.enter_context(open_journal(TillJournal, storage, device, clock))
        self._documents = DocumentStore(self._journal, KeyRing(config.document_keys), device.site)
        self._core = TillCore(
            TillProfile(device.number, till.currency),
            issuers,
            self._journal.unsettled_requests(),
            self._journal.interrupted_requests(),
            self._journal.remembered(),
        )
        self._recorder = TillRecorder(self._journal, self._feed, lambda stream, last: self._uplink.grown(stream, last))
        self._mqtt = open_link(config, self._queue.put)
        self._uplink = Uplink(
            device.number,
            self._journal,
            self._documents,
            self._mqtt,
            self._state,
            self._note,
            self._told_documents,
            sign=chain_signer(config),
        )
        self._desk = TillDesk(self._keys, RelayDesk(device.number, self._queue.put, clock.monotonic), self._queue.put)
        self._reader = open_reader(config.reader, self._desk, self._tell_ready, self._tell_lost)
        # Last: whoever connects finds a till that can answer.
        self._server = TillServer(Path(till.socket), till.group, self._queue.put, clock.monotonic)
        parts.callback(self._server.stop)
        self._perform = self._performers()

    def _performers(self) -> dict[type, Callable[[Any, Now], None]]:
        """Who does what the core asks for."""
        return {
            a.Tell: lambda action, now: self._tell(action, now),
            a.Want: lambda action, now: self._desk.order(action),
            a.Release: lambda action, now: self._desk.order(action),
            a.Write: lambda action, now: self._desk.order(action),
            a.Relay: lambda action, now: self._desk.order(action),
            a.RefuseRelay: lambda action, now: self._refuse_relay(action.request),
            a.RecordUse: self._recorder.use,
            a.RecordEnd: self._recorder.ended,
            a.RecordSettled: self._recorder.ended,
            RecordNote: lambda action, now: self._recorder.note(action.event, now),
            a.Log: lambda action, now: log.info(action.line),
        }

    def stop(self) -> None:
        """Ask for an orderly end; from any thread or a signal handler."""
        self._queue.put(Stop())

    def run(self) -> None:
        """Until told to stop: the card under way is finished, everything recorded."""
        self._start()
        try:
            while not self._done():
                wait_s = self._wait_s()
                if wait_s <= 0:
                    self._tick()
                try:
                    item = self._queue.get(timeout=wait_s) if wait_s > 0 else self._queue.get_nowait()
                except queue.Empty:
                    continue
                if isinstance(item, Stop) and self._stop_at is not None:
                    break
                self._take(item)
        finally:
            self._finish()

    def _start(self) -> None:
        now = self._clock.now()
        for action in self._core.start(now):
            self._perform[type(action)](action, now)
        if not self._journal.reserve.held:
            self._recorder.out_of_room(now)
        for code, detail in noted_at_start(self._documents, self._journal, self._keys):
            log.warning("%s: %s", code.value, detail)
            self._note(Incident(now.wall_ms, code.value, short_text(detail)))
        self._told_documents()
        self._display.line(text("till.ready", self._locale))
        self._reader.start()
        self._mqtt.start()
        self._server.start()
        log.info("till ready")

    def _done(self) -> bool:
        """Told to stop, no card under way, and the cloud has what it can have."""
        if self._stop_at is None or self._core.state not in _QUIET:
            return False
        now = self._clock.now()
        self._recorder.finish(now)
        return self._uplink.drained() or now.mono >= self._stop_at

    def _take(self, item: Item) -> None:
        if isinstance(item, Heard):
            self._heard(item)
        elif isinstance(item, Misheard):
            answer = a.Answer(item.error.id, Code.BAD_REQUEST, {"detail": str(item.error)})
            self._send(item.client, answer)
        elif isinstance(item, HungUp):
            self._feed(i.Gone(item.client))
        elif isinstance(item, RelayResponse):
            self._mqtt.publish(UP.encode(item))
        elif isinstance(item, Arrived) and (request := _relay_request(item.payload)) is not None:
            self._feed(i.RelayAsked(request))
        elif isinstance(item, (Arrived, LinkUp, LinkDown)):
            self._uplink.event(item, self._clock.now())
        elif isinstance(item, Stop):
            log.info("stopping")
            self._stop_at = self._clock.monotonic() + DRAIN_S
            self._feed(i.FaultChanged(i.Fault.STOPPING, True))
        else:
            self._feed(item)

    def _heard(self, heard: Heard) -> None:
        request = heard.request
        if isinstance(request, Cancel):
            self._feed(i.Cancelled(heard.client, request.id))
        elif isinstance(request, Last):
            last = [
                line_of(one, request.locale or self._locale, self._currency)
                for one in self._core.memory.last(request.count)
            ]
            self._send(heard.client, a.Answer(request.id, Code.LAST, {"requests": last}, request.locale))
        else:
            self._feed(i.Asked(heard.client, request))

    def _step(self, told: i.Input) -> None:
        """Give the core an input and do what it asks for."""
        before = self._core.service()
        now = self._clock.now()
        for action in self._core.handle(told, now):
            self._perform[type(action)](action, now)
        if self._core.service() != before:
            log.info(self._core.service().replace("_", " "))
            self._uplink.state_changed()

    def _tick(self) -> None:
        now = self._clock.now()
        if self._core.deadline is not None and now.mono >= self._core.deadline:
            self._feed(i.Tick())
        # A card that is held goes first: disk and network wait until it is let go.
        if self._core.state in _QUIET:
            self._recorder.tick(now)
            self._uplink.tick(now)
        if self._core.state is State.IDLE and now.mono >= self._tidy_at:
            self._tidy_at = now.mono + TIDY_S
            self._journal.tidy()

    def _wait_s(self) -> float:
        now = self._clock.monotonic()
        times = [self._core.deadline]
        if self._core.state in _QUIET:
            times += [self._recorder.deadline(), self._uplink.deadline(), self._stop_at]
        if self._core.state is State.IDLE:
            times.append(self._tidy_at)
        due = min((t for t in times if t is not None), default=now + IDLE_S)
        return min(max(0.0, due - now), IDLE_S)

    # The operator

    def _tell(self, action: a.Tell, now: Now) -> None:
        line = self._line(action.answer, now)
        self._display.line(str(line["words"]))
        if action.client is not None:
            self._server.send(action.client, line)

    def _send(self, client: int, answer: a.Answer) -> None:
        self._server.send(client, self._line(answer, self._clock.now()))

    def _line(self, answer: a.Answer, now: Now) -> Mapping[str, Any]:
        line = line_of(answer, self._locale, self._currency)
        if answer.facts is None:
            return line
        assessed = self._assessor.assess(answer.facts, self._documents.facts, now)
        values = answer.values
        card = card_told(
            answer.facts,
            assessed,
            self._assessor.profile,
            currency=self._currency,
            lost=bool(values.get("lost")),
            waiting=values.get("waiting"),  # type: ignore[arg-type]
        )
        return line | {"card": card}

    # The cloud

    def _state(self) -> str:
        return service_with_keys(self._core.service(), self._keys)

    def _refuse_relay(self, request: RelayRequest) -> None:
        error: RelayError = "busy" if request.number == 1 else "unknown_session"
        self._mqtt.publish(UP.encode(RelayResponse(self._number, request.session, request.number, b"", [], error)))

    def _told_documents(self) -> None:
        self._feed(i.DocumentsArrived(self._documents.facts.lost, _loads(self._documents.get(LoadList))))

    def _note(self, incident: Incident) -> None:
        self._recorder.note(incident, self._clock.now())

    def _tell_ready(self, what: str) -> None:
        log.info("reader ready: %s", what)
        self._queue.put(i.ReaderReady())

    def _tell_lost(self, detail: str) -> None:
        self._desk.lost()
        self._queue.put(i.ReaderLost(detail))

    def _finish(self) -> None:
        self._recorder.finish(self._clock.now())
        self._desk.stop()
        self._reader.stop()
        self._mqtt.stop()
        log.info("stopped")


def _relay_request(payload: bytes) -> RelayRequest | None:
    """The relay request in a message of the cloud; None for anything else, which the uplink deals with."""
    try:
        message = DOWN.decode(payload)
    except CodecError:
        return None
    return message if isinstance(message, RelayRequest) else None


def _loads(document: object) -> Mapping[bytes, bytes]:
    """Signed load statements by the card they are for, the highest number of each; unsigned nonsense is left out."""
    newest: dict[bytes, tuple[int, bytes]] = {}
    for signed in document.entries if isinstance(document, LoadList) else ():
        try:
            statement = load_of(signed)
        except CodecError as error:
            log.warning("a load statement from the cloud cannot be read: %s; is this till's release current?", error)
            continue
        if statement.number > newest.get(statement.uid, (-1, b""))[0]:
            newest[statement.uid] = (statement.number, signed)
    return {uid: signed for uid, (_, signed) in newest.items()}


def run_till(config: Config) -> None:
    """The whole life of a till process; returns after SIGTERM or SIGINT."""
    clock = open_clock(config.clock.source)
    with ExitStack() as parts:
        run_until_signal(Till(config, clock, parts))
