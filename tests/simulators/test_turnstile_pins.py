# SPDX-License-Identifier: Apache-2.0
"""gpiozero, unmodified, finds the turnstile's pins by name, in a process of its own."""

import asyncio
import os
import sys
from pathlib import Path

from pistegate_simulators.turnstile.pins import SOCKET_VARIABLE
from pistegate_simulators.turnstile.wired import WiredTripod, Wiring

GATE = """
import time
from gpiozero import Button, OutputDevice
from threading import Event
passed = Event()
button = Button(27, pull_up=True)
button.when_pressed = passed.set
unlock = OutputDevice(17)
unlock.on()
time.sleep(0.15)
unlock.off()
print("passed" if passed.wait(3) else "nobody", flush=True)
"""


def test_pulse_frees_the_arm_and_the_pass_contact_reaches_gpiozero(tmp_path: Path) -> None:
    """A pulse on pin 17 in one process turns the arm in another, and PASS comes back on pin 27."""

    async def scenario() -> bytes:
        lane = WiredTripod(tmp_path / "pins", Wiring(), 2000)
        await lane.start()
        env = {**os.environ, "GPIOZERO_PIN_FACTORY": "pistegate-sim", SOCKET_VARIABLE: str(lane.path)}
        pipe = asyncio.subprocess.PIPE
        gate = await asyncio.create_subprocess_exec(sys.executable, "-c", GATE, env=env, stdout=pipe, stderr=pipe)
        assert await lane.seen(lambda at: at.free, 10)
        assert await lane.push(200)
        out, _ = await gate.communicate()
        assert lane.tripod.turned == 1
        assert await lane.seen(lambda at: not at.connected, 2)
        await lane.stop()
        return out

    assert asyncio.run(scenario()).strip() == b"passed"
