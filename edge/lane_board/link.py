# SPDX-License-Identifier: Apache-2.0
"""What the host says and what it is told: bytes in, bytes out, pure but for the lane that it commands.

It speaks only while a host is heard. Whatever is lost, doubled or late on the line: a command is carried out at most
once (numbers only go up), an old one never (it names a report that must be fresh), and every report says all counts.
"""

from lane_board.events import Kept, Lines
from pistegate_edge.lane.core import messages, words
from pistegate_edge.lane.core.pattern import Mixer
from pistegate_edge.lane.core.wire import Decoder, frame

QUIET_MS = 1000  # a host not heard for so long is gone; it speaks every 250 ms
STALE_MS = 1000  # a command that answers an older report is too late: the host has given it up
REPORT_MS = 200  # between reports while nothing changes
REPORT_GAP_MS = 20  # at least, between two reports
INPUTS_MS = 100  # and when only inputs changed: beams flicker, and nobody but a technician waits for them
_REPORTS = 64  # whose times are kept: more than fit into STALE_MS
_RUNS = 8  # runs of hosts that are over and stay over


class Link:
    """`lane` is None on a latched board. `identity` has profile, build and version, as `hello` tells them."""

    def __init__(self, identity: dict, boot: str, lane, crash: str):
        self.service = False  # the host wants the console: leave the lane safe, and go
        self.unlatch = False  # the host wants a latched board to start anew
        self.mixer = Mixer()
        self.quiet = True
        self.lines = Lines()
        self._identity = identity
        self._boot = boot
        self._lane = lane
        self._crash = crash
        self._decoder = Decoder()
        self._seq = 0
        self._out = []
        self._run = messages.NOBODY
        self._over = []
        self._heard = 0
        self._events = Kept()
        self._faults = [messages.CRASHED] if crash else []
        self._beyond = {words.ENTRY: 0, words.EXIT: 0}
        self._nonce = 0
        self._result = messages.TAKEN
        self._why = ""
        self._opening = 0
        self._passed = 0
        self._open = False
        self._orphan = False  # the opening under way is a host's that is gone: nobody wants to hear of it
        self._turns = [0, 0, 0]
        self._report = 0
        self._times = [0] * _REPORTS
        self._reported = None
        self._inputs = 0
        self.mixer.alone(0)

    # What comes

    def take(self, now: int, data: bytes) -> None:
        """Bytes of the host."""
        for body in self._decoder.feed(data):
            told = messages.decode(body, messages.HOST)
            if told is None:
                continue
            name, values = told[1], told[2]
            if name == "ask":
                self._ask(now, values)
            elif name == "service":
                self.service = True
            elif self._fresh(now, values):
                self._heard = now
                self.quiet = False
                if "nonce" in values:
                    self._command(now, name, values)
                else:
                    self._advice(now, name, values)

    def _ask(self, now: int, values: dict) -> None:
        run = values["run"]
        ours = values["protocol"] == messages.PROTOCOL and values["profile"] == self._identity["profile"]
        if ours and run != self._run and run not in self._over:
            self._adopt(now, run)
        if ours and run == self._run:
            self._heard = now
            self.quiet = False
        self._reported = None
        self._send(
            "hello",
            {
                "protocol": messages.PROTOCOL,
                "profile": self._identity["profile"],
                "boot": self._boot,
                "run": self._run,
                "build": self._identity["build"],
                "version": self._identity["version"],
                "crash": self._crash,
            },
        )

    def _adopt(self, now: int, run: str) -> None:
        """Another run of the host: the opening of the one before ends."""
        self._over = (self._over + [self._run])[-_RUNS:]
        self._run = run
        self._nonce = 0
        self._result, self._why = messages.TAKEN, ""
        self._turns = [0, 0, 0]
        if self._open:
            self._orphan = True
            self.told(now, self._lane.stop(now))
        self._opening, self._passed, self._open = 0, 0, False

    def _fresh(self, now: int, values: dict) -> bool:
        if values["boot"] != self._boot or values["run"] != self._run:
            return False
        age = self._report - values["seen"]
        return 0 <= age < _REPORTS and now - self._times[values["seen"] % _REPORTS] <= STALE_MS

    def _command(self, now: int, name: str, values: dict) -> None:
        if values["nonce"] <= self._nonce:
            return
        self._nonce = values["nonce"]
        self._why = self._refusal(name, values)
        if not self._why:
            try:
                self._carry_out(now, name, values)
            except ValueError as error:  # the lane's own refusal; it did nothing
                self._why = messages.cut(str(error)) or "refused"
        self._result = messages.REFUSED if self._why else messages.TAKEN
        if self._why:
            self.lines.add(now, "refused " + name + ": " + self._why)

    def _carry_out(self, now: int, name: str, values: dict) -> None:
        if name == "open":
            direction = messages.DIRECTIONS[values["direction"]]
            events = self._lane.open(now, direction, values["persons"], values["lease_ms"])
            self._begin(values["nonce"])
            self.told(now, events)
        elif name == "stop":
            self.told(now, self._lane.stop(now))
        elif name == "drain":
            self.told(now, self._lane.drain(now))  # it takes over an opening under way: one end for both
            self._begin(values["nonce"])
        elif name == "mode":
            self._set_mode(now, values)
        elif self._lane is None:
            self.unlatch = True
        else:
            self.told(now, self._lane.reset(now))

    def _refusal(self, name: str, values: dict) -> str:
        """Why a command is not carried out; empty: it is."""
        lane = self._lane
        if lane is None:
            return "" if name == "reset" else "latched"
        if name in ("open", "mode") and values["direction"] >= len(messages.DIRECTIONS):
            return "direction"
        if name == "mode":
            group = values["mode"] == messages.MODES.index(words.GROUP)
            if values["mode"] >= len(messages.MODES) or (group and not values["persons"]):
                return "mode"
        if name == "open":
            if not values["persons"] or not values["lease_ms"]:
                return "persons"
            if self._open or not lane.can_open(messages.DIRECTIONS[values["direction"]]):
                return messages.cut("lane is " + lane.state)
        return ""

    def _set_mode(self, now: int, values: dict) -> None:
        mode = messages.MODES[values["mode"]]
        self.told(now, self._lane.mode(now, mode, messages.DIRECTIONS[values["direction"]], values["persons"]))
        if mode == words.GROUP:
            self._begin(values["nonce"])

    def _begin(self, nonce: int) -> None:
        self._opening, self._passed, self._open = nonce, 0, True

    def _advice(self, now: int, name: str, values: dict) -> None:
        if name == "alive":
            self._events.acked(values["acked"])
        elif name == "renew":
            if self._open and values["opening"] == self._opening:
                self._lane.renew(now, values["lease_ms"])
        elif name == "signals":
            self._play(now, values)
        elif name == "logs":
            for number, text in self.lines.kept():
                self._send("log", {"number": number, "text": text})

    def _play(self, now: int, values: dict) -> None:
        track = values["track"]
        if track < len(self._turns) and values["turn"] != self._turns[track]:
            self._turns[track] = values["turn"]
            try:
                self.mixer.play(now, track, values["first"], values["for_ms"], values["then"])
            except ValueError as error:
                self.lines.add(now, "signals: " + str(error))

    # What the lane told

    def told(self, now: int, events: list) -> None:
        """Events of the lane, in order."""
        for name, value in events:
            if name == words.COUNTED:
                self._beyond[value] += 1
            elif name in (words.PASSED, words.CLOSED):
                self._through(name, value)
            else:
                self._happened(now, name, value)

    def _through(self, name: str, value: int) -> None:
        if self._orphan:
            self._orphan = name != words.CLOSED
        elif self._open:
            self._passed = value
            self._open = name != words.CLOSED
        else:
            self._events.add(name, "", value)

    def _happened(self, now: int, name: str, value: str) -> None:
        self.lines.add(now, name + " " + str(value))
        if name == words.FAULT:
            if value not in self._faults:
                self._faults.append(value)
        elif name == words.CLEAR:
            if value in self._faults:
                self._faults.remove(value)
        else:
            self._events.add(name, value, 0)

    # What is said

    def say(self, now: int, inputs: int, outputs: int) -> bytes:
        """The bytes that are due: answers, events, and a report when something changed or it is time."""
        if not self.quiet and now - self._heard > QUIET_MS:
            self.quiet = True
            self._turns = [0, 0, 0]
            self.mixer.alone(now)
            self.lines.add(now, "the host went quiet")
        if not self.quiet and self._run != messages.NOBODY:
            for number, name, text, count in self._events.due(now):
                values = {"boot": self._boot, "number": number, "name": name, "text": text, "count": count}
                self._send("event", values)
            self._report_due(now, inputs, outputs)
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out = []
        return data

    def _report_due(self, now: int, inputs: int, outputs: int) -> None:
        since = now - self._times[self._report % _REPORTS] if self._report else REPORT_MS
        values = self._values(inputs, outputs)
        seen = _essence(values)
        due = since >= REPORT_MS or self._reported is None
        due = due or (seen != self._reported and since >= REPORT_GAP_MS)
        if due or (inputs != self._inputs and since >= INPUTS_MS):
            self._inputs = inputs
            self._report += 1
            self._times[self._report % _REPORTS] = now
            self._reported = seen
            values["report"] = self._report
            self._send("state", values)

    def _values(self, inputs: int, outputs: int) -> dict:
        lane = self._lane
        counts = lane.counts if lane else (0, 0)
        return {
            "boot": self._boot,
            "run": self._run,
            "report": 0,
            "state": messages.cut(lane.state) if lane else "latched",
            "mode": messages.MODES.index(lane.mode_is() if lane else words.NORMAL),
            "inputs": inputs,
            "outputs": outputs,
            "faults": messages.fault_bits(self._faults),
            "entries": counts[0],
            "exits": counts[1],
            "beyond_in": self._beyond[words.ENTRY],
            "beyond_out": self._beyond[words.EXIT],
            "nonce": self._nonce,
            "result": self._result,
            "why": self._why,
            "opening": self._opening,
            "passed": self._passed,
            "open": 1 if self._open else 0,
            "first": self._events.first,
            "last": self._events.last,
            "turns": self._turns[0] | self._turns[1] << 8 | self._turns[2] << 16,
        }

    def _send(self, name: str, values: dict) -> None:
        self._seq = (self._seq + 1) & 255
        self._out.append(frame(messages.encode(self._seq, name, values)))


def _essence(values: dict) -> list:
    """What of a report, when it changes, is told at once; levels of inputs can wait."""
    return [values[field] for field, _ in messages.STATE if field not in ("report", "inputs")]
