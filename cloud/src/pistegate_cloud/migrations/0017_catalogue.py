# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Prices by calendar, quotas, slots, bundles, policies."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    """Prices by calendar, quotas, slots, bundles, policies."""

    dependencies = [("cloud", "0016_rides")]

    operations: list[Any] = []
