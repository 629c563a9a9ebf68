# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Contingency tickets: windows with a box, batches, tickets, and what was sold of them."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


def _to(target: str, column: str, key: str) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT
    )


def _site() -> Any:
    return _to("cloud.Site", "site_id", "number")


def _table(name: str, table: str, columns: list[tuple[str, Any]], key: str = "id", **options: Any) -> Any:
    more = {"table": table, "app": "cloud", "pk_attr": key}
    return ops.CreateModel(name=name, fields=columns, options=more | options, bases=["Model"])


class Migration(migrations.Migration):
    """Contingency tickets: windows with a box, batches, tickets, and what was sold of them."""

    dependencies = [("cloud", "0021_deposits")]

    operations = [
        _table(
            "ContingencyWindow",
            "contingency_window",
            [
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("window", fields.IntField()),
                ("role", fields.CharField(max_length=10)),
                ("device", fields.IntField()),
                ("pin_salt", fields.CharField(max_length=32)),
                ("pin_hash", fields.CharField(max_length=64)),
                ("offers", fields.JSONField()),
                ("active", fields.BooleanField()),
                ("next_serial", fields.BigIntField()),
                ("batches", fields.IntField()),
                ("changed_ms", fields.BigIntField()),
                ("heard_ms", fields.BigIntField(null=True)),
            ],
            unique_together=(("site", "window"),),
        ),
        _table(
            "ContingencyBatch",
            "contingency_batch",
            [
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _site()),
                ("window", fields.IntField()),
                ("number", fields.IntField()),
                ("role", fields.CharField(max_length=10)),
                ("device", fields.IntField()),
                ("day", fields.DateField()),
                ("state", fields.CharField(max_length=20)),
                ("currency", fields.CharField(max_length=3)),
                ("first_serial", fields.BigIntField()),
                ("last_serial", fields.BigIntField()),
                ("key_id", fields.SmallIntField()),
                ("pin_salt", fields.CharField(max_length=32)),
                ("pin_hash", fields.CharField(max_length=64)),
                ("offers", fields.JSONField()),
                ("digest", fields.CharField(max_length=64)),
                ("box", fields.CharField(null=True, max_length=32)),
                ("made_ms", fields.BigIntField()),
                ("until_ms", fields.BigIntField()),
                ("receipts", fields.IntField(null=True)),
                ("told", fields.JSONField(null=True)),
                ("ended_ms", fields.BigIntField(null=True)),
                ("ended_by", fields.CharField(null=True, max_length=80)),
                ("reason", fields.CharField(null=True, max_length=200)),
            ],
            unique_together=(("site", "window", "number"),),
            indexes=[Index(fields=["site_id", "day"]), Index(fields=["state", "until_ms"])],
        ),
        _table(
            "ContingencyTicket",
            "contingency_ticket",
            [
                ("number", fields.BigIntField(primary_key=True, generated=False)),
                ("site", _site()),
                ("batch", _to("cloud.ContingencyBatch", "batch_id", "id")),
                ("window", fields.IntField()),
                ("serial", fields.BigIntField()),
                ("product", fields.IntField()),
                ("group_number", fields.IntField(null=True)),
                ("day", fields.DateField()),
                ("body", fields.CharField(max_length=80)),
                ("state", fields.CharField(max_length=20)),
                ("receipt", fields.IntField(null=True)),
            ],
            "number",
            unique_together=(("site", "window", "serial"), ("batch", "serial")),
            indexes=[
                Index(fields=["site_id", "state", "day"]),
                Index(fields=["group_number", "state", "day"]),
            ],
        ),
        _table(
            "ContingencySale",
            "contingency_sale",
            [
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("batch", _to("cloud.ContingencyBatch", "batch_id", "id")),
                ("receipt", fields.IntField()),
                ("at_ms", fields.BigIntField()),
                ("amount", fields.BigIntField()),
                ("method", fields.CharField(max_length=20)),
                ("state", fields.CharField(max_length=20)),
                ("told", fields.JSONField()),
                ("digest", fields.CharField(max_length=64)),
                ("order_id", fields.UUIDField(null=True)),
                ("trouble", fields.CharField(null=True, max_length=40)),
                ("note", fields.CharField(null=True, max_length=200)),
                ("heard_ms", fields.BigIntField()),
            ],
            unique_together=(("batch", "receipt"),),
            indexes=[Index(fields=["site_id", "state"]), Index(fields=["order_id"])],
        ),
    ]
