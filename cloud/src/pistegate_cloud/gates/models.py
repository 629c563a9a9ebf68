# SPDX-License-Identifier: Apache-2.0
"""Table of gates and what they last said of themselves."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Post, Site


class Gate(Model):
    """One device that tells events: a gate at its post, a till or a handheld at none. `role`: topics.Role.

    Status fields are as of its last Hello; None: never heard. `told_ms`: it has told everything up to then, by its own
    clock and by ours. `retired_ms`: stolen or taken out of use; nobody waits for what it has not told.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    post: fields.ForeignKeyNullableRelation[Post] = fields.ForeignKeyField(
        "cloud.Post", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    post_id: int | None
    role = fields.CharField(max_length=10, default="gate", db_default="gate")
    number = fields.IntField()
    name = fields.CharField(max_length=80)
    last_seen_ms = fields.BigIntField(null=True)
    epoch = fields.BigIntField(null=True)
    recent_epochs = fields.JSONField[list[int]](default=list)
    software = fields.CharField(max_length=200, null=True)
    documents = fields.JSONField[dict[str, int]](default=dict)
    state = fields.CharField(max_length=200, null=True)
    backlog = fields.BigIntField(null=True)
    told_ms = fields.BigIntField(null=True)
    retired_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "gate"
        unique_together = (("site", "number"),)
