# SPDX-License-Identifier: Apache-2.0
"""One lane of the simulated site: gate process, reader, turnstile, and the queue before it."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pistegate_protocol.texts import text
from pistegate_simulators.day.processes import Process, program
from pistegate_simulators.day.settings import LOCALE
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.turnstile.pins import SOCKET_VARIABLE
from pistegate_simulators.turnstile.wired import WiredTripod

PIN_FACTORY = "pistegate-sim"
_READY_S = 30.0
_READ_TRIES = 30  # looks at the display, 50 ms apart: the gate writes it after the lamps, and not if it says it already
IN_SERVICE = "in service"  # what a gate's log says when guests may come


@dataclass(slots=True)
class Station:
    """A gate and everything wired to it; guests take the `queue` lock one after another."""

    number: int
    config: Path
    reader: SimulatedReader
    lane: WiredTripod
    log: Path
    display: Path
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)
    process: Process = field(init=False)
    kills: int = 0

    def __post_init__(self) -> None:
        env = {"GPIOZERO_PIN_FACTORY": PIN_FACTORY, SOCKET_VARIABLE: str(self.lane.path)}
        command = [program("pistegate-gate"), "run", "--config", str(self.config)]
        self.process = Process(f"gate {self.number}", command, self.log, env)

    async def start(self) -> None:
        """Start the gate and wait until it is in service."""
        before = self._times_in_service()
        await self.process.start()
        async with asyncio.timeout(_READY_S):
            while self._times_in_service() == before:
                self.process.check()
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Pull the plug of the Pi; the turnstile's own controller goes on."""
        self.kills += 1
        await self.process.kill()

    def shown(self) -> list[str]:
        """Every text the display has shown, the newest last."""
        return self.display.read_text("utf-8").splitlines() if self.display.exists() else []

    async def asks_again(self, before: int) -> bool:
        """Whether the display asks for the card once more; `before`: how many texts it had shown before the tap."""
        for _ in range(_READ_TRIES):
            if len(self.shown()) > before:
                break
            await asyncio.sleep(0.05)
        return self.shown()[-1:] == [text("prompt.again", LOCALE)]

    async def journal(self) -> dict[str, Any]:
        """What the gate itself recorded, as its own command tells it."""
        command = [program("pistegate-gate"), "journal", "show", "--config", str(self.config), "--json"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"gate {self.number}: journal show failed: {err.decode()[-500:]}")
        told: dict[str, Any] = json.loads(out)
        return told

    def _times_in_service(self) -> int:
        return self.log.read_text("utf-8", "replace").count(IN_SERVICE) if self.log.exists() else 0
