# SPDX-License-Identifier: Apache-2.0
"""What vouches for this computer's clock: the kernel's time service by adjtimex, and a battery-backed clock."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Final

from pistegate_edge.timekeeping.told import Kernel, Sources

_UNSYNC: Final = 0x40  # STA_UNSYNC; the kernel sets it when the clock is set by hand, and 9 h after the last update
_RTC: Final = Path("/sys/class/rtc/rtc0/since_epoch")


class _Timex(ctypes.Structure):
    """The head of struct timex (adjtimex(2)), and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def kernel() -> Kernel:
    """As adjtimex tells it; not synchronised where it cannot be asked."""
    timex = _Timex(modes=0)
    try:
        answer = _libc().adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return Kernel(False)
    if answer < 0 or timex.status & _UNSYNC:
        return Kernel(False)
    return Kernel(True, max(0, timex.maxerror) // 1000)


def rtc_ms(path: Path = _RTC) -> int | None:
    """What the battery-backed clock tells, in whole seconds; None: there is none, or it cannot be read."""
    try:
        return int(path.read_text()) * 1000
    except (OSError, ValueError):
        return None


def system_sources() -> Sources:
    """Of the system's own clock."""
    return Sources(kernel(), rtc_ms())
