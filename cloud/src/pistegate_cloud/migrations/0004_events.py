# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""What gates report, and how it came in."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """What gates report, and how it came in."""

    dependencies = [("cloud", "0003_ledger")]

    operations = [
        ops.CreateModel(
            name="EventChain",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", fields.IntField()),
                ("gate", fields.IntField()),
                ("stream", fields.SmallIntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("head", fields.BinaryField()),
                ("applied_seq", fields.BigIntField(default=0)),
                ("previous_epoch", fields.BigIntField(null=True)),
                ("previous_head", fields.BinaryField(null=True)),
                ("opened_ms", fields.BigIntField()),
            ],
            options={
                "table": "event_chain",
                "app": "cloud",
                "unique_together": (("site", "gate", "stream", "epoch"),),
                "indexes": [Index(fields=["site", "gate", "stream", "previous_epoch"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RawEvent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", fields.IntField()),
                ("gate", fields.IntField()),
                ("stream", fields.SmallIntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("head", fields.BinaryField()),
                ("payload", fields.BinaryField()),
                ("received_ms", fields.BigIntField()),
            ],
            options={
                "table": "raw_event",
                "app": "cloud",
                "unique_together": (("site", "gate", "stream", "epoch", "seq"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ForkEvent",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", fields.IntField()),
                ("gate", fields.IntField()),
                ("stream", fields.SmallIntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("head", fields.CharField(max_length=64)),
                ("payload", fields.BinaryField()),
                ("received_ms", fields.BigIntField()),
            ],
            options={
                "table": "fork_event",
                "app": "cloud",
                "unique_together": (("site", "gate", "stream", "epoch", "seq", "head"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Quarantine",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("site", fields.IntField(null=True)),
                ("topic", fields.CharField(max_length=200)),
                ("reason", fields.CharField(max_length=40)),
                ("payload", fields.BinaryField()),
                ("first_ms", fields.BigIntField()),
            ],
            options={
                "table": "quarantine",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CloudState",
            fields=[
                ("id", fields.SmallIntField(primary_key=True, generated=False)),
                ("generation", fields.IntField()),
            ],
            options={
                "table": "cloud_state",
                "app": "cloud",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ExceptionCase",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", fields.IntField(null=True)),
                ("kind", fields.CharField(max_length=40)),
                ("key", fields.CharField(max_length=160)),
                ("gate", fields.IntField(null=True)),
                ("ticket", fields.BigIntField(null=True)),
                ("values", fields.JSONField()),
                ("first_ms", fields.BigIntField()),
                ("last_ms", fields.BigIntField()),
                ("times", fields.BigIntField(default=1)),
            ],
            options={
                "table": "exception_case",
                "app": "cloud",
                "unique_together": (("kind", "key"),),
                "indexes": [Index(fields=["site", "gate"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Admission",
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
                ("gate", fields.IntField()),
                ("post", fields.IntField()),
                ("area", fields.SmallIntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("name", fields.CharField(max_length=16)),
                ("ticket", fields.BigIntField()),
                ("medium", fields.CharField(max_length=34)),
                ("claim", fields.CharField(max_length=16)),
                ("n", fields.SmallIntField()),
                ("charged", fields.SmallIntField()),
                ("prev", fields.CharField(max_length=16)),
                ("reoffer_of", fields.CharField(null=True, max_length=16)),
                ("at_ms", fields.BigIntField()),
                ("day", fields.DateField()),
                ("hour", fields.SmallIntField()),
                ("state", fields.CharField(max_length=20)),
                ("passed", fields.SmallIntField(default=0)),
                ("unknown", fields.SmallIntField(default=0)),
                ("ended_ms", fields.BigIntField(null=True)),
                ("settled", fields.CharField(null=True, max_length=10)),
                ("settled_by", fields.CharField(null=True, max_length=10)),
            ],
            options={
                "table": "admission",
                "app": "cloud",
                "unique_together": (("site", "gate", "epoch", "seq"),),
                "indexes": [Index(fields=["site_id", "ticket"]), Index(fields=["site_id", "day"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Refusal",
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
                ("gate", fields.IntField()),
                ("post", fields.IntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("reason", fields.CharField(max_length=200)),
                ("medium", fields.CharField(null=True, max_length=34)),
                ("ticket", fields.BigIntField(null=True)),
                ("times", fields.BigIntField()),
                ("at_ms", fields.BigIntField()),
                ("day", fields.DateField()),
            ],
            options={
                "table": "refusal",
                "app": "cloud",
                "unique_together": (("site", "gate", "epoch", "seq"),),
                "indexes": [Index(fields=["site_id", "day"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Incident",
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
                ("gate", fields.IntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("code", fields.CharField(max_length=200)),
                ("detail", fields.CharField(max_length=200)),
                ("times", fields.BigIntField()),
                ("at_ms", fields.BigIntField()),
                ("day", fields.DateField()),
            ],
            options={
                "table": "incident",
                "app": "cloud",
                "unique_together": (("site", "gate", "epoch", "seq"),),
                "indexes": [Index(fields=["site_id", "day"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RunSQL("INSERT INTO cloud_state (id, generation) VALUES (1, 1)", "DELETE FROM cloud_state"),
    ]
