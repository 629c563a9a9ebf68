# SPDX-License-Identifier: Apache-2.0
"""A tripod on the other end of a gate's wires: serves the pin socket, moves with real time, shows the lamps."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pistegate_simulators.turnstile.tripod import Arm, Tripod


@dataclass(frozen=True, slots=True)
class Wiring:
    """BCM pin numbers on the gate's side; the PASS contact pulls its pin low."""

    unlock: int = 17
    passed: int = 27
    green: int = 22
    red: int = 23
    buzzer: int = 24


class WiredTripod:
    """One turnstile with lamps. People wait for `seen`, then `push`."""

    def __init__(self, path: Path, wiring: Wiring, timeout_ms: int) -> None:
        self.path = path
        self.wiring = wiring
        self.tripod = Tripod(timeout_ms)
        self.signals = {wiring.green: False, wiring.red: False, wiring.buzzer: False}
        self._changed = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._wake = asyncio.Event()
        self._mover: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve the pin socket."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        self._mover = asyncio.create_task(self._move())

    async def stop(self) -> None:
        """Cut all wires."""
        if self._mover:
            self._mover.cancel()
        if self._server:
            self._server.close()
        if self._writer:
            self._writer.close()

    @property
    def connected(self) -> bool:
        """Whether a gate is on the wires."""
        return self._writer is not None

    @property
    def free(self) -> bool:
        """Whether the arm would give way now."""
        return self.tripod.arm is Arm.FREE

    @property
    def red(self) -> bool:
        """Whether the red lamp is on; it blinks silently where the gate is out of service."""
        return self.signals[self.wiring.red]

    @property
    def refused(self) -> bool:
        """Whether the gate says no to a guest: red, with its long beep."""
        return self.red and self.signals[self.wiring.buzzer]

    @property
    def green(self) -> bool:
        """Whether the green lamp is on."""
        return self.signals[self.wiring.green]

    async def seen(self, what: Callable[["WiredTripod"], bool], timeout_s: float) -> bool:
        """Watch lamps and arm until `what` is true; False after the time-out."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: what(self))
        except TimeoutError:
            return False
        return True

    async def push(self, turn_ms: int) -> bool:
        """Push the arm and walk through; whether it turned."""
        if not self.tripod.push(turn_ms, _now_ms()):
            return False
        target = self.tripod.turned + 1
        self._wake.set()
        return await self.seen(lambda lane: lane.tripod.turned >= target, turn_ms / 1000 + 5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._tell_contact()
        try:
            while line := await reader.readline():
                number, level = line.split()
                await self._output(int(number), level == b"1")
        except (ConnectionError, ValueError):
            pass
        finally:
            if self._writer is writer:
                self._writer = None
                for pin in (self.wiring.unlock, *self.signals):
                    await self._output(pin, False)  # a dead controller drives nothing
            writer.close()

    async def _output(self, number: int, level: bool) -> None:
        if number == self.wiring.unlock:
            self.tripod.unlock_line(level, _now_ms())
            self._wake.set()
        elif number in self.signals:
            self.signals[number] = level
        await self._tell_people()

    async def _move(self) -> None:
        while True:
            contact = self.tripod.pass_contact
            self.tripod.step(_now_ms())
            if self.tripod.pass_contact != contact:
                self._tell_contact()
            await self._tell_people()
            due = self.tripod.next_change()
            self._wake.clear()
            try:
                async with asyncio.timeout(None if due is None else max(0, due - _now_ms()) / 1000):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _tell_contact(self) -> None:
        if self._writer:
            level = 0 if self.tripod.pass_contact else 1
            self._writer.write(f"{self.wiring.passed} {level}\n".encode())

    async def _tell_people(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
