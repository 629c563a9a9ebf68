# SPDX-License-Identifier: Apache-2.0
"""Install the Debian packages that tests want and this machine lacks, where we may; else say which they are.

Words: packages to add to the usual list. As root, or with sudo that asks no password, apt installs them;
PISTEGATE_NO_APT=1 forbids it. Services that come along are not started: tests run their own servers.
Never fails: a test that lacks a tool skips and says so.
"""

import glob
import os
import shutil
import subprocess
import sys

# Package -> a file it brings; a pattern may name several. What is there by other means counts too.
PROBES = {
    "mosquitto": "/usr/sbin/mosquitto",
    "postgresql": "/usr/lib/postgresql/*/bin/initdb",
    "libnfc-bin": "/usr/bin/nfc-list",
    "libnfc-examples": "/usr/bin/nfc-anticol",
    "libfreefare-bin": "/usr/bin/mifare-desfire-info",
    "libfreefare-dev": "/usr/include/freefare.h",
    "libnfc-dev": "/usr/include/nfc/nfc.h",
    "gcc": "/usr/bin/gcc",
    "libc6-dev": "/usr/include/stdio.h",
    "nut-server": "/lib/nut/upsd",
    "fonts-wqy-microhei": "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "fuse3": "/usr/bin/fusermount3",
    "e2fsprogs": "/usr/sbin/mkfs.ext4",
    "iproute2": "/usr/sbin/ip",
    "nodejs": "/usr/bin/node",
    "npm": "/usr/bin/npm",
    "debootstrap": "/usr/sbin/debootstrap",
}
USUAL = [package for package in PROBES if package != "debootstrap"]

# 101 means "do not start"; a policy of the machine's own is left alone.
INSTALL = """
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends "$@"
"""


def main() -> None:
    missing = [package for package in USUAL + sys.argv[1:] if not is_there(package)]
    if not missing:
        return
    names = " ".join(missing)
    become_root = root_command()
    if become_root is None:
        print(f"system packages missing, tests that need them will skip: apt-get install {names}", file=sys.stderr)
        return
    print(f"system packages: {names} ...", flush=True)
    command = [*become_root, "sh", "-c", INSTALL, "sh", *missing]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{done.stdout}{done.stderr}could not install: {names}; tests that need them will skip", file=sys.stderr)


def is_there(package: str) -> bool:
    pattern = PROBES[package]
    return bool(glob.glob(pattern)) or shutil.which(os.path.basename(pattern)) is not None


def root_command() -> list[str] | None:
    """What to put before a command so that root runs it; None where apt is absent, forbidden or not ours."""
    if os.environ.get("PISTEGATE_NO_APT") == "1" or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    asks_nothing = (
        shutil.which("sudo")
        and not subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode
    )
    return ["sudo", "-n"] if asks_nothing else None


if __name__ == "__main__":
    main()
