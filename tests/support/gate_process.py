# SPDX-License-Identifier: Apache-2.0
"""`pistegate-gate run` as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate_bench import wait_for

START_S = 30.0  # on a loaded machine


@contextmanager
def gate_process(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The gate of `directory`/gate.toml on mock pins, and its log; in service when it is yielded."""
    log = directory / f"log-{time.monotonic_ns()}"
    config = directory / "gate.toml"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "pistegate_edge", "run", "--config", str(config)],
            stderr=stderr,
            env=os.environ | {"GPIOZERO_PIN_FACTORY": "mock"},
        )
    try:
        wait_for(lambda: ": in service" in log.read_text(), START_S)
        yield process, log
    finally:
        process.kill()
        process.wait()
