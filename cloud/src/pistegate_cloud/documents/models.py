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


class LostVersions(Model):
    """A document's versions above `after` and below `before` may be at devices: a restored database lacks them."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    name = fields.CharField(max_length=40)
    after = fields.BigIntField()
    before = fields.BigIntField()
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "lost_versions"
        unique_together = (("site", "name", "after"),)


class RecoveredDocument(Model):
    """The newest of the lost versions of a document that a device sent back; `gate`: that device.

    `body`: of what it told, encoded, all that is nobody's here; it goes on being told, beside the cloud's own, until a
    person drops it.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    name = fields.CharField(max_length=40)
    version = fields.BigIntField()
    body = fields.BinaryField()
    gate = fields.IntField()
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "recovered_document"
        unique_together = (("site", "name"),)
