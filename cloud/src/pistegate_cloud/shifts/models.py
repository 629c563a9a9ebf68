# SPDX-License-Identifier: Apache-2.0
"""Tables of sales windows, shifts, and cash that came into a drawer or left it other than by sales."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.staff.models import StaffUser


class SalesWindow(Model):
    """A window 窗口 of a box office, with one drawer."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    number = fields.IntField()
    name = fields.CharField(max_length=80)
    active = fields.BooleanField(default=True)

    class Meta:
        """Table."""

        table = "sales_window"
        unique_together = (("site", "number"),)


class Shift(Model):
    """One seller at one window. Amounts in minor units of `currency`.

    `open_window`, `open_user`: set while it is not closed, and unique, so that a window and a user have one at most.
    `counted`: what the seller counted, tender -> amount, before `expected` was shown. `before_id`: handed over from.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    window = fields.IntField()
    user: fields.ForeignKeyRelation[StaffUser] = fields.ForeignKeyField(
        "cloud.StaffUser", on_delete=fields.RESTRICT, db_index=True
    )
    user_id: int
    state = fields.CharField(max_length=20)
    currency = fields.CharField(max_length=3)
    float_amount = fields.BigIntField()
    opened_ms = fields.BigIntField()
    closed_ms = fields.BigIntField(null=True)
    counted = fields.JSONField[dict[str, Any]](null=True)
    counted_ms = fields.BigIntField(null=True)
    expected = fields.JSONField[dict[str, Any]](null=True)
    over_short = fields.BigIntField(null=True)
    before_id: UUID | None = fields.UUIDField(null=True)
    open_window = fields.BigIntField(null=True, unique=True)
    open_user = fields.BigIntField(null=True, unique=True)

    class Meta:
        """Table."""

        table = "shift"
        indexes = (("site_id", "opened_ms"),)


class DrawerMove(Model):
    """Cash into a drawer (`amount` above zero) or out of it. `kind`: rules.Kind."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    shift: fields.ForeignKeyRelation[Shift] = fields.ForeignKeyField(
        "cloud.Shift", on_delete=fields.RESTRICT, db_index=True
    )
    shift_id: UUID
    kind = fields.CharField(max_length=20)
    amount = fields.BigIntField()
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "drawer_move"
