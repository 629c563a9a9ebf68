# SPDX-License-Identifier: Apache-2.0
"""The PN532 itself: one command in, at most one answer out, and how long it took. No I/O, no clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from pistegate_simulators.card import RadioCard
from pistegate_simulators.card.radio import IsoDepCard
from pistegate_simulators.reader.field import RfField
from pistegate_simulators.reader.initiator import RATS, Initiator
from pistegate_simulators.reader.registers import Registers, crc_a

FIRMWARE = bytes.fromhex("32010607")  # PN532 v1.6, ISO 14443 A and B, ISO 18092
BAUDRATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1288000)
START_BAUDRATE = 115200
NO_CARD_S = 0.005  # one fruitless try of InListPassiveTarget; estimate
FOREVER = 0xFF  # MxRtyPassiveActivation
_AUTO_RATS = 0x10  # SetParameters flag
_TYPE_A_106 = 0x00
_CASCADE_TAG = 0x88
_AUTO_POLL_UNIT_S = 0.15  # PN532 user manual 7.3.13
_TYPE_A_KINDS = (0x00, 0x10, 0x20)  # InAutoPoll: generic 106 kbit/s A, MIFARE, ISO-DEP
_MIFARE, _ISO_DEP_A = 0x10, 0x20


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
    _auto_rats: bool = True
    _poll_retries: int = FOREVER
    _timeout_s: float = 0.0512  # retry time-out 0A = 51.2 ms, reset value
    _targets: list[RadioCard] = field(default_factory=list)
    _current: RadioCard | None = None
    _links: dict[int, Initiator] = field(default_factory=dict)
    _waiting: bytes | None = None

    def reset(self) -> None:
        """Power was lost."""
        self.rf.switch(False)
        self.registers = Registers()
        self.baudrate = START_BAUDRATE
        self._auto_rats, self._poll_retries = True, FOREVER
        self._forget_targets()
        self._waiting = None

    def _forget_targets(self) -> None:
        self._targets, self._links, self._current = [], {}, None

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
        return Answer(b"\x00")

    def _firmware(self, _: bytes) -> Answer:
        return Answer(FIRMWARE)

    def _general_status(self, _: bytes) -> Answer:
        targets = b"".join(bytes([number, 0, 0, 0]) for number in range(1, len(self._targets) + 1))
        return Answer(bytes([0, 1, len(self._targets)]) + targets + b"\x80")

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
        self._auto_rats = bool(data[0] & _AUTO_RATS)
        return Answer(b"")

    def _quiet(self, _: bytes) -> Answer:
        return Answer(b"")

    def _power_down(self, _: bytes) -> Answer:
        self.rf.switch(False)
        self._forget_targets()
        return Answer(b"\x00")

    def _rf_configuration(self, data: bytes) -> Answer:
        item, values = data[0], data[1:]
        if item == 0x01:
            self.rf.switch(bool(values[0] & 1))
        elif item == 0x02:
            # 100 us doubled per step; 0 means none, and the host's own limit counts.
            self._timeout_s = 100e-6 * 2 ** (values[2] - 1) if values[2] else 1.0
        elif item == 0x05:
            self._poll_retries = values[2]
        return Answer(b"")

    # Cards

    def _list_passive_target(self, data: bytes) -> Answer | None:
        limit, modulation, wanted = data[0], data[1], data[2:]
        listed = self._poll(min(limit, 2), modulation == _TYPE_A_106, wanted)
        if listed:
            return Answer(bytes([len(listed)]) + b"".join(data for data, _ in listed), sum(s for _, s in listed))
        if self._poll_retries == FOREVER:
            self._waiting = b"\x4a" + data
            return None
        return Answer(b"\x00", NO_CARD_S * (self._poll_retries + 1))

    def _auto_poll(self, data: bytes) -> Answer | None:
        rounds, period_s, kinds = data[0], data[1] * _AUTO_POLL_UNIT_S, data[2:]
        listed = self._poll(2, any(kind in _TYPE_A_KINDS for kind in kinds), b"")
        if listed:
            kinds_found = [_ISO_DEP_A if card.iso_dep else _MIFARE for card in self._targets]
            pairs = zip(kinds_found, listed, strict=True)
            entries = [bytes([kind, len(entry)]) + entry for kind, (entry, _) in pairs]
            return Answer(bytes([len(listed)]) + b"".join(entries), sum(s for _, s in listed))
        self._waiting = b"\x60" + data
        return None if rounds == FOREVER else Answer(b"\x00", rounds * period_s * len(kinds))

    def _poll(self, limit: int, type_a: bool, wanted: bytes) -> list[tuple[bytes, float]]:
        """Wake cards up and list them; what was listed before is forgotten."""
        self.rf.counters.polls += 1
        self._forget_targets()
        self.registers.polled()
        self.rf.switch(True)
        if type_a:
            self._targets = [card for card in self.rf.awake() if _matches(card, wanted)][:limit]
        self._current = self._targets[0] if self._targets else None
        return [self._introduce(number, card) for number, card in enumerate(self._targets, start=1)]

    def _introduce(self, number: int, card: RadioCard) -> tuple[bytes, float]:
        entry = bytes([number]) + card.atqa + bytes([card.sak, len(card.uid)]) + card.uid
        if not (self._auto_rats and card.iso_dep):
            return entry, 0.0
        ats, _, seconds = self.rf.exchange(card, RATS)
        if ats is None:
            return entry, seconds
        self._links[number] = Initiator(ats)
        return entry + ats, seconds

    def _communicate_thru(self, data: bytes) -> Answer:
        card = self._current if self.registers.type_a else None
        answer, whole, seconds = self.rf.exchange(card, data)
        if answer is None:
            return Answer(bytes([Error.TIMEOUT]), self._timeout_s)
        if not whole:
            return Answer(bytes([Error.CRC]), seconds)
        crc = crc_a(answer) if self.registers.host_sees_crc and len(answer) > 1 else b""
        return Answer(bytes([Error.NONE]) + answer + crc, seconds)

    def _data_exchange(self, data: bytes) -> Answer:
        number = data[0] & 0x3F
        if not 1 <= number <= len(self._targets):
            return Answer(bytes([Error.CONTEXT]))
        card, spent = self._targets[number - 1], 0.0

        def exchange(frame: bytes) -> bytes | None:
            nonlocal spent
            answer, whole, seconds = self.rf.exchange(card, frame)
            spent += seconds if answer else self._timeout_s
            return answer if whole else None

        link = self._links.get(number)
        answer = link.transceive(data[1:], exchange) if link else exchange(data[1:])
        if answer is None:
            return Answer(bytes([Error.TIMEOUT]), spent)
        return Answer(bytes([Error.NONE]) + answer, spent)

    def _select(self, data: bytes) -> Answer:
        if not 1 <= data[0] <= len(self._targets):
            return Answer(bytes([Error.CONTEXT]))
        self._current = self._targets[data[0] - 1]
        return Answer(bytes([Error.NONE]))

    def _deselect(self, data: bytes) -> Answer:
        chosen = range(1, len(self._targets) + 1) if data[0] == 0 else [data[0]]
        for number in chosen:
            if number in self._links and isinstance(card := self._targets[number - 1], IsoDepCard):
                self.rf.exchange(card, b"\xc2")
                del self._links[number]
        return Answer(bytes([Error.NONE]))

    def _release(self, data: bytes) -> Answer:
        answer = self._deselect(data)
        if data[0] == 0:
            self._forget_targets()
        return answer

    def _no_peer(self, _: bytes) -> Answer:
        return Answer(bytes([Error.TIMEOUT]), self._timeout_s)


def _matches(card: RadioCard, wanted: bytes) -> bool:
    """The host may name a UID, with a cascade tag before each three bytes that are not the last four."""
    if not wanted:
        return True
    plain = wanted[1:] if wanted[0] == _CASCADE_TAG and len(wanted) > 4 else wanted
    if len(plain) > 7 and plain[3] == _CASCADE_TAG:
        plain = plain[:3] + plain[4:]
    return plain == card.uid


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
