# SPDX-License-Identifier: Apache-2.0
"""All tests, in two runs: those that only reckon on two processors at once, then, alone, those that watch the clock.

With words (make test ARGS="-k passback -x") it is one plain run of pytest.
"""

import os
import subprocess
import sys
from pathlib import Path

# Nothing in these waits for a device or a deadline shorter than seconds.
RECKONING = ("tests/protocol", "tests/build", "tests/cloud")
PROCESSORS = "2"
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """The worse exit status of both."""
    words = sys.argv[1:]
    if words:
        return pytest(*words)
    # A file's tests stay together: they share what is slow to make.
    first = pytest("--numprocesses", PROCESSORS, "--dist", "loadfile", *RECKONING)
    return max(first, pytest(*watching()))


def watching() -> list[str]:
    """All other folders with tests: real processes, ptys and threads, which beside other work would measure it."""
    folders = sorted(path for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    return [name for path in folders if (name := f"tests/{path.name}") not in RECKONING]


def pytest(*words: str) -> int:
    """Its exit status."""
    # One seed for all processes of a run, another one for each run: sets name their cases in one order.
    env = {"PYTHONHASHSEED": str(os.getpid())} | os.environ
    return subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
