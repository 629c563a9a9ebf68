# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Keys and certificates of devices, codes that enrol them, spares; who accepted what was in quarantine."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


def _site() -> Any:
    return fields.ForeignKeyField(
        "cloud.Site", source_field="site_id", db_constraint=True, to_field="number", on_delete=OnDelete.RESTRICT
    )


class Migration(migrations.Migration):
    """Keys and certificates of devices, codes that enrol them, spares; who accepted what was in quarantine."""

    dependencies = [("cloud", "0011_fingers")]

    operations = [
        ops.AddField("CloudState", "devices", fields.BigIntField(default=0, db_default=0)),
        ops.AddField("Quarantine", "accepted_ms", fields.BigIntField(null=True)),
        ops.AddField("Quarantine", "accepted_by", fields.CharField(null=True, max_length=80)),
        ops.CreateModel(
            name="DeviceKey",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("role", fields.CharField(max_length=10)),
                ("number", fields.IntField()),
                ("public", fields.CharField(unique=True, max_length=66)),
                ("state", fields.CharField(default="active", max_length=10)),
                ("enrolled_ms", fields.BigIntField()),
                ("ended_ms", fields.BigIntField(null=True)),
                ("reason", fields.CharField(null=True, max_length=200)),
                ("actor", fields.CharField(null=True, max_length=80)),
                ("asked_ms", fields.BigIntField(null=True)),
                ("approved_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "device_key",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "number"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DeviceCertificate",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                (
                    "key",
                    fields.ForeignKeyField(
                        "cloud.DeviceKey",
                        source_field="key_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("serial", fields.CharField(unique=True, max_length=40)),
                ("issued_ms", fields.BigIntField()),
                ("until_ms", fields.BigIntField()),
                ("pem", fields.TextField()),
            ],
            options={"table": "device_certificate", "app": "cloud", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EnrolmentCode",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("role", fields.CharField(max_length=10)),
                ("number", fields.IntField()),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("expires_ms", fields.BigIntField()),
                ("used_ms", fields.BigIntField(null=True)),
                ("public", fields.CharField(null=True, max_length=66)),
            ],
            options={
                "table": "enrolment_code",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "number"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Takeover",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("spare", fields.IntField()),
                ("gate", fields.IntField()),
                ("from_ms", fields.BigIntField()),
                ("until_ms", fields.BigIntField()),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("withdrawn_ms", fields.BigIntField(null=True)),
            ],
            options={
                "table": "takeover",
                "app": "cloud",
                "indexes": [Index(fields=["site_id", "spare"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PlaceTaken",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("site", _site()),
                ("gate", fields.IntField()),
                ("of", fields.IntField()),
                ("epoch", fields.BigIntField()),
                ("seq", fields.BigIntField()),
                ("at_ms", fields.BigIntField()),
            ],
            options={
                "table": "place_taken",
                "app": "cloud",
                "unique_together": (("site", "gate", "epoch", "seq"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
