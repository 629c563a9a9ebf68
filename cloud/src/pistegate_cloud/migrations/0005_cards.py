# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Cards and what was done to them, group issues, and what finds a lost card."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Cards and what was done to them, group issues, and what finds a lost card."""

    dependencies = [("cloud", "0004_events")]

    operations = [
        ops.AddField("Encoder", "trusted", fields.BooleanField(default=False, db_default=False)),
        ops.AddField("Order", "phone", fields.CharField(null=True, max_length=20)),
        ops.AddField("Payment", "reference", fields.CharField(null=True, max_length=64)),
        ops.AddField("CardWrite", "encoder_site", fields.IntField(null=True)),
        ops.AddField("CardWrite", "usage", fields.CharField(null=True, max_length=64)),
        ops.AddField("CardWrite", "counter", fields.BigIntField(null=True)),
        ops.AddField("Denial", "group_number", fields.IntField(null=True)),
        # db_index of an added field creates no index on PostgreSQL
        ops.AddIndex("Order", Index(fields=["phone"])),
        ops.AddIndex("Payment", Index(fields=["reference"])),
        ops.AddIndex("CardWrite", Index(fields=["uid"])),
        ops.AddIndex("Denial", Index(fields=["group_number"])),
        ops.CreateModel(
            name="Card",
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
                ("group_number", fields.IntField()),
                ("uid", fields.CharField(unique=True, max_length=20)),
                ("status", fields.CharField(max_length=20)),
                ("key_set", fields.SmallIntField(default=0)),
                ("origin", fields.CharField(max_length=20)),
                (
                    "ticket",
                    fields.ForeignKeyField(
                        "cloud.Ticket",
                        source_field="ticket_id",
                        db_index=True,
                        null=True,
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("revision", fields.SmallIntField(null=True)),
                ("claim", fields.CharField(null=True, max_length=16)),
                ("created_ms", fields.BigIntField()),
                ("changed_ms", fields.BigIntField()),
            ],
            options={
                "table": "card",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "status"]), Index(fields=["group_number", "status"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CardChange",
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
                    "card",
                    fields.ForeignKeyField(
                        "cloud.Card",
                        source_field="card_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("event", fields.CharField(max_length=20)),
                ("status", fields.CharField(max_length=20)),
                ("ticket", fields.BigIntField(null=True)),
                ("revision", fields.SmallIntField(null=True)),
                ("encoder", fields.IntField(null=True)),
                ("actor", fields.CharField(max_length=80)),
                ("counter", fields.BigIntField(null=True)),
                ("values", fields.JSONField(default=dict)),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "card_change",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "at_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CardWipe",
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
                    "card",
                    fields.ForeignKeyField(
                        "cloud.Card",
                        source_field="card_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("encoder", fields.IntField()),
                ("purse", fields.BigIntField()),
                ("loaded", fields.BigIntField()),
                ("spent", fields.BigIntField()),
                ("currency", fields.CharField(null=True, max_length=3)),
                ("counter", fields.BigIntField(null=True)),
                ("actor", fields.CharField(max_length=80)),
                ("sent_ms", fields.BigIntField()),
                ("done_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "card_wipe",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CardLoss",
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
                    "card",
                    fields.ForeignKeyField(
                        "cloud.Card",
                        source_field="card_id",
                        db_index=True,
                        related_name="losses",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("ticket", fields.BigIntField(null=True)),
                ("state", fields.CharField(max_length=10)),
                ("reason", fields.CharField(max_length=200)),
                ("found_by", fields.CharField(max_length=20)),
                ("actor", fields.CharField(max_length=80)),
                ("at_ms", fields.BigIntField()),
                (
                    "replaced_by",
                    fields.ForeignKeyField(
                        "cloud.Card",
                        source_field="replaced_by_id",
                        db_index=True,
                        null=True,
                        related_name="replacing",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("closed_by", fields.CharField(null=True, max_length=80)),
                ("closed_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "card_loss",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GroupIssue",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
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
                    "order",
                    fields.ForeignKeyField(
                        "cloud.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("encoder", fields.IntField(null=True)),
                ("repeats", fields.IntField(default=0)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("worked_ms", fields.BigIntField()),
                ("finished_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "group_issue",
                "app": "cloud",
                "unique_together": (("order", "site"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
