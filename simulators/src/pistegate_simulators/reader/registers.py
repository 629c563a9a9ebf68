# SPDX-License-Identifier: Apache-2.0
"""The contactless unit's registers, as far as host drivers depend on their values."""

TX_MODE, RX_MODE, FIFO_DATA = 0x6302, 0x6303, 0x6339
CRC_ENABLED = 0x80  # TxMode, RxMode bit 7
_FRAMING = 0x03  # 0 = ISO 14443 type A
_SENS_REQ = 0x26


class Registers:
    """Reads give back what was written, except where the chip's own state shows."""

    def __init__(self) -> None:
        self._values: dict[int, int] = {}
        self.polled()

    def polled(self) -> None:
        """The firmware set up 106 kbit/s type A with CRC."""
        self._values[TX_MODE] = self._values[RX_MODE] = CRC_ENABLED

    def read(self, address: int) -> int:
        """One byte. The FIFO still holds the unanswered SENS_REQ, by which nfcpy knows that no card is there."""
        return _SENS_REQ if address == FIFO_DATA else self._values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        """One byte."""
        self._values[address] = value

    @property
    def type_a(self) -> bool:
        """Frames go out as type A."""
        return not self._values[TX_MODE] & _FRAMING

    @property
    def host_sees_crc(self) -> bool:
        """The receiver neither checks nor strips the CRC."""
        return not self._values[RX_MODE] & CRC_ENABLED


def crc_a(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3, least significant byte first."""
    crc = 0x6363
    for byte in data:
        byte ^= crc & 0xFF
        byte = (byte ^ (byte << 4)) & 0xFF
        crc = (crc >> 8) ^ (byte << 8) ^ (byte << 3) ^ (byte >> 4)
    return crc.to_bytes(2, "little")
