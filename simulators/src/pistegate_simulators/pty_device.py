# SPDX-License-Identifier: Apache-2.0
"""A serial device on a pseudo terminal that can be unplugged and plugged in again, and the thread that runs it."""

import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Self

_READ_MOST = 4096
# What the host has set on its end, told by the kernel's code for the rate.
_RATES = {getattr(termios, f"B{rate}"): rate for rate in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)}


class PtyDevice:
    """Starts plugged in; `close` (or `with`) ends it. `heard(data)` is called from its thread with what hosts send.

    `link`: a path that keeps naming the device over unplugging.
    """

    def __init__(self, heard: Callable[[bytes], None], link: Path | None = None) -> None:
        self._heard = heard
        self._link = link
        self._ends: tuple[int, int] | None = None  # the master's, and the device's, which stays open here
        self._lock = threading.RLock()
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe()
        self.plug()
        self._thread = threading.Thread(target=self._serve, name="pty", daemon=True)
        self._thread.start()

    @property
    def path(self) -> str:
        """The device as hosts open it now, /dev/pts/N; OSError while unplugged."""
        with self._lock:
            if self._ends is None:
                raise FileNotFoundError("the device is unplugged")
            return os.ttyname(self._ends[1])

    @property
    def rate(self) -> int | None:
        """The host's baud; None while unplugged or at one that is not known here."""
        with self._lock:
            return None if self._ends is None else _RATES.get(termios.tcgetattr(self._ends[1])[5])

    @property
    def plugged(self) -> bool:
        """Whether it is there."""
        return self._ends is not None

    def send(self, data: bytes) -> None:
        """To the host; nothing while unplugged. What the kernel cannot take at once is lost, as on a real line."""
        with self._lock:
            if self._ends is not None:
                try:
                    os.write(self._ends[0], data)
                except BlockingIOError:
                    return

    def unplug(self) -> None:
        """Hosts get EIO; the link is gone."""
        with self._lock:
            if self._ends is None:
                return
            if self._link is not None:
                self._link.unlink(missing_ok=True)
            for end in self._ends:
                os.close(end)
            self._ends = None
        os.write(self._wake_write, b"!")

    def plug(self) -> None:
        """Plug in again: another /dev/pts/N, the same link."""
        with self._lock:
            if self._ends is not None:
                return
            master, device = os.openpty()
            tty.setraw(master)
            tty.setraw(device)
            os.set_blocking(master, False)
            self._ends = master, device
            if self._link is not None:
                fresh = self._link.with_name(self._link.name + ".new")
                fresh.unlink(missing_ok=True)
                fresh.symlink_to(self.path)
                fresh.replace(self._link)
        os.write(self._wake_write, b"!")

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()
        self._stopping = True
        os.write(self._wake_write, b"!")
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._stopping:
            with self._lock:
                ends = self._ends
            watched = [self._wake_read] + ([ends[0]] if ends else [])
            try:
                ready = select.select(watched, [], [])[0]
                if self._wake_read in ready:
                    os.read(self._wake_read, _READ_MOST)
                data = self._read(ends) if ends and ends[0] in ready else b""
            except OSError:
                time.sleep(0.01)  # unplugged between the look and the read
                continue
            if data:
                self._heard(data)

    def _read(self, ends: tuple[int, int]) -> bytes:
        """Only while they are the device's: a descriptor that was closed may be somebody else's file by now."""
        with self._lock:
            return os.read(ends[0], _READ_MOST) if self._ends is ends else b""
