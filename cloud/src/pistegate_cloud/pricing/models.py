# SPDX-License-Identifier: Apache-2.0
"""Tables of price lists and quotes."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class PriceList(Model):
    """A price list 价目表 as it was published: valid at its site from `from_ms` until a later one is. Never edited.

    Of two with the same `from_ms` the higher `version` holds. `content`: pricing.lists.Content.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    version = fields.IntField()
    from_ms = fields.BigIntField()
    content = fields.JSONField[dict[str, Any]]()
    note = fields.CharField(max_length=200)
    actor = fields.CharField(max_length=80)
    published_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "price_list"
        unique_together = (("site", "version"),)
        indexes = (("site_id", "from_ms"),)


class Quote(Model):
    """Prices promised until `until_ms`: those of `price_list` (None: of the products) at `at_ms`.

    `asked`: pricing.schemas.AskedBody.kept of each line. `day_types`: of each visit date, as the calendars were then.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    price_list: fields.ForeignKeyNullableRelation[PriceList] = fields.ForeignKeyField(
        "cloud.PriceList", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    price_list_id: UUID | None
    channel = fields.CharField(max_length=40)
    member_level = fields.CharField(max_length=40, null=True)
    asked = fields.JSONField[list[dict[str, Any]]]()
    day_types = fields.JSONField[dict[str, list[Any]]]()
    total = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    at_ms = fields.BigIntField()
    until_ms = fields.BigIntField(db_index=True)

    class Meta:
        """Table."""

        table = "price_quote"
