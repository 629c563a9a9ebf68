# SPDX-License-Identifier: Apache-2.0
"""Backup and restore on PostgreSQL by its own tools, pg_dump and pg_restore."""

import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped]

from pistegate_cloud.errors import CloudError


def backup(url: str, out: Path) -> None:
    """A dump as of one moment, while the cloud serves; whole under its name or not at all. CloudError."""
    part = out.with_name(out.name + ".part")
    part.unlink(missing_ok=True)
    try:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={part}", _plain(url))
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)


async def restore(source: Path, url: str) -> None:
    """Into an empty database, all or nothing; CloudError otherwise."""
    connection = await asyncpg.connect(_plain(url))
    try:
        tables = await connection.fetchval("SELECT count(*) FROM information_schema.tables WHERE table_schema='public'")
    finally:
        await connection.close()
    if tables:
        raise CloudError(
            "the database is not empty: make a new one (createdb), name it in cloud.toml, and restore there"
        )
    _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         f"--dbname={_plain(url)}", str(source))  # fmt: skip


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CloudError(
            f"{command[0]} is not here: install PostgreSQL's client (apt install postgresql-client)"
        ) from error
    except subprocess.CalledProcessError as error:
        words = (error.stderr or "").strip().splitlines()
        raise CloudError(f"{command[0]} failed: {words[-1] if words else error.returncode}") from error


def _plain(url: str) -> str:
    """As PostgreSQL's own programs take it: tortoise's options are none of theirs."""
    parts = urlsplit(url)
    return urlunsplit(("postgresql", parts.netloc, quote(parts.path), "", ""))
