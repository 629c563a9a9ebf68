# SPDX-License-Identifier: Apache-2.0
"""The hub process: what the broker brings is taken batch by batch, one durable commit each, and answered after it."""

import logging
import queue
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pistegate_edge.clock import Clock, open_clock
from pistegate_edge.config import Config
from pistegate_edge.errors import JournalFull
from pistegate_edge.hub.core import ALL, Answer, Hub
from pistegate_edge.hub.store import HubStore
from pistegate_edge.journal.files import Files
from pistegate_edge.process import Stop, run_until_signal
from pistegate_edge.reserving.link import SiteArrived, SiteBroker, SiteDown, SiteLink, SiteUp
from pistegate_protocol.errors import CodecError
from pistegate_protocol.hub_messages import FROM_HUB, TO_HUB, ToHub
from pistegate_protocol.topics import Hub as Topics

log = logging.getLogger(__name__)

BATCH_MAX = 100  # messages of one commit
IDLE_S = 1.0
FORGET_S = 600.0  # seconds between clearings of what is too old
FULL_S = 2.0  # seconds until it is tried again to write after the disk was full


class HubProcess:
    """One hub; `run` returns when it was told to stop."""

    def __init__(self, config: Config, clock: Clock, opened: ExitStack) -> None:
        storage, line = config.storage, config.hub
        if storage is None or line is None:
            raise ValueError("a checked configuration of a hub is needed")
        directory = Path(storage.directory)
        directory.mkdir(parents=True, exist_ok=True)
        stamp = clock.wall().strftime("%Y%m%dT%H%M%SZ")
        device = config.device
        self._store = opened.enter_context(HubStore(Files(directory), device.site, device.number, stamp))
        if self._store.set_aside:
            log.error("the hub's journal was damaged: kept as %s, the gates tell all again", self._store.set_aside)
        self._clock = clock
        self._queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._topics = Topics(device.site, device.number)
        site = SiteBroker(line.host, line.port, line.username, line.password, line.ca)
        name = f"pistegate-hub-{device.site}-{device.number}"
        self._link = SiteLink(name, site, (self._topics.all_up,), self._queue.put)
        self._hub = self._new_hub()
        self._forget_at = 0.0
        self._blocked_until = 0.0

    def stop(self) -> None:
        """Ask for an orderly end; from any thread or a signal handler."""
        self._queue.put(Stop())

    def run(self) -> None:
        """Until told to stop."""
        self._link.start()
        try:
            while (batch := self._batch()) is not None:
                self._work(batch)
        finally:
            self._link.stop()
            log.info("stopped")

    def _batch(self) -> list[tuple[int, ToHub]] | None:
        """What has come by now; None: it is time to stop."""
        found: list[tuple[int, ToHub]] = []
        try:
            item = self._queue.get(timeout=IDLE_S)
            while True:
                if isinstance(item, Stop):
                    return None
                self._sort(item, found)
                if len(found) >= BATCH_MAX:
                    break
                item = self._queue.get_nowait()
        except queue.Empty:
            pass
        return found

    def _sort(self, item: object, found: list[tuple[int, ToHub]]) -> None:
        if isinstance(item, SiteUp):
            log.info("connected to the site's broker")
            self._send([self._hub.hail()])
        elif isinstance(item, SiteDown):
            log.warning("no line to the site's broker: %s", item.detail)
        elif isinstance(item, SiteArrived):
            try:
                found.append((self._topics.gate_of(item.topic), TO_HUB.decode(item.payload)))
            except CodecError as error:
                log.warning("%s: not understood: %s", item.topic[:80], error)

    def _work(self, batch: Sequence[tuple[int, ToHub]]) -> None:
        """One commit, then the answers; where there is no room for it, everybody joins anew when there is."""
        now = self._clock.now()
        if now.mono < self._blocked_until:
            return
        answers: list[Answer] = []
        try:
            if batch:
                with self._store.commit():
                    for gate, message in batch:
                        answers += self._hub.take(gate, message, now)
            if now.mono >= self._forget_at:
                self._forget_at = now.mono + FORGET_S
                with self._store.commit():
                    self._hub.forget(now)
        except JournalFull as error:
            log.error("%s; free some: until then every gate is alone", error)
            self._blocked_until = now.mono + FULL_S
            self._hub = self._new_hub()
            answers = [self._hub.hail()]
        self._send(answers)
        for line in self._hub.told:
            log.warning(line)
        self._hub.told.clear()
        self._store.tidy()

    def _send(self, answers: Sequence[Answer]) -> None:
        for gate, message in answers:
            topic = self._topics.hail if gate == ALL else self._topics.down(gate)
            self._link.publish(topic, FROM_HUB.encode(message))

    def _new_hub(self) -> Hub:
        return Hub(self._store, secrets.randbits(62), self._clock.now())


def run_hub(config: Config) -> None:
    """The whole life of a hub process, until SIGTERM or SIGINT."""
    with ExitStack() as opened:
        run_until_signal(HubProcess(config, open_clock(config.clock.source), opened))
