# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Members and passes."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Members and passes."""

    dependencies = [("cloud", "0023_aftersales")]

    operations: list[Any] = []
