# SPDX-License-Identifier: Apache-2.0
"""Compile requirements/*.in into pinned, hashed requirements/*.txt for CPython 3.11 to 3.13 on Linux.

No address of a package index and no path of a machine reaches the files. Versions already pinned stay
unless --upgrade is given or the inputs forbid them.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# dev holds everything; the others take its versions, so that what is tested is what a gate installs.
FIRST, OTHERS = "dev", ("demo", "gate", "cloud", "build", "compile", "board-types")
ALONE = "oracles"  # without what it asks for
DISTRIBUTIONS = ("protocol", "edge", "cloud", "simulators")


def main() -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements/compile.txt"]
    subprocess.run(pip, cwd=ROOT, check=True)
    compile_file(FIRST, *sys.argv[1:])
    compile_file(ALONE, "--no-deps", *sys.argv[1:])
    for name in OTHERS:
        compile_file(name, "--constraints", f"requirements/{FIRST}.txt", *sys.argv[1:])


def compile_file(name: str, *options: str) -> None:
    print(f"requirements/{name}.txt", flush=True)
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        *(uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
        *("--custom-compile-command", "make requirements"),
        *(word for dist in DISTRIBUTIONS for word in ("--no-emit-package", f"pistegate-{dist}")),
        *options,
        *(f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt"),
    ]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
