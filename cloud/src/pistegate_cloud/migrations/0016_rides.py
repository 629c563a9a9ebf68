# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Applying asks for what a chunk may have changed of a ticket, not for all its rides: the indexes for that."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Applying asks for what a chunk may have changed of a ticket, not for all its rides: the indexes for that."""

    dependencies = [("cloud", "0015_payments")]

    operations = [
        ops.AddIndex("Admission", Index(fields=["ticket", "at_ms"])),
        ops.AddIndex("Admission", Index(fields=["state", "ticket"])),
        ops.AddIndex("Admission", Index(fields=["medium", "prev"])),
        ops.RemoveIndex("Admission", fields=["site_id", "ticket"]),
    ]
