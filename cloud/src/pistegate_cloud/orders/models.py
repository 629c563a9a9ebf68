# SPDX-License-Identifier: Apache-2.0
"""Tables of orders, their lines and payments, and answers kept for retries."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.products.models import Product
from pistegate_cloud.sites.models import Site
from pistegate_cloud.tokens.models import ApiToken


class Order(Model):
    """What one guest bought at once. `day`: calendar day of the sale in site zone. Amounts in minor units.

    `phone`: only if the guest gave it, to find the cards again.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    channel = fields.CharField(max_length=40)
    status = fields.CharField(max_length=20)
    total = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    created_ms = fields.BigIntField()
    day = fields.DateField()
    phone = fields.CharField(max_length=20, null=True)

    class Meta:
        """Table."""

        table = "sales_order"
        indexes = (("site_id", "day"), ("site_id", "created_ms"), ("phone",))


class OrderLine(Model):
    """Some tickets of one product for one visit date; the price as sold."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "cloud.Product", on_delete=fields.RESTRICT, db_index=True
    )
    product_id: int
    quantity = fields.IntField()
    visit_date = fields.DateField()
    unit_price = fields.BigIntField()
    amount = fields.BigIntField()

    class Meta:
        """Table."""

        table = "order_line"


class Payment(Model):
    """Money taken for an order: `amount` = `tendered` - `change`; `reference`: what the guest's receipt says."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    method = fields.CharField(max_length=20)
    tendered = fields.BigIntField()
    change = fields.BigIntField()
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    reference = fields.CharField(max_length=64, null=True)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "payment"
        indexes = (("reference",),)


class KeptAnswer(Model):
    """The answer to a request with an Idempotency-Key, given again when the caller repeats it."""

    id = fields.BigIntField(primary_key=True)
    token: fields.ForeignKeyRelation[ApiToken] = fields.ForeignKeyField("cloud.ApiToken", on_delete=fields.RESTRICT)
    token_id: int
    operation = fields.CharField(max_length=80)
    key = fields.CharField(max_length=80)
    request_digest = fields.CharField(max_length=64)
    answer = fields.JSONField[dict[str, Any]]()
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "kept_answer"
        unique_together = (("token", "operation", "key"),)
