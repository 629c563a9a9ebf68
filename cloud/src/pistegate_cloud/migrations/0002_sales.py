# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Orders, tickets, documents."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Orders, tickets, documents."""

    dependencies = [("cloud", "0001_places")]

    operations = [
        ops.CreateModel(
            name="Order",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
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
                ("channel", fields.CharField(max_length=40)),
                ("status", fields.CharField(max_length=20)),
                ("total", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("created_ms", fields.BigIntField()),
                ("day", fields.DateField()),
            ],
            options={
                "table": "sales_order",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "day"]), Index(fields=["site_id", "created_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OrderLine",
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
                    "order",
                    fields.ForeignKeyField(
                        "cloud.Order",
                        source_field="order_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "product",
                    fields.ForeignKeyField(
                        "cloud.Product",
                        source_field="product_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("quantity", fields.IntField()),
                ("visit_date", fields.DateField()),
                ("unit_price", fields.BigIntField()),
                ("amount", fields.BigIntField()),
            ],
            options={
                "table": "order_line",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Payment",
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
                    "order",
                    fields.ForeignKeyField(
                        "cloud.Order",
                        source_field="order_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("method", fields.CharField(max_length=20)),
                ("tendered", fields.BigIntField()),
                ("change", fields.BigIntField()),
                ("amount", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "payment",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="KeptAnswer",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "token",
                    fields.ForeignKeyField(
                        "cloud.ApiToken",
                        source_field="token_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("operation", fields.CharField(max_length=80)),
                ("key", fields.CharField(max_length=80)),
                ("request_digest", fields.CharField(max_length=64)),
                ("answer", fields.JSONField()),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "kept_answer",
                "app": "cloud",
                "unique_together": (("token", "operation", "key"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Ticket",
            fields=[
                ("number", fields.BigIntField(primary_key=True, generated=False)),
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
                    "order",
                    fields.ForeignKeyField(
                        "cloud.Order",
                        source_field="order_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "line",
                    fields.ForeignKeyField(
                        "cloud.OrderLine",
                        source_field="line_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "product",
                    fields.ForeignKeyField(
                        "cloud.Product",
                        source_field="product_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("status", fields.CharField(max_length=20)),
                ("revision", fields.SmallIntField(default=0)),
                ("valid_from", fields.DateField()),
                ("valid_until", fields.DateField()),
                ("created_ms", fields.BigIntField()),
            ],
            options={
                "table": "ticket",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "valid_until"])],
                "pk_attr": "number",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CardWrite",
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
                    "ticket",
                    fields.ForeignKeyField(
                        "cloud.Ticket",
                        source_field="ticket_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("encoder", fields.IntField()),
                ("uid", fields.CharField(max_length=20)),
                ("revision", fields.SmallIntField()),
                ("claim", fields.CharField(max_length=256)),
                ("claim_digest", fields.CharField(max_length=16)),
                ("sent_ms", fields.BigIntField()),
                ("done_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "card_write",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Denial",
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
                        db_index=True,
                        db_constraint=True,
                        to_field="number",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("below_revision", fields.SmallIntField()),
                ("reason", fields.CharField(max_length=200)),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "denial",
                "app": "cloud",
                "unique_together": (("site", "ticket"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Document",
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
                ("name", fields.CharField(max_length=40)),
                ("version", fields.IntField()),
                ("key_id", fields.SmallIntField()),
                ("body", fields.BinaryField()),
                ("signature", fields.BinaryField()),
                ("created_ms", fields.BigIntField()),
            ],
            options={
                "table": "document",
                "app": "cloud",
                "unique_together": (("site", "name", "version"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
