# SPDX-License-Identifier: Apache-2.0
"""The broker of the day: Mosquitto where it is installed, else the pure-Python one inside the cloud."""

import asyncio
import shutil
from pathlib import Path
from typing import Literal

from pistegate_simulators.day.processes import Process

_SBIN = "/usr/sbin:/sbin"  # Debian puts mosquitto where an ordinary user's PATH does not look
_READY_S = 10.0


class MosquittoMissing(RuntimeError):
    """Mosquitto was asked for by name and is not installed."""


def find_mosquitto(wanted: Literal["auto", "mosquitto", "embedded"]) -> str | None:
    """Path of the program, None to use the embedded broker."""
    if wanted == "embedded":
        return None
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
    if path is None and wanted == "mosquitto":
        raise MosquittoMissing("mosquitto is not installed: apt-get install mosquitto, or take --broker embedded")
    return path


def mosquitto(path: str, port: int, folder: Path) -> Process:
    """A broker for this day alone, on loopback, that keeps nothing."""
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        "log_type error\nlog_type warning\n"
    )
    return Process("mosquitto", [path, "-c", str(config)], folder / "mosquitto.log")


async def wait_for_port(port: int, process: Process, seconds: float = _READY_S) -> None:
    """Until something listens on a loopback port; TimeoutError, or ProcessDied when its process ended."""
    async with asyncio.timeout(seconds):
        while True:
            process.check()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
