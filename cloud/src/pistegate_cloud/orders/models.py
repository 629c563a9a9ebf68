# SPDX-License-Identifier: Apache-2.0
"""Tables of orders, their lines and payments, and answers kept for retries."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.products.models import Product
from pistegate_cloud.sites.models import Site


class Order(Model):
    """What one guest bought at once. `day`: calendar day of the sale in site zone. Amounts in minor units.

    `phone`: only if the guest gave it, to find the cards again. `kind`: orders.kinds.OrderKind; `status`: states.ORDER.
    `expires_ms`: until then a new order holds its stock. `paying`: the provider's payment that is to pay it: while it
    is there, nobody else takes money for it. `selling_site`: the outlet that took the money (None: this site).
    `before_id`: the order that this one changes. `leader`, `agency`, `expected`: of a group 团体. `trouble`: what a
    person must look at.
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
    kind = fields.CharField(max_length=20, default="individual", db_default="individual")
    window = fields.IntField(null=True)
    shift_id = fields.UUIDField(null=True)
    operator = fields.CharField(max_length=80, null=True)
    member_id = fields.BigIntField(null=True)
    expires_ms = fields.BigIntField(null=True)
    paid_ms = fields.BigIntField(null=True)
    paying = fields.UUIDField(null=True)
    selling_site = fields.IntField(null=True)
    approver = fields.CharField(max_length=80, null=True)
    reason = fields.CharField(max_length=200, null=True)
    before_id = fields.UUIDField(null=True)
    leader = fields.CharField(max_length=80, null=True)
    agency = fields.CharField(max_length=80, null=True)
    expected = fields.IntField(null=True)
    trouble = fields.CharField(max_length=200, null=True)

    class Meta:
        """Table."""

        table = "sales_order"
        indexes = (
            ("site_id", "day"),
            ("site_id", "created_ms"),
            ("phone",),
            ("status", "expires_ms"),
            ("paying",),
            ("before_id",),
            ("shift_id",),
        )


class OrderLine(Model):
    """Some pieces of one product for one visit date, or a charge without a product, with all that was agreed.

    Amounts in minor units, tax included; `tax_bp` in basis points. `kind`: orders.kinds.LineKind. A bundle is sold as
    its parts: lines of one order with the same `parent_id`. `words`: what a charge is for, a key of the texts or plain.
    `department`: whose revenue; `passthrough`: another's money. `terms`: price rule, refund policy, shares, as they
    were on the day of the sale.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    product: fields.ForeignKeyNullableRelation[Product] = fields.ForeignKeyField(
        "cloud.Product", on_delete=fields.RESTRICT, db_index=True, null=True
    )
    product_id: int | None
    quantity = fields.IntField()
    visit_date = fields.DateField()
    unit_price = fields.BigIntField()
    amount = fields.BigIntField()
    kind = fields.CharField(max_length=20, default="ticket", db_default="ticket")
    parent_id = fields.IntField(null=True)
    words = fields.CharField(max_length=80, null=True)
    department = fields.CharField(max_length=40, default="", db_default="")
    passthrough = fields.BooleanField(default=False, db_default=False)
    list_price = fields.BigIntField(null=True)
    tax_bp = fields.IntField(default=0, db_default=0)
    tax = fields.BigIntField(default=0, db_default=0)
    terms = fields.JSONField[dict[str, Any]](null=True)
    slot_id = fields.BigIntField(null=True)
    refunded_quantity = fields.IntField(default=0, db_default=0)
    refunded_amount = fields.BigIntField(default=0, db_default=0)

    class Meta:
        """Table."""

        table = "order_line"


class Payment(Model):
    """Money taken for an order: `amount` = `tendered` - `change`; `reference`: what the guest's receipt says.

    `method`: tenders.methods.Method; `state`: states.TENDER. `given_back`: what refunds took of it, never more than
    `amount`. What it came from: `provider_payment_id`, `voucher_id`, `account_id` (tenders.models), `wallet_id`.
    """

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
    state = fields.CharField(max_length=20, default="done", db_default="done")
    given_back = fields.BigIntField(default=0, db_default=0)
    provider_payment_id = fields.UUIDField(null=True)
    voucher_id = fields.BigIntField(null=True)
    account_id = fields.BigIntField(null=True)
    wallet_id = fields.BigIntField(null=True)
    shift_id = fields.UUIDField(null=True)
    operator = fields.CharField(max_length=80, null=True)

    class Meta:
        """Table."""

        table = "payment"
        indexes = (("reference",), ("provider_payment_id",), ("shift_id",), ("wallet_id",))


class Refund(Model):
    """Money of one payment that went back, or is on its way (`state`: states.TENDER_REFUND). Minor units.

    `method`: how it goes back, the payment's own unless it is cash instead. `reference`: of an external terminal.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "cloud.Payment", on_delete=fields.RESTRICT, db_index=True
    )
    payment_id: int
    method = fields.CharField(max_length=20)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    reason = fields.CharField(max_length=200)
    state = fields.CharField(max_length=20)
    provider_refund_id = fields.UUIDField(null=True)
    reference = fields.CharField(max_length=64, null=True)
    shift_id = fields.UUIDField(null=True)
    operator = fields.CharField(max_length=80, null=True)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "refund"
        indexes = (("provider_refund_id",), ("shift_id",))
