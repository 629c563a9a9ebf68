# SPDX-License-Identifier: Apache-2.0
"""What a photo must be, and when a pass needs one. Pure: no I/O, no clock."""

from datetime import date
from typing import Final

from pistegate_cloud.errors import Problem

PHOTO_MAX: Final = 150_000  # bytes; 600 x 800 pixels as JPEG take 60,000, and a request's body ends at 256 KiB
_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def photo_kind(data: bytes) -> str:
    """The media type by the first bytes, whatever the sender calls it; Problem photo_unfit."""
    if len(data) <= PHOTO_MAX:
        if data.startswith(_JPEG) and data.rstrip(b"\0").endswith(b"\xff\xd9"):
            return "image/jpeg"
        if data.startswith(_PNG) and b"IEND" in data[-16:]:
            return "image/png"
    raise Problem("photo_unfit", limit=PHOTO_MAX)


def needs_photo(first: date, last: date, from_days: int | None) -> bool:
    """Whether a pass for these days, both included, needs its holder's photo."""
    return from_days is not None and (last - first).days + 1 >= from_days
