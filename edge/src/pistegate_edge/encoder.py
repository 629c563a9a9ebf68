# SPDX-License-Identifier: Apache-2.0
"""The encoder process: a reader at a window whose cards the cloud speaks to. Holds no card keys.

With [contingency] it is also the window's box: it keeps contingency tickets, and sells them while the cloud is away.
"""

import logging
import queue
import secrets

from pistegate_edge.clock import Clock, open_clock
from pistegate_edge.config import Config
from pistegate_edge.contingency.opening import open_box
from pistegate_edge.core.inputs import ReaderLost, ReaderReady
from pistegate_edge.process import Stop, open_reader, run_until_signal
from pistegate_edge.readers.relay import RelayDesk
from pistegate_edge.uplink.core import HELLO_S
from pistegate_edge.uplink.mqtt import Arrived, LinkDown, LinkEvent, LinkUp
from pistegate_edge.uplink.opening import open_link
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import new_epoch
from pistegate_protocol.messages import DOWN, UP, Hello, Notice, RelayRequest, RelayResponse
from pistegate_protocol.version import __version__

log = logging.getLogger(__name__)

Item = ReaderReady | ReaderLost | RelayResponse | LinkEvent | Stop


class Encoder:
    """One encoder; `run` returns when it was told to stop."""

    def __init__(self, config: Config, clock: Clock) -> None:
        device = config.device
        self._clock = clock
        self._number = device.number
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._epoch = new_epoch(1, secrets.randbits(32))
        self._state = "out_of_service: reader"
        self._connected = False
        self._hello_at = 0.0
        self._mqtt = open_link(config, self._queue.put)
        self._desk = RelayDesk(device.number, self._queue.put, clock.monotonic)
        self._reader = open_reader(config.reader, self._desk, lambda what: self._queue.put(ReaderReady()), self._lost)
        self._box = open_box(config, clock)

    def stop(self) -> None:
        """Ask for an orderly end; from any thread or a signal handler."""
        self._queue.put(Stop())

    def run(self) -> None:
        """Until told to stop."""
        if self._box is not None:
            self._box.start()
        self._reader.start()
        self._mqtt.start()
        try:
            while True:
                try:
                    item = self._queue.get(timeout=max(0.0, self._hello_at - self._clock.monotonic()))
                except queue.Empty:
                    self._hello()
                    continue
                if isinstance(item, Stop):
                    return
                self._take(item)
        finally:
            self._desk.stop()
            self._reader.stop()
            self._mqtt.stop()
            if self._box is not None:
                self._box.stop()
            log.info("stopped")

    def _lost(self, detail: str) -> None:
        self._desk.lost()
        self._queue.put(ReaderLost(detail))

    def _take(self, item: Item) -> None:
        if isinstance(item, RelayResponse):
            self._mqtt.publish(UP.encode(item))
        elif isinstance(item, Arrived):
            self._arrived(item.payload)
        elif isinstance(item, LinkUp):
            log.info("connected to the broker")
            self._connected = True
            self._hello()
        elif isinstance(item, LinkDown):
            log.info("connection to the broker is gone: %s", item.detail)
            self._connected = False
        elif isinstance(item, ReaderReady):
            self._service("in_service")
        elif isinstance(item, ReaderLost):
            self._service("out_of_service: reader", item.detail)

    def _service(self, state: str, detail: str = "") -> None:
        if state == self._state:
            return
        self._state = state
        words = state.replace("_", " ")
        log.info("%s (%s)", words, detail) if detail else log.info(words)
        self._hello()

    def _hello(self) -> None:
        self._hello_at = self._clock.monotonic() + HELLO_S
        if self._connected:
            hello = Hello(self._number, self._epoch, self._clock.wall_ms(), __version__, {}, self._state, 0)
            self._mqtt.publish(UP.encode(hello))

    def _arrived(self, payload: bytes) -> None:
        try:
            message = DOWN.decode(payload)
        except CodecError as error:
            log.warning("a message from the cloud cannot be read: %s; is this encoder's release current?", error)
            return
        if isinstance(message, RelayRequest):
            self._desk.ask(message)
        elif isinstance(message, Notice):
            log.warning("notice from the cloud: %s %s", message.code, message.detail)


def run_encoder(config: Config) -> None:
    """The whole life of an encoder process; returns after SIGTERM or SIGINT."""
    run_until_signal(Encoder(config, open_clock(config.clock.source)))
