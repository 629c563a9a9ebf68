# SPDX-License-Identifier: Apache-2.0
"""The firmware of a flashed folder as a process: python board_process.py FLASH_FOLDER FAKE_MACHINE.

Its line is standard input and output. Descriptor 3 takes what the world does ("pin level") and answers "pin?" on
descriptor 4 with "pin level". Modules that are bytecode in the folder run from this tree's sources. Exit status 42:
the watchdog bit; 43: the board reset itself; 0: the firmware left the console to the host.
"""

import gc
import json
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

from pistegate_edge.lane.core import words

WATCHDOG, RESET = 42, 43


def main() -> None:
    """Run main.py of the folder."""
    folder, fake = sys.argv[1:3]
    os.chdir(folder)
    sys.path[:0] = [folder, fake, str(Path(__file__).resolve().parents[2] / "edge")]
    import machine

    _board(machine)
    _rest(machine)
    threading.Thread(target=_world, args=(machine,), daemon=True).start()
    gc.freeze()
    with open("main.py") as file:
        source = file.read()
    try:
        exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})
    except BaseException as error:
        if type(error).__name__ == "Reset":
            os._exit(RESET)
        raise


def _rest(machine: Any) -> None:
    """The world of a lane that nobody uses: inputs inactive, but for the sensors of where the arm or leaf is."""
    at_home = {words.ARM_HOME, words.LIMIT_SHUT}
    with open("lane_profile.json") as file:
        for bit, pin, active, _ in json.load(file)["inputs"]:
            machine.levels[pin] = active if 1 << bit in at_home else 1 - active


def _board(machine: Any) -> None:
    """What MicroPython has and CPython has not."""
    time.ticks_ms = lambda: int(time.monotonic() * 1000) & (1 << 30) - 1  # type: ignore[attr-defined]
    time.ticks_diff = _ticks_diff  # type: ignore[attr-defined]
    time.sleep_ms = lambda ms: time.sleep(ms / 1000)  # type: ignore[attr-defined]
    sys.print_exception = lambda error: print(repr(error), file=sys.stderr)  # type: ignore[attr-defined]
    gc.mem_free = lambda: 0  # type: ignore[attr-defined]
    raw = os.fdopen(0, "rb", buffering=0)
    sys.stdin = types.SimpleNamespace(buffer=raw, fileno=raw.fileno)  # type: ignore[assignment]
    sys.stdout = types.SimpleNamespace(  # type: ignore[assignment]
        buffer=os.fdopen(1, "wb", buffering=0), write=lambda text: os.write(1, text.encode()), flush=lambda: None
    )
    fed = [time.monotonic()]
    machine.WDT.feed = lambda self: fed.__setitem__(0, time.monotonic())
    real = machine.WDT.__init__

    def begin(self: Any, id: int = 0, timeout: int = 5000) -> None:
        real(self, id, timeout)
        fed[0] = time.monotonic()
        threading.Thread(target=_bite, args=(fed, timeout / 1000), daemon=True).start()

    machine.WDT.__init__ = begin


def _ticks_diff(end: int, start: int) -> int:
    return (end - start + (1 << 29)) % (1 << 30) - (1 << 29)


def _bite(fed: list[float], timeout_s: float) -> None:
    while time.monotonic() - fed[0] < timeout_s:
        time.sleep(0.02)
    os._exit(WATCHDOG)


def _world(machine: Any) -> None:
    with os.fdopen(3, "r") as ask, os.fdopen(4, "w") as answer:
        for line in ask:
            pin, _, level = line.strip().partition(" ")
            if level:
                machine.levels[int(pin)] = int(level)
            else:
                print(pin.rstrip("?"), machine.levels.get(int(pin.rstrip("?")), 0), file=answer, flush=True)


if __name__ == "__main__":
    main()
