# SPDX-License-Identifier: Apache-2.0
"""Make .venv fit for `demo` (what runs) or `dev` (and what tests and checks it); nothing to do is quick.

Run by the Makefile with the system's Python, so it must start on any since 3.7, to say which ones will do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
ALONE = "oracles"  # requirements of dev that are installed without what they ask for
SOURCE_ONLY = ("pydes",)  # pure Python, published without a wheel
DISTRIBUTIONS = ("protocol", "edge", "cloud", "simulators")
OLDEST, NEWEST = (3, 11), (3, 13)
PIP_INSTALL = ("install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-warn-script-location")


def main() -> None:
    profile, *options = sys.argv[1:]
    if not (PYTHON.exists() and PYTHON.with_name("pip").exists()):  # pip comes last: an interrupted venv lacks it
        check_version()
        step("environment in .venv", make_venv)
    elif "--this-python" in options:
        check_same_version()
    if is_current(profile):
        return
    step("build tools", lambda: pip("build"))
    step(f"pinned packages ({profile})", lambda: pip(profile))
    if profile == "dev":
        step("what tests compare with", lambda: pip(ALONE, "--no-deps"))
    step("pistegate itself", install_distributions)
    stamp(profile).write_text(digest(profile))


def check_version() -> None:
    here = sys.version_info[:2]
    if OLDEST <= here <= NEWEST:
        return
    supported = [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    usable = [name for name in supported if shutil.which(name) and starts(name)]
    remedy = f"make PYTHON={usable[-1]} ..." if usable else "install one and name it: make PYTHON=python3.12 ..."
    fail(f"Python {here[0]}.{here[1]} is not supported, 3.{OLDEST[1]} to 3.{NEWEST[1]} are; {remedy}")


def starts(name: str) -> bool:
    """A version manager's placeholder is found on PATH, too, and only says that nothing is behind it."""
    return subprocess.run((name, "-c", ""), capture_output=True, check=False).returncode == 0


def check_same_version() -> None:
    """An existing .venv keeps its Python; whoever names another one is told how to get it."""
    asked = "{}.{}".format(*sys.version_info[:2])
    has = run(PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    if asked != has:
        fail(f".venv has Python {has}, not {asked}: run `make clean` first")


def make_venv() -> None:
    try:
        run(sys.executable, "-m", "venv", "--clear", VENV)
    except SystemExit:
        shutil.rmtree(VENV, ignore_errors=True)
        raise


def install_distributions() -> None:
    """Editable, from the tree alone: what they need is installed already."""
    editable = [word for name in DISTRIBUTIONS for word in ("--editable", f"./{name}")]
    run(PYTHON, "-m", "pip", *PIP_INSTALL, "--no-index", "--no-deps", "--no-build-isolation", *editable)


def pip(name: str, *options: str) -> None:
    """Install a requirement file. Wheels only: a missing one is an error here, not a search for a compiler."""
    wheels = ("--only-binary", ":all:", "--no-binary", ",".join(SOURCE_ONLY), "--no-build-isolation")
    run(PYTHON, "-m", "pip", *PIP_INSTALL, "--require-hashes", *options, *wheels, "-r", f"requirements/{name}.txt")


def is_current(profile: str) -> bool:
    """Whether .venv holds what the files ask for; dev holds all of demo."""
    return any(stamp(name).exists() and stamp(name).read_text() == digest(name) for name in {profile, "dev"})


def stamp(profile: str) -> Path:
    return VENV / f"pistegate-{profile}.stamp"


def digest(profile: str) -> str:
    """Of every file that decides what is installed, and where: editable installs name this directory."""
    names = ("build.txt", f"{profile}.txt", *((f"{ALONE}.txt",) if profile == "dev" else ()))
    inputs = [ROOT / "requirements" / name for name in names]
    inputs += [ROOT / name / "pyproject.toml" for name in DISTRIBUTIONS]
    total = hashlib.sha256(os.fsencode(ROOT))
    for path in inputs:
        total.update(path.read_bytes())
    return total.hexdigest()


def step(what: str, work: Callable[[], object]) -> None:
    print(f"setup: {what} ...", end=" ", flush=True)
    start = time.monotonic()
    work()
    print(f"{time.monotonic() - start:.0f} s", flush=True)


def run(*words: str | Path) -> str:
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        fail(f"failed\n{output}")
    return output


def fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
