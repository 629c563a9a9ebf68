# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Notifications."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Notifications."""

    dependencies = [("cloud", "0024_members")]

    operations: list[Any] = []
