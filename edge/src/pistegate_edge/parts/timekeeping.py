# SPDX-License-Identifier: Apache-2.0
"""The gate's clock as a part: looks who vouches for it, asks the cloud, records and shows how it stands."""

import logging
import secrets
from pathlib import Path
from typing import Final

from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.now import Now
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.timekeeping.asking import ASK_AGAIN_S, ASK_S, TimeAsking
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_edge.timekeeping.told import Why
from pistegate_protocol.documents import DOCUMENT_NAMES, DocumentRefused
from pistegate_protocol.errors import CodecError
from pistegate_protocol.messages import NONCE_BYTES, UP, SignedDocument, TimeAsked, TimeTold
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.time_marks import TIME_MARK, TimeMark, verify_time

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0  # a jump is noticed at once by whoever reads the clock; who vouches, so often
KEEP_MS: Final = 3_600_000  # one commit an hour at most: events carry the time as well


class Timekeeping(Part):
    """`device`, `site`: of this gate; `keys`: of documents; `directory`: where a technician's word lies."""

    takes = (TimeTold,)

    def __init__(
        self, clock: GuardedClock, ports: Ports, device: int, site: int, keys: KeyRing, directory: Path
    ) -> None:
        self._clock = clock
        self._ports = ports
        self._device = device
        self._site = site
        self._keys = keys
        self._directory = directory
        self._asking = TimeAsking(device)
        self._look_at = 0.0
        self._ask_at: float | None = None
        self._again_s = ASK_AGAIN_S
        self._kept_ms: int | None = None
        self._told: tuple[bool, str] | None = None

    @property
    def words(self) -> str:
        """See Part."""
        standing = self._clock.standing()
        if standing.why is Why.SYSTEM_OFF:
            return "system clock is off"
        return "" if standing.trusted else f"clock suspect: {standing.why}"

    @property
    def deadline(self) -> float | None:
        """See Part."""
        return self._look_at if self._ask_at is None else min(self._look_at, self._ask_at)

    def start(self) -> None:
        """An epoch tells how its clock stands before it tells anything else."""
        self._know_documents()
        self._look(self._clock.now())

    def told(self) -> None:
        """See Part."""
        self._know_documents()

    def tick(self, now: Now) -> None:
        """See Part."""
        if now.mono >= self._look_at:
            self._look(now)
        if self._ask_at is not None and now.mono >= self._ask_at:
            self._ask(now)

    def stepped(self, now: Now) -> None:
        """See Part."""
        if self._news():
            self._look(now)

    def linked(self, up: bool, now: Now) -> None:
        """See Part."""
        self._ask_at, self._again_s = None, ASK_AGAIN_S
        if up:
            self._ask(now)

    def take(self, told: TimeTold, now: Now) -> None:
        """The cloud's answer."""
        try:
            mark = verify_time(told, self._keys, self._site)
        except (DocumentRefused, CodecError) as error:
            self._ports.note(IncidentCode.DOCUMENT_REFUSED, f"time: {error}")
            return
        fresh = self._asking.answered(mark, self._clock.steady_ms())
        if fresh is None:
            self._clock.known(mark.issued_at)
        else:
            self._clock.signed(fresh.at_ms, fresh.error_ms)
            self._ask_at, self._again_s = None if self._ask_at is None else now.mono + ASK_S, ASK_AGAIN_S
            self._keep(told, mark)
        self._look(now)

    def _know_documents(self) -> None:
        """It is not earlier than the newest of what the cloud signed."""
        documents = [document for kind in DOCUMENT_NAMES if (document := self._ports.document(kind)) is not None]
        if documents:
            self._clock.known(max(document.issued_at for document in documents))

    def _look(self, now: Now) -> None:
        self._look_at = now.mono + LOOK_S
        self._clock.look()
        if self._clock.take_word(self._directory):
            log.warning("a technician says that the system's clock is right")
        if not self._news():
            return
        before, event = self._told, self._clock.event()
        self._told = event.trusted, event.reason
        self._ports.chronicle(event)
        log.log(
            logging.INFO if event.trusted else logging.WARNING,
            "clock %s: %s, moved by %d ms",
            "trusted" if event.trusted else "suspect",
            event.reason,
            event.moved,
        )
        if not event.trusted:
            self._ports.note(IncidentCode.CLOCK_SUSPECT, event.reason)
        elif before is not None and not before[0]:
            self._ports.note(IncidentCode.CLOCK_TRUSTED, event.reason)
        if before is not None:
            self._ports.state_changed()
        if not event.trusted or event.reason == Why.SYSTEM_OFF:
            self._ask_at = None if self._ask_at is None else now.mono  # the cloud decides

    def _news(self) -> bool:
        """Whether what was told of the clock does not hold any more; by whom it is trusted is no news by itself."""
        standing = self._clock.standing()
        if self._told is None or self._clock.moved():
            return True
        if (standing.why is Why.SYSTEM_OFF) != (self._told[1] == Why.SYSTEM_OFF):
            return True
        return standing.trusted != self._told[0] or (not standing.trusted and standing.why != self._told[1])

    def _ask(self, now: Now) -> None:
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._ask_at = now.mono + self._again_s
        self._again_s = min(2 * self._again_s, ASK_S)
        self._asking.ask(nonce, self._clock.steady_ms())
        self._ports.publish(UP.encode(TimeAsked(self._device, nonce)))

    def _keep(self, told: TimeTold, mark: TimeMark) -> None:
        """For the next run; anew at once where it is earlier than what was kept: that was wrong."""
        if self._kept_ms is not None and self._kept_ms <= mark.issued_at < self._kept_ms + KEEP_MS:
            return
        signed = SignedDocument(told.key_id, told.body, told.signature)
        if self._ports.keep(TIME_MARK, mark.issued_at // 1000, signed):
            self._kept_ms = mark.issued_at
