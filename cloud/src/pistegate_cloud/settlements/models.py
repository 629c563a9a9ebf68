# SPDX-License-Identifier: Apache-2.0
"""Table of settlements."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site


class Settlement(Model):
    """One check-out. `subject`: "card:UID", "ticket:NUMBER" or "document:HEX"; `state`: see states.SETTLEMENT.

    Kept before the card is wiped: `read` is what it said, so that a repetition settles what was there, although the
    card is blank by then. `open_key`: the subject while it is begun, None afterwards: one at a time. `lines`: what the
    guest was told. `ticket`: number of the one whose overtime it looked at. Charges and money back in minor units.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    subject = fields.CharField(max_length=80)
    ticket = fields.BigIntField(null=True)
    open_key = fields.CharField(max_length=80, null=True, unique=True)
    state = fields.CharField(max_length=20)
    read = fields.JSONField[dict[str, Any]]()
    lines = fields.JSONField[list[dict[str, Any]]](null=True)
    charges = fields.BigIntField(default=0)
    back = fields.BigIntField(default=0)
    currency = fields.CharField(max_length=3)
    order: fields.ForeignKeyNullableRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    order_id: UUID | None
    actor = fields.CharField(max_length=80)
    begun_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "settlement"
        indexes = (("site_id", "begun_ms"), ("subject",), ("ticket",))
