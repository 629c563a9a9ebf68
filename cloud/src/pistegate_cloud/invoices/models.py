# SPDX-License-Identifier: Apache-2.0
"""Table of e-invoices."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site


class Invoice(Model):
    """An e-invoice 数电票 for an order, or the red letter 红字发票 that takes one back (`red_of`, amounts negative).

    `state`: see states.INVOICE. `lines`: invoices.schemas.InvoiceLine, as they were asked for; `amount` gross, `tax`
    inside it, minor units. `number`: the tax platform's, 20 digits. `live` is the order's number while the invoice
    counts, and null afterwards: so an order has one at most.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    live = fields.UUIDField(null=True, unique=True)
    state = fields.CharField(max_length=20)
    red_of: fields.ForeignKeyNullableRelation["Invoice"] = fields.ForeignKeyField(
        "cloud.Invoice", on_delete=fields.RESTRICT, db_index=True, null=True
    )
    red_of_id: UUID | None
    buyer = fields.CharField(max_length=100)
    tax_number = fields.CharField(max_length=20, null=True)
    email = fields.CharField(max_length=100, null=True)
    lines = fields.JSONField[list[dict[str, Any]]]()
    amount = fields.BigIntField()
    tax = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    number = fields.CharField(max_length=20, null=True)
    why = fields.CharField(max_length=200, null=True)
    requested_ms = fields.BigIntField()
    issued_ms = fields.BigIntField(null=True)
    actor = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "invoice"
        unique_together = (("site", "number"),)
        indexes = (("site_id", "state"), ("site_id", "requested_ms"))
