# SPDX-License-Identifier: Apache-2.0
"""The reader's half of ISO-DEP as the PN532 does it by itself for InDataExchange."""

from collections.abc import Callable
from dataclasses import dataclass

from pistegate_simulators.card.radio import FRAME_SIZES

Exchange = Callable[[bytes, float], bytes | None]  # block, seconds to wait for the answer

RATS = bytes.fromhex("E050")  # FSDI 5: the chip's own buffer takes 64-byte frames; no CID
_OVERHEAD = 3  # PCB and CRC
_CARRIER_HZ = 13.56e6
_DELTA_S = 49152 / _CARRIER_HZ  # ISO/IEC 14443-4: what the reader adds to the frame waiting time
_DEFAULT_FWI = 4
_HAS_TA, _HAS_TB = 0x10, 0x20  # format byte of the ATS
_WTX = 0xF2


def frame_waiting_s(ats: bytes) -> float:
    """Seconds that the card may take for an answer, from TB(1) of its ATS."""
    at = 2 + bool(ats[1] & _HAS_TA) if len(ats) > 1 else 2
    fwi = ats[at] >> 4 if len(ats) > at and ats[1] & _HAS_TB else _DEFAULT_FWI
    return float(4096 / _CARRIER_HZ * 2**fwi)


@dataclass
class Initiator:
    """Block number, frame size and waiting time of one activated card."""

    ats: bytes
    _block: int = 0

    @property
    def wait_s(self) -> float:
        """Seconds until a silent card is given up."""
        return frame_waiting_s(self.ats) + _DELTA_S

    def transceive(self, data: bytes, exchange: Exchange, retries: int) -> bytes | None:
        """One command and its whole answer; None when the card is silent or breaks the protocol."""
        size = FRAME_SIZES[min(self.ats[1] & 0x0F, 8)] - _OVERHEAD
        chunks = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        answer = None
        for index, chunk in enumerate(chunks):
            more = 0x10 if index < len(chunks) - 1 else 0
            answer = self._reliably(bytes([0x02 | more | self._block]) + chunk, exchange, retries)
            if answer is None or (more and answer[0] & 0xF6 != 0xA2):
                return None
            self._block ^= 1
        return self._collect(answer, exchange, retries)

    def _collect(self, answer: bytes | None, exchange: Exchange, retries: int) -> bytes | None:
        collected = b""
        while answer is not None and answer[0] & 0xEE == 0x02:
            collected += answer[1:]
            if not answer[0] & 0x10:
                return collected
            answer = self._reliably(bytes([0xA2 | self._block]), exchange, retries)
            self._block ^= 1
        return None

    def _reliably(self, block: bytes, exchange: Exchange, retries: int) -> bytes | None:
        """Send a block; ask again by R(NAK) after silence or a wrong CRC; grant what time the card asks for."""
        answer = exchange(block, self.wait_s)
        for _ in range(retries):
            if answer:
                break
            answer = exchange(bytes([0xB2 | self._block]), self.wait_s)
            if answer and answer[0] == 0xA2 | (self._block ^ 1):
                answer = exchange(block, self.wait_s)
        while answer and answer[0] == _WTX:
            granted = bytes([_WTX, answer[1] & 0x3F])
            answer = exchange(granted, frame_waiting_s(self.ats) * granted[1] + _DELTA_S)
        return answer or None
