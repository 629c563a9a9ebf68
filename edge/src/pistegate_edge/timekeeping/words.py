# SPDX-License-Identifier: Apache-2.0
"""A technician's word that the system's clock is right: a file beside the journal, taken once, soon or not at all."""

import os
from pathlib import Path
from typing import Final

from pistegate_edge.clock import Clock

FILE_NAME: Final = "clock.accepted"
HOLDS_MS: Final = 3_600_000  # a word that waits longer, for a gate that is off, says nothing of the clock then


def accept(directory: Path, system: Clock) -> str:
    """Leave the word for the gate; the time that is accepted, in ISO form (UTC)."""
    wall = system.wall()
    fresh = directory / f"{FILE_NAME}.new"
    fresh.write_text(f"{system.wall_ms()}\n")
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.rename(directory / FILE_NAME)
    return wall.isoformat(timespec="seconds")


def taken(directory: Path, system: Clock) -> bool:
    """Whether there is a word that still holds; it is gone then in any case."""
    word = directory / FILE_NAME
    try:
        said = int(word.read_text())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        said = 0
    word.unlink(missing_ok=True)
    return 0 <= system.wall_ms() - said <= HOLDS_MS
