# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Staff, sessions, permissions, windows, shifts, audit."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Staff, sessions, permissions, windows, shifts, audit."""

    dependencies = [("cloud", "0019_books")]

    operations: list[Any] = []
