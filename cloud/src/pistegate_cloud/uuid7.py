# SPDX-License-Identifier: Apache-2.0
"""UUIDv7 (RFC 9562): keys that grow with time, so that new rows land together in an index."""

import secrets
from uuid import UUID


def uuid7(wall_ms: int) -> UUID:
    """A fresh UUIDv7 at a time in milliseconds since 1970."""
    value = (wall_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)
