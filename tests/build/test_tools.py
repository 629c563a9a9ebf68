# SPDX-License-Identifier: Apache-2.0
"""The scripts behind the Makefile: what they refuse, what they say, and that they can go red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty git repository."""
    assert run("git", "init", "--quiet", tmp_path, cwd=tmp_path).returncode == 0
    return tmp_path


def check_tree(repository: Path) -> subprocess.CompletedProcess[str]:
    assert run("git", "add", "--all", cwd=repository).returncode == 0
    return run(sys.executable, ROOT / "tools" / "check_tree.py", cwd=repository)


# In pieces, so that this file stays clean itself.
@pytest.mark.parametrize(
    "line",
    [
        "see https://py" + "pi.org/simple",
        "https://mirror.example/root/sim" + "ple/cffi",
        "https://files.python" + "hosted.org/packages/x.whl",
        "--index" + "-url https://mirror.example/",
        "--extra-index" + "-url=http://10.0.0.1/",
        "--find" + "-links /opt/wheels",
        "index" + '_url = "https://mirror.example"',
        "/home" + "/someone/pistegate",
        "path = /work" + "/main",
        "cp x /root" + "/y",
    ],
)
def test_committed_address_or_path_is_refused(repository: Path, line: str) -> None:
    """Each of these ties whoever clones the project to one place."""
    (repository / "notes.txt").write_text(f"first\n{line}\n")
    done = check_tree(repository)
    assert done.returncode == 1
    assert done.stdout.startswith("notes.txt:2: ")


def test_python_file_without_licence_line_is_refused(repository: Path) -> None:
    """One SPDX line, first (or second, below a #! line)."""
    (repository / "bare.py").write_text('"""No licence."""\n')
    (repository / "licensed.py").write_text("#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0\n")
    done = check_tree(repository)
    assert done.returncode == 1
    assert "bare.py:1" in done.stdout
    assert "licensed.py" not in done.stdout


def test_harmless_lines_pass(repository: Path) -> None:
    """Addresses that choose nothing for the reader are fine, and so are device paths."""
    (repository / "notes.md").write_text("https://fastapi.tiangolo.com/ /dev/ttyAMA0 /usr/lib docs/work/x **/root/x\n")
    done = check_tree(repository)
    assert (done.returncode, done.stdout) == (0, "")


def test_this_tree_is_clean() -> None:
    """The scan of everything committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing is committed here")
    done = run(sys.executable, ROOT / "tools" / "check_tree.py", cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What tools/setup.py looks at, without a .venv."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("protocol", "edge", "cloud", "simulators"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / name / "pyproject.toml", tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0)])
def test_setup_on_an_unsupported_python_says_what_to_do(clone: Path, version: tuple[int, ...]) -> None:
    """A stranger's default python3 may be too old or too new."""
    pretend = (
        f"import runpy, sys; sys.version_info = {version}; sys.argv = ['setup.py', 'demo'];"
        "runpy.run_path('tools/setup.py', run_name='__main__')"
    )
    done = run(sys.executable, "-c", pretend, cwd=clone)
    assert done.returncode == 1
    assert f"Python 3.{version[1]} is not supported, 3.11 to 3.13 are; " in done.stderr
    assert "make PYTHON=python3." in done.stderr
    assert not (clone / ".venv").exists()


def test_setup_notices_changed_requirements(clone: Path) -> None:
    """An unchanged tree is left alone; a new pin or dependency is installed by the next command."""
    probe = (
        "import sys; sys.path.insert(0, 'tools'); import setup;"
        "setup.VENV.mkdir(exist_ok=True); stamp = setup.stamp('dev');"
        "stamp.exists() or stamp.write_text(setup.digest('dev'));"
        "print(setup.is_current('dev'), setup.is_current('demo'))"
    )
    assert run(sys.executable, "-c", probe, cwd=clone).stdout == "True True\n"
    with (clone / "edge" / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert run(sys.executable, "-c", probe, cwd=clone).stdout == "False False\n"


@pytest.mark.parametrize("forbidden", [True, False])
def test_missing_system_packages_are_named(tmp_path: Path, forbidden: bool) -> None:
    """Without the right to install, the tests still run; the person is told what they lack."""
    probe = (
        f"import os, sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import system_packages;"
        "system_packages.is_there = lambda package: package != 'mosquitto';"
        "system_packages.INSTALL = 'echo installing \"$@\"; exit 7';"
        "sys.argv = ['x', 'debootstrap']; os.geteuid = lambda: 0; system_packages.main()"
    )
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = run(sys.executable, "-c", probe, cwd=tmp_path, PATH=path, PISTEGATE_NO_APT="1" if forbidden else "")
    assert done.returncode == 0
    if forbidden:
        assert done.stderr.strip().endswith("apt-get install mosquitto")
        assert done.stdout == ""
    else:
        assert "installing mosquitto" in done.stderr
        assert "could not install: mosquitto" in done.stderr


def test_a_skip_is_counted_and_can_be_forbidden(tmp_path: Path) -> None:
    """Locally a missing tool skips, loudly; where a complete machine is promised, it fails."""
    (tmp_path / "test_x.py").write_text(
        "import skips\n\n\ndef test_a():\n    skips.require_tools('no-such-tool')\n\n\ntest_b = test_a\n"
    )
    command = (sys.executable, "-m", "pytest", "-p", "skips", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path)
    support = str(ROOT / "tests" / "support")
    done = run(*command, cwd=tmp_path, PYTHONPATH=support, PISTEGATE_REQUIRE_SYSTEM="")
    assert done.returncode == 0, done.stdout
    assert "skipped: 2" in done.stdout
    assert "    2  missing system part: no-such-tool not installed" in done.stdout
    done = run(*command, cwd=tmp_path, PYTHONPATH=support, PISTEGATE_REQUIRE_SYSTEM="1")
    assert done.returncode == 1, done.stdout
    assert "2 failed" in done.stdout
