# SPDX-License-Identifier: Apache-2.0
"""Real MicroPython for tests: the WebAssembly build of 1.27, run by node.

`run_micropython(main, files)` runs one program and returns what it printed. npm installs the interpreter once per
machine, by the hash in micropython/package-lock.json, into the user's cache folder; no index address is written down.
It lacks `asyncio.run`, `_thread`, `rp2` and `machine` (a test brings a fake), and its clock ticks in milliseconds.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from skips import missing_system, require_tools

HERE = Path(__file__).resolve().parent / "micropython"
EDGE_SRC = HERE.parents[2] / "edge" / "src"
PACKAGE = "node_modules/@micropython/micropython-webassembly-pyscript"
HEAP_BYTES = 8 << 20  # a Pico has 0.2 MB; a test's traces come on top of what the board would hold
RUN_TIMEOUT_S = 100.0
INSTALL_TIMEOUT_S = 100.0


class MicroPythonError(AssertionError):
    """The program ended with an uncaught error; the message holds its traceback and what it had printed."""


def run_micropython(main: str, files: dict[str, str], *, heap: int = HEAP_BYTES) -> str:
    """Run `main` with `files` (absolute path -> text; /lib is on the path); what it printed.

    Skips (or fails, see `skips`) without node; raises MicroPythonError for an uncaught error.
    """
    folder = installed()
    request = json.dumps({"files": files, "main": main, "heap": heap})
    command = ["node", str(HERE / "run.mjs"), str(folder)]
    done = subprocess.run(command, input=request, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    if done.returncode:
        raise MicroPythonError(f"{done.stderr}\nprinted before:\n{done.stdout[-2000:]}")
    return done.stdout


def core_files() -> dict[str, str]:
    """The lane core as a board holds it: the modules of lane/core under /lib, the packages above them empty."""
    core = EDGE_SRC / "pistegate_edge" / "lane" / "core"
    files = {"/lib/pistegate_edge/__init__.py": "", "/lib/pistegate_edge/lane/__init__.py": ""}
    for path in sorted(core.glob("*.py")):
        files[f"/lib/pistegate_edge/lane/core/{path.name}"] = path.read_text("utf-8")
    return files


def installed() -> Path:
    """The folder of micropython.mjs, installed by npm where it was not yet."""
    require_tools("node", "npm")
    home = cache_folder()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = home / _name()
        if not (target / PACKAGE / "micropython.wasm").is_file():
            _install(target)
    return target / PACKAGE


def cache_folder() -> Path:
    """Outside the tree, kept between runs: $XDG_CACHE_HOME/pistegate, or ~/.cache/pistegate."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pistegate" / "micropython"


def _name() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]


def _install(target: Path) -> None:
    """`npm ci` in a folder of its own, moved to its place when complete."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, scratch)
        _npm_ci(scratch)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(scratch, target)


def _npm_ci(folder: str) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=True)
    except subprocess.TimeoutExpired:
        missing_system(f"MicroPython: `npm ci` took more than {INSTALL_TIMEOUT_S:.0f} s")
    except subprocess.CalledProcessError as error:
        missing_system(f"MicroPython by `npm ci`: {error.stderr.strip()[-500:]}")
