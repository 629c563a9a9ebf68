# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""What a product is for the books; price lists and quotes; counters of stock."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from pistegate_cloud.migrations._columns import AddColumns


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


class Migration(migrations.Migration):
    """What a product is for the books; price lists and quotes; counters of stock."""

    dependencies = [("cloud", "0016_rides")]

    operations: list[Any] = [
        AddColumns(
            "Product",
            {
                "kind": fields.CharField(default="ticket", db_default="ticket", max_length=20),
                "unit": fields.CharField(default="ticket", db_default="ticket", max_length=20),
                "department": fields.CharField(default="lift", db_default="lift", max_length=40),
                "tax_bp": fields.IntField(default=0, db_default=0),
                "passthrough": fields.BooleanField(default=False, db_default=False),
            },
        ),
        ops.CreateModel(
            name="PriceList",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("version", fields.IntField()),
                ("from_ms", fields.BigIntField()),
                ("content", fields.JSONField()),
                ("note", fields.CharField(max_length=200)),
                ("actor", fields.CharField(max_length=80)),
                ("published_ms", fields.BigIntField()),
            ],
            options={
                "table": "price_list",
                "app": "cloud",
                "unique_together": (("site", "version"),),
                "indexes": [Index(fields=["site_id", "from_ms"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Quote",
            fields=[
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("price_list", _to("cloud.PriceList", "price_list_id", "id", null=True, db_index=True)),
                ("channel", fields.CharField(max_length=40)),
                ("member_level", fields.CharField(null=True, max_length=40)),
                ("asked", fields.JSONField()),
                ("day_types", fields.JSONField()),
                ("total", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("at_ms", fields.BigIntField()),
                ("until_ms", fields.BigIntField(db_index=True)),
            ],
            options={"table": "price_quote", "app": "cloud", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Stock",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("code", fields.CharField(max_length=40)),
                ("day", fields.DateField()),
                ("channel", fields.CharField(null=True, max_length=40)),
                ("starts", fields.SmallIntField(null=True)),
                ("ends", fields.SmallIntField(null=True)),
                ("capacity", fields.IntField()),
                ("left", fields.IntField()),
            ],
            options={
                "table": "stock",
                "app": "cloud",
                "unique_together": (("site", "day", "code"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StockProduct",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number")),
                ("stock", _to("cloud.Stock", "stock_id", "id", db_index=True)),
                ("product", fields.IntField()),
                ("day", fields.DateField()),
            ],
            options={
                "table": "stock_product",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "day", "product"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StockHold",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
                ("stock", _to("cloud.Stock", "stock_id", "id", db_index=True)),
                ("order_id", fields.UUIDField(db_index=True)),
                ("quantity", fields.IntField()),
                ("until_ms", fields.BigIntField(null=True, db_index=True)),
            ],
            options={"table": "stock_hold", "app": "cloud", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
