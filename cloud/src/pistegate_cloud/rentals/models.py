# SPDX-License-Identifier: Apache-2.0
"""Table of equipment on cards."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.wallets.models import CardUse


class Rental(Model):
    """One kind of equipment on one card, from being taken to being returned; whichever event comes first makes the row.

    `since_s`: when the card's first piece was taken, seconds since 1970 UTC: it tells one guest's turn with the card
    from the next one's. `kind`: rental.RentalKind. taken_ms or returned_ms None: not told (yet).
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    uid = fields.CharField(max_length=20)
    since_s = fields.BigIntField()
    kind = fields.SmallIntField()
    ticket = fields.BigIntField()
    item = fields.CharField(max_length=200)
    taken: fields.ForeignKeyNullableRelation[CardUse] = fields.ForeignKeyField(
        "cloud.CardUse", related_name="took", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    taken_id: int | None
    taken_ms = fields.BigIntField(null=True)
    returned: fields.ForeignKeyNullableRelation[CardUse] = fields.ForeignKeyField(
        "cloud.CardUse", related_name="gave_back", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    returned_id: int | None
    returned_ms = fields.BigIntField(null=True)
    doubted_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "rental"
        unique_together = (("uid", "since_s", "kind"),)
        indexes = (("site_id", "returned_ms"), ("ticket",), ("item",), ("doubted_ms",))
