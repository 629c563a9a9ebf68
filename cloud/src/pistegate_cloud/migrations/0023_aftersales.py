# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Refunds, exchanges, compensation, free tickets, pick-up."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


class Migration(migrations.Migration):
    """Refunds, exchanges, compensation, free tickets, pick-up."""

    dependencies = [("cloud", "0022_contingency")]

    operations = [
        ops.CreateModel(
            name="Compensation",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("suspension", _to("cloud.AreaSuspension", "suspension_id", "id", db_index=True)),
                ("way", fields.CharField(max_length=20)),
                ("days", fields.IntField(default=0)),
                ("minutes", fields.IntField(default=0)),
                ("bp", fields.IntField(default=0)),
                ("state", fields.CharField(max_length=20)),
                ("total", fields.IntField()),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("reason", fields.CharField(max_length=200)),
                ("actor", fields.CharField(max_length=80)),
                ("approver", fields.CharField(null=True, max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("worked_ms", fields.BigIntField(null=True)),
            ],
            options={"table": "compensation", "app": "cloud", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CompensatedTicket",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("compensation", _to("cloud.Compensation", "compensation_id", "id", db_index=True)),
                ("suspension", _to("cloud.AreaSuspension", "suspension_id", "id")),
                ("ticket", _to("cloud.Ticket", "ticket_id", "number", db_index=True)),
                ("amount", fields.BigIntField(default=0)),
                ("tax", fields.BigIntField(default=0)),
                ("state", fields.CharField(max_length=20)),
                ("trouble", fields.CharField(null=True, max_length=40)),
            ],
            options={
                "table": "compensated_ticket",
                "app": "cloud",
                "unique_together": (("suspension", "ticket"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Pickup",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("order", _to("cloud.Order", "order_id", "id", db_index=True)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("picked_ms", fields.BigIntField(null=True)),
                ("times", fields.IntField(default=0)),
            ],
            options={"table": "pickup", "app": "cloud", "unique_together": (("order",),), "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
