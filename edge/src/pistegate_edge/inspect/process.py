# SPDX-License-Identifier: Apache-2.0
"""The handheld's process: cards come in from the reader's thread, words go out to its screen, notes to the cloud."""

import logging
import queue
import sys
from contextlib import ExitStack
from typing import TextIO

from pistegate_edge.card.assess import Assessor
from pistegate_edge.card.seen import Seen
from pistegate_edge.clock import Clock, open_clock
from pistegate_edge.config import Config, lane_profile
from pistegate_edge.core import inputs as i
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.enrolment.opening import chain_signer
from pistegate_edge.inspect.desk import InspectDesk
from pistegate_edge.inspect.told import Inspector
from pistegate_edge.journal.journal import Journal
from pistegate_edge.keystore.opening import open_key_store
from pistegate_edge.process import (
    DRAIN_S,
    IDLE_S,
    TIDY_S,
    Stop,
    noted_at_start,
    open_journal,
    open_reader,
    run_until_signal,
    service_with_keys,
)
from pistegate_edge.recorder import Recorder
from pistegate_edge.signals import Display
from pistegate_edge.uplink.link import Uplink
from pistegate_edge.uplink.mqtt import Arrived, LinkDown, LinkEvent, LinkUp
from pistegate_edge.uplink.opening import open_link
from pistegate_protocol.events import Incident, short_text
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.texts import text

log = logging.getLogger(__name__)

Item = Seen | i.ReaderReady | i.ReaderLost | LinkEvent | Stop


class Inspect:
    """One handheld; `run` returns when it was told to stop. `screen` takes each card's lines."""

    def __init__(self, config: Config, clock: Clock, parts: ExitStack, screen: TextIO | None = None) -> None:
        place, storage = config.place, config.storage
        if place is None or storage is None or config.key_store is None:
            raise ValueError("a checked configuration of a handheld is needed")
        device = config.device
        self._clock = clock
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._screen = screen or sys.stdout
        self._locale = config.display.locale
        self._display = Display(config.display.path, config.display.locale)
        self._reader_state = "out_of_service: reader"
        self._full = False
        self._keys = open_key_store(config.key_store)
        self._journal = parts.enter_context(open_journal(Journal, storage, device, clock))
        self._documents = DocumentStore(self._journal, KeyRing(config.document_keys), device.site)
        issuers = KeyRing(config.issuer_keys)
        self._inspector = Inspector(Assessor(lane_profile(device, place), issuers), issuers, None, here=True)
        self._recorder = Recorder(self._journal, self._disk, lambda stream, last: self._uplink.grown(stream, last))
        self._mqtt = open_link(config, self._queue.put)
        self._uplink = Uplink(
            device.number,
            self._journal,
            self._documents,
            self._mqtt,
            self._state,
            self._note,
            lambda: None,
            sign=chain_signer(config),
        )
        self._reader = open_reader(
            config.reader,
            InspectDesk(self._keys, self._queue.put),
            lambda what: self._queue.put(i.ReaderReady()),
            lambda detail: self._queue.put(i.ReaderLost(detail)),
        )

    def stop(self) -> None:
        """Ask for an orderly end; from any thread or a signal handler."""
        self._queue.put(Stop())

    def run(self) -> None:
        """Until told to stop."""
        for code, detail in noted_at_start(self._documents, self._journal, self._keys):
            log.warning("%s: %s", code.value, detail)
            self._note(Incident(self._clock.wall_ms(), code.value, short_text(detail)))
        self._display.line(text("card.wait", self._locale))
        self._reader.start()
        self._mqtt.start()
        try:
            self._loop()
        finally:
            self._reader.stop()
            self._mqtt.stop()
            log.info("stopped")

    def _loop(self) -> None:
        stop_at: float | None = None
        tidy_at = 0.0
        while stop_at is None or (not self._uplink.drained() and self._clock.monotonic() < stop_at):
            now = self._clock.now()
            self._recorder.tick(now)
            self._uplink.tick(now)
            times = [t for t in (self._recorder.deadline(), self._uplink.deadline(), stop_at) if t is not None]
            wait_s = min(IDLE_S, max(0.0, min(times, default=now.mono + IDLE_S) - self._clock.monotonic()))
            try:
                item = self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait()
            except queue.Empty:
                if now.mono >= tidy_at:
                    tidy_at = now.mono + TIDY_S
                    self._journal.tidy()
                continue
            if isinstance(item, Stop):
                self._recorder.finish(self._clock.now())
                stop_at = self._clock.monotonic() + (DRAIN_S if stop_at is None else 0.0)
            else:
                self._take(item)

    def _take(self, item: Item) -> None:
        if isinstance(item, (Arrived, LinkUp, LinkDown)):
            self._uplink.event(item, self._clock.now())
        elif isinstance(item, i.ReaderReady):
            self._service("in_service")
        elif isinstance(item, i.ReaderLost):
            self._service("out_of_service: reader", item.detail)
        elif not isinstance(item, Stop):
            self._seen(item)

    def _seen(self, seen: Seen) -> None:
        now = self._clock.now()
        told = self._inspector.tell(seen, self._documents.facts, now)
        print("\n".join(told.lines(self._locale)), end="\n\n", file=self._screen, flush=True)
        self._display.line(told.line(self._locale))
        if told.refused is not None:
            self._recorder.note(told.refused, now)

    def _service(self, state: str, detail: str = "") -> None:
        if state != self._reader_state:
            self._reader_state = state
            log.info("%s %s", state.replace("_", " "), detail)
            self._uplink.state_changed()

    def _state(self) -> str:
        state = "out_of_service: disk" if self._full else self._reader_state
        return service_with_keys(state, self._keys)

    def _disk(self, told: i.Input) -> None:
        """The recorder's word on the disk: notes are lost while it is full, cards can be looked at all the same."""
        if isinstance(told, i.FaultChanged):
            self._full = told.present
            self._uplink.state_changed()

    def _note(self, incident: Incident) -> None:
        self._recorder.note(incident, self._clock.now())


def run_inspect(config: Config) -> None:
    """The whole life of a handheld's process; returns after SIGTERM or SIGINT."""
    clock = open_clock(config.clock.source)
    with ExitStack() as parts:
        run_until_signal(Inspect(config, clock, parts))
