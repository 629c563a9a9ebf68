# SPDX-License-Identifier: Apache-2.0
"""Cards that are not ours: what else comes out of a skier's pocket."""

from pistegate_simulators.card.radio import IsoDepCard, RadioCard

NAK = b"\x00"  # four bits on the air; the PN532 hands them over as one byte


class PlainIsoCard(IsoDepCard):
    """An ISO-DEP card without our application: a bank card, a phone, a hotel's DESFire look-alike."""

    atqa = b"\x00\x04"

    def __init__(self, uid: bytes = bytes.fromhex("08112233")) -> None:
        super().__init__(uid)

    def process(self, apdu: bytes) -> bytes:
        """6A82 to a select, 6D00 to anything else."""
        return b"\x6a\x82" if apdu[1:2] == b"\xa4" else b"\x6d\x00"


class ClassicCard(RadioCard):
    """A MIFARE Classic 1K seen by a reader that has no key for it: every read is refused."""

    atqa = b"\x00\x04"
    sak = 0x08

    def __init__(self, uid: bytes = bytes.fromhex("DEADBEEF")) -> None:
        super().__init__(uid)

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
