# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Refunds, exchanges, compensation, free tickets, pick-up."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Refunds, exchanges, compensation, free tickets, pick-up."""

    dependencies = [("cloud", "0022_contingency")]

    operations: list[Any] = []
