# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""What a restored database knows of documents that it lacks."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


def _site() -> Any:
    return fields.ForeignKeyField(
        "cloud.Site", source_field="site_id", db_constraint=True, to_field="number", on_delete=OnDelete.RESTRICT
    )


class Migration(migrations.Migration):
    """What a restored database knows of documents that it lacks."""

    dependencies = [("cloud", "0013_clocks")]

    operations = [
        ops.CreateModel(
            name="LostVersions",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("name", fields.CharField(max_length=40)),
                ("after", fields.BigIntField()),
                ("before", fields.BigIntField()),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "lost_versions",
                "app": "cloud",
                "pk_attr": "id",
                "unique_together": (("site", "name", "after"),),
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RecoveredDocument",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("name", fields.CharField(max_length=40)),
                ("version", fields.BigIntField()),
                ("body", fields.BinaryField()),
                ("gate", fields.IntField()),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "recovered_document",
                "app": "cloud",
                "pk_attr": "id",
                "unique_together": (("site", "name"),),
            },
            bases=["Model"],
        ),
    ]
