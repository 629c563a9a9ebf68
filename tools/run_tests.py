# SPDX-License-Identifier: Apache-2.0
"""All tests, in three runs: those that only reckon, two at once; the gate's, which mostly wait, two at once; the rest
(whole days, killed processes, paced devices), one by one.

With words (make test ARGS="-k passback -x") it is one plain run of pytest.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECKONING = ("tests/protocol", "tests/build", "tests/cloud")
WAITING = ("tests/edge",)
# Two processors are what the project is measured on. A file's tests stay together: they share what is slow to make.
AT_ONCE = ("--numprocesses", "2", "--dist", "loadfile")


def main() -> int:
    """The worst exit status of all."""
    words = sys.argv[1:]
    if words:
        return pytest(*words)
    return max([pytest(*AT_ONCE, *RECKONING), pytest(*AT_ONCE, *WAITING), pytest(*alone())])


def alone() -> list[str]:
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
