# SPDX-License-Identifier: Apache-2.0
"""Refuse committed files that would tie the project to one place: package index addresses, paths of a machine.

Pinned hashes let anybody install from the index of their choice; an address in a file would choose for them
and, once, did leak the address of a private mirror into a lock file. Also: one licence line per Python file.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SPDX = "# SPDX-License-Identifier: Apache-2.0"

# Written apart, so that this file does not match itself.
FORBIDDEN = {
    "package index address": re.compile(
        r"https?://[^\s\"'<>]*(?:py"
        r"pi|python"
        r"hosted|/sim"
        r"ple\b|registry\.npm"
        r"js|proxy\.gol"
        r"ang)"
        r"|--(?:extra-)?index"
        r"-url[ =]\S*//|--find"
        r"-links[ =]\S*/|index"
        r"[-_]url\s*=\s*\S*//",
        re.IGNORECASE,
    ),
    "path of one machine": re.compile(r"(?<![\w.])/(?:home|Users)" r"/[a-z]\w*/|(?<![\w.*])/(?:root|work)" r"/\w"),
}


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    findings = [finding for name in committed(root) for finding in problems(root, name)]
    for finding in findings:
        print(finding)
    raise SystemExit(1 if findings else 0)


def committed(root: Path) -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    return [name for name in listing.decode().split("\0") if name and (root / name).is_file()]


def problems(root: Path, name: str) -> Iterator[str]:
    data = (root / name).read_bytes()
    if b"\0" in data:
        return
    lines = data.decode(errors="replace").splitlines()
    if name.endswith(".py") and SPDX not in lines[:2]:
        yield f"{name}:1: first line is not `{SPDX}`"
    for number, line in enumerate(lines, 1):
        for what, pattern in FORBIDDEN.items():
            if found := pattern.search(line):
                yield f"{name}:{number}: {what}: {found.group()}"


if __name__ == "__main__":
    main()
