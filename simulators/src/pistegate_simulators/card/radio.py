# SPDX-License-Identifier: Apache-2.0
"""What a reader's field sees of a card: being called and selected (ISO/IEC 14443-3), and ISO-DEP (14443-4)."""

from abc import ABC, abstractmethod
from enum import Enum

# FSCI 5 (64-byte frames), FWI 8 (77 ms), CID supported, historical byte 80: what DESFire EV1-EV3 ship with.
DESFIRE_ATS = bytes.fromhex("067577810280")
FRAME_SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)  # bytes, by FSDI/FSCI; ISO/IEC 14443-4 table 1
_CRC_BYTES = 2
_WTX = 0xF2
COMPUTE_S = 0.002  # of a card that we know nothing better of; estimate


class Modulation(Enum):
    """How a card talks at 106 kbit/s."""

    A = "A"
    B = "B"


class RadioCard(ABC):
    """A card in a field: frames in and out without CRC, after it was called and selected.

    `selected`: it was chosen and listens (ACTIVE). `halted`: it sleeps until WUPA/WUPB or a new field.
    `busy_s`: seconds of computing that the last frame took it.
    """

    modulation = Modulation.A
    atqa: bytes = b"\x00\x04"  # most significant byte first, as the PN532 reports it
    sak: int = 0x00

    def __init__(self, uid: bytes) -> None:
        self.uid = uid
        self.powered = False
        self.selected = False
        self.halted = False
        self.busy_s = 0.0

    @property
    def iso_dep(self) -> bool:
        """The card says that it speaks ISO/IEC 14443-4."""
        return bool(self.sak & 0x20)

    def power_on(self) -> None:
        """The field reached the card."""
        self.powered = True
        self.selected = self.halted = False

    def power_off(self) -> None:
        """The field left the card: everything volatile is gone."""
        self.powered = self.selected = self.halted = False

    @property
    def in_protocol(self) -> bool:
        """It speaks ISO-DEP now, and ignores every call."""
        return False

    @property
    def listening(self) -> bool:
        """Frames reach it."""
        return self.selected

    def called(self, wake: bool) -> bool:
        """REQA or REQB, or with `wake` WUPA or WUPB, which sleeping cards hear too: whether it answers."""
        if self.in_protocol or not self.powered:
            return False
        if self.selected:
            # An unexpected frame: back to where it came from, without an answer.
            self.selected = False
            return False
        return wake or not self.halted

    def select(self) -> None:
        """It was chosen by its UID."""
        self.selected = True

    def halt(self) -> None:
        """HLTA, HLTB or DESELECT."""
        self.selected, self.halted = False, True

    @abstractmethod
    def receive(self, frame: bytes) -> bytes | None:
        """The answer to one frame; None = the card stays silent."""

    def receive_half(self, frame: bytes) -> None:
        """Power fails while the card carries out `frame`: what is half done then. By default nothing is."""
        self.busy_s = 0.0


class IsoDepCard(RadioCard):
    """The card's half of ISO/IEC 14443-4 (RATS, I-, R- and S-blocks; no CID, no NAD) around `process`.

    `waiting_time`: when not 0, the card asks for so many frame waiting times before it carries out a command: S(WTX).
    """

    sak = 0x20
    ats = DESFIRE_ATS
    waiting_time = 0

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        self._leave_protocol()

    @abstractmethod
    def process(self, apdu: bytes) -> bytes:
        """Execute one whole command and give its whole answer."""

    def compute_s(self, apdu: bytes) -> float:
        """Seconds that the command will take the card; counts in a paced field."""
        return COMPUTE_S

    def reset(self) -> None:
        """Forget what a deselected or unpowered card forgets."""

    def power_on(self) -> None:
        """Wake up outside the protocol."""
        super().power_on()
        self._leave_protocol()
        self.reset()

    def power_off(self) -> None:
        """Lose the protocol state and whatever was not committed."""
        super().power_off()
        self._leave_protocol()
        self.reset()

    @property
    def in_protocol(self) -> bool:
        """RATS was answered."""
        return self._active

    def _leave_protocol(self) -> None:
        self._active = False
        self._block = 1  # ISO/IEC 14443-4 7.5.3.2: the card starts at 1
        self._chunk = FRAME_SIZES[0]
        self._collected = b""
        self._unsent = b""
        self._last = b""
        self._delayed: bytes | None = None

    def receive(self, frame: bytes) -> bytes | None:
        """One block; silent on what the standard lets a card ignore."""
        self.busy_s = 0.0
        if not frame:
            return None
        pcb = frame[0]
        if not self._active:
            return self._rats(frame) if pcb == 0xE0 and len(frame) == 2 else None
        if pcb & 0xEE == 0x02:
            return self._information(pcb, frame[1:])
        if pcb & 0xEE == 0xA2:
            return self._retransmission(pcb)
        if pcb == _WTX and self._delayed is not None:
            apdu, self._delayed = self._delayed, None
            return self._carry_out(apdu)
        if pcb == 0xC2:
            self._leave_protocol()
            self.reset()
            self.halt()
            return b"\xc2"
        return None

    def _rats(self, frame: bytes) -> bytes:
        self._active = True
        self._chunk = FRAME_SIZES[min(frame[1] >> 4, 8)] - 1 - _CRC_BYTES
        return self.ats

    def _information(self, pcb: int, payload: bytes) -> bytes:
        self._block ^= 1
        self._collected += payload
        if pcb & 0x10:
            self._last = bytes([0xA2 | self._block])
            return self._last
        apdu, self._collected = self._collected, b""
        if self.waiting_time:
            self._delayed = apdu
            self._last = bytes([_WTX, self.waiting_time])
            return self._last
        return self._carry_out(apdu)

    def _carry_out(self, apdu: bytes) -> bytes:
        self.busy_s = self.compute_s(apdu)
        self._unsent = self.process(apdu)
        return self._send()

    def _send(self) -> bytes:
        chunk, self._unsent = self._unsent[: self._chunk], self._unsent[self._chunk :]
        more = 0x10 if self._unsent else 0
        self._last = bytes([0x02 | more | self._block]) + chunk
        return self._last

    def _retransmission(self, pcb: int) -> bytes | None:
        is_nak = bool(pcb & 0x10)
        if pcb & 1 == self._block:
            return self._last or None
        if is_nak:
            return bytes([0xA2 | self._block])
        if not self._unsent:
            return None
        self._block ^= 1
        return self._send()
