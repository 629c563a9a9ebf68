# SPDX-License-Identifier: Apache-2.0
"""The long proof that a stranger needs nothing: `make demo` in a minimal Debian 12, as an ordinary user.

The root is made by debootstrap with git, make, python3 and python3-venv: no compiler, no libusb, no locale, no
service, and the user may become nobody else. It shares this machine's network, and how this machine reaches
Debian and a package index is read from its own settings. PISTEGATE_BARE_ROOT=DIR keeps the root there for the
next run.
"""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from skips import missing_system, require_tools

ROOT = Path(__file__).parents[2]
PACKAGES = "git,make,python3,python3-venv"
USER = "skier"
DEMO_TIMEOUT_S = 900  # setting up takes 30 s on 2 cores with a near index; the rest is for slow ones
STOP_TIMEOUT_S = 30
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": f"/home/{USER}", "USER": USER}

# Mounts and processes live in namespaces of their own and end with this shell, the first process in there. It
# must not become the demo itself: make as a first process cannot end by a signal.
ENTER = """
set -e
root=$1; shift
mount --bind /dev "$root/dev"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t proc proc "$root/proc"
chroot "$@" || exit $?
exit 0
"""
NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def bare_root() -> Iterator[Path]:
    """A minimal Debian 12 that has never seen the project."""
    if os.geteuid() != 0:
        missing_system("root, to make and enter a Debian root")
    require_tools("debootstrap", "unshare", "chroot")
    if subprocess.run(
        [*NAMESPACE, "mount", "-t", "proc", "proc", "/proc"], capture_output=True, check=False
    ).returncode:
        missing_system("the right to mount in a namespace of our own")
    kept = os.environ.get("PISTEGATE_BARE_ROOT")
    root = Path(kept or tempfile.mkdtemp(prefix="pistegate-bare-"))
    if not (root / "usr/bin/git").exists():
        root.chmod(0o755)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root), *debian_mirror()]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        subprocess.run(["chroot", root, "useradd", "--create-home", USER], check=True)
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc") / name, root / "etc" / name)
    if authorities := ssl.get_default_verify_paths().cafile:
        shutil.copy(authorities, root / "etc/ssl/certs/ca-certificates.crt")
    yield root
    if not kept:
        shutil.rmtree(root)


@pytest.fixture
def clone(bare_root: Path) -> Path:
    """The committed tree, handed over as a bundle and cloned by the user; the path as the user sees it."""
    home = bare_root / "home" / USER
    shutil.rmtree(home / "pistegate", ignore_errors=True)
    subprocess.run(["git", "bundle", "create", "--quiet", home / "pistegate.bundle", "HEAD"], cwd=ROOT, check=True)
    done = as_user(bare_root, "cd && git clone --quiet pistegate.bundle pistegate")
    assert done.returncode == 0, done.stdout
    return Path("/home") / USER / "pistegate"


def debian_mirror() -> list[str]:
    """Where this machine's apt finds bookworm; nothing (debootstrap's own default) when it does not say."""
    if shutil.which("apt-get") is None:
        return []
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout.split()
    return listed[:1]


def index_settings() -> dict[str, str]:
    """How pip here reaches its index, as variables for the pip in there; local directories stay out."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    for key, value in re.findall(r"^\S+?\.([\w-]+)='(.*)'$", listing, re.MULTILINE):
        if key == "cert":
            settings["PIP_CERT"] = "/etc/ssl/certs/ca-certificates.crt"
        elif key in {"index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout"}:
            remote = [word for word in value.split() if not word.startswith(("/", "file:"))]
            if remote:
                settings["PIP_" + key.upper().replace("-", "_")] = " ".join(remote)
    return settings


def enter(root: Path, command: str) -> list[str]:
    """The command line that runs a shell command as the user inside."""
    variables = [f"{name}={value}" for name, value in {**ENVIRONMENT, **index_settings()}.items()]
    inside = [f"--userspec={USER}:{USER}", "--groups=", str(root), "env", "-i", *variables, "sh", "-c", command]
    return [*NAMESPACE, "sh", "-c", ENTER, "sh", str(root), *inside]


def as_user(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        enter(root, command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_machine_is_bare(bare_root: Path) -> None:
    """What this proof rests on: no compiler, no way to root, no USB library, no service."""
    unwanted = "cc gcc c++ sudo mosquitto postgres"
    done = as_user(bare_root, f"id -u; locale charmap; command -v {unwanted}; /sbin/ldconfig -p | grep libusb")
    assert done.stdout.split()[1:] == ["ANSI_X3.4-1968"]
    assert int(done.stdout.split()[0]) > 0


def test_demo_sets_itself_up_and_runs(bare_root: Path, clone: Path) -> None:
    """One command in a fresh clone ends with the cloud serving its OpenAPI pages; Ctrl-C ends it all."""
    with Demo(enter(bare_root, f"cd {clone} && exec make demo")) as demo:
        address = demo.wait_for_address()
        with urllib.request.urlopen(address, timeout=10) as page:
            assert page.status == 200
        assert "lost 0, duplicated 0, ledger imbalance 0" in demo.output
        demo.interrupt()
        demo.process.wait(STOP_TIMEOUT_S)


class Demo:
    """A running `make demo`, its output gathered as it comes."""

    def __init__(self, command: list[str]) -> None:
        self.output = ""
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="strict",
            encoding="utf-8",
            start_new_session=True,
        )
        self.gatherer = threading.Thread(target=self._gather)
        self.gatherer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.gatherer.join()
        self.process.stdout.close()

    def _gather(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def wait_for_address(self) -> str:
        """The OpenAPI address it prints once the day is over and the cloud serves on."""
        deadline = time.monotonic() + DEMO_TIMEOUT_S
        while time.monotonic() < deadline:
            if found := re.search(r"http://(?:127\.0\.0\.1|localhost):\d+/\S*openapi\.json", self.output):
                return found.group()
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        pytest.fail(f"no OpenAPI address; the demo ended with {self.process.poll()}:\n{self.output[-5000:]}")

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal delivers it: to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)
