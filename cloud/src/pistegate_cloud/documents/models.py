# SPDX-License-Identifier: Apache-2.0
"""Table of signed documents."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class Document(Model):
    """One version of one document of a site, as it was signed."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    name = fields.CharField(max_length=40)
    version = fields.IntField()
    key_id = fields.SmallIntField()
    body = fields.BinaryField()
    signature = fields.BinaryField()
    created_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "document"
        unique_together = (("site", "name", "version"),)
