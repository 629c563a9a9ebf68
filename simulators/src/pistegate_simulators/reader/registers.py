# SPDX-License-Identifier: Apache-2.0
"""The contactless unit's registers, as far as host drivers depend on their values."""

from pistegate_simulators.card import Modulation

TX_MODE, RX_MODE, FIFO_DATA = 0x6302, 0x6303, 0x6339
CRC_ENABLED = 0x80  # TxMode, RxMode bit 7
_FRAMING, _TYPE_A, _TYPE_B = 0x03, 0x00, 0x03
_SENS_REQ = 0x26


class Registers:
    """Reads give back what was written, except where the chip's own state shows."""

    def __init__(self) -> None:
        self._values: dict[int, int] = {}
        self.polled()

    def polled(self, modulation: Modulation = Modulation.A) -> None:
        """The firmware set up 106 kbit/s with CRC."""
        framing = _TYPE_A if modulation is Modulation.A else _TYPE_B
        self._values[TX_MODE] = self._values[RX_MODE] = CRC_ENABLED | framing

    def read(self, address: int) -> int:
        """One byte. The FIFO still holds the unanswered SENS_REQ, by which nfcpy knows that no card is there."""
        return _SENS_REQ if address == FIFO_DATA else self._values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        """One byte."""
        self._values[address] = value

    @property
    def modulation(self) -> Modulation | None:
        """How frames go out; None: FeliCa or NFC-DEP."""
        framing = self._values[TX_MODE] & _FRAMING
        return {_TYPE_A: Modulation.A, _TYPE_B: Modulation.B}.get(framing)

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
