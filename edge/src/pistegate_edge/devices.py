# SPDX-License-Identifier: Apache-2.0
"""What a gate stands on: everything of it with threads, files or pins, opened here and given to its loop."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from pistegate_edge.bindings.opening import open_presenter
from pistegate_edge.bindings.presenting import Presenter
from pistegate_edge.clock import Clock
from pistegate_edge.config import Config
from pistegate_edge.core import inputs as i
from pistegate_edge.core.actions import Read, Release, Show, Write
from pistegate_edge.journal.journal import Journal
from pistegate_edge.keystore.opening import open_key_store
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.lane.host import LaneHost
from pistegate_edge.lane.opening import open_lane_host
from pistegate_edge.parts.opening import open_parts
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.parts.powering import Powering
from pistegate_edge.process import open_journal, open_reader
from pistegate_edge.readers.desk import GateDesk
from pistegate_edge.readers.session import Knows
from pistegate_edge.signals.opening import open_signals
from pistegate_edge.uplink.opening import open_link
from pistegate_protocol.identity import DocumentKind

Put = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class LaneTold:
    """The lane's host was told something on a thread of its own."""

    told: object


@dataclass(frozen=True, slots=True)
class ReaderOpened:
    """The reader works (again); `what` it says it is."""

    what: str


class Panel(Protocol):
    """Lamps, buzzer and words. Times are monotonic seconds."""

    def show(self, show: Show, now: float) -> None:
        """What guests and the attendant are to see."""

    def tick(self, now: float) -> None:
        """Time went on."""

    def deadline(self, now: float) -> float | None:
        """When `tick` is due."""


class CardReader(Protocol):
    """Whoever tells of cards, and does with them what the loop answers."""

    def start(self) -> None:
        """The gate serves from now on."""

    def reply(self, reply: Read | Write | Release) -> None:
        """The loop's answer to what it was told of session `reply.token`."""

    def stop(self) -> None:
        """The gate ends."""


class Link(Protocol):
    """The line to the broker."""

    def start(self) -> None:
        """Connect, now or whenever that is possible."""

    def publish(self, payload: bytes) -> None:
        """Send; may be lost."""

    def stop(self) -> None:
        """Disconnect."""


@dataclass(frozen=True, slots=True)
class Devices:
    """All tell the loop by the `put` that they were made with. `reader`: made once it is known which claims are known.

    `parts`: the part that may end the computer, where there is one, and all parts in the order in which they start.
    """

    lane: LaneHost
    signals: Panel
    keys: KeyStore
    journal: Journal
    link: Link
    reader: Callable[[Knows], CardReader]
    parts: Callable[[Ports], tuple[Powering | None, Sequence[Part]]]


class _DeskReader:
    """A reader with its thread."""

    def __init__(
        self, config: Config, keys: KeyStore, knows: Knows, put: Put, presenter: Presenter | None = None
    ) -> None:
        takes_chips = presenter is not None and presenter.takes(DocumentKind.CHIP)
        self._desk = GateDesk(keys, knows, put, presenter.chip if presenter is not None and takes_chips else None)
        self._thread = open_reader(
            config.reader,
            self._desk,
            lambda what: put(ReaderOpened(what)),
            lambda detail: put(i.ReaderLost(detail)),
        )
        self.start, self.stop, self.reply = self._thread.start, self._thread.stop, self._desk.reply


def open_devices(config: Config, clock: Clock, put: Put, opened: ExitStack) -> Devices:
    """As the configuration says; `opened` closes them. The lane first: whatever else fails, it is shut."""
    storage, lane_settings, signals = config.storage, config.lane, config.signals
    if storage is None or lane_settings is None or signals is None or config.key_store is None:
        raise ValueError("a checked configuration of a gate is needed")
    lane = open_lane_host(lane_settings, lambda told: put(LaneTold(told)), clock.monotonic, config.path)
    opened.callback(lane.close)
    panel = open_signals(signals, config.display, lane, lane_settings)
    opened.callback(panel.close)
    keys = open_key_store(config.key_store)
    presenter = open_presenter(config.documents, config.device.site)
    journal = opened.enter_context(open_journal(Journal, storage, config.device, clock))
    return Devices(
        lane,
        panel,
        keys,
        journal,
        open_link(config, put),
        lambda knows: _DeskReader(config, keys, knows, put, presenter),
        lambda ports: open_parts(config, ports, presenter),
    )
