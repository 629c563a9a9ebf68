# SPDX-License-Identifier: Apache-2.0
"""Words on a display, or in a file: in full, or fitted to the cells of a small screen."""

import logging
import os
from pathlib import Path

from pistegate_edge.signals.fit import Screen, Words, fit
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.texts import catalogue, text

log = logging.getLogger(__name__)


class Display:
    """Writes a line per text to a device or file; one that fails is told once and not waited for."""

    def __init__(self, path: str | None, locale: str, screen: Screen | None = None) -> None:
        self._path = Path(path) if path else None
        self._locale = locale
        self._screen = screen
        self._shown = ""
        self._failed = False

    def show(
        self,
        key: str,
        values: dict[str, object],
        also: tuple[str, ...] = (),
        holder: HolderClass | None = None,
    ) -> None:
        """The words for `key` and then for each of `also`; `holder`: whose letter the attendant is to see."""
        if self._path is None:
            return
        mark = text(f"holder.{holder.name.lower()}", self._locale) if holder else ""
        if self._screen is None:
            said = " ".join(text(each, self._locale, **values) for each in (key, *also))
            self.line(f"{said} [{mark}]" if mark else said)
        else:
            self._frame(rows(key, values, also, self._locale, self._screen, mark), self._screen)

    def line(self, words: str) -> None:
        """One line of words, unless it shows already."""
        self._write(words, words.encode() + b"\n")

    def _frame(self, lines: list[str], screen: Screen) -> None:
        said = "\r\n".join(lines) if screen.clear else "\n".join(lines) + "\n"
        self._write(said, (screen.clear + said).encode(screen.encoding, "replace"))

    def _write(self, words: str, data: bytes) -> None:
        if self._path is None or words == self._shown:
            return
        self._shown = words
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
        try:
            file = os.open(self._path, flags, 0o644)
            try:
                os.write(file, data)
            finally:
                os.close(file)
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("display %s: %s", self._path, error)
            self._failed = True


def rows(
    key: str, values: dict[str, object], also: tuple[str, ...], locale: str, screen: Screen, mark: str = ""
) -> list[str]:
    """The rows that a screen shows."""
    main, *details = [_words(each, values, locale) for each in (key, *also)]
    return fit(main, details, screen, mark)


def _words(key: str, values: dict[str, object], locale: str) -> Words:
    """In full, and short where there is a short form."""
    section, _, name = key.partition(".")
    short = f"{section}_short.{name}"
    full = text(key, locale, **values)
    return Words(full, text(short, locale, **values) if short in catalogue(locale) else full)
