# SPDX-License-Identifier: Apache-2.0
"""A PN532 on a serial line by unmodified nfcpy: open, look for a card, exchange APDUs.

What nfcpy raises comes in three families, told apart here: a card that went silent or answered nonsense (CardGone),
a card that is none of ours by its kind (ForeignCard), and a reader that failed (READER_FAILURES: close and reopen).
"""

import contextlib
import errno
import logging
import struct
import termios
from pathlib import Path
from typing import Any, Final

import nfc.clf  # type: ignore[import-untyped]
import nfc.clf.pn53x  # type: ignore[import-untyped]
import nfc.clf.pn532  # type: ignore[import-untyped]
import nfc.clf.transport  # type: ignore[import-untyped]
import nfc.tag  # type: ignore[import-untyped]
import nfc.tag.tt4  # type: ignore[import-untyped]

from pistegate_edge.errors import EdgeError

log = logging.getLogger(__name__)

SLOW_BAUD = 115200  # what a PN532 wakes at; nfcpy raises it by itself where the port can
FAST_BAUDS = (921600, 460800, 230400)
_ISO_DEP: Final = 0x20  # SEL_RES bit: the card speaks ISO 14443-4
RETRIES_READ = 0  # a torn card is told after 106 instead of 626 ms (measured); reading again costs nothing
RETRIES_COMMIT = 1  # one R(NAK) fetches a lost answer to a commit that was carried out (+100 ms, measured)

# Garbage on the line makes nfcpy index and unpack what is not there.
READER_FAILURES: tuple[type[Exception], ...] = (
    OSError,
    termios.error,
    nfc.clf.pn53x.Chipset.Error,
    nfc.clf.Error,
    IndexError,
    TypeError,
    ValueError,
    struct.error,
    AssertionError,
)
_CARD_FAILURES: tuple[type[Exception], ...] = (nfc.tag.TagCommandError, nfc.clf.CommunicationError, IndexError)


class CardGone(EdgeError):
    """The card in the field went silent or answered nonsense."""


class ForeignCard(EdgeError):
    """Not a card that speaks ISO-DEP."""


class Card:
    """A card in the field, activated."""

    def __init__(self, uid: bytes, tag: Any) -> None:
        self.uid = uid
        self._tag = tag
        self.patient(False)

    def patient(self, patient: bool) -> None:
        """Whether a lost answer is asked for again."""
        # nfcpy has no public way to set this.
        self._tag._dep.n_retry_nak = RETRIES_COMMIT if patient else RETRIES_READ
        self._tag._dep.n_retry_ack = RETRIES_COMMIT if patient else RETRIES_READ

    def transceive(self, apdu: bytes) -> bytes:
        """One exchange; CardGone when the card does not answer properly."""
        try:
            answer = self._tag.transceive(apdu)
        except _CARD_FAILURES as error:
            raise CardGone(f"{type(error).__name__}: {error}") from error
        if not answer:
            raise CardGone("empty answer")
        return bytes(answer)


class Sighting:
    """A card seen in the field, not yet activated."""

    def __init__(self, frontend: Any, target: Any) -> None:
        self._frontend = frontend
        self._target = target
        self.uid = bytes(target.sdd_res or b"") or bytes(target.rid_res or b"")[2:] or b"\x00"

    def activate(self) -> Card:
        """ForeignCard for another kind, CardGone when it does not answer."""
        if self._target.sel_res is None or not self._target.sel_res[0] & _ISO_DEP:
            raise ForeignCard("no ISO-DEP card")
        try:
            tag = nfc.tag.activate(self._frontend, self._target)
        except _CARD_FAILURES as error:
            raise CardGone(f"activation: {type(error).__name__}: {error}") from error
        if not isinstance(tag, nfc.tag.tt4.Type4Tag):
            raise CardGone("activation failed")
        return Card(self.uid, tag)


class Pn532:
    """An open reader. Constructing it opens the device; READER_FAILURES when there is none."""

    def __init__(self, path: str) -> None:
        if not Path(path).exists():
            raise FileNotFoundError(errno.ENOENT, "no such device", path)
        self._frontend = nfc.clf.ContactlessFrontend()
        try:
            self._frontend.device = _init(path)
        except READER_FAILURES:
            _calm(path)
            self._frontend.device = _init(path)
        device = self._frontend.device
        # nfcpy's own openers set these; `sense` and `close` expect them.
        device._path = path
        self.description = f"{device.chipset_name if hasattr(device, 'chipset_name') else 'PN532'} on {path}"

    def look(self) -> Sighting | None:
        """The card in the field, None when there is none; the field is off between looks."""
        target = self._frontend.sense(nfc.clf.RemoteTarget("106A"))
        return None if target is None else Sighting(self._frontend, target)

    def close(self) -> None:
        """Close as far as the device still lets us."""
        with contextlib.suppress(*READER_FAILURES):
            self._frontend.close()
        device = self._frontend.device
        if device is not None:
            _drop(device.chipset.transport)


def _init(path: str) -> Any:
    transport = nfc.clf.transport.TTY(path)
    try:
        return nfc.clf.pn532.init(transport)
    except BaseException:
        _drop(transport)
        raise


def _drop(transport: Any) -> None:
    """Close the port even where nfcpy's own close fails on flushing it."""
    tty = getattr(transport, "tty", None)
    if tty is not None:
        with contextlib.suppress(*READER_FAILURES):
            tty.close()


def _calm(path: str) -> None:
    """A gate that was killed leaves the chip at a fast baud rate: ask it back to the slow one at each."""
    for baud in FAST_BAUDS:
        with contextlib.suppress(*READER_FAILURES):
            transport = nfc.clf.transport.TTY(path)
            try:
                transport.open(path, baud)
                nfc.clf.pn532.Chipset(transport, log).set_serial_baudrate(SLOW_BAUD)
                return
            finally:
                _drop(transport)
