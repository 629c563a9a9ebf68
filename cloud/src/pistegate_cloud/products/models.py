# SPDX-License-Identifier: Apache-2.0
"""Table of products."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class Product(Model):
    """What can be bought. Never edited once sold: a changed product is a new number.

    `scope`: "site" or "group", where its claims hold. `terms`: products.schemas.TermsBody; None: no further ones.
    `valid_until`: last day of all its tickets (a season); None: `days` from the visit date. `kind`: that of an order's
    line, or "bundle". `department` 部门: whose revenue it is; `passthrough`: it is another's money (insurance).
    `tax_bp`: tax inside the price in basis points. `unit`: what one piece is.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    number = fields.IntField()
    code = fields.CharField(max_length=40)
    name = fields.JSONField[dict[str, str]]()
    price = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    areas = fields.JSONField[list[int]]()
    holder = fields.CharField(max_length=20)
    party = fields.SmallIntField()
    days = fields.IntField()
    entries_per_day = fields.IntField(null=True)
    entries_total = fields.IntField(null=True)
    reentry_s = fields.IntField(null=True)
    batch = fields.IntField(null=True)
    scope = fields.CharField(max_length=10, default="site", db_default="site")  # old rows get it
    terms = fields.JSONField[dict[str, Any]](null=True)
    valid_until = fields.DateField(null=True)
    kind = fields.CharField(max_length=20, default="ticket", db_default="ticket")  # old rows get these
    unit = fields.CharField(max_length=20, default="ticket", db_default="ticket")
    department = fields.CharField(max_length=40, default="lift", db_default="lift")
    tax_bp = fields.IntField(default=0, db_default=0)
    passthrough = fields.BooleanField(default=False, db_default=False)

    class Meta:
        """Table."""

        table = "product"
        unique_together = (("site", "number"), ("site", "code"))
