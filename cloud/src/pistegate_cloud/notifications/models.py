# SPDX-License-Identifier: Apache-2.0
"""Tables of messages to guests and of links to ticket pages."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.orders.models import Order
from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class Notification(Model):
    """One message to one guest; `state`: states.NOTIFICATION. Personal are `to`, `values`, `body`: None once it ended.

    `to`: a phone number, wechat:OPENID or member:ID. `body`: what is sent, sealed, the same at every attempt.
    `due_ms`: when to send it; of one that is being sent: until then it is somebody's. `tried_ms`: since then it may
    have arrived without our knowing. `reference`: the provider's number.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    order: fields.ForeignKeyNullableRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    order_id: UUID | None
    member_id = fields.BigIntField(null=True)
    kind = fields.CharField(max_length=20)
    to = fields.CharField(max_length=100, null=True)
    last4 = fields.CharField(max_length=4)
    locale = fields.CharField(max_length=10)
    values = fields.JSONField[dict[str, Any]](null=True)
    body = fields.BinaryField(null=True)
    state = fields.CharField(max_length=20)
    attempts = fields.IntField(default=0)
    due_ms = fields.BigIntField()
    until_ms = fields.BigIntField()
    tried_ms = fields.BigIntField(null=True)
    channel = fields.CharField(max_length=10, null=True)
    reference = fields.CharField(max_length=80, null=True)
    trouble = fields.CharField(max_length=200, null=True)
    created_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "notification"
        indexes = (("state", "due_ms"), ("site_id", "state"), ("member_id",), ("ended_ms",))


class TicketLink(Model):
    """A link to the page of one ticket, or to the list of an order's. `digest`: SHA-256 of its token, in hex.

    `live`: what it leads to ("ticket:N", "order:UUID") while it holds, null afterwards: so each has one at most.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    ticket: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    ticket_id: int | None
    order: fields.ForeignKeyNullableRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    order_id: UUID | None
    live = fields.CharField(max_length=50, null=True, unique=True)
    digest = fields.CharField(max_length=64, unique=True)
    actor = fields.CharField(max_length=80)
    created_ms = fields.BigIntField()
    ended_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "ticket_link"
