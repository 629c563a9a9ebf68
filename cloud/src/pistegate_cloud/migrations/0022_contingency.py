# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Contingency tickets."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Contingency tickets."""

    dependencies = [("cloud", "0021_deposits")]

    operations: list[Any] = []
