# SPDX-License-Identifier: Apache-2.0
"""The loop's side of the uplink: what the core wants sent goes out, what arrives is sorted and believed or told."""

import logging
from collections.abc import Callable
from typing import Protocol

from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.now import Now
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.journal import Journal
from pistegate_edge.uplink.core import AckResult, UplinkCore
from pistegate_edge.uplink.identity import FlapDetector, RateLimit
from pistegate_edge.uplink.mqtt import Arrived, LinkDown, LinkEvent, LinkUp
from pistegate_protocol.documents import DOCUMENT_NAMES, DocumentOlder, DocumentRefused
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import Incident, Stream, short_text
from pistegate_protocol.messages import (
    DOWN,
    UP,
    Ack,
    Batch,
    DocumentWanted,
    Forgotten,
    HeldDocument,
    Hello,
    Notice,
    RelayRequest,
    SignedDocument,
)
from pistegate_protocol.packing import pack
from pistegate_protocol.version import __version__

log = logging.getLogger(__name__)

REPLAY_EVERY_S = 600.0  # seconds between two replays; one of a month takes minutes
# Seconds after a newer document in which an older one is no news: an answer to a hello that crossed a revocation.
CROSSING_S = 60.0
FORGOTTEN_EVERY_S = 60.0  # seconds between two messages about the beginning of one chain
LINGER_S = 0.1  # seconds that events wait for company before a batch goes; a batch costs one database commit


Told = Batch | Forgotten | Hello  # what an enrolled device signs


class Publisher(Protocol):
    """What carries messages up."""

    def publish(self, payload: bytes) -> None:
        """Send; may be lost."""


class Uplink:
    """One device's conversation with the cloud. `state` tells its state for Hello, `told`: documents tell more now.

    `versions`: of the documents that Hello tells, where others keep some too. `other`: takes messages of further kinds.
    `sign`: makes of a message about chains the one that is sent.
    """

    def __init__(
        self,
        number: int,
        journal: Journal,
        documents: DocumentStore,
        publisher: Publisher,
        state: Callable[[], str],
        note: Callable[[Incident], None],
        told: Callable[[], None],
        versions: Callable[[], dict[str, int]] | None = None,
        other: Callable[[object], None] | None = None,
        sign: Callable[[Told], Told] | None = None,
    ) -> None:
        self._number = number
        self._journal = journal
        self._documents = documents
        self._publisher = publisher
        self._state = state
        self._note = note
        self._told = told
        self._versions = versions or documents.versions
        self._other = other
        self._sign = sign or _unsigned
        self._core = UplinkCore(journal.epoch, self._pending())
        self._applied_at = -CROSSING_S
        self._replayed = RateLimit(REPLAY_EVERY_S)
        self._forgotten_told: dict[tuple[Stream, int], float] = {}
        self._flaps = FlapDetector()
        self._conflict_told = RateLimit()
        self._send_at: float | None = None
        self._fresh = False
        self.heard_at: float | None = None
        """When the cloud said something that could be read (monotonic)."""

    def grown(self, stream: Stream, last: int) -> None:
        """The journal's current epoch of `stream` now ends with `last`."""
        self._core.grown(stream, last)
        self._fresh = True

    def state_changed(self) -> None:
        """The gate's state changed: the cloud should know."""
        self._core.hello_soon()

    def drained(self) -> bool:
        """Whether nothing more can be done for what is not acknowledged: all is, or there is no connection."""
        return not self._core.connected or self._core.backlog() == 0

    def deadline(self) -> float | None:
        """Monotonic seconds at which `tick` is due; None while there is no connection."""
        due = self._core.deadline()
        if due is None:
            return None
        if self._fresh and self._send_at is None:
            return 0.0
        return due if self._send_at is None else min(due, self._send_at)

    def tick(self, now: Now) -> None:
        """Send what is due."""
        if self._core.hello_due(now.mono):
            self._hello(now)
        if self._fresh and self._send_at is None:
            self._send_at = now.mono + LINGER_S
        self._fresh = False
        if self._send_at is None or now.mono >= self._send_at:
            self._send_at = None
            self._send(now)

    def event(self, event: LinkEvent, now: Now) -> None:
        """What the connection told."""
        if isinstance(event, Arrived):
            self._arrived(event.payload, now)
        elif isinstance(event, LinkUp):
            log.info("connected to the broker, %d events to send", self._core.backlog())
            self._flaps.connected(now.mono)
            self._core.online()
        elif isinstance(event, LinkDown):
            log.info("connection to the broker is gone: %s", event.detail)
            self._core.offline()
            if self._flaps.disconnected(now.mono):
                self._conflict(now, "the broker keeps throwing this device out: is another one using its identity?")

    def _send(self, now: Now) -> None:
        for send in self._core.sends(now.mono):
            previous, payloads = self._journal.fetch(send.stream, send.epoch, send.first, send.last - send.first + 1)
            batch = Batch(self._number, send.stream, send.epoch, send.first, previous, payloads)
            self._publisher.publish(pack(UP.encode(self._sign(batch))))

    def _hello(self, now: Now) -> None:
        hello = Hello(
            device=self._number,
            epoch=self._journal.epoch,
            at=now.wall_ms,
            software=__version__,
            documents=self._versions(),
            state=short_text(self._state()),
            backlog=self._core.backlog(),
        )
        self._publisher.publish(UP.encode(self._sign(hello)))

    def _arrived(self, payload: bytes, now: Now) -> None:
        try:
            message = DOWN.decode(payload)
        except UnknownVersion as error:
            detail = f"the cloud speaks a newer version: update this gate ({error})"
            self._incident(now, IncidentCode.CLOUD_NEWER, detail)
            return
        except CodecError as error:
            self._incident(now, IncidentCode.MESSAGE_MALFORMED, str(error))
            return
        self.heard_at = now.mono
        if isinstance(message, Ack):
            self._ack(message, now)
        elif isinstance(message, SignedDocument):
            self._document(message, now)
        elif isinstance(message, Notice):
            log.warning("notice from the cloud: %s %s", message.code, message.detail)
            if message.code == IncidentCode.IDENTITY_CONFLICT:
                self._conflict(now, f"the cloud says: {message.detail}")
        elif isinstance(message, DocumentWanted):
            self._give_back(message.name)
        elif isinstance(message, RelayRequest):
            self._incident(now, IncidentCode.MESSAGE_MALFORMED, "a relay request came to a gate; encoders serve them")
        elif self._other is not None:
            self._other(message)

    def _pending(self) -> list[tuple[Stream, int, int, int]]:
        return [(p.stream, p.epoch, p.last_seq, p.acked_seq) for p in self._journal.pending()]

    def _is_of_this_cloud(self, ack: Ack, now: Now) -> bool:
        """Whether the acknowledgement counts. A cloud that was restored from a backup is sent everything again.

        One that changes back and forth (two clouds, one broker) is believed anew only now and then, and until then not
        at all: what it says to have may be in the other one.
        """
        known = self._journal.generation
        if ack.generation == known:
            return True
        try:
            if known is None:
                self._journal.meet(ack.generation)
            elif not self._replayed.allows(now.mono):
                return False
            else:
                self._journal.replay(ack.generation)
                self._core.replay(self._pending())
                detail = f"generation {ack.generation} instead of {known}: {self._core.backlog()} events are sent again"
                self._incident(now, IncidentCode.CLOUD_RESTORED, detail)
        except JournalFull:
            log.warning("no room to remember the cloud's generation; it is asked again")
            return False
        return True

    def _ack(self, ack: Ack, now: Now) -> None:
        if not self._is_of_this_cloud(ack, now):
            return
        self._journal.heard()
        if self._journal.is_forgotten(ack.stream, ack.epoch, ack.seq):
            self._tell_forgotten(ack, now)
            return
        own = self._journal.head_at(ack.stream, ack.epoch, ack.seq)
        result = self._core.acknowledged(ack, own)
        if result is AckResult.FOREIGN:
            self._conflict(now, f"acknowledged what this gate never wrote: epoch {ack.epoch}, event {ack.seq}")
        elif result is AckResult.ADVANCED:
            try:
                self._journal.acknowledge(ack.stream, ack.epoch, ack.seq)
            except JournalFull:
                log.warning("no room to mark events as acknowledged; they are sent again after a restart")

    def _tell_forgotten(self, ack: Ack, now: Now) -> None:
        """An old acknowledgement, come late; or of a cloud from so old a backup that we lack what it lacks."""
        key = (ack.stream, ack.epoch)
        if now.mono < self._forgotten_told.get(key, 0.0):
            return
        self._forgotten_told[key] = now.mono + FORGOTTEN_EVERY_S
        first, head = self._journal.beginning(ack.stream, ack.epoch)
        message = Forgotten(self._number, ack.stream, ack.epoch, first, head)
        self._publisher.publish(UP.encode(self._sign(message)))

    def _give_back(self, name: str) -> None:
        """The cloud lost a document that it signed: it gets it from here, and believes its own signature."""
        signed = self._documents.signed(name)
        if signed is not None:
            log.info("document %s is sent back to the cloud", name)
            self._publisher.publish(UP.encode(HeldDocument(self._number, signed.key_id, signed.body, signed.signature)))

    def _document(self, signed: SignedDocument, now: Now) -> None:
        try:
            document = self._documents.apply(signed)
        except UnknownVersion as error:
            self._incident(now, IncidentCode.CLOUD_NEWER, f"a document of a newer version: update this gate ({error})")
            return
        except DocumentOlder as error:
            if now.mono - self._applied_at < CROSSING_S:
                log.info("%s: two answers crossed", error)
            else:
                self._incident(now, IncidentCode.DOCUMENT_REFUSED, str(error))
            return
        except (DocumentRefused, CodecError) as error:
            self._incident(now, IncidentCode.DOCUMENT_REFUSED, str(error))
            return
        except JournalFull as error:
            self._incident(now, IncidentCode.DOCUMENT_REFUSED, f"no room to store it: {error}")
            return
        if document is None:
            return
        self._applied_at = now.mono
        name = DOCUMENT_NAMES[type(document)]
        log.info("document %s version %d applied, %d entries", name, document.version, len(document.entries))
        self._told()
        self._core.hello_soon()

    def _conflict(self, now: Now, detail: str) -> None:
        if self._conflict_told.allows(now.mono):
            self._incident(now, IncidentCode.IDENTITY_CONFLICT, detail)

    def _incident(self, now: Now, code: IncidentCode, detail: str) -> None:
        log.warning("%s: %s", code.value, detail)
        self._note(Incident(now.wall_ms, code.value, short_text(detail)))


def _unsigned(message: Told) -> Told:
    """As a device sends it that was never enrolled."""
    return message
