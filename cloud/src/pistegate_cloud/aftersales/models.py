# SPDX-License-Identifier: Apache-2.0
"""Tables of compensation 停运补偿 after a stop."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.suspensions.models import AreaSuspension
from pistegate_cloud.tickets.models import Ticket


class Compensation(Model):
    """What tickets get for one stop (`suspension`). `state`: states.COMPENSATION.

    `way`: "extension" (by `days` and `minutes`) or "refund" (of `bp` of what was paid). `amount`: minor units in all,
    as previewed; `total`: tickets.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    suspension: fields.ForeignKeyRelation[AreaSuspension] = fields.ForeignKeyField(
        "cloud.AreaSuspension", on_delete=fields.RESTRICT, db_index=True
    )
    suspension_id: int
    way = fields.CharField(max_length=20)
    days = fields.IntField(default=0)
    minutes = fields.IntField(default=0)
    bp = fields.IntField(default=0)
    state = fields.CharField(max_length=20)
    total = fields.IntField()
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    reason = fields.CharField(max_length=200)
    actor = fields.CharField(max_length=80)
    approver = fields.CharField(max_length=80, null=True)
    created_ms = fields.BigIntField()
    worked_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "compensation"


class CompensatedTicket(Model):
    """One ticket of a compensation: once for a stop. `amount` gross with `tax`, minor units; `state`:
    due, done, passed_over.

    `trouble`: the code of the problem why it was passed over.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    compensation: fields.ForeignKeyRelation[Compensation] = fields.ForeignKeyField(
        "cloud.Compensation", on_delete=fields.RESTRICT, db_index=True
    )
    compensation_id: UUID
    suspension: fields.ForeignKeyRelation[AreaSuspension] = fields.ForeignKeyField(
        "cloud.AreaSuspension", on_delete=fields.RESTRICT
    )
    suspension_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, db_index=True
    )
    ticket_id: int
    amount = fields.BigIntField(default=0)
    tax = fields.BigIntField(default=0)
    state = fields.CharField(max_length=20)
    trouble = fields.CharField(max_length=40, null=True)

    class Meta:
        """Table."""

        table = "compensated_ticket"
        unique_together = (("suspension", "ticket"),)
