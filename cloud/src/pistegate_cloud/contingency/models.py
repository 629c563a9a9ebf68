# SPDX-License-Identifier: Apache-2.0
"""Tables of windows with contingency tickets, their batches, the tickets, and what was sold of them."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class ContingencyWindow(Model):
    """A window and its box. `offers`: [product number, tickets of it] pairs. `next_serial`: the series without gaps.

    `pin_salt`, `pin_hash` in hex (protocol contingency.py). `batches`: how many were ever made. `heard_ms`: when its
    box asked last.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    window = fields.IntField()
    role = fields.CharField(max_length=10)
    device = fields.IntField()
    pin_salt = fields.CharField(max_length=32)
    pin_hash = fields.CharField(max_length=64)
    offers = fields.JSONField[list[list[int]]]()
    active = fields.BooleanField()
    next_serial = fields.BigIntField()
    batches = fields.IntField()
    changed_ms = fields.BigIntField()
    heard_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "contingency_window"
        unique_together = (("site", "window"),)


class ContingencyBatch(Model):
    """The tickets of a window for one day. `state`: states.CONTINGENCY_BATCH; `offers`: prices as they will be sold.

    `box`: whose disk holds them, since it fetched the first one; another, or one that was wiped, is given none of them.
    `until_ms`: nothing of it is sold from then on. `receipts`: how many sales its box says that it made; None: it has
    not said so yet. `told`: what the box said of its drawer. `pin_salt`, `pin_hash`: of the window when it was made.
    """

    id = fields.UUIDField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    window = fields.IntField()
    number = fields.IntField()
    role = fields.CharField(max_length=10)
    device = fields.IntField()
    day = fields.DateField()
    state = fields.CharField(max_length=20)
    currency = fields.CharField(max_length=3)
    first_serial = fields.BigIntField()
    last_serial = fields.BigIntField()
    key_id = fields.SmallIntField()
    pin_salt = fields.CharField(max_length=32)
    pin_hash = fields.CharField(max_length=64)
    offers = fields.JSONField[list[dict[str, Any]]]()
    digest = fields.CharField(max_length=64)
    box = fields.CharField(max_length=32, null=True)
    made_ms = fields.BigIntField()
    until_ms = fields.BigIntField()
    receipts = fields.IntField(null=True)
    told = fields.JSONField[dict[str, Any]](null=True)
    ended_ms = fields.BigIntField(null=True)
    ended_by = fields.CharField(max_length=80, null=True)
    reason = fields.CharField(max_length=200, null=True)

    class Meta:
        """Table."""

        table = "contingency_batch"
        unique_together = (("site", "window", "number"),)
        indexes = (("site_id", "day"), ("state", "until_ms"))


class ContingencyTicket(Model):
    """One pre-signed ticket; `number` is the ticket's, `body` its claim (hex): its signature is made when it is sent.

    `state`: states.CONTINGENCY_TICKET. `group_number`: set where it holds in the whole group. `receipt`: who bought it.
    """

    number = fields.BigIntField(primary_key=True, generated=False)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    batch: fields.ForeignKeyRelation[ContingencyBatch] = fields.ForeignKeyField(
        "cloud.ContingencyBatch", on_delete=fields.RESTRICT
    )
    batch_id: UUID
    window = fields.IntField()
    serial = fields.BigIntField()
    product = fields.IntField()
    group_number = fields.IntField(null=True)
    day = fields.DateField()
    body = fields.CharField(max_length=80)
    state = fields.CharField(max_length=20)
    receipt = fields.IntField(null=True)

    class Meta:
        """Table."""

        table = "contingency_ticket"
        unique_together = (("site", "window", "serial"), ("batch", "serial"))
        indexes = (("site_id", "state", "day"), ("group_number", "state", "day"))


class ContingencySale(Model):
    """One receipt of a box, as it told it; `digest` of that (hex). `state`: states.CONTINGENCY_SALE.

    `order_id`: what it became. `trouble`: what a person must look at, a text key; `note`: what they said of it.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    batch: fields.ForeignKeyRelation[ContingencyBatch] = fields.ForeignKeyField(
        "cloud.ContingencyBatch", on_delete=fields.RESTRICT
    )
    batch_id: UUID
    receipt = fields.IntField()
    at_ms = fields.BigIntField()
    amount = fields.BigIntField()
    method = fields.CharField(max_length=20)
    state = fields.CharField(max_length=20)
    told = fields.JSONField[dict[str, Any]]()
    digest = fields.CharField(max_length=64)
    order_id = fields.UUIDField(null=True)
    trouble = fields.CharField(max_length=40, null=True)
    note = fields.CharField(max_length=200, null=True)
    heard_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "contingency_sale"
        unique_together = (("batch", "receipt"),)
        indexes = (("site_id", "state"), ("order_id",))
