# SPDX-License-Identifier: Apache-2.0
"""All tests, in four runs: those that only reckon, those of the gate, and those that wait for other processes, each a
few at once; and what needs the machine for itself (whole days, many processes, a pool of its own, timing), one by one.

With words (make test ARGS="-k passback -x") it is one plain run of pytest.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What takes longest comes first, so that the others run beside it and not before it.
RECKONING = ("tests/cloud", "tests/build", "tests/protocol")
WAITING = ("tests/edge/lane/search", "tests/edge/lane/board", "tests/edge/lane", "tests/edge")
ALONE = (
    "tests/edge/test_till_torn.py",
    "tests/scenarios/test_day.py",
    "tests/scenarios/test_day_goes_red.py",
    "tests/simulators/storm",
    "tests/simulators/test_reader_timing.py",
    "tests/faults/test_real_processes.py",
)
# One more than the two processors that the project is measured on: most tests wait for a disk, a process or a deadline.
# A file's tests stay together: they share what is slow to make.
AT_ONCE = ("--numprocesses", "3", "--dist", "loadfile", "--no-loadscope-reorder")


def main() -> int:
    """The worst exit status of all."""
    words = sys.argv[1:]
    if words:
        return pytest(*words)
    not_here = [f"--ignore={path}" for path in ALONE]
    runs = [
        pytest(*AT_ONCE, *RECKONING),
        pytest(*AT_ONCE, *WAITING, *not_here),
        pytest(*AT_ONCE, *others(), *not_here),
        pytest(*ALONE),
    ]
    return max(runs)


def others() -> list[str]:
    """All other folders with tests."""
    folders = sorted(path for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    return [name for path in folders if (name := f"tests/{path.name}") not in RECKONING + WAITING]


def pytest(*words: str) -> int:
    """Its exit status."""
    # One seed for all processes of a run, another one for each run: sets name their cases in one order.
    env = {"PYTHONHASHSEED": str(os.getpid())} | os.environ
    return subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
