# SPDX-License-Identifier: Apache-2.0
"""An empty database of the cloud at this release: made once, then copied. Migrating takes seconds of processor time.

It is kept beside pytest's own cache, named after the migrations that made it, for all processes and runs of tests.
"""

import asyncio
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from pistegate_cloud import migrations
from pistegate_cloud.migrate import migrate
from pistegate_cloud.settings import DatabaseSettings

KEPT = Path(__file__).resolve().parent.parent.parent / ".pytest_cache" / "cloud-templates"


def empty_cloud(at: Path) -> None:
    """Put an empty, migrated SQLite database there."""
    at.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_template(), at)


@cache
def _template() -> Path:
    steps = sorted(Path(migrations.__path__[0]).glob("*.py"))
    digest = sha256(version("tortoise-orm").encode())
    for step in steps:
        digest.update(step.name.encode() + step.read_bytes())
    kept = KEPT / f"{digest.hexdigest()[:24]}.sqlite3"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix="template-", dir=KEPT)) / "cloud.sqlite3"
        with ThreadPoolExecutor(1) as thread:  # a test's event loop may run in this one
            thread.submit(asyncio.run, migrate(DatabaseSettings(f"sqlite://{made}"))).result()
        os.replace(made, kept)
        shutil.rmtree(made.parent)
    return kept
