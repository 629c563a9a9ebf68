# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Business days, dimensions of accounts, recognition, invoices."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
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
        ops.CreateModel(
            name="RevenuePart",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("order", _to("cloud.Order", "order_id", "id", db_index=True)),
                ("line", _to("cloud.OrderLine", "line_id", "id")),
                ("ticket", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("department", fields.CharField(max_length=40)),
                ("shares", fields.JSONField(null=True)),
                ("net", fields.BigIntField()),
                ("recognised", fields.BigIntField(default=0)),
                ("given_back", fields.BigIntField(default=0)),
                ("until", fields.DateField()),
                ("open", fields.BooleanField(default=True)),
            ],
            options={
                "table": "revenue_part",
                "app": "cloud",
                "unique_together": (("line", "ticket"),),
                "indexes": [Index(fields=["site_id", "open", "until"]), Index(fields=["ticket"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Recognition",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("part", _to("cloud.RevenuePart", "part_id", "id", db_index=True)),
                ("transaction", _to("cloud.LedgerTransaction", "transaction_id", "id", db_index=True)),
                ("kind", fields.CharField(max_length=10)),
                ("operating_day", fields.DateField()),
                ("amount", fields.BigIntField()),
            ],
            options={
                "table": "recognition",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "operating_day"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BookMark",
            fields=[
                ("name", fields.CharField(primary_key=True, max_length=20)),
                ("sure", fields.BigIntField(default=0)),
                ("newest", fields.BigIntField(default=0)),
                ("at_ms", fields.BigIntField(default=0)),
            ],
            options={"table": "book_mark", "app": "cloud", "pk_attr": "name"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PendingPayment",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("reference", fields.CharField(unique=True, max_length=64)),
                ("method", fields.CharField(max_length=20)),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("state", fields.CharField(max_length=10)),
                ("since_ms", fields.BigIntField()),
                ("resolved_ms", fields.BigIntField(null=True)),
            ],
            options={"table": "pending_payment", "app": "cloud", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Invoice",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("order", _to("cloud.Order", "order_id", "id", db_index=True)),
                ("live", fields.UUIDField(null=True, unique=True)),
                ("state", fields.CharField(max_length=20)),
                ("red_of", _to("cloud.Invoice", "red_of_id", "id", db_index=True, null=True)),
                ("buyer", fields.CharField(max_length=100)),
                ("tax_number", fields.CharField(max_length=20, null=True)),
                ("email", fields.CharField(max_length=100, null=True)),
                ("lines", fields.JSONField()),
                ("amount", fields.BigIntField()),
                ("tax", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("number", fields.CharField(max_length=20, null=True)),
                ("why", fields.CharField(max_length=200, null=True)),
                ("requested_ms", fields.BigIntField()),
                ("issued_ms", fields.BigIntField(null=True)),
                ("actor", fields.CharField(max_length=80)),
            ],
            options={
                "table": "invoice",
                "app": "cloud",
                "unique_together": (("site", "number"),),
                "indexes": [Index(fields=["site_id", "state"]), Index(fields=["site_id", "requested_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunPython(name_cash, unname_cash),
        ops.RunPython(create_guards, drop_guards),
    ]
