# SPDX-License-Identifier: Apache-2.0
"""The host's end of the link to a lane board, without a line or a clock: bytes and times in, events and bytes out.

An opening is asked for under a number that no later one has, and only of the boot that is known; reports carry every
count since that boot. So whatever the line does, an opening happens at most once and its end tells who passed. A board
that began anew cannot say what passed before: the opening then ends with what was known.
"""

import logging
from typing import Any

from pistegate_edge.lane.board import codes
from pistegate_edge.lane.board.counted import Told
from pistegate_edge.lane.board.orders import GIVE_UP_MS, Opening, Order, Orders
from pistegate_edge.lane.board.voice import Voice
from pistegate_edge.lane.core import messages, words
from pistegate_edge.lane.core.wire import Decoder
from pistegate_edge.lane.host import Event, Mark

log = logging.getLogger(__name__)

SILENT_MS = 1000  # a board reports every 200 ms
LOST_MS = 5000  # beyond the lease of an opening: then a silent board has shut, and nobody is on the way any more

# States; each says what is true in it.
DOWN = "down"  # there is no line
ASKING = "asking"  # there is a line, and no board that was heard a moment ago
REFUSED = "refused"  # a board of another protocol or profile is there; nothing is asked of it
LINKED = "linked"  # a board of ours reports
TABLE = {
    DOWN: {"line_up": ASKING, "line_down": DOWN},
    ASKING: {"line_down": DOWN, "other": REFUSED, "report": LINKED, "quiet": ASKING},
    REFUSED: {"line_down": DOWN, "other": REFUSED, "report": LINKED, "quiet": ASKING},
    LINKED: {"line_down": DOWN, "other": REFUSED, "report": LINKED, "quiet": ASKING},
}


class BoardSession:
    """`run`: 8 hex digits by chance. `since`: the mark of the last admission of an earlier run. Times are ms."""

    def __init__(self, profile: str, run: str, lease_ms: int, since: Mark | None = None, config: str = "gate.toml"):
        self.state = DOWN
        self.report: dict[str, Any] | None = None
        self.hello: dict[str, Any] | None = None
        self._profile = profile
        self._lease_ms = lease_ms
        self.since = since
        self._config = config
        self._voice = Voice(profile, run)
        self._decoder = Decoder()
        self._orders = Orders()
        self._told = Told()
        self._opening: Opening | None = None
        self._given_up: Opening | None = None  # its end was told while the board was silent
        self._mode_nonce = 0
        self._group: tuple[str, dict[str, Any]] | None = None  # waits for the end of the opening before
        self._mode: dict[str, Any] | None = None  # what staff asked for, for a board that began anew
        self._link_fault: str | None = None
        self._heard = 0
        self._begun = False
        self._fits = False  # the board that said hello last is of this protocol and profile
        self._past: list[str] = []  # boots that are over: what they said late is not listened to

    # What the gate asks

    @property
    def settled(self) -> bool:
        """Whether anything is known of the board: it reports, or its fault was told."""
        return self.state == LINKED or self._link_fault is not None

    @property
    def mark(self) -> Mark | None:
        """What an admission may keep; None: no board is known."""
        return None if self.report is None else (self.report["boot"], _counts(self.report))

    @property
    def exact(self) -> bool:
        """Whether the board counted without a break since the mark of an earlier run."""
        return self.since is not None and self.report is not None and self.report["boot"] == self.since[0]

    @property
    def lane_state(self) -> str:
        """The core's state, or the link's while that is unknown."""
        return str(self.report["state"]) if self.state == LINKED and self.report is not None else self.state

    def open(self, now: int, persons: int, direction: str) -> list[Event]:
        """Ask for an opening; its ("closed", k) comes at once when there is no board to ask."""
        if self.state != LINKED or self._opening is not None:
            log.warning("no opening: the lane board is %s", self.lane_state)
            return [(words.CLOSED, 0)]
        fields = {"direction": messages.DIRECTIONS.index(direction), "persons": persons, "lease_ms": self._lease_ms}
        self._begin(now, "open", direction, fields)
        return []

    def drain(self, now: int) -> list[Event]:
        """Ends when the board has told; a board that is not there is waited for."""
        if self._opening is not None:
            self._orders.keep(lambda order: order.nonce != self._opening_nonce())
        self._begin(now, "drain", words.ENTRY, {})
        return []

    def stop(self, now: int) -> list[Event]:
        """Ask for the end; the opening under way ends by a report, or as any of a silent board."""
        if self.state == LINKED or self._opening is not None:
            self._orders.add(now, "stop", {})
        return []

    def mode(self, now: int, mode: str, direction: str, persons: int) -> list[Event]:
        """Ask for a mode; one that cannot be had is answered by the mode that holds, now or later."""
        fields = {"mode": messages.MODES.index(mode), "direction": _direction(direction), "persons": persons}
        self._mode = fields if mode in (words.FREE, words.OUT) else None
        self._group = None
        if self.state != LINKED:
            self._mode = None
            return [(words.MODE, self._mode_holds())]
        if mode != words.GROUP:
            self._mode_nonce = self._orders.add(now, "mode", fields)
        elif self._opening is None:
            self._begin(now, "mode", direction, fields)
        else:  # its end is told before a group begins
            self._group = (direction, fields)
            self._orders.add(now, "stop", {})
        return []

    def reset(self, now: int) -> list[Event]:
        """Ask for the reset of latched faults; a latched board starts anew. Nothing where no board is heard: a reset
        is for what the person who asks for it sees now.
        """
        self._orders.keep(lambda order: order.name != "reset")
        if self.state == LINKED:
            self._orders.add(now, "reset", {})
        return []

    def play(self, now: int, track: int, first: Any, for_ms: int, then: Any) -> None:
        """Lamps or sound on the board, as `core.pattern.Mixer.play` takes them."""
        self._voice.play(track, first, for_ms, then)

    # What the line tells

    def line_up(self, now: int) -> list[Event]:
        """There is a line; whatever was half heard is forgotten."""
        self._decoder = Decoder()
        self._heard = now if not self._begun else self._heard
        self._begun = True
        self._go("line_up")
        return []

    def line_down(self, now: int) -> list[Event]:
        """The line failed."""
        self._go("line_down")
        return self._fault(codes.SILENT)

    def hear(self, now: int, data: bytes) -> list[Event]:
        """Bytes of the board."""
        events: list[Event] = []
        for body in self._decoder.feed(data):
            told = messages.decode(body, messages.BOARD)
            if told is None or self.state == DOWN:
                continue
            _, name, values = told
            if name == "hello":
                events += self._hello(now, values)
            elif name == "state":
                events += self._report(now, values)
            elif name == "event" and self._known(values):
                events += self._told.event(values)
                self._voice.hurry()
            elif name == "log":
                log.info("lane board: %s", values["text"])
        return events

    def tick(self, now: int) -> list[Event]:
        """Time went on."""
        events: list[Event] = []
        if self.state in (LINKED, REFUSED) and now - self._heard > SILENT_MS:
            self._go("quiet")
        if self.state == ASKING and now - self._heard > SILENT_MS:
            events += self._fault(codes.SILENT)
        opening = self._opening
        if opening is None:
            return events
        if opening.name != "drain" and self._orders.waits(opening.nonce) and now - opening.renewed >= GIVE_UP_MS:
            self._orders.keep(lambda order: order.nonce != opening.nonce)
            self._orders.add(now, "stop", {})
        if self._lost(now, opening):
            log.warning("the lane board was silent through an opening: it ends with %d passed", opening.told)
            self._given_up = opening
            self._orders.keep(lambda order: order.nonce != opening.nonce)
            events += self._close(now, opening.told)
        return events

    def send(self, now: int) -> bytes:
        """The bytes that are due."""
        if self.state == DOWN:
            return b""
        if self.state != LINKED or self.report is None:
            return self._voice.ask(now)
        data = b""
        order = self._orders.due(now)
        if order is not None:
            data += self._voice.command(self.report, order.name, {"nonce": order.nonce} | order.fields)
        opening = self._opening
        if opening is not None and opening.taken and now - opening.renewed >= opening.lease_ms // 4:
            opening.renewed = now
            fields = {"opening": opening.nonce, "lease_ms": opening.lease_ms}
            data += self._voice.command(self.report, "renew", fields)
        return data + self._voice.idle(now, self.report, self._told.next_event or 1)

    def service(self) -> bytes:
        """Ask the board, whatever it runs, to leave its console to `board flash`."""
        return self._voice.frame("service", {})

    def deadline(self, now: int) -> int | None:
        """When `tick` and `send` are due."""
        if self.state == DOWN:
            opening = self._opening
            return None if opening is None else self._heard + opening.lease_ms + LOST_MS + 1
        due = self._voice.deadline(self.state == LINKED)
        return min(due, self._orders.next_at(now)) if self.state == LINKED and self._orders else due

    # How it goes on

    def _hello(self, now: int, hello: dict[str, Any]) -> list[Event]:
        if hello["boot"] in self._past:
            return []
        self._heard = now
        if hello != self.hello:
            log.info("lane board: firmware %s, boot %s", hello["version"], hello["boot"])
            if hello["crash"]:
                log.error("lane board is latched: %s; %s", hello["crash"], self._remedy(messages.CRASHED))
        self.hello = hello
        other = None
        if hello["protocol"] != messages.PROTOCOL:
            other = codes.OTHER_FIRMWARE
            log.error("the lane board speaks protocol %s, this gate %s", hello["protocol"], messages.PROTOCOL)
        elif hello["profile"] != self._profile:
            other = codes.OTHER_PROFILE
            log.error("the lane board has profile %s, this gate %s", hello["profile"], self._profile)
        self._fits = other is None
        if other is None:
            return []
        self._go("other")
        return self._fault(other)

    def _known(self, values: dict[str, Any]) -> bool:
        return self.state == LINKED and self.report is not None and values["boot"] == self.report["boot"]

    def _report(self, now: int, report: dict[str, Any]) -> list[Event]:
        if not self._fits or self.hello is None or report["boot"] != self.hello["boot"]:
            return []
        if report["run"] != self._voice.run:
            return []
        before = self.report
        if before is not None and before["boot"] == report["boot"] and report["report"] <= before["report"]:
            return []  # late or doubled
        self._heard = now
        self._go("report")
        events: list[Event] = []
        self.report = report
        if before is None:
            # A key may have been turned before this host came.
            events += [(words.MODE, mode)] if (mode := self._mode_holds()) in (words.FREE, words.OUT) else []
        elif before["boot"] != report["boot"]:
            events += self._new_boot(now, before["boot"])
        events += self._fault(None)
        self._orders.answered(report["nonce"])
        if report["nonce"] == self._mode_nonce and report["result"] == messages.REFUSED:
            self._mode_nonce, self._mode = 0, None
            events.append((words.MODE, self._mode_holds()))
        events += self._told.report(report)
        self._voice.playing(report["turns"])
        return events + self._progress(now, report)

    def _progress(self, now: int, report: dict[str, Any]) -> list[Event]:
        """What the report says of the opening under way, or of the one that was given up."""
        opening = self._opening
        if opening is None:
            return self._late(report)
        if report["nonce"] < opening.nonce:
            return []
        if report["opening"] != opening.nonce:
            log.warning("the lane board did not open: %s", report["why"] or "the order came too late")
            refused: list[Event] = [(words.MODE, self._mode_holds())] if opening.name == "mode" else []
            return refused + self._close(now, opening.told)
        if not opening.taken:
            opening.taken, opening.renewed = True, now
        events = self._through(opening, report)
        if not report["open"] and self._told.caught_up(report):
            events += self._close(now, opening.told)
        return events

    def _through(self, opening: Opening, report: dict[str, Any]) -> list[Event]:
        """Persons of the opening who are told as passed only now."""
        before, passed = opening.told, report["passed"]
        told = True
        if opening.name == "mode":
            told = False  # a group's persons are told one by one, as counted
        elif opening.name == "drain" and self.since is not None and self.exact:
            # The mark is of the admission: those that the run before had recorded are among them. The end tells all.
            passed, told = max(0, _counts(report) - self.since[1]), False
        opening.told = max(before, passed)
        return [(words.PASSED, person) for person in range(before + 1, opening.told + 1)] if told else []

    def _late(self, report: dict[str, Any]) -> list[Event]:
        late = self._given_up
        if late is None or report["opening"] != late.nonce or report["passed"] <= late.told:
            return []
        more = report["passed"] - late.told
        late.told = report["passed"]
        return [(words.INCIDENT, codes.LATE_COUNT), *[(words.COUNTED, late.direction)] * more]

    def _new_boot(self, now: int, before: str) -> list[Event]:
        log.error("the lane board began anew")
        self._past.append(before)
        self._told.new_boot()
        self._given_up = None
        events: list[Event] = [(words.INCIDENT, codes.REBOOTED)]
        opening = self._opening
        drains = opening is not None and opening.name == "drain"
        ours = self._opening_nonce()
        self._orders.keep(lambda order: _again(order) and (order.nonce != ours or drains))
        if self._mode is not None and self.report is not None:
            self._orders.add(now, "mode", self._mode)
        if opening is not None and not drains:
            events += self._close(now, opening.told)
        elif opening is not None and not self._orders.waits(opening.nonce):
            opening.nonce, opening.taken = self._orders.add(now, "drain", {}), False
        return events

    def _mode_holds(self) -> str:
        """As the board last said."""
        mode = 0 if self.report is None else int(self.report["mode"])
        return messages.MODES[mode] if mode < len(messages.MODES) else words.NORMAL

    def _begin(self, now: int, name: str, direction: str, fields: dict[str, Any]) -> None:
        nonce = self._orders.add(now, name, fields)
        self._given_up = None
        self._opening = Opening(nonce, name, direction, self._lease_ms, renewed=now)

    def _close(self, now: int, passed: int) -> list[Event]:
        self._opening = None
        if self._group is not None:
            (direction, fields), self._group = self._group, None
            self._begin(now, "mode", direction, fields)
        return [(words.CLOSED, passed)]

    def _opening_nonce(self) -> int:
        return 0 if self._opening is None else self._opening.nonce

    def _lost(self, now: int, opening: Opening) -> bool:
        """A silent board has shut by now; who passed meanwhile it may tell when it is back."""
        return opening.name != "drain" and self.state != LINKED and now - self._heard > opening.lease_ms + LOST_MS

    def _fault(self, code: str | None) -> list[Event]:
        """The link's own fault: one at a time."""
        before, self._link_fault = self._link_fault, code
        if before == code:
            return []
        events: list[Event] = [] if before is None else [(words.CLEAR, before)]
        if code is not None:
            log.error("%s: %s", code, self._remedy(code))
            events.append((words.FAULT, code))
        return events

    def _remedy(self, code: str) -> str:
        return codes.REMEDIES[code].format(config=self._config)

    def _go(self, event: str) -> None:
        self.state = TABLE[self.state][event]


def _again(order: Order) -> bool:
    """Whether an order holds for a board that began anew: what opens does not, what stops needs not, and a reset that
    went on by itself would unlatch a board that fails at each start.
    """
    return order.name in ("drain", "mode")


def _counts(report: dict[str, Any]) -> int:
    return int(report["entries"]) + int(report["exits"])


def _direction(direction: str) -> int:
    return messages.DIRECTIONS.index(direction) if direction in messages.DIRECTIONS else 0
