# SPDX-License-Identifier: Apache-2.0
"""A PN532 at the end of a pseudo terminal: the thread that host drivers talk to as to a serial device.

A thread and not a process: nfcpy waits 100 ms for an acknowledgement, which a process of its own misses under load
(facts: up to 3 of 40 runs).
"""

import contextlib
import os
import select
import threading
import time
import tty
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pistegate_simulators.card import RadioCard
from pistegate_simulators.reader import frames
from pistegate_simulators.reader.chip import Answer, Pn532, SyntaxFault
from pistegate_simulators.reader.field import Counters, Cut, Executed, RfField

_BITS_PER_BYTE = 10  # start, eight, stop
_READ_SIZE = 4096


@dataclass
class _Line:
    """Both ends of one pseudo terminal; the device end stays open here, else a host's close ends the line."""

    master: int
    device: int

    @classmethod
    def open(cls) -> Self:
        master, device = os.openpty()
        tty.setraw(master)
        tty.setraw(device)
        os.set_blocking(master, False)
        return cls(master, device)

    def close(self) -> None:
        os.close(self.master)
        os.close(self.device)


@dataclass
class _Faults:
    """Accidents on the serial line that are still to happen."""

    acks_to_drop: int = 0
    answers_to_drop: int = 0


@dataclass
class SimulatedReader:
    """A reader one can plug, present cards to, and break. Starts plugged in; `close` (or `with`) ends it.

    `link` is a path that keeps naming the device over unplugging; `paced` makes UART and RF take their real time.
    """

    link: Path | None = None
    paced: bool = False
    _chip: Pn532 = field(default_factory=Pn532)
    _line: _Line | None = None
    _parser: frames.FrameParser = field(default_factory=frames.FrameParser)
    _outgoing: deque[tuple[float, bytes]] = field(default_factory=deque)
    _faults: _Faults = field(default_factory=_Faults)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _stopping: bool = False

    def __post_init__(self) -> None:
        self._chip.rf.paced = self.paced
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self.replug()
        self._thread = threading.Thread(target=self._serve, name="pn532", daemon=True)
        self._thread.start()

    # What a person can do to a reader.

    @property
    def path(self) -> str:
        """The device as hosts open it now, /dev/pts/N; OSError while unplugged."""
        with self._lock:
            if self._line is None:
                raise FileNotFoundError("the reader is unplugged")
            return os.ttyname(self._line.device)

    @property
    def rf(self) -> RfField:
        """The RF field, for accidents on the air."""
        return self._chip.rf

    @property
    def counters(self) -> Counters:
        """Live counters."""
        return self._chip.rf.counters

    def reset_counters(self) -> None:
        """Start counting from zero."""
        with self._lock:
            self._chip.rf.counters = Counters()

    def present(self, card: RadioCard) -> None:
        """Hold a card to the reader."""
        with self._lock:
            self._chip.rf.present(card)
            found = self._chip.retry()
            if found is not None:
                while self._outgoing and self._outgoing[-1][1] != frames.ACK:
                    self._outgoing.pop()  # "no card", scheduled for the poll's end
                self._answer(*found, time.monotonic())
        self._wake()

    def remove(self, card: RadioCard | None = None) -> None:
        """Take a card (None: all) away; what it did not commit is rolled back."""
        with self._lock:
            self._chip.rf.remove(card)

    def cut_after(self, exchanges: int, when: Cut = Cut.AFTER, executed: Executed = Executed.NOTHING) -> None:
        """Let so many card exchanges pass (RATS counts as one), then tear all cards out before, during or after one.

        `executed` tells how far the card came with a command DURING which it is torn.
        """
        with self._lock:
            self._chip.rf.cut_after(exchanges, when, executed)

    def unplug(self) -> None:
        """Pull the device: hosts get EIO, the chip and all cards lose power, the link is gone."""
        with self._lock:
            if self._line is None:
                return
            if self.link is not None:
                self.link.unlink(missing_ok=True)
            self._line.close()
            self._line = None
            self._chip.reset()
            self._outgoing.clear()
            self._parser = frames.FrameParser()
        self._wake()

    def replug(self) -> None:
        """Plug in again: another /dev/pts/N, the same link."""
        with self._lock:
            if self._line is not None:
                return
            self._line = _Line.open()
            if self.link is not None:
                fresh = self.link.with_name(self.link.name + ".new")
                fresh.unlink(missing_ok=True)
                fresh.symlink_to(self.path)
                fresh.replace(self.link)
        self._wake()

    def inject(self, garbage: bytes) -> None:
        """Send bytes that nobody asked for to the host."""
        with self._lock:
            self._write(garbage)

    def drop_acks(self, count: int) -> None:
        """Lose the next `count` acknowledgements, and with each the command it belongs to."""
        with self._lock:
            self._faults.acks_to_drop = count

    def drop_answers(self, count: int) -> None:
        """Execute and acknowledge the next `count` commands, but lose their answers."""
        with self._lock:
            self._faults.answers_to_drop = count

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()
        self._stopping = True
        self._wake()
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The thread.

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")

    def _serve(self) -> None:
        while not self._stopping:
            with self._lock:
                line = self._line
                wait = self._flush()
            watched = [self._wake_read] + ([line.master] if line else [])
            try:
                ready, _, _ = select.select(watched, [], [], wait)
            except OSError:
                continue  # unplugged between the look and the wait
            if self._wake_read in ready:
                os.read(self._wake_read, _READ_SIZE)
            if line is not None and line.master in ready:
                self._receive(line)

    def _receive(self, line: _Line) -> None:
        with self._lock:
            if self._line is not line:
                return
            try:
                data = os.read(line.master, _READ_SIZE)
            except OSError:
                return
            self.counters.uart_in += len(data)
            for frame in self._parser.feed(data):
                self._command(frame, time.monotonic() + self._uart_s(len(data)))

    def _command(self, frame: bytes, now: float) -> None:
        # A new command or an ACK from the host takes back whatever the chip has not sent yet.
        self._outgoing.clear()
        if frame == frames.ACK:
            self._chip.abort()
            return
        if frame == frames.NACK:
            return
        if self._faults.acks_to_drop:
            self._faults.acks_to_drop -= 1
            return
        self._outgoing.append((now, frames.ACK))
        try:
            answer = self._chip.handle(frame)
        except SyntaxFault:
            self._outgoing.append((now, frames.SYNTAX_ERROR))
            return
        if self._faults.answers_to_drop:
            self._faults.answers_to_drop -= 1
        elif answer is not None:
            self._answer(frame[0], answer, now + self._uart_s(len(frames.ACK)))

    def _answer(self, command: int, answer: Answer, now: float) -> None:
        frame = frames.build(bytes([frames.TO_HOST, command + 1]) + answer.data)
        self._outgoing.append((now + answer.after_s + self._uart_s(len(frame)), frame))

    def _uart_s(self, count: int) -> float:
        return count * _BITS_PER_BYTE / self._chip.baudrate if self.paced else 0.0

    def _flush(self) -> float | None:
        """Send what is due; seconds until the next is, None when nothing waits."""
        while self._outgoing:
            due, data = self._outgoing[0]
            wait = due - time.monotonic()
            if wait > 0:
                return wait
            self._outgoing.popleft()
            self._write(data)
        return None

    def _write(self, data: bytes) -> None:
        if self._line is None:
            return
        self.counters.uart_out += len(data)
        # Nobody reads: a serial line loses bytes too.
        with contextlib.suppress(BlockingIOError):
            os.write(self._line.master, data)
