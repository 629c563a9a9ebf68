# SPDX-License-Identifier: Apache-2.0
"""Table of what gates told of their clocks, filled by the applier alone."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class ClockState(Model):
    """How a gate's clock stood from event `seq` of a chain on, until the next of these. `reason`: events.ClockState.

    `moved_ms`: by how much its time was just put right.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    gate = fields.IntField()
    stream = fields.SmallIntField()
    epoch = fields.BigIntField()
    seq = fields.BigIntField()
    at_ms = fields.BigIntField()
    trusted = fields.BooleanField()
    reason = fields.CharField(max_length=200)
    moved_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "clock_state"
        unique_together = (("site", "gate", "stream", "epoch", "seq"),)
