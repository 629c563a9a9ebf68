# SPDX-License-Identifier: Apache-2.0
"""An empty database of the cloud at this release: made once, then copied. Migrating takes seconds of processor time.

It is kept beside pytest's own cache, named after what made it, for all processes and runs of tests.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from servers import postgres_bin

from pistegate_cloud import migrate as migrating
from pistegate_cloud import migrations
from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings

KEPT = Path(__file__).resolve().parent.parent.parent / ".pytest_cache" / "cloud-templates"


def empty_cloud(at: Path) -> None:
    """Put an empty, migrated SQLite database there."""
    at.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_template(), at)


def empty_postgres(url: str) -> None:
    """Make of the empty database at `url` what migrating would; the first one is migrated, and dumped for others."""
    kept = KEPT / f"{_digest()}-{postgres_bin().parent.name}.sql"
    with _made_by_one_only(kept):
        if not kept.exists():
            _migrate(url)
            made = _program("pg_dump", "--no-owner", f"--dbname={url}")
            part = kept.with_suffix(".part")
            part.write_bytes(made)
            os.replace(part, kept)
            return
    stop = ("-v", "ON_ERROR_STOP=1", "--single-transaction")
    _program("psql", "-X", "-q", "-w", *stop, "-f", str(kept), url)


def _program(name: str, *words: str) -> bytes:
    done = subprocess.run([postgres_bin() / name, *words], capture_output=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr.decode(errors='replace')}"
    return done.stdout


@cache
def _template() -> Path:
    kept = KEPT / f"{_digest()}.sqlite3"
    with _made_by_one_only(kept):
        if not kept.exists():
            made = Path(mkdtemp(prefix="template-", dir=KEPT)) / "cloud.sqlite3"
            _migrate(f"sqlite://{made}")
            os.replace(made, kept)
            shutil.rmtree(made.parent)
    return kept


def _migrate(url: str) -> None:
    with ThreadPoolExecutor(1) as thread:  # a test's event loop may run in this one
        thread.submit(asyncio.run, migrate(DatabaseSettings(url))).result()


@cache
def _digest() -> str:
    """Of everything that a migrated database depends on; once for a process, whatever is edited meanwhile."""
    digest = sha256(version("tortoise-orm").encode())
    for step in (Path(migrating.__file__), *sorted(Path(migrations.__path__[0]).glob("*.py"))):
        digest.update(step.name.encode() + step.read_bytes())
    return digest.hexdigest()[:24]


@contextmanager
def _made_by_one_only(kept: Path) -> Iterator[None]:
    """Other processes of the same run wait, which is cheaper than each making its own."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
