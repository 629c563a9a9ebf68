# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a lane board; each text says what to do."""

import errno
from pathlib import Path

from pistegate_edge.errors import EdgeError


class BoardError(EdgeError):
    """Something about the board that a technician can put right."""


class NoBoard(BoardError, OSError):
    """The board's port cannot be had."""


class NoAnswer(BoardError, TimeoutError):
    """Something is there, and does not answer as a lane board does."""


def port_error(path: str, error: OSError) -> NoBoard:
    """Why a port cannot be opened, with the remedy."""
    number = error.errno
    if isinstance(error, PermissionError) or number == errno.EACCES:
        remedy = "this user may not open it: `sudo usermod -aG dialout $USER`, then log in again"
    elif number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or not Path(path).exists():
        remedy = f"there is no such device: plug the board in (a USB cable with data wires){_seen(path)}"
    elif number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY) or "lock" in str(error):
        remedy = "another process has it: stop the gate first (`sudo systemctl stop pistegate-gate`)"
    else:
        remedy = f"{error.strerror or error}: draw the cable and put it in again; try another cable"
    return NoBoard(f"{path}: {remedy}")


def _seen(path: str) -> str:
    """Ports that are there instead."""
    folder = Path("/dev/serial/by-id")
    found = sorted(str(entry) for entry in folder.glob("*")) if folder.is_dir() else []
    found += sorted(str(entry) for entry in Path("/dev").glob("ttyACM*"))
    others = [entry for entry in found if entry != path]
    return f"; there is {', '.join(others)}: write that as [lane] port" if others else ""
