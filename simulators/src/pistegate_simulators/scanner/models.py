# SPDX-License-Identifier: Apache-2.0
"""Commands of scanners, as their makers' documents and other programs tell; written apart from the gate's profiles."""

from typing import Protocol


class Model(Protocol):
    """What a scanner does with what it hears."""

    armed: bool
    """Triggered: it reads one code."""

    @property
    def waiting(self) -> bool:
        """Whether it reads only when triggered."""

    def heard(self, data: bytes) -> bytes:
        """The answer."""


class Plain:
    """Reads all the time, hears nothing."""

    waiting = False
    armed = False

    def heard(self, data: bytes) -> bytes:
        """No answer."""
        return b""


class Gm65:
    """Zone bits written by 7E 00 08 01 <zone> <value> <check>; AB CD stands for no check."""

    ANSWER = bytes.fromhex("02000001003331")

    def __init__(self) -> None:
        self.zones = {0x0000: 0xD4}  # by default: on the button
        self.armed = False
        self._data = b""

    @property
    def waiting(self) -> bool:
        """Mode bits other than 10, continuous."""
        return self.zones[0] & 3 != 2

    def heard(self, data: bytes) -> bytes:
        """One answer for each whole command."""
        self._data, answers = (self._data + data)[-64:], b""
        while (at := self._data.find(b"\x7e\x00\x08\x01")) >= 0 and len(self._data) >= at + 9:
            command, self._data = self._data[at : at + 9], self._data[at + 9 :]
            zone, value = int.from_bytes(command[4:6], "big"), command[6]
            self.zones[zone] = value
            if zone == 2:
                self.armed = bool(value & 1)
            answers += self.ANSWER
        return answers


class Newland:
    """~ SOH 0000 (@ or #) command ; ETX, answered by STX SOH 0000 ... ACK ; ETX, or NAK for what it does not know."""

    KNOWN = (b"SCNMOD", b"SCNTRG")

    def __init__(self) -> None:
        self.settings = {b"SCNMOD": b"0"}
        self._data = b""

    @property
    def waiting(self) -> bool:
        """Modes other than 2 (sense) and 3 (continuous)."""
        return self.settings[b"SCNMOD"] not in (b"2", b"3")

    @property
    def armed(self) -> bool:
        """Triggered."""
        return self.settings.get(b"SCNTRG") == b"1"

    @armed.setter
    def armed(self, value: bool) -> None:
        self.settings[b"SCNTRG"] = b"1" if value else b"0"

    def heard(self, data: bytes) -> bytes:
        """One answer for each whole command."""
        self._data, answers = (self._data + data)[-256:], b""
        while b"\x7e\x01" in self._data and b";\x03" in self._data:
            before, _, self._data = self._data.partition(b";\x03")
            frame = before[before.rfind(b"\x7e\x01") + 2 :]
            command = frame[5:]
            known = command[:6] in self.KNOWN
            if known:
                self.settings[command[:6]] = command[6:]
            answers += b"\x02\x01" + frame + (b"\x06" if known else b"\x15") + b";\x03"
        return answers


MODELS: dict[str, type[Plain] | type[Gm65] | type[Newland]] = {"plain": Plain, "gm65": Gm65, "newland": Newland}
