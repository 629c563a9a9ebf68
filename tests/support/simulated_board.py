# SPDX-License-Identifier: Apache-2.0
"""A Pico on a pseudo terminal: real MicroPython at its console, the flashed firmware on CPython when it runs.

    .venv/bin/python tests/support/simulated_board.py FOLDER      says its path; FOLDER is its flash

What it keeps of the real one: one line for console and firmware, the start that looks for `service`, the watchdog,
resets. What not: a reset does not unplug the USB line, Ctrl-C does not stop a running firmware's main.py before it
has the line, and the flash neither wears nor fills.
"""

import contextlib
import os
import select
import subprocess
import sys
import termios
import threading
import tty
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from micropython_wasm import HERE, installed

_TESTS = Path(__file__).resolve().parents[1]
FAKE_MACHINE = _TESTS / "edge" / "lane" / "board" / "fake_machine"
WATCHDOG, RESET = 42, 43


class SimulatedBoard:
    """`path`: the host's end of the line. `starts`: how each run ended, oldest first."""

    def __init__(self, flash: Path) -> None:
        self.flash = flash
        self.starts: list[str] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        self.path = os.ttyname(self._slave)
        self._ending = False
        self._process: subprocess.Popen[bytes] | None = None
        self._ask, self._answer = -1, -1
        self._running = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "SimulatedBoard":
        self.console = installed()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        while self._thread.is_alive():  # a reset may be starting another run just now
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
            self._thread.join(0.05)
        os.close(self._master)
        os.close(self._slave)

    def cut_power(self) -> None:
        """Now; it comes back at once."""
        self._running.wait(10)
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def set(self, pin: int, level: int) -> None:
        """The world at an input of the running firmware."""
        self._running.wait(10)
        os.write(self._ask, f"{pin} {level}\n".encode())

    def level(self, pin: int) -> int:
        """An output of the running firmware."""
        self._running.wait(10)
        with self._lock:
            os.write(self._ask, f"{pin}?\n".encode())
            if not select.select([self._answer], [], [], 10)[0]:
                raise TimeoutError("the firmware does not run")
            return int(os.read(self._answer, 100).split()[1])

    def _run(self) -> None:
        firmware = True
        while not self._ending:
            runs = firmware and (self.flash / "main.py").exists() and not (self.flash / "service").exists()
            status = self._firmware() if runs else self._console()
            name = "firmware" if runs else "console"
            self.starts.append(f"{name} {({WATCHDOG: 'watchdog', RESET: 'reset'}).get(status, status)}")
            # A program that ends by itself leaves the console.
            firmware = not runs or status in (WATCHDOG, RESET) or status < 0

    def _firmware(self) -> int:
        ask, self._ask = os.pipe()
        self._answer, answer = os.pipe()
        command = [
            sys.executable,
            str(Path(__file__).with_name("board_process.py")),
            str(self.flash),
            str(FAKE_MACHINE),
        ]
        # The shell puts the two pipes where the process looks for them.
        shell = ["bash", "-c", f'exec "$@" 3<&{ask} 4>&{answer}', "bash", *command]
        try:
            return self._ended(self._start(shell, self._master, self._master, (ask, answer)))
        finally:
            for number in (ask, answer, self._ask, self._answer):
                os.close(number)

    def _console(self) -> int:
        # Through pipes: node would take the terminal for one that a person sits at.
        command = [
            "node",
            str(HERE / "board.mjs"),
            str(self.console),
            str(self.flash),
            str(FAKE_MACHINE / "machine.py"),
        ]
        process = self._start(command, subprocess.PIPE, subprocess.PIPE, ())
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as into, process.stdout as out:
            while process.poll() is None:
                for ready in select.select([self._master, out], [], [], 0.05)[0]:
                    data = os.read(ready if ready == self._master else out.fileno(), 4096)
                    # A console whose power was cut takes no more.
                    with contextlib.suppress(BrokenPipeError):
                        os.write(into.fileno() if ready == self._master else self._master, data)
            while select.select([out], [], [], 0)[0] and (data := os.read(out.fileno(), 4096)):
                os.write(self._master, data)
        return self._ended(process)

    def _start(self, command: list[str], into: int, out: int, keep: tuple[int, ...]) -> "subprocess.Popen[bytes]":
        with self.flash.with_name(self.flash.name + ".log").open("ab") as errors:
            process = subprocess.Popen(command, stdin=into, stdout=out, stderr=errors, pass_fds=keep)
        self._process = process
        self._running.set()
        return process

    def _ended(self, process: "subprocess.Popen[bytes]") -> int:
        status = process.wait()
        self._running.clear()
        return status


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with SimulatedBoard(folder) as board:
        print(f"a lane board without hardware: {board.path}; Ctrl-C ends it", flush=True)
        threading.Event().wait()
