# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""The site's places and devices, tokens, products."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """The site's places and devices, tokens, products."""

    initial = True

    operations = [
        ops.CreateModel(
            name="ApiToken",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("prefix", fields.CharField(unique=True, max_length=20)),
                ("digest", fields.CharField(max_length=64)),
                ("name", fields.CharField(max_length=80)),
                ("scopes", fields.JSONField()),
                ("created_ms", fields.BigIntField()),
                ("expires_ms", fields.BigIntField(null=True)),
                ("last_used_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "api_token",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Site",
            fields=[
                ("number", fields.IntField(primary_key=True, generated=False)),
                ("group_number", fields.IntField()),
                ("name", fields.CharField(max_length=80)),
                ("zone", fields.CharField(max_length=64)),
            ],
            options={
                "table": "site",
                "app": "cloud",
                "pk_attr": "number",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Area",
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
                ("number", fields.SmallIntField()),
                ("name", fields.CharField(max_length=80)),
            ],
            options={
                "table": "area",
                "app": "cloud",
                "unique_together": (("site", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Post",
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
                    "area",
                    fields.ForeignKeyField(
                        "cloud.Area",
                        source_field="area_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.IntField()),
                ("name", fields.CharField(max_length=80)),
            ],
            options={
                "table": "post",
                "app": "cloud",
                "unique_together": (("site", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Gate",
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
                    "post",
                    fields.ForeignKeyField(
                        "cloud.Post",
                        source_field="post_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.IntField()),
                ("name", fields.CharField(max_length=80)),
                ("last_seen_ms", fields.BigIntField(null=True)),
                ("epoch", fields.BigIntField(null=True)),
                (
                    "recent_epochs",
                    fields.JSONField(default=list),
                ),
                ("software", fields.CharField(null=True, max_length=200)),
                (
                    "documents",
                    fields.JSONField(
                        default=dict,
                    ),
                ),
                ("state", fields.CharField(null=True, max_length=200)),
                ("backlog", fields.BigIntField(null=True)),
            ],
            options={
                "table": "gate",
                "app": "cloud",
                "unique_together": (("site", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Encoder",
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
                ("number", fields.IntField()),
                ("name", fields.CharField(max_length=80)),
                ("last_seen_ms", fields.BigIntField(null=True)),
                ("software", fields.CharField(null=True, max_length=200)),
                ("state", fields.CharField(null=True, max_length=200)),
            ],
            options={
                "table": "encoder",
                "app": "cloud",
                "unique_together": (("site", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Product",
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
                ("number", fields.IntField()),
                ("code", fields.CharField(max_length=40)),
                ("name", fields.JSONField()),
                ("price", fields.BigIntField()),
                ("currency", fields.CharField(max_length=3)),
                ("areas", fields.JSONField()),
                ("holder", fields.CharField(max_length=20)),
                ("party", fields.SmallIntField()),
                ("days", fields.IntField()),
                ("entries_per_day", fields.IntField(null=True)),
                ("entries_total", fields.IntField(null=True)),
                ("reentry_s", fields.IntField(null=True)),
                ("batch", fields.IntField(null=True)),
            ],
            options={
                "table": "product",
                "app": "cloud",
                "unique_together": (("site", "number"), ("site", "code")),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
