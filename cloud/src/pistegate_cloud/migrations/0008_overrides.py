# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Persons who went through on an attendant's word."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Persons who went through on an attendant's word."""

    dependencies = [("cloud", "0007_terms")]

    operations = [
        ops.CreateModel(
            name="Override",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "site",
                    fields.ForeignKeyField(
                        "cloud.Site",
                        source_field="site_id",
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("gate", fields.IntField()),
                ("post", fields.IntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("number", fields.BigIntField()),
                ("kind", fields.CharField(max_length=10)),
                ("entries", fields.SmallIntField()),
                ("exits", fields.SmallIntField()),
                ("medium", fields.CharField(null=True, max_length=34)),
                ("ticket", fields.BigIntField(null=True)),
                ("why", fields.CharField(max_length=200)),
                ("at_ms", fields.BigIntField()),
                ("day", fields.DateField()),
            ],
            options={
                "table": "lane_override",
                "app": "cloud",
                "unique_together": (("site", "gate", "epoch", "seq"),),
                "indexes": [Index(fields=["site_id", "day"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
