# SPDX-License-Identifier: Apache-2.0
"""Identity documents by number: told apart by kind, written one way, refused when they cannot be right. Pure.

A number reaches Pistegate typed, scanned or from a reader; only one way of writing it may reach the keyed hash
(bindings.py), or the gate looks for another guest. Numbers of Chinese resident IDs follow GB 11643-1999: six digits of
region, eight of the birth date, three in sequence, and a check character by ISO 7064 MOD 11-2. Residence permits for
Hong Kong, Macao and Taiwan 港澳台居民居住证 and the foreigners' permanent residence card since 2023 carry such a number
too and are the same kind, because a reader that delivers the number cannot tell them apart.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

from pistegate_protocol.errors import ProtocolError

TEXT_MAX: Final = 100  # characters of a number as typed, or of both lines of a machine-readable zone
CHIP_BYTES: Final = 8  # of a resident ID's chip id (facts, cards and readers)
SLOT_MAX: Final = 0xFFFF  # slots of fingerprint sensors are counted in 16 bits
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # 2^(17 - n) mod 11
_CHECKS: Final = "10X98765432"  # by the weighted sum mod 11
_DROPPED: Final = re.compile(r"[\s().\-·]")
# A resident ID's region never begins with 0; numbers of permits end with how often they were issued, which changes.
_RESIDENT: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_HK_MACAU: Final = re.compile(r"([HM][0-9]{8})([0-9]{2})?")
_TAIWAN: Final = re.compile(r"([0-9]{8})([0-9]{2}[A-Z]?)?")
_PASSPORT: Final = re.compile(r"[A-Z0-9]{5,12}")
_COUNTRY: Final = re.compile(r"[A-Z]{1,3}")  # as in the machine-readable zone: D for Germany
# Both lines of a passport's machine-readable zone (ICAO 9303-4): issuing state; number with its check digit.
_ZONE: Final = re.compile(r"P[A-Z<]([A-Z<]{3})[A-Z<]{39}([A-Z0-9<]{9})([0-9])[A-Z0-9<]{34}")
_ZONE_WEIGHTS: Final = (7, 3, 1)  # ICAO 9303-3, 4.9: digits as they are, A is 10, < is 0
_CHIP: Final = re.compile(rf"[0-9A-F]{{{2 * CHIP_BYTES}}}")
_SLOT: Final = re.compile(r"[0-9]{1,5}")


class DocumentKind(IntEnum):
    """What a number was read from; part of what is hashed, so a change of numbers is a change of every handle."""

    RESIDENT_ID = 1
    """公民身份号码, residence permits with such a number included."""
    PASSPORT = 2
    HK_MACAU_PERMIT = 3
    """港澳居民来往内地通行证 (回乡证)."""
    TAIWAN_PERMIT = 4
    """台湾居民来往大陆通行证 (台胞证)."""
    CHIP = 5
    """The chip of a resident ID, where no reader for the number is at hand."""
    FINGER = 6
    """A slot of a sensor. Nothing is bound to one any more: fingers are named by their ticket (fingers.py)."""


class IdentityRefused(ProtocolError, ValueError):
    """A number that no document of its kind has. `why`: characters, date, check_digit or country."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Identity:
    """One document's number, written as `identity` writes it. Its text is personal data: not for logs (see repr)."""

    kind: DocumentKind
    number: str

    def __repr__(self) -> str:
        return f"Identity({self.kind.name}, ...)"

    @property
    def last4(self) -> str:
        """What screens and lists show of it."""
        return self.number[-4:]

    def to_bytes(self) -> bytes:
        """What is hashed: kind u8, then the number."""
        return bytes([self.kind]) + self.number.encode()


def identity(kind: DocumentKind, text: str, country: str = "") -> Identity:
    """The document that `text` names, spaces, case and full-width digits aside; IdentityRefused when it cannot be.

    `country`: of passports, as in the machine-readable zone; numbers of passports repeat between countries. Of a
    passport that was scanned `text` is the whole zone, and the country is in it.
    """
    number = _plain(text)
    match kind:
        case DocumentKind.RESIDENT_ID:
            _check_resident(number)
        case DocumentKind.PASSPORT:
            country, number = _in_zone(number) if "<" in number else (_plain(country), number)
            _expect(_COUNTRY, country, "country")
            number = f"{country}:{_expect(_PASSPORT, number)[0]}"
        case DocumentKind.HK_MACAU_PERMIT:
            number = _expect(_HK_MACAU, number)[1]
        case DocumentKind.TAIWAN_PERMIT:
            number = _expect(_TAIWAN, number)[1]
        case DocumentKind.CHIP:
            _expect(_CHIP, number)
        case DocumentKind.FINGER:
            number = str(int(_expect(_SLOT, number)[0]))
            if int(number) > SLOT_MAX:
                raise IdentityRefused("characters")
    return Identity(kind, number)


def check_character(digits: str) -> str:
    """The last character of a resident ID by its first 17 digits (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11]


def _plain(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise IdentityRefused("characters")
    return _DROPPED.sub("", unicodedata.normalize("NFKC", text)).upper()


def _expect(pattern: re.Pattern[str], text: str, why: str = "characters") -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise IdentityRefused(why)
    return found


def _in_zone(text: str) -> tuple[str, str]:
    """Country and number from both lines of a machine-readable zone."""
    found = _expect(_ZONE, text)
    values = [0 if each == "<" else int(each, 36) for each in found[2]]
    if sum(value * _ZONE_WEIGHTS[at % 3] for at, value in enumerate(values)) % 10 != int(found[3]):
        raise IdentityRefused("check_digit")
    return found[1].rstrip("<"), found[2].rstrip("<")


def _check_resident(number: str) -> None:
    _expect(_RESIDENT, number)
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise IdentityRefused("date") from error
    if not 1900 <= born.year < 2100:
        raise IdentityRefused("date")
    if number[17] != check_character(number[:17]):
        raise IdentityRefused("check_digit")
