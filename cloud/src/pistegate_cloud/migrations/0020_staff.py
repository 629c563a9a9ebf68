# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: RUF012 - class attributes are tortoise's own form
"""Staff, sessions, permissions, windows, shifts, audit; answers kept for any caller."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from pistegate_cloud.migrations._audit_guards import copy_answers, create_guards, drop_guards, forget_answers


def _to(target: str, column: str, key: str, **more: Any) -> Any:
    return fields.ForeignKeyField(
        target, source_field=column, db_constraint=True, to_field=key, on_delete=OnDelete.RESTRICT, **more
    )


def _table(name: str, *columns: tuple[str, Any], table: str, **options: Any) -> Any:
    key = ("id", fields.BigIntField(generated=True, primary_key=True))
    own = [] if columns[0][0] == "id" else [key]
    return ops.CreateModel(
        name=name,
        fields=[*own, *columns],
        options={"table": table, "app": "cloud", "pk_attr": "id", **options},
        bases=["Model"],
    )


_STAFF = [
    _table(
        "StaffUser",
        ("login", fields.CharField(unique=True, max_length=40)),
        ("name", fields.CharField(max_length=80)),
        ("password", fields.CharField(max_length=200)),
        ("must_change", fields.BooleanField(default=True)),
        ("active", fields.BooleanField(default=True)),
        ("created_ms", fields.BigIntField()),
        ("changed_ms", fields.BigIntField()),
        table="staff_user",
    ),
    _table(
        "StaffGroup",
        ("name", fields.CharField(unique=True, max_length=40)),
        ("scopes", fields.JSONField()),
        ("limits", fields.JSONField()),
        ("changed_ms", fields.BigIntField()),
        table="staff_group",
    ),
    _table(
        "StaffMembership",
        ("user", _to("cloud.StaffUser", "user_id", "id", db_index=True)),
        ("group", _to("cloud.StaffGroup", "group_id", "id", db_index=True)),
        ("site", _to("cloud.Site", "site_id", "number", null=True, db_index=True)),
        ("window", fields.IntField(null=True)),
        table="staff_membership",
    ),
    _table(
        "StaffSession",
        ("digest", fields.CharField(unique=True, max_length=64)),
        ("user", _to("cloud.StaffUser", "user_id", "id", db_index=True)),
        ("address", fields.CharField(max_length=64)),
        ("window", fields.IntField(null=True)),
        ("created_ms", fields.BigIntField()),
        ("used_ms", fields.BigIntField()),
        ("expires_ms", fields.BigIntField(db_index=True)),
        ("ended_ms", fields.BigIntField(null=True)),
        table="staff_session",
    ),
    _table(
        "StaffAttempt",
        ("what", fields.CharField(max_length=80)),
        ("span", fields.BigIntField(db_index=True)),
        ("times", fields.IntField()),
        table="staff_attempt",
        unique_together=(("what", "span"),),
    ),
    _table(
        "Approval",
        ("id", fields.UUIDField(primary_key=True)),
        ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
        ("action", fields.CharField(max_length=20)),
        ("subject", fields.CharField(max_length=120)),
        ("amount", fields.BigIntField()),
        ("approver", _to("cloud.StaffUser", "approver_id", "id", db_index=True)),
        ("at_ms", fields.BigIntField()),
        ("expires_ms", fields.BigIntField()),
        ("used_ms", fields.BigIntField(null=True)),
        ("used_by", fields.CharField(null=True, max_length=80)),
        table="approval",
    ),
]

_SHIFTS = [
    _table(
        "SalesWindow",
        ("site", _to("cloud.Site", "site_id", "number")),
        ("number", fields.IntField()),
        ("name", fields.CharField(max_length=80)),
        ("active", fields.BooleanField(default=True)),
        table="sales_window",
        unique_together=(("site", "number"),),
    ),
    _table(
        "Shift",
        ("id", fields.UUIDField(primary_key=True)),
        ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
        ("window", fields.IntField()),
        ("user", _to("cloud.StaffUser", "user_id", "id", db_index=True)),
        ("state", fields.CharField(max_length=20)),
        ("currency", fields.CharField(max_length=3)),
        ("float_amount", fields.BigIntField()),
        ("opened_ms", fields.BigIntField()),
        ("closed_ms", fields.BigIntField(null=True)),
        ("counted", fields.JSONField(null=True)),
        ("counted_ms", fields.BigIntField(null=True)),
        ("expected", fields.JSONField(null=True)),
        ("over_short", fields.BigIntField(null=True)),
        ("before_id", fields.UUIDField(null=True)),
        ("open_window", fields.BigIntField(null=True, unique=True)),
        ("open_user", fields.BigIntField(null=True, unique=True)),
        table="shift",
        indexes=[Index(fields=["site_id", "opened_ms"])],
    ),
    _table(
        "DrawerMove",
        ("site", _to("cloud.Site", "site_id", "number", db_index=True)),
        ("shift", _to("cloud.Shift", "shift_id", "id", db_index=True)),
        ("kind", fields.CharField(max_length=20)),
        ("amount", fields.BigIntField()),
        ("actor", fields.CharField(max_length=80)),
        ("at_ms", fields.BigIntField()),
        table="drawer_move",
    ),
]

_RECORDS = [
    _table(
        "AuditEntry",
        ("at_ms", fields.BigIntField(db_index=True)),
        ("site", _to("cloud.Site", "site_id", "number", null=True, db_index=True)),
        ("caller", fields.CharField(max_length=80)),
        ("actor", fields.CharField(max_length=80)),
        ("action", fields.CharField(max_length=60)),
        ("subject", fields.CharField(max_length=120)),
        ("before", fields.JSONField(null=True)),
        ("after", fields.JSONField(null=True)),
        table="audit_entry",
        indexes=[Index(fields=["subject"]), Index(fields=["caller", "at_ms"])],
    ),
    ops.RunPython(create_guards, drop_guards),
    _table(
        "KeptReply",
        ("caller", fields.CharField(max_length=80)),
        ("operation", fields.CharField(max_length=80)),
        ("key", fields.CharField(max_length=80)),
        ("request_digest", fields.CharField(max_length=64)),
        ("answer", fields.JSONField()),
        ("at_ms", fields.BigIntField()),
        table="kept_reply",
        unique_together=(("caller", "operation", "key"),),
    ),
    ops.RunPython(copy_answers, forget_answers),
    ops.DeleteModel("KeptAnswer"),
]


class Migration(migrations.Migration):
    """Staff, sessions, permissions, windows, shifts, audit; answers kept for any caller."""

    dependencies = [("cloud", "0019_books")]

    operations: list[Any] = [
        *_STAFF,
        *_SHIFTS,
        ops.AddField("ApiToken", "sites", fields.JSONField(null=True)),
        *_RECORDS,
    ]
