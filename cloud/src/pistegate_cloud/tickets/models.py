# SPDX-License-Identifier: Apache-2.0
"""Tables of tickets, of what was written for them on cards, and of denials."""

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.products.models import Product
from pistegate_cloud.sites.models import Site


class Ticket(Model):
    """One ticket as sold; `number` is 48 bits, random so that it tells nothing.

    `amended_until`: its last day by amendment (None: as sold).
    """

    number = fields.BigIntField(primary_key=True, generated=False)
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
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "cloud.Product", on_delete=fields.RESTRICT, db_index=True
    )
    product_id: int
    status = fields.CharField(max_length=20)
    revision = fields.SmallIntField(default=0)
    valid_from = fields.DateField()
    valid_until = fields.DateField()
    amended_until = fields.DateField(null=True)
    created_ms = fields.BigIntField()

    @property
    def last_day(self) -> date:
        """The last day on which it is valid, amendments included."""
        return self.amended_until or self.valid_until

    class Meta:
        """Table."""

        table = "ticket"
        indexes = (("site_id", "valid_until"),)


class CardWrite(Model):
    """A claim sent to a card: kept before it is sent. `uid`, `claim`, `usage` in hex; done_ms None: never confirmed.

    `usage`: what the card's usage began with. `counter`: the card's transaction counter after it, proved by its
    TransactionMAC. `encoder_site`: None where it is the ticket's site.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, db_index=True
    )
    ticket_id: int
    encoder = fields.IntField()
    encoder_site = fields.IntField(null=True)
    uid = fields.CharField(max_length=20)
    revision = fields.SmallIntField()
    claim = fields.CharField(max_length=256)
    claim_digest = fields.CharField(max_length=16)
    usage = fields.CharField(max_length=64, null=True)
    counter = fields.BigIntField(null=True)
    sent_ms = fields.BigIntField()
    done_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "card_write"
        indexes = (("uid",),)


class Denial(Model):
    """Claims of `ticket` below `below_revision` are refused at every gate of the site (or group)."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, db_index=True
    )
    ticket_id: int
    group_number = fields.IntField(null=True)
    below_revision = fields.SmallIntField()
    reason = fields.CharField(max_length=200)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "denial"
        indexes = (("group_number",),)
        unique_together = (("site", "ticket"),)
