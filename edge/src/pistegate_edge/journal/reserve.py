# SPDX-License-Identifier: Apache-2.0
"""Disk reserve: a file of real blocks that is given up so that the last opening's outcome finds room."""

from pathlib import Path

from pistegate_edge.journal.files import Files

FILE_NAME = "reserve"


class Reserve:
    """`held` tells whether the room is kept; admissions are made only while it is."""

    def __init__(self, files: Files | Path, size: int) -> None:
        self._files = Files(files) if isinstance(files, Path) else files
        self._size = size
        self.held = False

    def take(self) -> bool:
        """Allocate the room, if it is there; returns `held`."""
        if self.held:
            return True
        try:
            self._files.allocate(FILE_NAME, self._size)
        except OSError:
            self.give_up()
            return False
        self.held = True
        return True

    def give_up(self) -> None:
        """Free the room."""
        self.held = False
        self._files.remove(FILE_NAME)
