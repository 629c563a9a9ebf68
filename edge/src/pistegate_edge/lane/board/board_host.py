# SPDX-License-Identifier: Apache-2.0
"""A lane behind a lane board: the session on the gate's loop, the line on a thread of its own."""

import logging
import secrets
from collections.abc import Callable
from typing import Any

from pistegate_edge.lane.board.document import profile_hash
from pistegate_edge.lane.board.serial_link import Heard, LineDown, LineTold, LineUp, SerialLink
from pistegate_edge.lane.board.session import BoardSession
from pistegate_edge.lane.host import Event, Mark, in_ms
from pistegate_edge.lane.settings import LaneSettings

log = logging.getLogger(__name__)

LEASE_MS = 2000  # a gate whose loop stands still for so long is as good as dead: the lane shuts


class BoardLane:
    """LaneHost. `since`: as `remember`.

    `drain` waits for the board: its ("closed", k) comes when the board has told, however long that is. Where the board
    ran on since that mark (`exact`), k is everybody who passed since; else those whom the drain itself saw.
    """

    def __init__(
        self,
        settings: LaneSettings,
        tell: Callable[[LineTold], None],
        since: Mark | None = None,
        config: str = "gate.toml",
    ) -> None:
        if settings.port is None:
            raise ValueError("a lane board has a port")
        lease_ms = min(LEASE_MS, int(settings.profile["lease_ms_max"]))
        self._session = BoardSession(profile_hash(settings), secrets.token_hex(4), lease_ms, since, config)
        self._deadline: int | None = None
        self._detail = ""
        self._link = SerialLink(settings.port, tell)
        self._link.start()

    @property
    def state(self) -> str:
        """The core's state on the board; the link's while that is unknown."""
        return self._session.lane_state

    @property
    def deadline(self) -> float | None:
        """When `tick` is due, monotonic seconds."""
        return None if self._deadline is None else self._deadline / 1000

    @property
    def ready(self) -> bool:
        """Once the board was heard, or missed."""
        return self._session.settled

    @property
    def mark(self) -> Mark | None:
        """(boot, persons counted since): for an admission to keep, and a later run to give as `since`."""
        return self._session.mark

    @property
    def exact(self) -> bool:
        """Whether the board counted on since the mark of the earlier run."""
        return self._session.exact

    def remember(self, since: Mark | None) -> None:
        """What the last admission of an earlier run kept; before `drain`."""
        self._session.since = since

    def open(self, now: float, persons: int, direction: str) -> list[Event]:
        """Ask the board to let `persons` through; exactly one ("closed", k) follows."""
        return self._sent(now, self._session.open(in_ms(now), persons, direction))

    def take(self, told: object, now: float) -> list[Event]:
        """What the line's thread told."""
        if isinstance(told, Heard):
            return self._sent(now, self._session.hear(in_ms(now), told.data))
        if isinstance(told, LineUp):
            self._detail = ""
            return self._sent(now, self._session.line_up(in_ms(now)))
        if isinstance(told, LineDown):
            if told.detail != self._detail:
                log.error("the line to the lane board failed: %s; it is tried again", told.detail)
            self._detail = told.detail
            return self._sent(now, self._session.line_down(in_ms(now)))
        return []

    def tick(self, now: float) -> list[Event]:
        """Time went on."""
        return self._sent(now, self._session.tick(in_ms(now)))

    def drain(self, now: float) -> list[Event]:
        """After a restart: shut, and learn from the board who passed."""
        return self._sent(now, self._session.drain(in_ms(now)))

    def stop(self, now: float) -> list[Event]:
        """Shut as soon as nobody is in the way."""
        return self._sent(now, self._session.stop(in_ms(now)))

    def mode(self, now: float, mode: str, direction: str, persons: int) -> list[Event]:
        """Override; refused, the mode that holds is told, now or when the board has answered."""
        return self._sent(now, self._session.mode(in_ms(now), mode, direction, persons))

    def reset(self, now: float) -> list[Event]:
        """The documented reset of latched faults, a latched board's included."""
        return self._sent(now, self._session.reset(in_ms(now)))

    def play(self, now: float, track: int, first: Any, for_ms: int, then: Any) -> None:
        """Lamps and sound on the board, as `core.pattern.Mixer.play` takes them."""
        self._session.play(in_ms(now), track, first, for_ms, then)
        self._sent(now, [])

    def close(self) -> None:
        """Give the line back. An opening under way ends with its lease, as does any of a host that is gone."""
        self._link.stop()

    def _sent(self, now: float, events: list[Event]) -> list[Event]:
        data = self._session.send(in_ms(now))
        if data:
            self._link.write(data)
        self._deadline = self._session.deadline(in_ms(now))
        return events
