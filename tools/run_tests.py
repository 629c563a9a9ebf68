# SPDX-License-Identifier: Apache-2.0
"""All tests, in five runs: those that only reckon, those of the gate, those that wait for other processes, and whole
days of many processes, each a few at once; and what compares seconds with seconds, or has a limit of them, one by one.

With words (make test ARGS="-k passback -x") it is one plain run of pytest.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What takes longest comes first, so that the others run beside it and not before it.
RECKONING = ("tests/simulators/storm", "tests/cloud", "tests/build", "tests/protocol")
WAITING = (
    "tests/edge/test_till_torn.py",
    "tests/edge/lane/search",
    "tests/edge/lane/board",
    "tests/edge/lane",
    "tests/edge",
)
LONG = ("tests/scenarios/test_day.py", "tests/scenarios/test_day_goes_red.py", "tests/faults/test_real_processes.py")
# The storms' dose has its own processes, one for each processor: 1,000 seeds within 120 s are promised.
ALONE = ("tests/simulators/test_reader_timing.py", "tests/simulators/storm/test_dose.py")
# One more than the two processors that the project is measured on: most tests wait for a disk, a process or a deadline.
# A file's tests stay together: they share what is slow to make.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
SLOWEST = "--durations=10"
AT_ONCE = ("--numprocesses", "3", SLOWEST, *BY_FILE)
TWO_AT_ONCE = ("--numprocesses", "2", SLOWEST, *BY_FILE)  # a day alone keeps a third of a processor busy
# In memory where there is room: thousands of databases are made there, and none of these tests is about a disk.
MEMORY, ROOM = Path("/dev/shm"), 3 * 2**30


def main() -> int:
    """The worst exit status of all."""
    words = sys.argv[1:]
    if words:
        return pytest(*words)
    later = [f"--ignore={path}" for path in ALONE]
    elsewhere = [*later, *(f"--ignore={path}" for path in (*RECKONING, *LONG))]
    runs = [
        in_memory(*AT_ONCE, *RECKONING, *later),
        pytest(*AT_ONCE, *WAITING, *elsewhere),
        pytest(*AT_ONCE, *others(), *elsewhere),
        pytest(*TWO_AT_ONCE, *LONG),
        pytest(SLOWEST, *ALONE),
    ]
    return max(runs)


def others() -> list[str]:
    """All other folders with tests."""
    folders = sorted(path for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    return [name for path in folders if (name := f"tests/{path.name}") not in (*RECKONING, *WAITING)]


def in_memory(*words: str) -> int:
    """As `pytest`, with its files in memory where the machine has room for them; what failed leaves them there."""
    with memory() as folder:
        if folder is None:
            return pytest(*words)
        status = pytest("-o", "tmp_path_retention_policy=failed", *words, TMPDIR=str(folder))
        if status:
            kept = Path(tempfile.mkdtemp(prefix="pistegate-tests-"))
            shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
            print(f"files of the tests that failed: {kept}")
        return status


@contextmanager
def memory() -> Iterator[Path | None]:
    """A folder in memory, gone afterwards; None where there is none, too little, or none that programs may run in."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pistegate-tests-", dir=MEMORY) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's and Mosquitto's own users read here
        yield Path(folder)


def pytest(*words: str, **variables: str) -> int:
    """Its exit status."""
    # One seed for all processes of a run, another one for each run: sets name their cases in one order.
    env = {"PYTHONHASHSEED": str(os.getpid())} | os.environ | variables
    return subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
