# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Consents to fingerprints, and receipts of their deletion."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


def _to(model: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        f"cloud.{model}",
        source_field=column,
        db_constraint=True,
        to_field=key,
        on_delete=OnDelete.RESTRICT,
        **more,
    )


class Migration(migrations.Migration):
    """Consents to fingerprints, and receipts of their deletion."""

    dependencies = [("cloud", "0010_bindings")]

    operations = [
        ops.CreateModel(
            name="FingerText",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("digest", fields.CharField(max_length=64)),
                ("version", fields.CharField(max_length=40)),
                ("locale", fields.CharField(max_length=10)),
                ("words", fields.TextField()),
            ],
            options={
                "table": "finger_text",
                "app": "cloud",
                "unique_together": (("site", "digest", "version", "locale"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FingerConsent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("group_number", fields.IntField(null=True)),
                ("ticket", _to("Ticket", "ticket_id", "number")),
                ("finger", fields.IntField()),
                ("holder", fields.CharField(max_length=16)),
                ("alone", fields.BooleanField()),
                ("revision", fields.SmallIntField(null=True)),
                ("signed", fields.CharField(null=True, max_length=256)),
                ("until_ms", fields.BigIntField()),
                ("text", _to("FingerText", "text_id", "id", db_index=True)),
                ("staff", fields.CharField(max_length=80)),
                ("guardian", fields.BooleanField()),
                ("actor", fields.CharField(max_length=80)),
                ("agreed_ms", fields.BigIntField()),
                ("ended_ms", fields.BigIntField(null=True)),
                ("ended_as", fields.CharField(null=True, max_length=10)),
                ("ended_by", fields.CharField(null=True, max_length=80)),
                ("reason", fields.CharField(null=True, max_length=200)),
                ("closed_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "finger_consent",
                "app": "cloud",
                "unique_together": (("ticket", "finger"),),
                "indexes": [Index(fields=["site_id", "closed_ms"]), Index(fields=["group_number", "closed_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FingerReceipt",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("gate", fields.IntField()),
                ("holder", fields.CharField(max_length=64)),
                ("why", fields.CharField(max_length=200)),
                ("slot", fields.IntField(null=True)),
                ("at_ms", fields.BigIntField()),
                ("told_ms", fields.BigIntField()),
            ],
            options={
                "table": "finger_receipt",
                "app": "cloud",
                "unique_together": (("site", "gate", "holder"),),
                "indexes": [Index(fields=["holder"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
