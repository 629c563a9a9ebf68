# SPDX-License-Identifier: Apache-2.0
"""Tables of users, groups, sessions, attempts to sign in, and agreements of a second person."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class StaffUser(Model):
    """A person. `password`: argon2id with its parameters and salt. Never deleted: the audit record names them."""

    id = fields.BigIntField(primary_key=True)
    login = fields.CharField(max_length=40, unique=True)
    name = fields.CharField(max_length=80)
    password = fields.CharField(max_length=200)
    must_change = fields.BooleanField(default=True)
    active = fields.BooleanField(default=True)
    created_ms = fields.BigIntField()
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "staff_user"


class StaffGroup(Model):
    """What a kind of staff may do. `limits`: action -> amount done alone (rules.Limits)."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=40, unique=True)
    scopes = fields.JSONField[list[str]]()
    limits = fields.JSONField[dict[str, Any]]()
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "staff_group"


class StaffMembership(Model):
    """A user belongs to a group at a site (null: at all) and there at a window (null: at all)."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[StaffUser] = fields.ForeignKeyField(
        "cloud.StaffUser", on_delete=fields.RESTRICT, db_index=True
    )
    user_id: int
    group: fields.ForeignKeyRelation[StaffGroup] = fields.ForeignKeyField(
        "cloud.StaffGroup", on_delete=fields.RESTRICT, db_index=True
    )
    group_id: int
    site: fields.ForeignKeyNullableRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    site_id: int | None
    window = fields.IntField(null=True)

    class Meta:
        """Table."""

        table = "staff_membership"


class StaffSession(Model):
    """Somebody signed in; only the SHA-256 of what they hold is kept. `window`: where they sit, of their open shift."""

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    user: fields.ForeignKeyRelation[StaffUser] = fields.ForeignKeyField(
        "cloud.StaffUser", on_delete=fields.RESTRICT, db_index=True
    )
    user_id: int
    address = fields.CharField(max_length=64)
    window = fields.IntField(null=True)
    created_ms = fields.BigIntField()
    used_ms = fields.BigIntField()
    expires_ms = fields.BigIntField(db_index=True)
    ended_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "staff_session"


class StaffAttempt(Model):
    """How often a sign-in was tried in one span of time. `what`: "user:LOGIN" or "address:IP"."""

    id = fields.BigIntField(primary_key=True)
    what = fields.CharField(max_length=80)
    span = fields.BigIntField(db_index=True)
    times = fields.IntField()

    class Meta:
        """Table."""

        table = "staff_attempt"
        unique_together = (("what", "span"),)


class Approval(Model):
    """A second person agreed to one action on one subject for one amount, to be used once, soon."""

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    action = fields.CharField(max_length=20)
    subject = fields.CharField(max_length=120)
    amount = fields.BigIntField()
    approver: fields.ForeignKeyRelation[StaffUser] = fields.ForeignKeyField(
        "cloud.StaffUser", on_delete=fields.RESTRICT, db_index=True
    )
    approver_id: int
    at_ms = fields.BigIntField()
    expires_ms = fields.BigIntField()
    used_ms = fields.BigIntField(null=True)
    used_by = fields.CharField(max_length=80, null=True)

    class Meta:
        """Table."""

        table = "approval"
