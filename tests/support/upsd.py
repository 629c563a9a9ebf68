# SPDX-License-Identifier: Apache-2.0
"""The real upsd of Network UPS Tools with its dummy driver, private, on a free port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from servers import free_port
from skips import missing_system

DRIVER = Path("/lib/nut/dummy-ups")  # where Debian has them; /sbin/upsd is a wrapper that wants a configured host
SERVER = Path("/lib/nut/upsd")
READ_S = 2.0  # the driver reads its file so often


class RealUpsd:
    """A UPS named `ups` whose state is a file."""

    def __init__(self, state: str = "OL CHRG") -> None:
        for program in (DRIVER, SERVER):
            if not program.exists():
                missing_system("nut-server not installed")
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="pgups"))  # short: a Unix socket's path has 107 bytes
        self.directory.chmod(0o700)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.be(state)
        (self.directory / "ups.conf").write_text(
            f"[ups]\ndriver = dummy-ups\nport = {self.directory}/ups.dev\nmode = dummy-loop\n"
        )
        (self.directory / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {self.port}\n")
        (self.directory / "upsd.users").touch()

    def be(self, state: str) -> None:
        """The UPS's flags from its next look on."""
        new = self.directory / "ups.new"
        new.write_text(f'ups.status: {state}\nbattery.charge: 100\nups.mfr: Maker "X" \\\\ Co\n')
        new.replace(self.directory / "ups.dev")

    def __enter__(self) -> Self:
        user = pwd.getpwuid(os.getuid()).pw_name
        self._start(DRIVER, "-F", "-u", user, "-a", "ups")
        self._wait(lambda: (self.directory / "dummy-ups-ups").exists())
        self._start(SERVER, "-F", "-u", user)
        self._wait(self._answers)
        return self

    def __exit__(self, *_exc: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, line: str) -> bytes:
        """What it answers to a line, all of it."""
        return ask(self.port, line)

    def end_driver(self) -> None:
        """The UPS's driver dies."""
        self._processes[0].kill()
        self._processes[0].wait()

    def _start(self, *command: object) -> None:
        environment = {**os.environ, "NUT_CONFPATH": str(self.directory), "NUT_STATEPATH": str(self.directory)}
        words = [str(word) for word in command]
        with (self.directory / "log").open("ab") as log:
            self._processes.append(subprocess.Popen(words, env=environment, stdout=log, stderr=log))

    def _answers(self) -> bool:
        try:
            return b'"O' in self.ask("GET VAR ups ups.status")  # "WAIT" until the driver has looked
        except OSError:
            return False

    def _wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 15
        while not until():
            if time.monotonic() > deadline:
                raise RuntimeError((self.directory / "log").read_text())
            time.sleep(0.05)


def ask(port: int, line: str) -> bytes:
    """One line to a server, and what it answers until it has been quiet for a moment."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(line.encode() + b"\n")
        answer = connection.recv(4096)
        connection.settimeout(0.1)
        try:
            while data := connection.recv(4096):
                answer += data
        except TimeoutError:
            pass
        return answer
