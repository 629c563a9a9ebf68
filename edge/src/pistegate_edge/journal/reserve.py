# SPDX-License-Identifier: Apache-2.0
"""Disk reserve: a file of real blocks that is given up so that the last opening's outcome finds room."""

import os
from pathlib import Path

FILE_NAME = "reserve"


class Reserve:
    """`held` tells whether the room is kept; admissions are made only while it is."""

    def __init__(self, directory: Path, size: int) -> None:
        self._path = directory / FILE_NAME
        self._size = size
        self.held = False

    def take(self) -> bool:
        """Allocate the room, if it is there; returns `held`."""
        if self.held:
            return True
        try:
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self.give_up()
            return False
        self.held = True
        return True

    def give_up(self) -> None:
        """Free the room."""
        self.held = False
        self._path.unlink(missing_ok=True)
