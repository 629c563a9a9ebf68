# SPDX-License-Identifier: Apache-2.0
"""The sensor's processor: two buffers, a library in flash, and its instructions by number."""

from dataclasses import dataclass, field
from random import Random

from pistegate_simulators.finger import skin, wire
from pistegate_simulators.finger.skin import Finger, Skin

THRESHOLDS = {1: 20, 2: 35, 3: 50, 4: 70, 5: 90}  # score from which security levels 1-5 call it a match
_SIZES = (32, 64, 128, 256)
_IMAGE_ERRORS = {Skin.WET: 0x06, Skin.DRY: 0x07, Skin.SHORT: 0x07}
OK, DAMAGED, NO_FINGER, NO_MATCH, NOT_FOUND, TWO_FINGERS, NO_SLOT, EMPTY_SLOT = 0, 1, 2, 8, 9, 0x0A, 0x0B, 0x0C
NO_TEMPLATE, DELETE_FAILED, WRONG_PASSWORD, NO_IMAGE, FLASH_FAILED, LOG_ON, UNKNOWN = (
    0x0D,
    0x10,
    0x13,
    0x15,
    0x18,
    0x21,
    0xFC,
)


@dataclass
class Chip:
    """State over its life: `library` outlives a power cut, buffers and log-on do not."""

    capacity: int = 200
    security: int = 3
    packet_bytes: int = 128
    password: int = 0
    address: bytes = b"\xff\xff\xff\xff"
    library: dict[int, bytes] = field(default_factory=dict)
    finger: Finger | None = None
    damage_data: int = 0
    """So many transfers to come arrive damaged: the buffer keeps what it had."""
    note: bytes | None = bytes(32)
    """The first page of its notepad, in flash; None: it has none."""
    worn: bool = False
    """Its flash takes nothing any more, nor lets go."""
    counted: dict[int, int] = field(default_factory=dict)
    """Instructions executed, by number."""
    _random: Random = field(default_factory=lambda: Random(7))
    _buffers: dict[int, bytes] = field(default_factory=dict)
    _image: set[int] | Skin | None = None
    _logged_on: bool = False
    _taking: tuple[int, bytearray] | None = None

    def power_cut(self) -> None:
        """Everything but the flash is gone."""
        self._buffers.clear()
        self._image, self._taking, self._logged_on = None, None, False

    def packet(self, kind: int, content: bytes | None) -> list[bytes]:
        """The packets that answer one."""
        if kind in (wire.DATA, wire.END):
            self._data(kind, content)
            return []
        if kind != wire.COMMAND:
            return []
        self._taking = None
        if content is None:
            return [self._answer(DAMAGED)]
        instruction, rest = content[0], content[1:]
        self.counted[instruction] = self.counted.get(instruction, 0) + 1
        if instruction != 0x13 and self.password and not self._logged_on:
            return [self._answer(LOG_ON)]
        action = _ACTIONS.get(instruction)
        if action is None:
            return [self._answer(UNKNOWN)]
        try:
            return action(self, rest)
        except IndexError:  # parameters missing
            return [self._answer(DAMAGED)]

    def _answer(self, code: int, more: bytes = b"") -> bytes:
        return wire.packet(self.address, wire.ANSWER, bytes([code]) + more)

    def _data(self, kind: int, content: bytes | None) -> None:
        if self._taking is None:
            return
        buffer, taken = self._taking
        if content is None:
            self._taking = None
            return
        taken += content
        if kind == wire.END:
            self._taking = None
            if self.damage_data:
                self.damage_data -= 1
            else:
                self._buffers[buffer] = bytes(taken)

    # Instructions; `rest`: their parameters.

    def get_image(self, _rest: bytes) -> list[bytes]:
        """01."""
        if self.finger is None or self.finger.skin is Skin.GLOVE:
            return [self._answer(NO_FINGER)]
        clean = self.finger.skin is Skin.CLEAN
        self._image = self.finger.features(self._random) if clean else self.finger.skin
        return [self._answer(OK)]

    def image_to_features(self, rest: bytes) -> list[bytes]:
        """02."""
        if self._image is None:
            return [self._answer(NO_IMAGE)]
        if isinstance(self._image, Skin):
            return [self._answer(_IMAGE_ERRORS[self._image])]
        self._buffers[1 if rest[0] == 1 else 2] = skin.pack(self._image)
        return [self._answer(OK)]

    def match(self, _rest: bytes) -> list[bytes]:
        """03."""
        found = skin.score(self._buffers.get(1, b""), self._buffers.get(2, b""))
        if found < THRESHOLDS[self.security]:
            return [self._answer(NO_MATCH, b"\x00\x00")]
        return [self._answer(OK, found.to_bytes(2, "big"))]

    def search(self, rest: bytes) -> list[bytes]:
        """04 and 1B."""
        first, count = int.from_bytes(rest[1:3], "big"), int.from_bytes(rest[3:5], "big")
        live = self._buffers.get(rest[0], b"")
        found = [(skin.score(live, held), slot) for slot, held in self.library.items() if first <= slot < first + count]
        best, slot = max(found, default=(0, 0))
        if best < THRESHOLDS[self.security]:
            return [self._answer(NOT_FOUND, b"\x00\x00\x00\x00")]
        return [self._answer(OK, slot.to_bytes(2, "big") + best.to_bytes(2, "big"))]

    def merge(self, _rest: bytes) -> list[bytes]:
        """05."""
        one, other = (skin.unpack(self._buffers.get(number, b"")) for number in (1, 2))
        if not one or not other or skin.score(self._buffers[1], self._buffers[2]) < THRESHOLDS[self.security]:
            return [self._answer(TWO_FINGERS)]
        self._buffers[1] = self._buffers[2] = skin.pack(one & other)
        return [self._answer(OK)]

    def store(self, rest: bytes) -> list[bytes]:
        """06."""
        slot = int.from_bytes(rest[1:3], "big")
        if slot >= self.capacity:
            return [self._answer(NO_SLOT)]
        if self.worn or rest[0] not in self._buffers:
            return [self._answer(FLASH_FAILED)]
        self.library[slot] = self._buffers[rest[0]]
        return [self._answer(OK)]

    def load(self, rest: bytes) -> list[bytes]:
        """07."""
        slot = int.from_bytes(rest[1:3], "big")
        if slot not in self.library:
            return [self._answer(NO_SLOT if slot >= self.capacity else EMPTY_SLOT)]
        self._buffers[rest[0]] = self.library[slot]
        return [self._answer(OK)]

    def up(self, rest: bytes) -> list[bytes]:
        """08."""
        held = self._buffers.get(rest[0])
        if held is None:
            return [self._answer(NO_TEMPLATE)]
        size = self.packet_bytes
        cut = [held[at : at + size] for at in range(0, len(held), size)]
        last = len(cut) - 1
        packets = [wire.packet(self.address, wire.END if n == last else wire.DATA, one) for n, one in enumerate(cut)]
        return [self._answer(OK), *packets]

    def down(self, rest: bytes) -> list[bytes]:
        """09."""
        self._taking = rest[0], bytearray()
        return [self._answer(OK)]

    def delete(self, rest: bytes) -> list[bytes]:
        """0C."""
        first, count = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
        if self.worn or first + count > self.capacity:
            return [self._answer(DELETE_FAILED)]
        for slot in range(first, first + count):
            self.library.pop(slot, None)
        return [self._answer(OK)]

    def empty(self, _rest: bytes) -> list[bytes]:
        """0D."""
        self.library.clear()
        return [self._answer(OK)]

    def read_system(self, _rest: bytes) -> list[bytes]:
        """0F."""
        words = (0, 9, self.capacity, self.security)
        rest = (_SIZES.index(self.packet_bytes), 57600 // 9600)
        told = b"".join(word.to_bytes(2, "big") for word in words) + self.address
        return [self._answer(OK, told + b"".join(word.to_bytes(2, "big") for word in rest))]

    def verify_password(self, rest: bytes) -> list[bytes]:
        """13."""
        self._logged_on = int.from_bytes(rest[:4], "big") == self.password
        return [self._answer(OK if self._logged_on else WRONG_PASSWORD)]

    def write_note(self, rest: bytes) -> list[bytes]:
        """18; the first page alone."""
        if self.note is None:
            return [self._answer(UNKNOWN)]
        self.note = self.note if self.worn else rest[1:33]
        return [self._answer(OK)]

    def read_note(self, _rest: bytes) -> list[bytes]:
        """19."""
        return [self._answer(UNKNOWN) if self.note is None else self._answer(OK, self.note)]

    def count(self, _rest: bytes) -> list[bytes]:
        """1D."""
        return [self._answer(OK, len(self.library).to_bytes(2, "big"))]

    def read_index(self, rest: bytes) -> list[bytes]:
        """1F."""
        bits = sum(1 << slot - 256 * rest[0] for slot in self.library if 0 <= slot - 256 * rest[0] < 256)
        return [self._answer(OK, bits.to_bytes(32, "little"))]


_ACTIONS = {
    0x01: Chip.get_image,
    0x02: Chip.image_to_features,
    0x03: Chip.match,
    0x04: Chip.search,
    0x05: Chip.merge,
    0x06: Chip.store,
    0x07: Chip.load,
    0x08: Chip.up,
    0x09: Chip.down,
    0x0C: Chip.delete,
    0x0D: Chip.empty,
    0x0F: Chip.read_system,
    0x13: Chip.verify_password,
    0x18: Chip.write_note,
    0x19: Chip.read_note,
    0x1B: Chip.search,
    0x1D: Chip.count,
    0x1F: Chip.read_index,
}
