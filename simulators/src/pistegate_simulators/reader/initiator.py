# SPDX-License-Identifier: Apache-2.0
"""The reader's half of ISO-DEP as the PN532 does it by itself for InDataExchange."""

from collections.abc import Callable
from dataclasses import dataclass

from pistegate_simulators.card.radio import FRAME_SIZES

Exchange = Callable[[bytes], bytes | None]

MAX_RETRIES = 2  # R(NAK) after a lost answer; estimate for the chip's default
RATS = bytes.fromhex("E050")  # FSDI 5: the chip's own buffer takes 64-byte frames; no CID
_OVERHEAD = 3  # PCB and CRC


@dataclass
class Initiator:
    """Block number and frame size of one activated card."""

    ats: bytes
    _block: int = 0

    def transceive(self, data: bytes, exchange: Exchange) -> bytes | None:
        """One command and its whole answer; None when the card is silent or breaks the protocol."""
        size = FRAME_SIZES[min(self.ats[1] & 0x0F, 8)] - _OVERHEAD
        chunks = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        answer = None
        for index, chunk in enumerate(chunks):
            more = 0x10 if index < len(chunks) - 1 else 0
            answer = self._reliably(bytes([0x02 | more | self._block]) + chunk, exchange)
            if answer is None or (more and answer[0] & 0xF6 != 0xA2):
                return None
            self._block ^= 1
        return self._collect(answer, exchange)

    def _collect(self, answer: bytes | None, exchange: Exchange) -> bytes | None:
        collected = b""
        while answer is not None and answer[0] & 0xEE == 0x02:
            collected += answer[1:]
            if not answer[0] & 0x10:
                return collected
            answer = self._reliably(bytes([0xA2 | self._block]), exchange)
            self._block ^= 1
        return None

    def _reliably(self, block: bytes, exchange: Exchange) -> bytes | None:
        answer = exchange(block)
        for _ in range(MAX_RETRIES):
            if answer:
                break
            answer = exchange(bytes([0xB2 | self._block]))
            if answer and answer[0] == 0xA2 | (self._block ^ 1):
                answer = exchange(block)
        return answer or None
