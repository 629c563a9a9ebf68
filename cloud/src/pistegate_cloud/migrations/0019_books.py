# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Business days, dimensions of accounts, recognition, invoices."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from pistegate_cloud.migrations._day_guards import create_guards, drop_guards, name_cash, unname_cash


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


class Migration(migrations.Migration):
    """Business days, dimensions of accounts, recognition, invoices."""

    dependencies = [("cloud", "0018_orders")]

    operations = [
        ops.AddField("LedgerTransaction", "operating_day", fields.DateField(null=True)),
        ops.AddField("LedgerTransaction", "partner", fields.BigIntField(null=True)),
        ops.CreateModel(
            name="CutOver",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("from_day", fields.DateField()),
                ("minutes", fields.IntField()),
            ],
            options={
                "table": "cut_over",
                "app": "cloud",
                "unique_together": (("site", "from_day"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BusinessDay",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("day", fields.DateField()),
                ("state", fields.CharField(max_length=10)),
                ("report", fields.JSONField(null=True)),
                ("closed_by", fields.CharField(max_length=80)),
                ("closed_ms", fields.BigIntField()),
            ],
            options={
                "table": "business_day",
                "app": "cloud",
                "unique_together": (("site", "day"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunPython(name_cash, unname_cash),
        ops.RunPython(create_guards, drop_guards),
    ]
