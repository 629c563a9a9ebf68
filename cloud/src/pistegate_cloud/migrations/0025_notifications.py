# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Messages to guests, and links to ticket pages."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


class Migration(migrations.Migration):
    """Messages to guests, and links to ticket pages."""

    dependencies = [("cloud", "0024_members")]

    operations = [
        ops.CreateModel(
            name="Notification",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("order", _to("cloud.Order", "order_id", "id", null=True, db_index=True)),
                ("member_id", fields.BigIntField(null=True)),
                ("kind", fields.CharField(max_length=20)),
                ("to", fields.CharField(null=True, max_length=100)),
                ("last4", fields.CharField(max_length=4)),
                ("locale", fields.CharField(max_length=10)),
                ("values", fields.JSONField(null=True)),
                ("body", fields.BinaryField(null=True)),
                ("state", fields.CharField(max_length=20)),
                ("attempts", fields.IntField(default=0)),
                ("due_ms", fields.BigIntField()),
                ("until_ms", fields.BigIntField()),
                ("tried_ms", fields.BigIntField(null=True)),
                ("channel", fields.CharField(null=True, max_length=10)),
                ("reference", fields.CharField(null=True, max_length=80)),
                ("trouble", fields.CharField(null=True, max_length=200)),
                ("created_ms", fields.BigIntField()),
                ("ended_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "notification",
                "app": "cloud",
                "indexes": [
                    Index(fields=["state", "due_ms"]),
                    Index(fields=["site_id", "state"]),
                    Index(fields=["member_id"]),
                    Index(fields=["ended_ms"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TicketLink",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("ticket", _to("cloud.Ticket", "ticket_id", "number", null=True, db_index=True)),
                ("order", _to("cloud.Order", "order_id", "id", null=True, db_index=True)),
                ("live", fields.CharField(null=True, unique=True, max_length=50)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("ended_ms", fields.BigIntField(null=True)),
            ],
            options={"table": "ticket_link", "app": "cloud", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
