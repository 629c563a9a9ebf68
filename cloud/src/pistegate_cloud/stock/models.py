# SPDX-License-Identifier: Apache-2.0
"""Tables of stock: counters, the products that draw on them, and what orders hold of them."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class Stock(Model):
    """What may be sold for one `day`: a quota, or a time slot from `starts` to `ends` (minutes after 00:00, site time).

    `left` of `capacity` pieces are free, what orders hold is not. `channel`: only what is sold there draws on it, None:
    every sale does. A quota has no `starts`. `code` names it together with the day.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    code = fields.CharField(max_length=40)
    day = fields.DateField()
    channel = fields.CharField(max_length=40, null=True)
    starts = fields.SmallIntField(null=True)
    ends = fields.SmallIntField(null=True)
    capacity = fields.IntField()
    left = fields.IntField()

    class Meta:
        """Table."""

        table = "stock"
        unique_together = (("site", "day", "code"),)


class StockProduct(Model):
    """A product that draws on a counter. `day` is the counter's, so that one look finds a day's counters."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    stock: fields.ForeignKeyRelation[Stock] = fields.ForeignKeyField(
        "cloud.Stock", on_delete=fields.RESTRICT, db_index=True
    )
    stock_id: int
    product = fields.IntField()
    day = fields.DateField()

    class Meta:
        """Table."""

        table = "stock_product"
        indexes = (("site_id", "day", "product"),)


class StockHold(Model):
    """What an order has of a counter. `until_ms`: it is held until then, None: it is sold. 0 pieces: given back."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    stock: fields.ForeignKeyRelation[Stock] = fields.ForeignKeyField(
        "cloud.Stock", on_delete=fields.RESTRICT, db_index=True
    )
    stock_id: int
    order_id: UUID = fields.UUIDField(db_index=True)
    quantity = fields.IntField()
    until_ms = fields.BigIntField(null=True, db_index=True)

    class Meta:
        """Table."""

        table = "stock_hold"
