# SPDX-License-Identifier: Apache-2.0
"""The PN532 itself: one command in, at most one answer out, and how long it took. No I/O, no clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from pistegate_simulators.card import Modulation
from pistegate_simulators.reader.field import Heard, RfField
from pistegate_simulators.reader.registers import Registers, crc_a
from pistegate_simulators.reader.targets import NO_CARD_S, Found, Target, Targets, Tuning

FIRMWARE = bytes.fromhex("32010607")  # PN532 v1.6, ISO 14443 A and B, ISO 18092
BAUDRATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1288000)
START_BAUDRATE = 115200
FOREVER = 0xFF  # MxRtyPassiveActivation
_AUTO_RATS = 0x10  # SetParameters flag
_MODULATIONS = {0x00: Modulation.A, 0x03: Modulation.B}  # BrTy of InListPassiveTarget at 106 kbit/s
_TARGET_NUMBER = 0x3F
_PRESENCE_TEST = 0x06  # Diagnose: R(NAK) to the card in the protocol
_AUTO_POLL_UNIT_S = 0.15  # PN532 user manual 7.3.13
_TYPE_A_KINDS = (0x00, 0x10, 0x20)  # InAutoPoll: generic 106 kbit/s A, MIFARE, ISO-DEP
_TYPE_B_KINDS = (0x03, 0x23)
_MIFARE, _ISO_DEP_A, _AUTO_B = 0x10, 0x20, 0x03


class Error(IntEnum):
    """Error codes in the status byte; PN532 user manual 7.1."""

    NONE = 0x00
    TIMEOUT = 0x01
    CRC = 0x02
    PARAMETER = 0x10
    CONTEXT = 0x27


class Answer(NamedTuple):
    """Response data after the response code, and the seconds until the chip has it."""

    data: bytes
    after_s: float = 0.0


class SyntaxFault(Exception):
    """The chip answers with its error frame: unknown command, or arguments that cannot be."""


@dataclass
class Pn532:
    """`handle` executes one host command. None = no answer yet: `retry` when the field changes."""

    rf: RfField = field(default_factory=RfField)
    registers: Registers = field(default_factory=Registers)
    baudrate: int = START_BAUDRATE
    _waiting: bytes | None = None

    def __post_init__(self) -> None:
        self._targets = Targets(self.rf)

    @property
    def tuning(self) -> Tuning:
        """What the host has set."""
        return self._targets.tuning

    def reset(self) -> None:
        """Power was lost."""
        self.rf.switch(False)
        self.registers = Registers()
        self.baudrate = START_BAUDRATE
        self._targets = Targets(self.rf)
        self._waiting = None

    def abort(self) -> None:
        """The host sent an ACK: whatever is waiting is given up."""
        self._waiting = None

    def retry(self) -> tuple[int, Answer] | None:
        """A card came: the poll that waits for one may have its answer now; with the poll's command code."""
        if self._waiting is None:
            return None
        waiting, self._waiting = self._waiting, None
        answer = _COMMANDS[waiting[0]](self, waiting[1:])
        return (waiting[0], answer) if answer is not None else None

    def handle(self, command: bytes) -> Answer | None:
        """One command (code, arguments); SyntaxFault when there is no such thing."""
        self._waiting = None
        self.rf.counters.commands += 1
        run = _COMMANDS.get(command[0]) if command else None
        if run is None:
            raise SyntaxFault
        try:
            return run(self, command[1:])
        except IndexError:
            raise SyntaxFault from None

    # Housekeeping

    def _diagnose(self, data: bytes) -> Answer:
        if data[0] == 0x00:
            return Answer(data)
        if data[0] == _PRESENCE_TEST:
            return self._presence()
        return Answer(b"\x00")

    def _presence(self) -> Answer:
        """00: the card in the protocol is still there; 01: it is not; 27: there is none."""
        current = self._targets.current
        if current is None or current.link is None:
            return Answer(bytes([Error.CONTEXT]))
        present = self.rf.exchange(current.card, b"\xb2").answer is not None
        return Answer(bytes([Error.NONE if present else Error.TIMEOUT]), 0.0 if present else current.link.wait_s)

    def _firmware(self, _: bytes) -> Answer:
        return Answer(FIRMWARE)

    def _general_status(self, _: bytes) -> Answer:
        numbers = range(1, len(self._targets.listed) + 1)
        targets = b"".join(bytes([number, 0, 0, 0]) for number in numbers)
        return Answer(bytes([0, 1, len(numbers)]) + targets + b"\x80")

    def _read_register(self, data: bytes) -> Answer:
        pairs = range(0, len(data) - 1, 2)
        return Answer(bytes(self.registers.read(int.from_bytes(data[at : at + 2], "big")) for at in pairs))

    def _write_register(self, data: bytes) -> Answer:
        for at in range(0, len(data) - 2, 3):
            self.registers.write(int.from_bytes(data[at : at + 2], "big"), data[at + 2])
        return Answer(b"")

    def _set_baudrate(self, data: bytes) -> Answer:
        self.baudrate = BAUDRATES[data[0]]
        return Answer(b"")

    def _set_parameters(self, data: bytes) -> Answer:
        self.tuning.auto_rats = bool(data[0] & _AUTO_RATS)
        return Answer(b"")

    def _quiet(self, _: bytes) -> Answer:
        return Answer(b"")

    def _power_down(self, _: bytes) -> Answer:
        self.rf.switch(False)
        self._targets.forget()
        return Answer(b"\x00")

    def _rf_configuration(self, data: bytes) -> Answer:
        item, values = data[0], data[1:]
        if item == 0x01:
            self.rf.switch(bool(values[0] & 1))
        elif item == 0x02:
            # 100 us doubled per step; 0 means none, and the host's own limit counts.
            self.tuning.timeout_s = 100e-6 * 2 ** (values[2] - 1) if values[2] else 1.0
        elif item == 0x04:
            self.tuning.com_retries = values[0]
        elif item == 0x05:
            self.tuning.tries = None if values[2] == FOREVER else values[2] + 1
        return Answer(b"")

    # Cards

    def _list_passive_target(self, data: bytes) -> Answer | None:
        limit, modulation = data[0], _MODULATIONS.get(data[1])
        found = self._find(limit, modulation, data[2:] if modulation is Modulation.A else b"")
        if found.targets:
            entries = [bytes([number]) + target.entry for number, target in enumerate(found.targets, start=1)]
            return Answer(bytes([len(entries)]) + b"".join(entries), found.seconds)
        if self.tuning.tries is None:
            self._waiting = b"\x4a" + data
            return None
        return Answer(b"\x00", NO_CARD_S * self.tuning.tries)

    def _auto_poll(self, data: bytes) -> Answer | None:
        rounds, period_s, kinds = data[0], data[1] * _AUTO_POLL_UNIT_S, data[2:]
        found = Found([], 0.0)
        if any(kind in _TYPE_A_KINDS for kind in kinds):
            found = self._find(2, Modulation.A)
        if not found.targets and any(kind in _TYPE_B_KINDS for kind in kinds):
            found = self._find(1, Modulation.B)
        if found.targets:
            entries = [_auto_poll_entry(number, target) for number, target in enumerate(found.targets, start=1)]
            return Answer(bytes([len(entries)]) + b"".join(entries), found.seconds)
        self._waiting = b"\x60" + data
        return None if rounds == FOREVER else Answer(b"\x00", rounds * period_s * len(kinds))

    def _find(self, limit: int, modulation: Modulation | None, wanted: bytes = b"") -> Found:
        self.rf.counters.polls += 1
        self.rf.switch(True)
        if modulation is None:  # FeliCa, Jewel: no such card here
            self._targets.forget()
            return Found([], 0.0)
        self.registers.polled(modulation)
        return self._targets.find(limit, modulation, wanted)

    def _communicate_thru(self, data: bytes) -> Answer:
        heard = self._targets.raw(data, self.registers.modulation)
        if heard.answer is None or not heard.whole:
            return _failed(heard)
        crc = crc_a(heard.answer) if self.registers.host_sees_crc and len(heard.answer) > 1 else b""
        return Answer(bytes([Error.NONE]) + heard.answer + crc, heard.seconds)

    def _data_exchange(self, data: bytes) -> Answer:
        target = self._targets.get(data[0] & _TARGET_NUMBER)
        if target is None:
            return Answer(bytes([Error.CONTEXT]))
        heard = self._targets.transceive(target, data[1:])
        return _failed(heard) if heard.answer is None else Answer(bytes([Error.NONE]) + heard.answer, heard.seconds)

    def _select(self, data: bytes) -> Answer:
        target = self._targets.get(data[0])
        if target is None:
            return Answer(bytes([Error.CONTEXT]))
        seconds = self._targets.wake(target)
        if seconds is None:
            return Answer(bytes([Error.TIMEOUT]), self.tuning.timeout_s)
        self.registers.polled(target.card.modulation)
        return Answer(bytes([Error.NONE]), seconds)

    def _deselect(self, data: bytes) -> Answer:
        self._targets.deselect(data[0])
        return Answer(bytes([Error.NONE]))

    def _release(self, data: bytes) -> Answer:
        self._targets.release(data[0])
        return Answer(bytes([Error.NONE]))

    def _no_peer(self, _: bytes) -> Answer:
        return Answer(bytes([Error.TIMEOUT]), self.tuning.timeout_s)


def _failed(heard: Heard) -> Answer:
    code = Error.TIMEOUT if heard.whole else Error.CRC
    return Answer(bytes([code]), heard.seconds)


def _auto_poll_entry(number: int, target: Target) -> bytes:
    kind = _AUTO_B if target.card.modulation is Modulation.B else _ISO_DEP_A if target.card.iso_dep else _MIFARE
    entry = bytes([number]) + target.entry
    return bytes([kind, len(entry)]) + entry


_COMMANDS: dict[int, Callable[[Pn532, bytes], Answer | None]] = {
    0x00: Pn532._diagnose,
    0x02: Pn532._firmware,
    0x04: Pn532._general_status,
    0x06: Pn532._read_register,
    0x08: Pn532._write_register,
    0x10: Pn532._set_baudrate,
    0x12: Pn532._set_parameters,
    0x14: Pn532._quiet,  # SAMConfiguration: no SAM is fitted
    0x16: Pn532._power_down,
    0x32: Pn532._rf_configuration,
    0x40: Pn532._data_exchange,
    0x42: Pn532._communicate_thru,
    0x44: Pn532._deselect,
    0x46: Pn532._no_peer,  # InJumpForPSL
    0x4A: Pn532._list_passive_target,
    0x52: Pn532._release,
    0x54: Pn532._select,
    0x56: Pn532._no_peer,  # InJumpForDEP
    0x60: Pn532._auto_poll,
}
