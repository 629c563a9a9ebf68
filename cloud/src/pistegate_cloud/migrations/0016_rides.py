# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Indexes for what an applier asks of rides."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Indexes for what an applier asks of rides."""

    dependencies = [("cloud", "0015_payments")]

    operations: list[Any] = []
