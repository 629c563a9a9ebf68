# SPDX-License-Identifier: Apache-2.0
r"""A gpiozero pin factory whose pins end at a simulated turnstile in another process.

gpiozero loads it by its own entry point when GPIOZERO_PIN_FACTORY=pistegate-sim; PISTEGATE_SIM_PINS names the Unix
socket of the turnstile. Lines on the wire: "PIN LEVEL\n" both ways, level 0 or 1: outputs from the gate, inputs to it.
"""

import os
import socket
import threading
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin  # type: ignore[import-untyped]

SOCKET_VARIABLE = "PISTEGATE_SIM_PINS"


class SocketPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin that tells its output level to the turnstile."""

    def _set_state(self, value: float) -> None:
        super()._set_state(value)
        self._factory_of().send(self.info.name, bool(value))

    def _factory_of(self) -> "SocketPinFactory":
        factory: SocketPinFactory = self.factory
        return factory


class SocketPinFactory(MockFactory):  # type: ignore[misc]
    """Mock pins, joined to the turnstile's socket for as long as the process lives."""

    def __init__(self) -> None:
        super().__init__(pin_class=SocketPin)
        self._write_lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(os.environ[SOCKET_VARIABLE])
        threading.Thread(target=self._drive_inputs, name="turnstile wires", daemon=True).start()

    def send(self, name: str, level: bool) -> None:
        """Tell the turnstile an output's level; a turnstile that is gone reads nothing, as a cut wire."""
        line = f"{name.removeprefix('GPIO')} {int(level)}\n".encode()
        with self._write_lock:
            try:
                self._socket.sendall(line)
            except OSError:
                return

    def _drive_inputs(self) -> None:
        with self._socket.makefile("r", encoding="ascii") as lines:
            for line in lines:
                number, level = line.split()
                pin: Any = self.pin(int(number))
                if pin.function != "input":
                    continue
                if level == "1":
                    pin.drive_high()
                else:
                    pin.drive_low()
