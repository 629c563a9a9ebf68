# SPDX-License-Identifier: Apache-2.0
"""Table of suspensions."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class AreaSuspension(Model):
    """An area of a site admits nobody from `start_ms` to `end_ms` (None: until further notice).

    `clocks_paused`: meanwhile no time runs for tickets that hold there. `ended_by`, `ended_ms`: who set the end later,
    and when. One that ends where it starts was called off.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    area = fields.SmallIntField()
    start_ms = fields.BigIntField()
    end_ms = fields.BigIntField(null=True)
    clocks_paused = fields.BooleanField()
    reason = fields.CharField(max_length=200)
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    ended_by = fields.CharField(max_length=80, null=True)
    ended_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "suspension"
        indexes = (("site_id", "end_ms"),)
