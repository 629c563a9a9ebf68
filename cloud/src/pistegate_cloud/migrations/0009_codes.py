# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Claims that were given out as codes."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Claims that were given out as codes."""

    dependencies = [("cloud", "0008_overrides")]

    operations = [
        ops.CreateModel(
            name="CodeIssue",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "site",
                    fields.ForeignKeyField(
                        "cloud.Site",
                        source_field="site_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "ticket",
                    fields.ForeignKeyField(
                        "cloud.Ticket",
                        source_field="ticket_id",
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("revision", fields.SmallIntField()),
                ("key_id", fields.SmallIntField()),
                ("body", fields.CharField(max_length=80)),
                ("actor", fields.CharField(max_length=80)),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "ticket_code",
                "app": "cloud",
                "unique_together": (("ticket", "revision", "key_id"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
