# SPDX-License-Identifier: Apache-2.0
"""Firmware onto a Pico: stop it, copy what differs, check every file, list it all, start it.

A flash that is cut leaves a board that drives nothing: the file `service` keeps the firmware from starting until the
list has been written, which is last. So it is simply run again.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pistegate_edge.lane.board.errors import BoardError, NoAnswer, NoBoard
from pistegate_edge.lane.board.image import BUILD, CRASH, SERVICE, Image
from pistegate_edge.lane.board.talk import Talk, talk_to

RESTART_S = 10.0  # a Pico's USB comes back within two seconds of a reset; hubs take longer
BYTECODE = 6  # version of .mpy files, from MicroPython 1.19 on
CHUNK = 1024  # bytes of one write to the console
_REPLY_S = 5.0

# On the board: any error of its file system means that there is no such file, whatever its number.
_HELP = """
import os
def _there(name):
    try:
        os.stat(name)
    except OSError:
        return False
    return True
"""

Say = Callable[[str], None]


@dataclass(slots=True)
class Done:
    """What a flash did."""

    python: str = ""
    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    crash: str = ""  # what the board was latched with; a flash unlatches it


def flash(path: str, image: Image, profile: str, monotonic: Callable[[], float], say: Say) -> Done:
    """Put `image` on the board at `path`; BoardError with the remedy where that fails."""
    transports = _mpremote()
    _stop(path, profile, monotonic, say)
    try:
        transport = transports.SerialTransport(path, timeout=_REPLY_S)
        try:
            return _with_console(transport, image, say)
        finally:
            transport.close()
    except (transports.TransportError, OSError) as error:
        remedy = "the lane stays undriven; run the same command again, after drawing the cable if that fails too"
        raise BoardError(f"the flash was cut: {_short(error)}; {remedy}") from error


def await_start(path: str, image: Image, profile: str, monotonic: Callable[[], float]) -> dict[str, Any]:
    """The hello of the firmware that was flashed; NoAnswer when another one or none answers."""
    hello: dict[str, Any] = _patiently(path, profile, monotonic, lambda talk: talk.hello(2.0))
    if hello["build"] != image.build or hello["profile"] != profile:
        raise NoAnswer(f"the board runs build {hello['build']}, {image.build} was flashed: run `board flash` again")
    return hello


def _mpremote() -> Any:
    try:
        from mpremote import transport_serial  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise BoardError("mpremote is not installed: `pip install 'pistegate-edge[board]'`") from error
    return transport_serial


def _stop(path: str, profile: str, monotonic: Callable[[], float], say: Say) -> None:
    """Have the console: it is there already, or the firmware is asked to leave it."""
    with talk_to(path, profile, monotonic) as talk:
        if talk.console():
            return
        say("stopping the firmware: the lane is shut and not driven")
        talk.service()
    if not _patiently(path, profile, monotonic, lambda talk: talk.console() or None):
        raise NoAnswer("no console")


def _patiently(path: str, profile: str, monotonic: Callable[[], float], ask: Callable[[Talk], Any]) -> Any:
    """What `ask` finds, while the board restarts and its port goes and comes back."""
    end = monotonic() + RESTART_S
    while True:
        try:
            with talk_to(path, profile, monotonic) as talk:
                found = ask(talk)
            if found is not None:
                return found
        except (NoBoard, NoAnswer, OSError):
            if monotonic() > end:
                raise
        if monotonic() > end:
            remedy = "hold BOOTSEL while plugging it in, copy MicroPython's UF2 onto the drive, then flash again"
            raise NoAnswer(f"{path}: neither a lane board nor MicroPython's console answers: {remedy}")
        time.sleep(0.3)


def _with_console(transport: Any, image: Image, say: Say) -> Done:
    transport.enter_raw_repl(soft_reset=False)
    transport.exec(_HELP)
    version, bytecode = transport.eval("(lambda i: (i.version[:3], i._mpy & 255))(__import__('sys').implementation)")
    done = Done(python=".".join(str(part) for part in version))
    say(f"MicroPython {done.python}")
    if bytecode != BYTECODE:
        remedy = "put the UF2 of MicroPython 1.27 onto it (hold BOOTSEL while plugging it in), then flash again"
        raise BoardError(f"MicroPython {done.python} on the board takes other bytecode: {remedy}")
    transport.fs_writefile(SERVICE, b"board flash")
    if _exists(transport, CRASH):
        done.crash = bytes(transport.fs_readfile(CRASH)).decode(errors="replace")
        say(f"the board was latched: {done.crash}")
    if _exists(transport, BUILD):
        transport.fs_rmfile(BUILD)
    for folder in image.folders:
        if not _exists(transport, folder):
            transport.fs_mkdir(folder)
    for number, (name, data) in enumerate(image.files.items(), 1):
        say(f"[{number:2}/{len(image.files)}] {name}: {_put(transport, name, data, done)}")
    done.removed = _tidy(transport, image)
    transport.fs_writefile(BUILD, image.listing)
    _verify(transport, BUILD, image.listing)
    for name in (CRASH, SERVICE):
        if _exists(transport, name):
            transport.fs_rmfile(name)
    say("starting the firmware")
    transport.exec_raw_no_follow("import machine\nmachine.reset()")
    return done


def _put(transport: Any, name: str, data: bytes, done: Done) -> str:
    if _exists(transport, name) and _hash(transport, name) == hashlib.sha256(data).digest():
        done.unchanged.append(name)
        return "unchanged"
    transport.fs_writefile(name, data, chunk_size=CHUNK)
    _verify(transport, name, data)
    done.written.append(name)
    return f"{len(data)} bytes, verified"


def _verify(transport: Any, name: str, data: bytes) -> None:
    if _hash(transport, name) != hashlib.sha256(data).digest():
        raise BoardError(f"{name} reads back otherwise than it was written: the flash is worn, replace the Pico")


def _exists(transport: Any, name: str) -> bool:
    return bool(transport.eval(f"_there({name!r})"))


def _hash(transport: Any, name: str) -> bytes:
    return bytes(transport.fs_hashfile(name, "sha256", chunk_size=CHUNK))


def _tidy(transport: Any, image: Image) -> list[str]:
    """Remove files of an older release from the folders that are ours."""
    removed = []
    for folder in image.folders:
        for entry in transport.fs_listdir(folder):
            name = f"{folder}/{entry.name}"
            if entry.st_mode & 0x8000 and name not in image.files:
                transport.fs_rmfile(name)
                removed.append(name)
    return removed


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
