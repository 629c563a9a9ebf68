# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Deposits, equipment and its fees, settlements."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


def _key() -> Any:
    return fields.BigIntField(generated=True, primary_key=True)


class Migration(migrations.Migration):
    """Deposits, equipment and its fees, settlements."""

    dependencies = [("cloud", "0020_staff")]

    operations = [
        ops.CreateModel(
            name="Deposit",
            fields=[
                ("id", _key()),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("order", _to("cloud.Order", "order_id", "id", db_index=True)),
                ("line", _to("cloud.OrderLine", "line_id", "id", db_index=True)),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("state", fields.CharField(max_length=20)),
                ("spent", fields.BigIntField(default=0)),
                ("returned", fields.BigIntField(default=0)),
                ("ticket", _to("cloud.Ticket", "ticket_id", "number", null=True, db_index=True)),
                ("uid", fields.CharField(null=True, max_length=20)),
                ("document", fields.CharField(null=True, max_length=64)),
                ("wallet", _to("cloud.Wallet", "wallet_id", "id", null=True, db_index=True)),
                ("actor", fields.CharField(max_length=80)),
                ("taken_ms", fields.BigIntField()),
                ("ended_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "deposit",
                "app": "cloud",
                "indexes": [
                    Index(fields=["site_id", "state"]),
                    Index(fields=["uid", "state"]),
                    Index(fields=["document", "state"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Settlement",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("subject", fields.CharField(max_length=80)),
                ("ticket", fields.BigIntField(null=True)),
                ("open_key", fields.CharField(null=True, unique=True, max_length=80)),
                ("state", fields.CharField(max_length=20)),
                ("read", fields.JSONField()),
                ("lines", fields.JSONField(null=True)),
                ("charges", fields.BigIntField(default=0)),
                ("back", fields.BigIntField(default=0)),
                ("currency", fields.CharField(max_length=3)),
                ("order", _to("cloud.Order", "order_id", "id", null=True, db_index=True)),
                ("actor", fields.CharField(max_length=80)),
                ("begun_ms", fields.BigIntField()),
                ("ended_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "settlement",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "begun_ms"]), Index(fields=["subject"]), Index(fields=["ticket"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RentalTerms",
            fields=[
                ("id", _key()),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("from_ms", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("terms", fields.JSONField()),
                ("actor", fields.CharField(max_length=80)),
            ],
            options={
                "table": "rental_terms",
                "app": "cloud",
                "unique_together": (("site", "from_ms"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Piece",
            fields=[
                ("id", _key()),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("kind", fields.SmallIntField()),
                ("label", fields.CharField(max_length=24)),
                ("state", fields.CharField(max_length=20)),
                ("note", fields.CharField(null=True, max_length=200)),
                ("changed_ms", fields.BigIntField()),
            ],
            options={
                "table": "equipment_piece",
                "app": "cloud",
                "unique_together": (("site", "label"),),
                "indexes": [Index(fields=["site_id", "kind", "state"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Loan",
            fields=[
                ("id", _key()),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("ticket", _to("cloud.Ticket", "ticket_id", "number", null=True, db_index=True)),
                ("document", fields.CharField(null=True, max_length=64)),
                ("last4", fields.CharField(null=True, max_length=4)),
                ("kind", fields.SmallIntField()),
                ("label", fields.CharField(max_length=24)),
                ("out_key", fields.CharField(null=True, unique=True, max_length=40)),
                ("taken_ms", fields.BigIntField()),
                ("taken_by", fields.CharField(max_length=80)),
                ("returned_ms", fields.BigIntField(null=True)),
                ("returned_by", fields.CharField(null=True, max_length=80)),
                ("turn", fields.UUIDField(null=True)),
            ],
            options={
                "table": "equipment_loan",
                "app": "cloud",
                "indexes": [Index(fields=["document", "turn"]), Index(fields=["site_id", "label"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
