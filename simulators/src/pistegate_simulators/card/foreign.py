# SPDX-License-Identifier: Apache-2.0
"""Cards that are not ours: what else comes out of a skier's pocket, and what a forger holds to the reader."""

from random import Random

from pistegate_simulators.card.desfire import DesfireCard
from pistegate_simulators.card.files import Rights, backup_file, standard_file
from pistegate_simulators.card.radio import IsoDepCard, Modulation, RadioCard

NAK = b"\x00"  # four bits on the air; the PN532 hands them over as one byte
_NOT_FOUND, _UNKNOWN = b"\x6a\x82", b"\x6d\x00"
_SELECT = b"\xa4"


class PlainIsoCard(IsoDepCard):
    """An ISO-DEP card without our application: a bank card, a hotel's DESFire look-alike."""

    atqa = b"\x00\x04"

    def __init__(self, uid: bytes = bytes.fromhex("08112233")) -> None:
        super().__init__(uid)

    def process(self, apdu: bytes) -> bytes:
        """6A82 to a select, 6D00 to anything else."""
        return _NOT_FOUND if apdu[1:2] == _SELECT else _UNKNOWN


class Phone(IsoDepCard):
    """A phone with card emulation: another random UID (08 and three bytes) in each field, no application of ours."""

    atqa = b"\x00\x04"

    def __init__(self, rng: Random | None = None) -> None:
        self._rng = rng or Random()
        super().__init__(self._fresh())

    def _fresh(self) -> bytes:
        return b"\x08" + self._rng.randbytes(3)

    def power_on(self) -> None:
        """A new field: a new UID."""
        self.uid = self._fresh()
        super().power_on()

    def process(self, apdu: bytes) -> bytes:
        """6A82 to everything, native DESFire commands included."""
        return _NOT_FOUND


class ClassicCard(RadioCard):
    """A MIFARE Classic 1K, a hotel's key say, seen by a reader that has no key for it: every read is refused."""

    sak = 0x08

    def __init__(self, uid: bytes = bytes.fromhex("DEADBEEF")) -> None:
        super().__init__(uid)
        self.atqa = b"\x00\x04" if len(uid) == 4 else b"\x00\x44"

    def receive(self, frame: bytes) -> bytes | None:
        """NAK to reads and writes; silence to what the card does not know."""
        return NAK if frame[:1] in (b"\x30", b"\xa0") else None


class Type2Card(RadioCard):
    """An NTAG213-like tag: pages of 4 bytes, READ and GET_VERSION only."""

    atqa = b"\x00\x44"
    sak = 0x00
    _VERSION = bytes.fromhex("0004040201000F03")
    _PAGES = 45

    def __init__(self, uid: bytes = bytes.fromhex("04C0FFEE123456")) -> None:
        super().__init__(uid)
        capability = bytes.fromhex("E1101200")
        head = uid[:3] + bytes([0x88 ^ uid[0] ^ uid[1] ^ uid[2]]) + uid[3:7] + bytes(4) + capability
        self.pages = (head + bytes.fromhex("0300FE")).ljust(4 * self._PAGES, b"\x00")

    def receive(self, frame: bytes) -> bytes | None:
        """Sixteen bytes from a page on, the version, or NAK."""
        if frame == b"\x60":
            return self._VERSION
        if len(frame) == 2 and frame[0] == 0x30 and frame[1] < self._PAGES:
            return (self.pages + self.pages)[4 * frame[1] :][:16]
        return NAK


class ResidentIdCard(RadioCard):
    """A second-generation resident ID 居民身份证: type B without ISO-DEP; its number is readable by anybody.

    Facts: ATQB and the two frames to the 8-byte identifier; everything beyond needs the Ministry's module.
    """

    modulation = Modulation.B
    PUPI = bytes(4)
    ATQB = b"\x50" + PUPI + bytes.fromhex("D103860C008080")
    _READ_ID = bytes.fromhex("0036000008")

    def __init__(self, identifier: bytes = bytes.fromhex("11223344556677A8")) -> None:
        super().__init__(identifier)
        self._ready = False

    @property
    def listening(self) -> bool:
        """From REQB on: ATTRIB itself is an ordinary frame."""
        return self._ready or self.selected

    def called(self, wake: bool) -> bool:
        """REQB makes it ready for ATTRIB."""
        self._ready = super().called(wake)
        return self._ready

    def power_on(self) -> None:
        """Wake up, called by nobody yet."""
        self._ready = False
        super().power_on()

    def halt(self) -> None:
        """HLTB."""
        self._ready = False
        super().halt()

    def receive(self, frame: bytes) -> bytes | None:
        """ATTRIB to be chosen, then the identifier; HLTB puts it to sleep."""
        if frame[:5] == b"\x1d" + self.PUPI and len(frame) >= 9 and self._ready:
            self._ready = False
            self.select()
            return b"\x08"
        if frame == b"\x50" + self.PUPI:
            self.halt()
            return b"\x00"
        return self.uid + b"\x90\x00" if frame == self._READ_ID and self.selected else None


class UidClone(IsoDepCard):
    """A magic card that copies a ski card's UID, ATQA, SAK and ATS, and knows nothing else."""

    atqa = DesfireCard.atqa

    def process(self, apdu: bytes) -> bytes:
        """The statuses of a DESFire without any application, wrapped or native."""
        wrapped = apdu[:1] == b"\x90"
        command = apdu[1:2] if wrapped else apdu[:1]
        if apdu[:1] == b"\x00":
            return _NOT_FOUND
        status = b"\xa0" if command == b"\x5a" else b"\x1c"
        return b"\x91" + status if wrapped else status


def other_operators_card(rng: Random) -> DesfireCard:
    """A bus company's DESFire: real, with applications and keys of its own, none of them ours."""
    card = DesfireCard(b"\x04" + rng.randbytes(6), rng.randbytes)
    card.set_key(0, 0, rng.randbytes(16), 1)
    for aid in (0xF21030, 0x8057F5):
        keys = [rng.randbytes(16) for _ in range(3)]
        files = {0: standard_file(32, rights=Rights(1, 2, 2, 0)), 1: backup_file(64, rights=Rights(1, 2, 2, 0))}
        card.create_application(aid, keys, dict(files), key_settings=0x09)
    card.set_key_settings(0, 0x09)
    return card
