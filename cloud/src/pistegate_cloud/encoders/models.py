# SPDX-License-Identifier: Apache-2.0
"""Table of encoders."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class Encoder(Model):
    """A reader that writes cards for the cloud; `trusted`: it stands where blank cards may get their keys."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    number = fields.IntField()
    name = fields.CharField(max_length=80)
    trusted = fields.BooleanField(default=False, db_default=False)
    last_seen_ms = fields.BigIntField(null=True)
    software = fields.CharField(max_length=200, null=True)
    state = fields.CharField(max_length=200, null=True)

    class Meta:
        """Table."""

        table = "encoder"
        unique_together = (("site", "number"),)
