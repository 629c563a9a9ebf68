# SPDX-License-Identifier: Apache-2.0
"""Tables of members. Names, phones and open ids are sealed; docs/privacy.md says how long each is kept."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class Member(Model):
    """A guest who is known, at every site of a group. `phone_key`: HMAC of the phone, in hex, to find it by.

    Sealed (sealing.py): `name`, `phone`, `wechat` (open id). `head`: of their family, who pays. Personal columns are
    None once `erased_ms` is set.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    group_number = fields.IntField()
    name = fields.BinaryField(null=True)
    phone_key = fields.CharField(max_length=64, null=True)
    phone = fields.BinaryField(null=True)
    last4 = fields.CharField(max_length=4, null=True)
    wechat = fields.BinaryField(null=True)
    locale = fields.CharField(max_length=10)
    head: fields.ForeignKeyNullableRelation["Member"] = fields.ForeignKeyField(
        "cloud.Member", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    head_id: int | None
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    erased_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "member"
        unique_together = (("group_number", "phone_key"),)


class MemberLevel(Model):
    """A level of a group, such as gold 金卡; price lists name it by `code`."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    group_number = fields.IntField()
    code = fields.CharField(max_length=40)
    name = fields.JSONField[dict[str, str]]()
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "member_level"
        unique_together = (("group_number", "code"),)


class MemberGrade(Model):
    """A member has a level from `valid_from` to `valid_until`, both included; the newest that holds counts."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "cloud.Member", on_delete=fields.RESTRICT, db_index=True
    )
    member_id: int
    level: fields.ForeignKeyRelation[MemberLevel] = fields.ForeignKeyField(
        "cloud.MemberLevel", on_delete=fields.RESTRICT, db_index=True
    )
    level_id: int
    valid_from = fields.DateField()
    valid_until = fields.DateField()
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "member_grade"


class MemberPhoto(Model):
    """The picture of a member; deleted when they are erased."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("cloud.Member", on_delete=fields.RESTRICT)
    member_id: int
    kind = fields.CharField(max_length=20)
    data = fields.BinaryField()
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "member_photo"
        unique_together = (("member",),)


class MemberPass(Model):
    """A ticket, such as a season's, that belongs to a member and to nobody else."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "cloud.Member", on_delete=fields.RESTRICT, db_index=True
    )
    member_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("cloud.Ticket", on_delete=fields.RESTRICT)
    ticket_id: int
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "member_pass"
        unique_together = (("ticket",),)


class MemberErasure(Model):
    """The receipt of an erasure: what was removed, counted; nothing personal. Kept as proof that it was done."""

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("cloud.Member", on_delete=fields.RESTRICT)
    member_id: int
    removed = fields.JSONField[dict[str, Any]]()
    left_open = fields.JSONField[dict[str, Any]]()
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "member_erasure"
        unique_together = (("member",),)
