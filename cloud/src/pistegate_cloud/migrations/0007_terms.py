# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Terms of products, amendments of tickets, suspensions of areas, blackout sets."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Terms of products, amendments of tickets, suspensions of areas, blackout sets."""

    dependencies = [("cloud", "0006_wallets")]

    operations = [
        ops.AddField("Product", "scope", fields.CharField(default="site", db_default="site", max_length=10)),
        ops.AddField("Product", "terms", fields.JSONField(null=True)),
        ops.AddField("Product", "valid_until", fields.DateField(null=True)),
        ops.AddField("Ticket", "amended_until", fields.DateField(null=True)),
        ops.CreateModel(
            name="TicketAmendment",
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
                (
                    "ticket",
                    fields.ForeignKeyField(
                        "cloud.Ticket",
                        source_field="ticket_id",
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("group_number", fields.IntField(null=True)),
                ("number", fields.SmallIntField()),
                ("change", fields.CharField(max_length=20)),
                ("valid_until", fields.DateField(null=True)),
                ("areas", fields.JSONField(null=True)),
                ("hold", fields.BooleanField()),
                ("extra_minutes", fields.IntField()),
                ("returns", fields.IntField()),
                ("return_day", fields.DateField(null=True)),
                ("persons", fields.SmallIntField(default=0)),
                ("admission", fields.CharField(null=True, max_length=16)),
                ("admission_day", fields.DateField(null=True)),
                ("holds_until", fields.DateField()),
                ("newest", fields.BooleanField()),
                ("key_id", fields.SmallIntField()),
                ("signed", fields.CharField(max_length=200)),
                ("reason", fields.CharField(max_length=200)),
                ("actor", fields.CharField(max_length=80)),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "amendment",
                "app": "cloud",
                "unique_together": (("ticket", "number"), ("ticket", "admission")),
                "indexes": [
                    Index(fields=["site_id", "newest", "holds_until"]),
                    Index(fields=["group_number", "newest", "holds_until"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AreaSuspension",
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
                ("area", fields.SmallIntField()),
                ("start_ms", fields.BigIntField()),
                ("end_ms", fields.BigIntField(null=True)),
                ("clocks_paused", fields.BooleanField()),
                ("reason", fields.CharField(max_length=200)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("ended_by", fields.CharField(null=True, max_length=80)),
                ("ended_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "suspension",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "end_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BlackoutSet",
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
                ("group_number", fields.IntField(null=True, db_index=True)),
                ("number", fields.SmallIntField()),
                ("name", fields.JSONField()),
                ("weekdays", fields.JSONField()),
                ("also_sets", fields.JSONField()),
                ("except_sets", fields.JSONField()),
                ("actor", fields.CharField(max_length=80)),
                ("changed_ms", fields.BigIntField()),
            ],
            options={
                "table": "blackout_set",
                "app": "cloud",
                "unique_together": (("site", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BlackoutDate",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "site",
                    fields.ForeignKeyField(
                        "cloud.Site",
                        source_field="site_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "blackout",
                    fields.ForeignKeyField(
                        "cloud.BlackoutSet",
                        source_field="blackout_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("day", fields.DateField()),
                ("note", fields.CharField(max_length=80)),
            ],
            options={
                "table": "blackout_date",
                "app": "cloud",
                "unique_together": (("blackout", "day"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
