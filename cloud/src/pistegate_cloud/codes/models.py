# SPDX-License-Identifier: Apache-2.0
"""Table of the claims that were given out as codes."""

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket


class CodeIssue(Model):
    """The claim (`body`, hex) of a ticket's code, by revision and issuer key.

    The code itself is not kept: it is the claim's signature (or a chain's), which the issuer key makes again, bit by
    bit the same. So whoever reads the database has no tickets.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField(
        "cloud.Site", on_delete=fields.RESTRICT, db_index=True
    )
    site_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField("cloud.Ticket", on_delete=fields.RESTRICT)
    ticket_id: int
    revision = fields.SmallIntField()
    key_id = fields.SmallIntField()
    body = fields.CharField(max_length=80)
    actor = fields.CharField(max_length=80)
    at_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "ticket_code"
        unique_together = (("ticket", "revision", "key_id"),)
