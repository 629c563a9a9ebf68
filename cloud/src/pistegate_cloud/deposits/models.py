# SPDX-License-Identifier: Apache-2.0
"""Table of deposits."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.wallets.models import Wallet


class Deposit(Model):
    """Money held for one person or one card, taken by a line of an order. Minor units; `state`: see states.DEPOSIT.

    What is held: amount - spent - returned. `spent`: used to pay for something at a settlement. Bound to at most one
    of each: `ticket`, `uid` (card, hex), `document` (an ID, stretched, hex). `wallet`: it doubles as spending money,
    and its money is in that wallet, not here.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    line: fields.ForeignKeyRelation[OrderLine] = fields.ForeignKeyField(
        "cloud.OrderLine", on_delete=fields.RESTRICT, db_index=True
    )
    line_id: int
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    state = fields.CharField(max_length=20)
    spent = fields.BigIntField(default=0)
    returned = fields.BigIntField(default=0)
    ticket: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    ticket_id: int | None
    uid = fields.CharField(max_length=20, null=True)
    document = fields.CharField(max_length=64, null=True)
    wallet: fields.ForeignKeyNullableRelation[Wallet] = fields.ForeignKeyField(
        "cloud.Wallet", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    wallet_id: int | None
    actor = fields.CharField(max_length=80)
    taken_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)

    @property
    def held(self) -> int:
        """What is still here, minor units."""
        return int(self.amount - self.spent - self.returned)

    class Meta:
        """Table."""

        table = "deposit"
        indexes = (("site_id", "state"), ("uid", "state"), ("document", "state"))
