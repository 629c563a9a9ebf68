# SPDX-License-Identifier: Apache-2.0
"""Tables of sites, areas and posts."""

from tortoise import fields
from tortoise.models import Model


class Site(Model):
    """A ski site; its number travels in topics and claims."""

    number = fields.IntField(primary_key=True, generated=False)
    group_number = fields.IntField()
    name = fields.CharField(max_length=80)
    zone = fields.CharField(max_length=64)

    class Meta:
        """Table."""

        table = "site"


class Area(Model):
    """An area of a site: one bit of a claim's areas."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    number = fields.SmallIntField()
    name = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "area"
        unique_together = (("site", "number"),)


class Post(Model):
    """The row of lanes at one entrance or lift."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    area: fields.ForeignKeyRelation[Area] = fields.ForeignKeyField(
        "cloud.Area", on_delete=fields.RESTRICT, db_index=True
    )
    number = fields.IntField()
    name = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "post"
        unique_together = (("site", "number"),)
