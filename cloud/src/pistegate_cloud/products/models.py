# SPDX-License-Identifier: Apache-2.0
"""Table of products."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site


class Product(Model):
    """What can be bought. Never edited once sold: a changed product is a new number.

    `scope`: "site" or "group", where its claims hold. `terms`: products.schemas.TermsBody; None: no further ones.
    `valid_until`: last day of all its tickets (a season); None: `days` from the visit date.
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

    class Meta:
        """Table."""

        table = "product"
        unique_together = (("site", "number"), ("site", "code"))
