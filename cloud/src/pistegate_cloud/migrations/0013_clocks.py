# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""What gates told of their clocks."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """What gates told of their clocks."""

    dependencies = [("cloud", "0012_enrolment")]

    operations = [
        ops.CreateModel(
            name="ClockState",
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
                ("stream", fields.SmallIntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("at_ms", fields.BigIntField()),
                ("trusted", fields.BooleanField()),
                ("reason", fields.CharField(max_length=200)),
                ("moved_ms", fields.BigIntField()),
            ],
            options={
                "table": "clock_state",
                "app": "cloud",
                "unique_together": (("site", "gate", "stream", "epoch", "seq"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
