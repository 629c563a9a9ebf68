# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Orders of every kind, and tenders."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Orders of every kind, and tenders."""

    dependencies = [("cloud", "0017_catalogue")]

    operations: list[Any] = []
