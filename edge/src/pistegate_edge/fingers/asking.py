# SPDX-License-Identifier: Apache-2.0
"""One question to a sensor and its answer, without I/O: what is sent, what is waited for, whether it fits.

Answers do not say what they answer. So each must have the length of an answer to what was asked, and after a silence
nothing is asked before the line was fenced (`FENCE`): else a late "match" would be the next guest's.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeVar

from pistegate_edge.fingers.codes import Code, Instruction
from pistegate_edge.fingers.packets import CONTENT_MAX, Damaged, Kind, Packet

DATA_MAX = 8192  # bytes of a template; R30x, AS608: 512, R503 up to 1536
_SYSTEM_BYTES, _INDEX_BYTES, NOTE_BYTES = 16, 32, 32
# Bytes after the code in an answer of OK; none where not listed.
_MORE = {
    Instruction.MATCH: 2,
    Instruction.SEARCH: 4,
    Instruction.READ_SYSTEM: _SYSTEM_BYTES,
    Instruction.READ_INDEX: _INDEX_BYTES,
    Instruction.READ_NOTE: NOTE_BYTES,
}
ANSWER_S = 1.0  # R503: image and features 0.2-0.4 s each by its manual, a search in 200 slots below 0.3 s


@dataclass(frozen=True, slots=True)
class Ask:
    """One instruction. `data`: sent in packets once the sensor said OK; `takes_data`: it sends some then."""

    instruction: Instruction
    parameters: bytes = b""
    data: bytes | None = field(default=None, repr=False)
    takes_data: bool = False
    wait_s: float = ANSWER_S

    @property
    def content(self) -> bytes:
        """Of the command packet."""
        return bytes([self.instruction]) + self.parameters


@dataclass(frozen=True, slots=True)
class Answer:
    """`code`: see Code; `more`: what follows it; `data`: of the packets after it."""

    code: int
    more: bytes = b""
    data: bytes = field(default=b"", repr=False)


T = TypeVar("T")
Flow = Generator[Ask, Answer, T]
"""Several questions in a row; run by whoever has a sensor."""


class Misfit(Exception):
    """What arrived is no answer to what was asked."""


class Awaiting:
    """Takes packets until the answer is whole."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._answer: Answer | None = None
        self._data = bytearray()

    def take(self, packet: Packet | Damaged) -> Answer | None:
        """The answer once it is whole; Misfit for what cannot belong to it."""
        if isinstance(packet, Damaged):
            raise Misfit(packet.why)
        if self._answer is None:
            return self._begun(packet)
        if packet.kind not in (Kind.DATA, Kind.END_OF_DATA):
            raise Misfit(f"packet of kind {packet.kind.name} among data")
        self._data += packet.content
        if len(self._data) > DATA_MAX:
            raise Misfit("more data than any template has")
        if packet.kind is Kind.DATA:
            return None
        return Answer(self._answer.code, self._answer.more, bytes(self._data))

    def _begun(self, packet: Packet) -> Answer | None:
        if packet.kind is not Kind.ANSWER:
            raise Misfit(f"packet of kind {packet.kind.name} instead of an answer")
        answer = Answer(packet.content[0], packet.content[1:])
        if answer.code == Code.PACKET_DAMAGED:
            raise Misfit("the sensor says that it received the packet damaged")
        if answer.code == Code.OK and len(answer.more) != _MORE.get(self._ask.instruction, 0):
            raise Misfit(f"answer of {len(packet.content)} bytes to {self._ask.instruction.name}")
        if answer.code == Code.OK and self._ask.takes_data:
            self._answer = answer
            return None
        return answer


FENCE = Ask(Instruction.READ_SYSTEM)


def fenced(packet: Packet | Damaged) -> bool:
    """Whether this answers FENCE: no other answer is so long, and a sensor answers in order. Before anybody logged on,
    one with a password answers all with that.
    """
    if not isinstance(packet, Packet) or packet.kind is not Kind.ANSWER:
        return False
    return len(packet.content) == 1 + _SYSTEM_BYTES or packet.content == bytes([Code.PASSWORD_FIRST])


def pieces(data: bytes, size: int) -> list[tuple[Kind, bytes]]:
    """Data packets of `size` bytes, the last one marked as the end."""
    size = min(size, CONTENT_MAX)
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    return [(Kind.END_OF_DATA if at == len(cut) - 1 else Kind.DATA, piece) for at, piece in enumerate(cut)]
