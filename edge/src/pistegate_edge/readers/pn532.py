# SPDX-License-Identifier: Apache-2.0
"""A PN532 on a serial line by unmodified nfcpy: open, wait for a card, find all cards in the field, exchange APDUs.

The chip speaks ISO-DEP by itself (decision 9): nfcpy's chipset object is asked for InListPassiveTarget and
InDataExchange, nothing above it. What it raises comes in three families, told apart here: a card that went silent or
answered nonsense (CardGone), a card that is none of ours by its kind (ForeignCard), and a reader that failed
(READER_FAILURES: close and reopen).
"""

import contextlib
import errno
import logging
import struct
import termios
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import nfc.clf  # type: ignore[import-untyped]
import nfc.clf.pn53x  # type: ignore[import-untyped]
import nfc.clf.pn532  # type: ignore[import-untyped]
import nfc.clf.transport  # type: ignore[import-untyped]

from pistegate_edge.errors import EdgeError
from pistegate_protocol.card_layout import UID_BYTES

log = logging.getLogger(__name__)

SLOW_BAUD = 115200  # what a PN532 wakes at; nfcpy raises it by itself where the port can
FAST_BAUDS = (921600, 460800, 230400)

# A silent card is given up after its frame waiting time (77 ms, by its ATS) and 4 ms, per try. One try while reading: a
# torn card is told at once, and reading anew costs no more than asking again. Two from the first write on: R(NAK)
# fetches the lost answer of a commit that was carried out.
RETRIES_READ, RETRIES_WRITE = 0, 1
EXCHANGE_S = 1.0  # the host's patience; the chip gives up before unless the card asks for more time (S(WTX))
_COMMAND_S = 0.25  # of a command that waits for no card
CARDS_MAX = 8  # of one look; a pocket has fewer, and two cards of one UID could go on for ever

_LIST_PASSIVE_TARGET, _RELEASE = 0x4A, 0x52
_TYPE_A, _TYPE_B = 0, 3  # at 106 kbit/s
_TARGETS_AT_ONCE = 2  # PN532 user manual 7.3.5
_AUTO_RATS = 0x10  # SetParameters: the chip activates ISO-DEP cards by itself
_RETRIES_COM, _RETRIES_ACTIVATION = 0x04, 0x05  # RFConfiguration items
_FOREVER = 0xFF
_LOOK_TRIES = 1  # beyond the first; a card that woke between the two is not missed
_ISO_DEP: Final = 0x20  # SEL_RES bit: the card speaks ISO 14443-4
_ATQB, _PUPI = slice(2, 14), slice(3, 7)  # in an answer with a type B target
_PROTOCOL_AT = 12  # of the byte in an answer with a type B target whose bit 0 says that it speaks ISO 14443-4
_ATTRIB_HEAD, _ATTRIB_TAIL = b"\x1d", bytes.fromhex("00080108")
_READ_ID, _DONE = bytes.fromhex("0036000008"), b"\x90\x00"
CHIP_ID_BYTES = 8
CHIP_S = 0.1  # for each of the two frames; estimate
_RANDOM_UID = 0x08  # first byte of a 4-byte UID drawn anew in each field: phones
_CASCADE_TAG = b"\x88"
# What the chip says when the card, not the chip, is to blame (PN532 user manual 7.1).
_CARD_STATUS = frozenset((0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x0B, 0x13, 0x14, 0x23, 0x27, 0x29, 0x2A, 0x2B))

# Garbage on the line makes nfcpy index and unpack what is not there.
READER_FAILURES: tuple[type[Exception], ...] = (
    OSError,
    termios.error,
    nfc.clf.pn53x.Chipset.Error,
    IndexError,
    TypeError,
    ValueError,
    struct.error,
    AssertionError,
)


class CardGone(EdgeError):
    """The card in the field went silent or answered nonsense."""


class ForeignCard(EdgeError):
    """Not a card that speaks ISO-DEP and has a UID of its own."""


class Kind(StrEnum):
    """What a card in the field can be, by how it answered the call."""

    SKI = "ski"
    """As our cards are: ISO-DEP, and a UID of 7 bytes."""
    OTHER = "other"
    PHONE = "phone"
    RESIDENT_ID = "resident_id"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A card seen in the field. `uid`: of phones and resident IDs only what stays the same in every field."""

    uid: bytes
    kind: Kind


class Card:
    """A card in the field, activated."""

    def __init__(self, uid: bytes, chipset: Any) -> None:
        self.uid = uid
        self._chipset = chipset
        self._retries = RETRIES_READ

    def patient(self, patient: bool) -> None:
        """Whether a lost answer is asked for again."""
        retries = RETRIES_WRITE if patient else RETRIES_READ
        if retries != self._retries:
            self._chipset.rf_configuration(_RETRIES_COM, [retries])
            self._retries = retries

    def transceive(self, apdu: bytes) -> bytes:
        """One exchange; CardGone when the card does not answer properly."""
        try:
            answer, _ = self._chipset.in_data_exchange(apdu, EXCHANGE_S)
        except nfc.clf.pn53x.Chipset.Error as error:
            if error.errno not in _CARD_STATUS:
                raise
            raise CardGone(str(error)) from error
        if not answer:
            raise CardGone("empty answer")
        return bytes(answer)


class Pn532:
    """An open reader. Constructing it opens the device; READER_FAILURES when there is none.

    `fastest`: the highest baud rate to use, for lines that do not bear more.
    """

    def __init__(self, path: str, fastest: int = FAST_BAUDS[0]) -> None:
        if not Path(path).exists():
            raise FileNotFoundError(errno.ENOENT, "no such device", path)
        try:
            self._device = _init(path)
        except READER_FAILURES:
            _calm(path)
            self._device = _init(path)
        self._chipset = self._device.chipset
        self._tries: int | None = None
        self._active: bytes | None = None
        self._called = b""  # the answer with the type B target that was listed last
        try:
            if self._transport.baudrate > fastest:
                self._chipset.set_serial_baudrate(fastest)
                self._transport.baudrate = fastest
            self._chipset.set_parameters(_AUTO_RATS)
            self._chipset.rf_configuration(_RETRIES_COM, [RETRIES_READ])
        except BaseException:
            self.close()
            raise
        self.description = f"PN532 on {path} at {self._transport.baudrate} baud"

    @property
    def _transport(self) -> Any:
        return self._chipset.transport

    def wait(self, seconds: float) -> Sighting | None:
        """The first card that comes, None when none does in time; the field is on meanwhile, the host asleep."""
        self._try(_FOREVER)
        try:
            found = self._list(_TYPE_A, 1, seconds)
        except OSError as error:
            if error.errno != errno.ETIMEDOUT:
                raise
            # A card that came while the chip was told to give up is in the protocol already: it needs a new field.
            self.rest()
            return None
        return found[0] if found else None

    def look(self, before: list[Sighting] | None = None) -> list[Sighting]:
        """All cards in the field; those met `before` in this field are put to sleep and listed first."""
        self._try(_LOOK_TRIES)
        met = list(before or ())
        if met:
            self._sleep()
        while True:
            found = self._list(_TYPE_A, _TARGETS_AT_ONCE, _COMMAND_S)
            met += found
            if len(found) < _TARGETS_AT_ONCE or len(met) >= CARDS_MAX:
                break
            self._sleep()
        return met or self._list(_TYPE_B, 1, _COMMAND_S)

    def activate(self, sighting: Sighting) -> Card:
        """ForeignCard for another kind, CardGone when it does not answer."""
        if sighting.kind is not Kind.SKI:
            raise ForeignCard(f"no ski card: {sighting.kind}")
        if self._active != sighting.uid:
            self._sleep()
            self._try(_LOOK_TRIES)
            self._active = None
            found = _type_a(self._command(_LIST_PASSIVE_TARGET, bytes([1, _TYPE_A]) + _cascaded(sighting.uid)))
            if [one.uid for one in found] != [sighting.uid]:
                raise CardGone("it does not answer to its UID")
            self._active = sighting.uid
        return Card(sighting.uid, self._chipset)

    def chip_id(self) -> bytes | None:
        """Of the resident ID that a look has just found: 8 bytes; None where it does not answer as one.

        ATTRIB and one command, raw: the chip cannot choose a card that speaks no ISO-DEP (facts, cards and readers).
        Anybody may read it, and copy it.
        """
        target = nfc.clf.RemoteTarget("106B", sensb_res=self._called[_ATQB])
        try:
            for frame, answer in (
                (_ATTRIB_HEAD + self._called[_PUPI] + _ATTRIB_TAIL, 1),
                (_READ_ID, CHIP_ID_BYTES + 2),
            ):
                told = bytes(self._device.send_cmd_recv_rsp(target, frame, CHIP_S))
                if len(told) < answer:
                    return None
        except nfc.clf.CommunicationError:
            return None
        return told[:CHIP_ID_BYTES] if told[CHIP_ID_BYTES:] == _DONE else None

    def rest(self) -> None:
        """The field goes off: every card forgets what it was about."""
        self._active = None
        self._device.mute()

    def close(self) -> None:
        """Close as far as the device still lets us."""
        transport = self._transport
        with contextlib.suppress(*READER_FAILURES, AttributeError):
            self._device.close()
        _drop(transport)

    def _try(self, times: int) -> None:
        """How often a poll calls beyond the first time."""
        if times != self._tries:
            self._chipset.rf_configuration(_RETRIES_ACTIVATION, [_FOREVER, 0x01, times])
            self._tries = times

    def _sleep(self) -> None:
        """Every card that is awake is put to sleep; it hears no call in this field but one by its UID."""
        self._active = None
        self._command(_RELEASE, b"\x00")

    def _list(self, modulation: int, at_most: int, seconds: float) -> list[Sighting]:
        # Not chipset.in_list_passive_target: it asks for one target whatever it is told.
        request = bytes([at_most, modulation]) + (b"\x00" if modulation == _TYPE_B else b"")
        answer = self._command(_LIST_PASSIVE_TARGET, request, seconds)
        if modulation == _TYPE_B:
            self._called = answer
            return _type_b(answer)
        found = _type_a(answer)
        self._active = found[0].uid if len(found) == 1 else None
        return found

    def _command(self, code: int, data: bytes, seconds: float = _COMMAND_S) -> bytes:
        return bytes(self._chipset.command(code, bytearray(data), seconds) or b"\x00")


def _type_a(answer: bytes) -> list[Sighting]:
    """Targets in an answer to InListPassiveTarget; what cannot be taken apart any more is left out.

    Each: number, SENS_RES 2, SEL_RES, length and bytes of the UID, then the ATS (its first byte its length) where the
    chip activated the card.
    """
    found: list[Sighting] = []
    at = 1
    for _ in range(answer[0]):
        head = answer[at : at + 5]
        if len(head) < 5:
            break
        sel_res, uid = head[3], answer[at + 5 : at + 5 + head[4]]
        found.append(Sighting(uid, Kind.SKI) if sel_res & _ISO_DEP and len(uid) == UID_BYTES else _foreign(uid))
        at += 5 + head[4]
        if sel_res & _ISO_DEP and at < len(answer):
            at += answer[at]
    return found


def _type_b(answer: bytes) -> list[Sighting]:
    """At most one target: number, ATQB 12, the answer to ATTRIB. Resident IDs speak no ISO-DEP (facts)."""
    if answer[:1] != b"\x01" or len(answer) <= _PROTOCOL_AT:
        return []
    return [Sighting(b"", Kind.OTHER if answer[_PROTOCOL_AT] & 0x01 else Kind.RESIDENT_ID)]


def _foreign(uid: bytes) -> Sighting:
    if len(uid) == 4 and uid[0] == _RANDOM_UID:
        return Sighting(bytes([_RANDOM_UID]), Kind.PHONE)
    return Sighting(uid or b"\x00", Kind.OTHER)


def _cascaded(uid: bytes) -> bytes:
    """A 7-byte UID as the chip wants to be told it."""
    return _CASCADE_TAG + uid


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
