# SPDX-License-Identifier: Apache-2.0
"""Real processes of a simulated day: started, watched, killed and stopped by id, their output kept in a file."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP_S = 5.0  # how long a process may take to stop when asked
# Simulated readers and turnstiles answer within milliseconds, as hardware does: what runs on them yields to them.
_NICE = ["nice", "-n", "5"]


class ProcessDied(RuntimeError):
    """A process of the day ended by itself; the message ends with its last words."""


def program(name: str) -> str:
    """The command installed beside this interpreter."""
    return str(Path(sys.executable).parent / name)


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """One program with its arguments; may be started again after it was killed."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start; output is appended to the log."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_NICE, *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )

    def check(self) -> None:
        """ProcessDied unless it is running."""
        if self._process is None or self._process.returncode is not None:
            code = self._process.returncode if self._process else None
            raise ProcessDied(f"{self.name} ended by itself (exit status {code}). Its last words:\n{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        """The end of the log."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    async def kill(self) -> None:
        """SIGKILL, as a power cut would end it."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL when it does not end."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
