# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Payments that a provider carries out, their refunds, and notifications that were taken."""

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
    """Payments that a provider carries out, their refunds, and notifications that were taken."""

    dependencies = [("cloud", "0014_recovery")]

    operations = [
        ops.CreateModel(
            name="ProviderPayment",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("provider", fields.CharField(max_length=20)),
                ("number", fields.CharField(max_length=32)),
                ("way", fields.CharField(max_length=10)),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("words", fields.CharField(max_length=127)),
                ("state", fields.CharField(max_length=20)),
                ("held", fields.BigIntField(default=0)),
                ("transaction", fields.CharField(null=True, max_length=40)),
                ("paid_ms", fields.BigIntField(null=True)),
                ("created_ms", fields.BigIntField()),
                ("until_ms", fields.BigIntField()),
                ("asked_times", fields.IntField(default=0)),
                ("ask_ms", fields.BigIntField()),
                ("trouble", fields.CharField(null=True, max_length=200)),
                ("strange", fields.BooleanField(default=False)),
                ("actor", fields.CharField(max_length=80)),
            ],
            options={
                "table": "provider_payment",
                "app": "cloud",
                "unique_together": (("provider", "number"), ("provider", "transaction")),
                "indexes": [Index(fields=["site_id", "created_ms"]), Index(fields=["state", "ask_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProviderRefund",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("payment", _to("cloud.ProviderPayment", "payment_id", "id", db_index=True)),
                ("number", fields.CharField(unique=True, max_length=64)),
                ("amount", fields.BigIntField()),
                ("reason", fields.CharField(max_length=80)),
                ("state", fields.CharField(max_length=20)),
                ("reference", fields.CharField(null=True, max_length=40)),
                ("created_ms", fields.BigIntField()),
                ("asked_times", fields.IntField(default=0)),
                ("ask_ms", fields.BigIntField()),
                ("trouble", fields.CharField(null=True, max_length=200)),
                ("actor", fields.CharField(max_length=80)),
            ],
            options={
                "table": "provider_refund",
                "app": "cloud",
                "indexes": [Index(fields=["state", "ask_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProviderNotice",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("provider", fields.CharField(max_length=20)),
                ("event", fields.CharField(max_length=64)),
                ("nonce", fields.CharField(max_length=64)),
                ("at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "provider_notice",
                "app": "cloud",
                "unique_together": (("provider", "nonce"),),
                "indexes": [Index(fields=["provider", "event"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
