# SPDX-License-Identifier: Apache-2.0
"""Tables of equipment: on cards, at counters, in stock; and what it costs."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket
from pistegate_cloud.wallets.models import CardUse


class Rental(Model):
    """One kind of equipment on one card, from being taken to being returned; whichever event comes first makes the row.

    `since_s`: when the card's first piece was taken, seconds since 1970 UTC: it tells one guest's turn with the card
    from the next one's. `kind`: rental.RentalKind. taken_ms or returned_ms None: not told (yet).
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    uid = fields.CharField(max_length=20)
    since_s = fields.BigIntField()
    kind = fields.SmallIntField()
    ticket = fields.BigIntField()
    item = fields.CharField(max_length=200)
    taken: fields.ForeignKeyNullableRelation[CardUse] = fields.ForeignKeyField(
        "cloud.CardUse", related_name="took", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    taken_id: int | None
    taken_ms = fields.BigIntField(null=True)
    returned: fields.ForeignKeyNullableRelation[CardUse] = fields.ForeignKeyField(
        "cloud.CardUse", related_name="gave_back", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    returned_id: int | None
    returned_ms = fields.BigIntField(null=True)
    doubted_ms = fields.BigIntField(null=True)

    class Meta:
        """Table."""

        table = "rental"
        unique_together = (("uid", "since_s", "kind"),)
        indexes = (("site_id", "returned_ms"), ("ticket",), ("item",), ("doubted_ms",))


class RentalTerms(Model):
    """What a site asks for equipment from a time on: rules.Terms as data. Never changed: new terms are a new row."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    from_ms = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    terms = fields.JSONField[dict[str, Any]]()
    actor = fields.CharField(max_length=80)

    class Meta:
        """Table."""

        table = "rental_terms"
        unique_together = (("site", "from_ms"),)


class Piece(Model):
    """One piece of equipment with its label; `kind`: rental.RentalKind, `state`: see states.PIECE."""

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    kind = fields.SmallIntField()
    label = fields.CharField(max_length=24)
    state = fields.CharField(max_length=20)
    note = fields.CharField(max_length=200, null=True)
    changed_ms = fields.BigIntField()

    class Meta:
        """Table."""

        table = "equipment_piece"
        unique_together = (("site", "label"),)
        indexes = (("site_id", "kind", "state"),)


class Loan(Model):
    """One piece handed out at a counter without a card, against a ticket or an ID document (stretched, hex).

    `turn`: the settlement that ended it, None while the guest's turn goes on; `last4`: of the document, for the person
    at the counter. `out_key`: "SITE/LABEL" while it is out, None afterwards: a piece is out once.
    """

    id = fields.BigIntField(primary_key=True)
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("cloud.Site", on_delete=fields.RESTRICT)
    site_id: int
    ticket: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "cloud.Ticket", on_delete=fields.RESTRICT, null=True, db_index=True
    )
    ticket_id: int | None
    document = fields.CharField(max_length=64, null=True)
    last4 = fields.CharField(max_length=4, null=True)
    kind = fields.SmallIntField()
    label = fields.CharField(max_length=24)
    out_key = fields.CharField(max_length=40, null=True, unique=True)
    taken_ms = fields.BigIntField()
    taken_by = fields.CharField(max_length=80)
    returned_ms = fields.BigIntField(null=True)
    returned_by = fields.CharField(max_length=80, null=True)
    turn = fields.UUIDField(null=True)

    class Meta:
        """Table."""

        table = "equipment_loan"
        indexes = (("document", "turn"), ("site_id", "label"))
