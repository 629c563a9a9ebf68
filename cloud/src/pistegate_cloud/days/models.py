# SPDX-License-Identifier: Apache-2.0
"""Tables of business days: when they begin, which are closed, and what their close found."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.ledger.models import LedgerTransaction
from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.sites.models import Site


class CutOver(Model):
    """From `from_day` on, business days of a site begin `minutes` after midnight in site zone (night skiing: 240)."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    from_day = fields.DateField()
    minutes = fields.IntField()

    class Meta:
        """Table."""

        table = "cut_over"
        unique_together = (("site", "from_day"),)


class BusinessDay(Model):
    """A business day that is being closed or is closed; days without a row are open. `state`: see states.DAY.

    `report`: days.schemas.DayReport as it was closed. `closed_by`: name of the caller.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    day = fields.DateField()
    state = fields.CharField(max_length=10)
    report = fields.JSONField[dict[str, Any]](null=True)
    closed_by = fields.CharField(max_length=80)
    closed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "business_day"
        unique_together = (("site", "day"),)


class RevenuePart(Model):
    """What is owed for one ticket of a line, or for a line without tickets (`ticket` 0), until it is earned.

    Minor units, net of tax: `recognised` + `given_back` never more than `net`; `open` until they are that. `until`:
    the last day on which it may be used. `department`, `shares`: as the line was sold.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "cloud.Order", on_delete=fields.RESTRICT, db_index=True
    )
    order_id: UUID
    line: fields.ForeignKeyRelation[OrderLine] = fields.ForeignKeyField("cloud.OrderLine", on_delete=fields.RESTRICT)
    line_id: int
    ticket = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    department = fields.CharField(max_length=40)
    shares = fields.JSONField[list[dict[str, Any]]](null=True)
    net = fields.BigIntField()
    recognised = fields.BigIntField(default=0)
    given_back = fields.BigIntField(default=0)
    until = fields.DateField()
    open = fields.BooleanField(default=True)

    class Meta:
        """Table."""

        table = "revenue_part"
        unique_together = (("line", "ticket"),)
        indexes = (("site_id", "open", "until"), ("ticket",))


class Recognition(Model):
    """One step of a part's recognition. `kind`: "use" or "expiry"; `operating_day`: when it was earned."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    part: fields.ForeignKeyRelation[RevenuePart] = fields.ForeignKeyField(
        "cloud.RevenuePart", on_delete=fields.RESTRICT, db_index=True
    )
    part_id: int
    transaction: fields.ForeignKeyRelation[LedgerTransaction] = fields.ForeignKeyField(
        "cloud.LedgerTransaction", on_delete=fields.RESTRICT, db_index=True
    )
    transaction_id: UUID
    kind = fields.CharField(max_length=10)
    operating_day = fields.DateField()
    amount = fields.BigIntField()

    class Meta:
        """Table."""

        table = "recognition"
        indexes = (("site_id", "operating_day"),)


class BookMark(Model):
    """How far a job has read a table by its numbers.

    Numbers are given before they are committed: what is below `sure` was looked at when nothing below it could still
    come; `newest` was the highest number at `at_ms`.
    """

    name = fields.CharField(primary_key=True, max_length=20)
    sure = fields.BigIntField(default=0)
    newest = fields.BigIntField(default=0)
    at_ms = fields.BigIntField(default=0)

    class Meta:
        """Table."""

        table = "book_mark"
