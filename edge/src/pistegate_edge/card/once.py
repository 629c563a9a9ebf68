# SPDX-License-Identifier: Apache-2.0
"""One look at one card, for a command: opens the reader itself, and only if nothing else runs on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pistegate_edge.card.looking import LookingKeys, look
from pistegate_edge.card.seen import Seen
from pistegate_edge.clock import Clock
from pistegate_edge.errors import EdgeError, JournalInUse
from pistegate_edge.journal.files import Closable, Files
from pistegate_edge.readers.pn532 import READER_FAILURES, Pn532

LOOK_S = 0.3  # seconds at a stretch that a card is waited for


class ReaderInUse(EdgeError):
    """A gate, till or handheld runs on this reader."""


class NoReader(EdgeError, OSError):
    """The reader does not answer."""


@contextmanager
def reader_alone(directory: Path | None) -> Iterator[None]:
    """While this holds, no process of this configuration starts; ReaderInUse when one runs."""
    held: Closable | None = None
    if directory is not None and directory.is_dir():
        try:
            held = Files(directory).lock()
        except JournalInUse as error:
            raise ReaderInUse(str(error)) from error
        except OSError:
            held = None  # another user's: whoever may not write there cannot run a gate there either
    try:
        yield
    finally:
        if held is not None:
            held.close()


def look_once(
    path: str, fastest: int, keys: LookingKeys, clock: Clock, wait_s: float, ready: Callable[[], None]
) -> list[Seen]:
    """What is held to the reader within `wait_s`, empty when nothing is; `ready` is called once the reader waits.

    NoReader when there is none or it fails.
    """
    try:
        reader = Pn532(path, fastest)
        try:
            ready()
            until = clock.monotonic() + wait_s
            while True:
                seen, _ = look(reader, keys)
                if seen or clock.monotonic() >= until:
                    return seen
                reader.wait(max(0.01, min(LOOK_S, until - clock.monotonic())))
                reader.rest()
        finally:
            reader.close()
    except READER_FAILURES as error:
        raise NoReader(f"the reader {path} does not answer ({error}); check [reader] path, cable and power") from error
