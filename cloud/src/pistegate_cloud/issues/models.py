# SPDX-License-Identifier: Apache-2.0
"""Table of group issues."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site


class GroupIssue(Model):
    """An order whose tickets go on cards in their order; how far it is, the tickets' own states tell.

    `site`, `encoder`: where it was last worked on. `repeats`: cards laid down twice.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField("cloud.Order", on_delete=fields.RESTRICT)
    order_id: UUID
    encoder = fields.IntField(null=True)
    repeats = fields.IntField(default=0)
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    worked_ms = fields.BigIntField()
    finished_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "group_issue"
        unique_together = (("order", "site"),)
