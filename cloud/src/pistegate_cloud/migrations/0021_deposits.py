# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Deposits, equipment and its fees."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Deposits, equipment and its fees."""

    dependencies = [("cloud", "0020_staff")]

    operations: list[Any] = []
