# SPDX-License-Identifier: Apache-2.0
"""Table of pick-up codes."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site


class Pickup(Model):
    """The code by which an order is picked up; the newest alone holds. `digest`: SHA-256 of it, in hex."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    digest = fields.CharField(max_length=64, unique=True)
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    picked_ms = fields.BigIntField(null=True)
    times = fields.IntField(default=0)

    class Meta:
        """Table."""

        table = "pickup"
        unique_together = (("order",),)
