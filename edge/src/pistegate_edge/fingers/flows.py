# SPDX-License-Identifier: Apache-2.0
"""What is done with a sensor, as questions in a row; no I/O, no clock. SensorRefused where it will not do it."""

from dataclasses import dataclass
from enum import Enum

from pistegate_edge.fingers.asking import NOTE_BYTES, Answer, Ask, Flow
from pistegate_edge.fingers.codes import UNREADABLE, Code, Instruction
from pistegate_edge.fingers.errors import SensorGarbled, SensorRefused

LIVE, PUSHED = 1, 2  # buffers: of the finger on the sensor, of the template that it is compared with
_PACKET_BYTES = (32, 64, 128, 256)
_PUSHES = 3  # tries to push one template; a flipped bit costs one
_INDEX_PAGE = 256  # slots in one page of the index


@dataclass(frozen=True, slots=True)
class System:
    """What a sensor tells of itself. `security`: 1 (lenient) to 5 (strict), the sensor's own threshold."""

    capacity: int
    security: int
    packet_bytes: int
    baud: int


class Seen(Enum):
    """A look at the sensor's window."""

    FINGER = "finger"
    NOTHING = "nothing"
    UNREADABLE = "unreadable"


def begin(password: int) -> Flow[System]:
    """Log on, learn what the sensor is. The password (0 from the factory) is sent in clear: it protects nothing."""
    answer = yield Ask(Instruction.VERIFY_PASSWORD, password.to_bytes(4, "big"))
    _require(answer, "log on")
    answer = yield Ask(Instruction.READ_SYSTEM)
    _require(answer, "read parameters")
    words = [int.from_bytes(answer.more[at : at + 2], "big") for at in range(0, 16, 2)]
    return System(words[2], words[3], _PACKET_BYTES[words[6] & 3], words[7] * 9600)


def alive() -> Flow[None]:
    """Whether the sensor still answers."""
    _require((yield Ask(Instruction.READ_SYSTEM)), "read parameters")


def look(buffer: int = LIVE) -> Flow[Seen]:
    """Take a picture; where a finger is on it, its features are in `buffer` then. The picture never leaves."""
    answer = yield Ask(Instruction.GET_IMAGE)
    if answer.code == Code.OK:
        answer = yield Ask(Instruction.IMAGE_TO_FEATURES, bytes([buffer]))
    if answer.code == Code.NO_FINGER:
        return Seen.NOTHING
    if answer.code in UNREADABLE:
        return Seen.UNREADABLE
    _require(answer, "look at a finger")
    return Seen.FINGER


def push(template: bytes) -> Flow[None]:
    """Put a template into PUSHED, and read it back: a sensor does not say whether it arrived, and if it did not, the
    template of the guest before would still be there, and would match the guest before.
    """
    for _ in range(_PUSHES):
        answer = yield Ask(Instruction.DOWN, bytes([PUSHED]), data=template)
        _require(answer, "push a template")
        if (yield from pull(PUSHED)) == template:
            return
    raise SensorGarbled("the sensor holds another template than it was given")


def pull(buffer: int) -> Flow[bytes]:
    """The template in a buffer."""
    answer = yield Ask(Instruction.UP, bytes([buffer]), takes_data=True)
    _require(answer, "read a template")
    return answer.data


def compare() -> Flow[int | None]:
    """How well LIVE and PUSHED match, above the sensor's own threshold; None below it."""
    answer = yield Ask(Instruction.MATCH)
    if answer.code == Code.NO_MATCH:
        return None
    _require(answer, "compare")
    return int.from_bytes(answer.more, "big")


def merge() -> Flow[bytes | None]:
    """The template of one finger, seen in both buffers; None where they are of two fingers."""
    answer = yield Ask(Instruction.MERGE)
    if answer.code == Code.NOT_ONE_FINGER:
        return None
    _require(answer, "make a template")
    return (yield from pull(LIVE))


def search(count: int) -> Flow[tuple[int, int] | None]:
    """(slot, score) of the finger in LIVE among the first `count` slots; None if it is in none."""
    answer = yield Ask(Instruction.SEARCH, bytes([LIVE, 0, 0]) + count.to_bytes(2, "big"))
    if answer.code == Code.NOT_FOUND:
        return None
    _require(answer, "search")
    slot, score = int.from_bytes(answer.more[:2], "big"), int.from_bytes(answer.more[2:], "big")
    if slot >= count:
        raise SensorGarbled(f"found in slot {slot} of {count}")
    return slot, score


def store(template: bytes, slot: int) -> Flow[None]:
    """Put a template into a slot of the library."""
    yield from push(template)
    answer = yield Ask(Instruction.STORE, bytes([PUSHED]) + slot.to_bytes(2, "big"))
    _require(answer, f"store in slot {slot}")


def erase(slot: int, capacity: int) -> Flow[None]:
    """Empty a slot, and look that it is empty: SensorRefused when it is not."""
    answer = yield Ask(Instruction.DELETE, slot.to_bytes(2, "big") + b"\x00\x01")
    _require(answer, f"erase slot {slot}")
    if slot in (yield from used_slots(capacity)):
        raise SensorRefused(Code.DELETE_FAILED, f"erase slot {slot}")


def read_note() -> Flow[bytes | None]:
    """The first page of the sensor's notepad; None for a sensor that has none."""
    answer = yield Ask(Instruction.READ_NOTE, b"\x00")
    return answer.more if answer.code == Code.OK else None


def write_note(note: bytes) -> Flow[bool]:
    """Whether the sensor keeps it."""
    answer = yield Ask(Instruction.WRITE_NOTE, b"\x00" + note.ljust(NOTE_BYTES, b"\x00"))
    return answer.code == Code.OK and (yield from read_note()) == note.ljust(NOTE_BYTES, b"\x00")


def used_slots(capacity: int) -> Flow[set[int]]:
    """The slots of the library that hold a template."""
    used: set[int] = set()
    for page in range((capacity + _INDEX_PAGE - 1) // _INDEX_PAGE):
        answer = yield Ask(Instruction.READ_INDEX, bytes([page]))
        _require(answer, "read the index")
        bits = int.from_bytes(answer.more, "little")
        used |= {page * _INDEX_PAGE + slot for slot in range(_INDEX_PAGE) if bits >> slot & 1}
    return {slot for slot in used if slot < capacity}


def _require(answer: Answer, doing: str) -> None:
    if answer.code != Code.OK:
        raise SensorRefused(answer.code, doing)
