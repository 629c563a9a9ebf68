# SPDX-License-Identifier: Apache-2.0
"""Tables of business days: when they begin, which are closed, and what their close found."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class CutOver(Model):
    """From `from_day` on, business days of a site begin `minutes` after midnight in site zone (night skiing: 240)."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    from_day = fields.DateField()
    minutes = fields.IntField()

    class Meta:
        """Table."""

        table = "cut_over"
        unique_together = (("site", "from_day"),)


class BusinessDay(Model):
    """A business day that is being closed or is closed; days without a row are open. `state`: see states.DAY.

    `report`: days.schemas.DayReport as it was closed. `closed_by`: name of the caller.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    day = fields.DateField()
    state = fields.CharField(max_length=10)
    report = fields.JSONField[dict[str, Any]](null=True)
    closed_by = fields.CharField(max_length=80)
    closed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "business_day"
        unique_together = (("site", "day"),)
