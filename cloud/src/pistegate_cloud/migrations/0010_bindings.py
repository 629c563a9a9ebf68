# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Tickets bound to documents, and the tables that gates fetch."""

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
    """Tickets bound to documents, and the tables that gates fetch."""

    dependencies = [("cloud", "0009_codes")]

    operations = [
        ops.CreateModel(
            name="Binding",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("ticket", _to("Ticket", "ticket_id", "number", db_index=True)),
                ("kind", fields.SmallIntField()),
                ("stretched", fields.CharField(null=True, max_length=64)),
                ("salt", fields.CharField(max_length=8)),
                ("last4", fields.CharField(null=True, max_length=4)),
                ("sealed", fields.BinaryField(null=True)),
                ("entered", fields.CharField(max_length=10)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("told", fields.SmallIntField(null=True)),
                ("withdrawn_ms", fields.BigIntField(null=True)),
                ("withdrawn_by", fields.CharField(null=True, max_length=80)),
                ("reason", fields.CharField(null=True, max_length=200)),
                ("erased_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "binding",
                "app": "cloud",
                "indexes": [Index(fields=["stretched"]), Index(fields=["site_id", "erased_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BindingLook",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("binding", _to("Binding", "binding_id", "id", null=True, db_index=True)),
                ("action", fields.CharField(max_length=10)),
                ("actor", fields.CharField(max_length=80)),
                ("detail", fields.CharField(max_length=200)),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "binding_look",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "at_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TableEntry",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("name", fields.CharField(max_length=20)),
                ("key", fields.CharField(max_length=28)),
                ("value", fields.BinaryField(null=True)),
                ("version", fields.IntField()),
                ("changed_ms", fields.BigIntField()),
            ],
            options={
                "table": "table_entry",
                "app": "cloud",
                "unique_together": (("site", "name", "key"),),
                "indexes": [Index(fields=["site_id", "name", "version"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TableState",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("name", fields.CharField(max_length=20)),
                ("version", fields.IntField()),
                ("oldest", fields.IntField()),
                ("keys", fields.IntField()),
                ("source", fields.IntField()),
                ("issued_ms", fields.BigIntField()),
                ("checked_ms", fields.BigIntField()),
                ("filling", fields.BooleanField()),
            ],
            options={
                "table": "table_state",
                "app": "cloud",
                "unique_together": (("site", "name"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TableFile",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number")),
                ("name", fields.CharField(max_length=20)),
                ("version", fields.IntField()),
                ("keys", fields.IntField()),
                ("head", fields.BinaryField()),
                ("size", fields.IntField()),
                ("made_ms", fields.BigIntField()),
            ],
            options={
                "table": "table_file",
                "app": "cloud",
                "unique_together": (("site", "name", "version"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TableChunk",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("Site", "site_id", "number", db_index=True)),
                ("file", _to("TableFile", "file_id", "id")),
                ("number", fields.IntField()),
                ("data", fields.BinaryField()),
            ],
            options={
                "table": "table_chunk",
                "app": "cloud",
                "unique_together": (("file", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
