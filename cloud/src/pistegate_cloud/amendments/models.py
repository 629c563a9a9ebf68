# SPDX-License-Identifier: Apache-2.0
"""Table of amendments."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class TicketAmendment(Model):
    """One signed later change of a ticket, cumulative: the row with `newest` says all that holds now.

    `change`: what this one changed (states.CHANGES). `group_number`: the group whose sites all hear of it; None: the
    ticket's site alone. `valid_until`, `areas`: None where they are as sold; `holds_until`: the ticket's last day with
    it. `persons` of admission `admission` (its name in hex): given back by this very one. `signed` in hex.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("cloud.Ticket", on_delete=fields.RESTRICT)
    ticket_id: int
    group_number = fields.IntField(null=True)
    number = fields.SmallIntField()
    change = fields.CharField(max_length=20)
    valid_until = fields.DateField(null=True)
    areas = fields.JSONField[list[int]](null=True)
    hold = fields.BooleanField()
    extra_minutes = fields.IntField()
    returns = fields.IntField()
    return_day = fields.DateField(null=True)
    persons = fields.SmallIntField(default=0)
    admission = fields.CharField(max_length=16, null=True)
    admission_day = fields.DateField(null=True)
    holds_until = fields.DateField()
    newest = fields.BooleanField()
    key_id = fields.SmallIntField()
    signed = fields.CharField(max_length=200)
    reason = fields.CharField(max_length=200)
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "amendment"
        unique_together = (("ticket", "number"), ("ticket", "admission"))
        indexes = (("site_id", "newest", "holds_until"), ("group_number", "newest", "holds_until"))
