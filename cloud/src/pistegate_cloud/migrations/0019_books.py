# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Business days, dimensions of accounts, recognition, invoices."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Business days, dimensions of accounts, recognition, invoices."""

    dependencies = [("cloud", "0018_orders")]

    operations: list[Any] = []
