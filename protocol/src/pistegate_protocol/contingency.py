# SPDX-License-Identifier: Apache-2.0
"""Contingency tickets 应急票: what the cloud and the box at a window agree on, beside the shapes of the HTTP API.

A batch is made for one window and one day. Its tickets are numbered in the window's own series (`serial`, without gaps
from batch to batch); its sales are numbered from 1 in the batch (`receipt`, without gaps either). Pure.
"""

from collections.abc import Iterable
from hashlib import scrypt, sha256
from hmac import compare_digest
from typing import Final

PIN_DIGITS_MIN: Final = 6
PIN_DIGITS_MAX: Final = 12
SALT_BYTES: Final = 16
CUT_S: Final = (
    60.0  # s without the cloud; up to here the window's client repeats its request instead (docs/integrator.md)
)
METHODS: Final = ("cash", "terminal")
# 16 MiB and some 50 ms on x86 (190 beside a benchmark): who has the disk tries a million PINs in a day; but he has the
# day's codes too, and those are denied as soon as somebody says that the box is gone.
_SCRYPT: Final = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 32}


def pin_hash(pin: str, salt: bytes) -> bytes:
    """What is kept of a window's PIN; 32 bytes."""
    return scrypt(pin.encode(), salt=salt, **_SCRYPT)


def pin_matches(pin: str, salt: bytes, kept: bytes) -> bool:
    """Whether it is the window's PIN."""
    return is_pin(pin) and compare_digest(pin_hash(pin, salt), kept)


def is_pin(pin: str) -> bool:
    """Whether it could be one: digits only."""
    return pin.isascii() and pin.isdigit() and PIN_DIGITS_MIN <= len(pin) <= PIN_DIGITS_MAX


def batch_digest(rows: Iterable[tuple[int, int, int, str]]) -> str:
    """Of a batch's tickets (serial, ticket number, product, code) in order of serial; hex. Whole is what has it."""
    digest = sha256(b"pistegate contingency\x00")
    for serial, number, product, code in rows:
        digest.update(f"{serial} {number} {product} {code}\n".encode())
    return digest.hexdigest()


def receipt_name(window: int, day: str, batch: int, receipt: int) -> str:
    """A receipt number as it is printed; `day`: ISO, `batch`: the window's count of batches."""
    return f"Y{window}-{day.replace('-', '')}-{batch}-{receipt:04d}"


def serial_name(window: int, serial: int) -> str:
    """A contingency ticket's number as it is printed."""
    return f"Y{window}-{serial:06d}"
