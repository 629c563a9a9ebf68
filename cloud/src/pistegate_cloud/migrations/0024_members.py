# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Members, levels, passes, and receipts of erasures."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


def _site() -> Any:
    return _to("cloud.Site", "site_id", "number", db_index=True)


def _key() -> Any:
    return fields.BigIntField(generated=True, primary_key=True)


def _table(name: str, table: str, columns: list[tuple[str, Any]], **options: Any) -> Any:
    more = {"table": table, "app": "cloud", "pk_attr": "id"}
    return ops.CreateModel(name=name, fields=columns, options=more | options, bases=["Model"])


class Migration(migrations.Migration):
    """Members, levels, passes, and receipts of erasures."""

    dependencies = [("cloud", "0023_aftersales")]

    operations = [
        _table(
            "Member",
            "member",
            [
                ("id", _key()),
                ("site", _site()),
                ("group_number", fields.IntField()),
                ("name", fields.BinaryField(null=True)),
                ("phone_key", fields.CharField(null=True, max_length=64)),
                ("phone", fields.BinaryField(null=True)),
                ("last4", fields.CharField(null=True, max_length=4)),
                ("wechat", fields.BinaryField(null=True)),
                ("locale", fields.CharField(max_length=10)),
                ("head", _to("cloud.Member", "head_id", "id", null=True, db_index=True)),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
                ("erased_ms", fields.BigIntField(null=True)),
            ],
            unique_together=(("group_number", "phone_key"),),
        ),
        _table(
            "MemberLevel",
            "member_level",
            [
                ("id", _key()),
                ("site", _site()),
                ("group_number", fields.IntField()),
                ("code", fields.CharField(max_length=40)),
                ("name", fields.JSONField()),
                ("created_ms", fields.BigIntField()),
            ],
            unique_together=(("group_number", "code"),),
        ),
        _table(
            "MemberGrade",
            "member_grade",
            [
                ("id", _key()),
                ("site", _site()),
                ("member", _to("cloud.Member", "member_id", "id", db_index=True)),
                ("level", _to("cloud.MemberLevel", "level_id", "id", db_index=True)),
                ("valid_from", fields.DateField()),
                ("valid_until", fields.DateField()),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
            ],
        ),
        _table(
            "MemberPhoto",
            "member_photo",
            [
                ("id", _key()),
                ("site", _site()),
                ("member", _to("cloud.Member", "member_id", "id")),
                ("kind", fields.CharField(max_length=20)),
                ("data", fields.BinaryField()),
                ("actor", fields.CharField(max_length=80)),
                ("at_ms", fields.BigIntField()),
            ],
            unique_together=(("member",),),
        ),
        _table(
            "MemberPass",
            "member_pass",
            [
                ("id", _key()),
                ("site", _site()),
                ("member", _to("cloud.Member", "member_id", "id", db_index=True)),
                ("ticket", _to("cloud.Ticket", "ticket_id", "number")),
                ("actor", fields.CharField(max_length=80)),
                ("created_ms", fields.BigIntField()),
            ],
            unique_together=(("ticket",),),
        ),
        _table(
            "MemberErasure",
            "member_erasure",
            [
                ("id", fields.UUIDField(primary_key=True)),
                ("site", _site()),
                ("member", _to("cloud.Member", "member_id", "id")),
                ("removed", fields.JSONField()),
                ("left_open", fields.JSONField()),
                ("actor", fields.CharField(max_length=80)),
                ("at_ms", fields.BigIntField()),
            ],
            unique_together=(("member",),),
        ),
    ]
